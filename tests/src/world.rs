//! A configured [`Auth`] with everything behind it within a test's reach.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::api_keys::{ApiKeys, MemoryApiKeys};
use auth_core::event::{Event, Observer};
use auth_core::factors::{FactorOwner, Factors, Totp};
use auth_core::http::{Basic, Bearer, TokenHeader};
use auth_core::password::Argon2Cost;
use auth_core::random::{Random, RandomError};
use auth_core::remote_user::RemoteUserHeader;
use auth_core::second_factor::{Enrolled, Needs, SecondFactor};
use auth_core::session::{KeyRing, SessionConfig, SessionStore};
use auth_core::time::{Clock, ManualClock, Timestamp};
use auth_core::{
    Auth, AuthBuilder, BackendName, BearerToken, MemoryBackend, Password, Passwords, RemoteUser, Secret,
    UserId,
};

use crate::accounts::Account;
use crate::faults::{SwitchedFactors, TestRandom, TestStore, TestUsers};
use crate::pages::Gate;

/// Alice's password. She holds the permissions `members` and `editors`.
pub const ALICE: &str = "wonderland";
/// Bob's password. He holds `members`.
pub const BOB: &str = "builder";
/// Dora's password. She is disabled.
pub const DORA: &str = "explorer";
/// When the tests' clock starts.
pub const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// What an observer heard, one text per event.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    texts: Vec<String>,
    clients: BTreeSet<Option<IpAddr>>,
}

impl Events {
    /// Everything heard so far.
    pub fn all(&self) -> Vec<String> {
        self.heard().texts.clone()
    }

    /// Everything heard since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard().texts)
    }

    /// From where everything came that was heard since the last call.
    pub fn take_clients(&self) -> Vec<String> {
        let clients = std::mem::take(&mut self.heard().clients);
        clients.iter().map(|client| client.map_or("-".to_owned(), |client| client.to_string())).collect()
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Events {
    fn on_event(&self, event: &Event<'_>) {
        let mut text = event.kind.to_string();
        if let Some(backend) = event.backend {
            text.extend([" by ", backend.as_str()]);
        }
        if let Some(user) = event.user {
            text.extend([" of ", user.as_str()]);
        }
        let mut heard = self.heard();
        heard.texts.push(text);
        heard.clients.insert(event.facts.client());
    }
}

impl World {
    /// What handlers were told since the last call.
    pub fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// A whole site's configuration, and what stands behind it.
#[derive(Clone, Debug)]
pub struct World {
    /// The configured whole.
    pub auth: Auth<Account>,
    /// The users, switchable.
    pub users: TestUsers,
    /// The sessions, switchable.
    pub store: Arc<TestStore>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// What happened.
    pub events: Events,
    /// The hasher.
    pub passwords: Passwords,
    /// The source of tokens.
    pub random: TestRandom,
    /// API keys, where the site has them.
    pub keys: Option<Arc<Keys>>,
    /// The second factors, where the site has them.
    pub factors: Option<Arc<TestFactors>>,
    /// Where a handler can be held.
    pub gate: Arc<Gate>,
    /// What handlers were told of the errors that they were given.
    pub told: Arc<Mutex<Vec<String>>>,
}

/// API keys of the site's users.
pub type Keys = ApiKeys<MemoryApiKeys, Account>;

/// Second factors of the site's users.
pub type TestFactors = Factors<Arc<SwitchedFactors>>;

/// For how long a browser may be trusted, where the site has second factors.
pub const TRUSTED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The secret of Alice's app, where she has one.
pub const SECRET: &str = "JBSWY3DPEHPK3PXP";

type Policy = fn(&Account, Enrolled) -> Needs;

type Configure = Box<dyn Fn(AuthBuilder<Account>) -> AuthBuilder<Account>>;

/// How a [`World`] is made.
pub struct Setup {
    sessions: SessionConfig,
    configure: Configure,
    backend: &'static str,
    basic: Option<Duration>,
    remote_user: Option<RemoteUserHeader>,
    has_keys: bool,
    policy: Option<Policy>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sessions: SessionConfig::new(keys()),
            configure: Box::new(|auth| auth.login_page("/login")),
            backend: "local",
            basic: Some(Basic::REMEMBER),
            remote_user: None,
            has_keys: false,
            policy: None,
        }
    }
}

/// The key of the tests' sites.
pub fn keys() -> KeyRing {
    KeyRing::new(b"the tests' secret, of 32 bytes or more").expect("it is long enough")
}

/// Hashing at a cost that no site should have.
pub fn weak_passwords() -> Passwords {
    let cost = Argon2Cost::dangerous_weak(64, 1, 1).expect("valid costs");
    let wait = Duration::from_secs(3_600);
    Passwords::builder().cost(cost).threads(1).queue(10_000).wait(wait).build().expect("a thread starts")
}

impl Setup {
    /// Sessions configured otherwise.
    #[must_use]
    pub fn sessions(mut self, change: impl FnOnce(SessionConfig) -> SessionConfig) -> Self {
        self.sessions = change(self.sessions);
        self
    }

    /// The whole configured otherwise. The login page is `/login` only where this is not called.
    #[must_use]
    pub fn configure(
        mut self,
        change: impl Fn(AuthBuilder<Account>) -> AuthBuilder<Account> + 'static,
    ) -> Self {
        self.configure = Box::new(change);
        self
    }

    /// The backend under another name.
    #[must_use]
    pub fn backend(mut self, name: &'static str) -> Self {
        self.backend = name;
        self
    }

    /// Basic with another memory; `None` for no Basic.
    #[must_use]
    pub fn basic(mut self, remember: Option<Duration>) -> Self {
        self.basic = remember;
        self
    }

    /// The same users, named by a proxy in this header; the backend `proxy` vouches for them.
    #[must_use]
    pub fn remote_user(mut self, header: RemoteUserHeader) -> Self {
        self.remote_user = Some(header);
        self
    }

    /// The same users with API keys, in `Authorization` and in `X-Api-Key`; the backend `keys` vouches for them.
    #[must_use]
    pub fn api_keys(mut self) -> Self {
        self.has_keys = true;
        self
    }

    /// Second factors, asked for by this policy. Nobody has one yet: see [`World::enrol`].
    #[must_use]
    pub fn second_factor(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// A world of this kind with its usual users.
    pub async fn world(&self) -> World {
        let passwords = weak_passwords();
        let users = Arc::new(MemoryBackend::new(passwords.clone()));
        people(&users).await;
        let parts = Parts {
            users: TestUsers::new(users),
            store: Arc::default(),
            clock: Arc::new(ManualClock::at(START)),
            factors: Arc::default(),
        };
        let sessions = Arc::clone(&parts.store);
        self.world_on(parts, passwords, sessions)
    }

    /// A world of this kind whose sessions are in this store: its own [`store`](World::store) stays empty.
    pub async fn world_over(&self, sessions: impl SessionStore) -> World {
        let other = self.world().await;
        let parts =
            Parts { users: other.users, store: other.store, clock: other.clock, factors: Arc::default() };
        self.world_on(parts, other.passwords, sessions)
    }

    /// Another world of this kind on the users, the sessions and the clock of `other`: the same site, started
    /// anew with this configuration.
    pub fn restarted(&self, other: &World) -> World {
        let (users, store, clock) = (other.users.clone(), Arc::clone(&other.store), Arc::clone(&other.clock));
        let sessions = Arc::clone(&store);
        let factors = other.factors.as_ref().map_or_else(Arc::default, |factors| Arc::clone(factors.store()));
        self.world_on(Parts { users, store, clock, factors }, other.passwords.clone(), sessions)
    }

    fn world_on(&self, parts: Parts, passwords: Passwords, sessions: impl SessionStore) -> World {
        let Parts { users, store, clock, factors } = parts;
        let (events, random) = (Events::default(), TestRandom::default());
        let mut auth = Auth::builder()
            .backend::<Password>(self.backend, users.clone())
            .sessions(sessions, self.sessions.clone())
            .clock(Arc::clone(&clock))
            .random(random.clone())
            .observer(events.clone());
        if let Some(remember) = self.basic {
            auth = auth.scheme(basic().remember(remember));
        }
        if let Some(header) = &self.remote_user {
            auth = auth.backend::<RemoteUser>("proxy", users.clone()).scheme(header.clone());
        }
        let keys = self.has_keys.then(|| Arc::new(api_keys(self.backend, &users, &clock)));
        if let Some(keys) = &keys {
            let header = TokenHeader::new("X-Api-Key").expect("a header's name").allow_cleartext();
            // Whatever is remembered, keys are not.
            let bearer =
                Bearer::new("tests").expect("a plain realm").allow_cleartext().remember(Basic::REMEMBER);
            auth = auth.backend::<BearerToken>("keys", Arc::clone(keys)).scheme(bearer).scheme(header);
        }
        let factors = self.policy.map(|policy| {
            let factors = Factors::new("Tests", factors, &self::keys()).expect("a plain issuer");
            let factors = Arc::new(factors.clock(Arc::clone(&clock)).random(Counted::default()));
            (
                SecondFactor::new(Arc::clone(&factors))
                    .page("/login/factor")
                    .policy(policy)
                    .trust_browsers(TRUSTED),
                factors,
            )
        });
        let (second, factors) = factors.unzip();
        if let Some(second) = second {
            auth = auth.second_factor(second);
        }
        let auth = (self.configure)(auth).build().expect("the configuration is right");
        World {
            auth,
            users,
            store,
            clock,
            events,
            passwords,
            random,
            keys,
            factors,
            gate: Arc::default(),
            told: Arc::default(),
        }
    }
}

/// Requests in memory come over no connection, and nobody says that they are encrypted.
fn basic() -> Basic {
    Basic::new("tests").expect("a plain realm").allow_cleartext()
}

fn api_keys(backend: &str, users: &TestUsers, clock: &Arc<ManualClock>) -> Keys {
    let keys = ApiKeys::new("test", MemoryApiKeys::new(1_000)).expect("a plain prefix");
    let keys = keys.owners(backend, users.clone()).expect("a backend's name");
    keys.clock(Arc::clone(clock)).random(Counted::default())
}

/// The same keys on every site: their answers are compared.
#[derive(Default)]
struct Counted(AtomicU8);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

struct Parts {
    users: TestUsers,
    store: Arc<TestStore>,
    clock: Arc<ManualClock>,
    factors: Arc<SwitchedFactors>,
}

impl World {
    /// Gives a user of the site an app with [`SECRET`].
    pub async fn enrol(&self, user: i64) {
        let factors = self.factors.as_ref().expect("a site with second factors");
        let totp: Totp = SECRET.parse().expect("a secret");
        factors.import_totp(&owner(user), "phone", &totp).await.expect("a factor");
    }

    /// The code that the app shows now. Each is good for one time: see [`next_code`](Self::next_code).
    pub fn code(&self) -> String {
        let totp: Totp = SECRET.parse().expect("a secret");
        totp.code(self.clock.now()).expose().to_owned()
    }

    /// The code after that, when its time has come.
    pub fn next_code(&self) -> String {
        self.clock.advance(Duration::from_secs(30));
        self.code()
    }
}

/// A user of the site, as one who has factors.
pub fn owner(user: i64) -> FactorOwner {
    FactorOwner { backend: BackendName::new("local").expect("a plain name"), user: UserId::from(user) }
}

async fn people(users: &MemoryBackend<Account>) {
    let people = [
        (Account::new(1, "alice").may(&["members", "editors"]), ALICE),
        (Account::new(2, "bob").may(&["members"]), BOB),
        (Account::new(3, "carol"), "sandiego"),
        (Account { active: false, ..Account::new(4, "dora") }, DORA),
    ];
    for (account, password) in people {
        users.insert(account.name.clone(), &Secret::new(password), account).await.expect("it is hashed");
    }
    users.insert_without_password("erin", Account::new(5, "erin"));
}
