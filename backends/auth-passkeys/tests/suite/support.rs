//! A site of two instances over one store, its users, and a browser that keeps cookies.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::event::{Event, EventKind, Observer};
use auth_core::factors::{FactorId, FactorOwner, Factors};
use auth_core::grant::{Factor, Grant};
use auth_core::http::sealed::SetCookies;
use auth_core::once::{MemoryOnce, OnceId, OnceStore};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig, StoreError, StoreErrorKind};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{Auth, Authenticated, BackendName, Denied, DeniedKind, Password, RequestFacts, User, UserId};
use auth_passkeys::{Begun, PasskeyError, Passkeys};

use crate::device::Device;
use crate::store::Store;

pub(crate) const SECRET: &[u8] = b"a secret of at least 32 bytes....";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) type SitePasskeys = Passkeys<Arc<Store>, Arc<Once>, Account>;

pub(crate) fn owner(backend: &str, user: &str) -> FactorOwner {
    FactorOwner { backend: BackendName::new(backend).unwrap(), user: UserId::new(user).unwrap() }
}

pub(crate) fn alice() -> FactorOwner {
    owner("local", "alice")
}

pub(crate) fn bob() -> FactorOwner {
    owner("local", "bob")
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: UserId,
    is_active: bool,
}

impl User for Account {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        self.is_active
    }
}

/// Users and whether they are active; the passwords are their names.
pub(crate) struct Accounts(Mutex<HashMap<UserId, bool>>);

impl Accounts {
    pub(crate) fn of(names: &[&str]) -> Arc<Self> {
        let all = names.iter().map(|name| (UserId::new(*name).unwrap(), true));
        Arc::new(Self(Mutex::new(all.collect())))
    }

    pub(crate) fn disable(&self, name: &str) {
        self.0.lock().unwrap().insert(UserId::new(name).unwrap(), false);
    }

    pub(crate) fn delete(&self, name: &str) {
        self.0.lock().unwrap().remove(&UserId::new(name).unwrap());
    }

    fn find(&self, id: &UserId) -> Option<Account> {
        let is_active = self.0.lock().unwrap().get(id).copied()?;
        Some(Account { id: id.clone(), is_active })
    }
}

impl UserSource for Accounts {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(self.find(id))
    }
}

impl Backend<Password> for Accounts {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        let given = attempt.credentials();
        let found = UserId::new(given.username()).ok().and_then(|id| self.find(&id));
        Ok(match found.filter(|user| given.password().expose() == user.id.as_str()) {
            Some(user) => Outcome::accept(user),
            None => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

/// Where it is noted what was answered, and which can be down.
pub(crate) struct Once {
    store: MemoryOnce,
    pub(crate) is_down: AtomicBool,
}

impl OnceStore for Once {
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        }
        self.store.use_once(id, until, now).await
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.store.purge(before, limit).await
    }
}

/// What was told, one line each, with its backend and user.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let who = [event.backend.map(BackendName::as_str), event.user.map(UserId::as_str)];
        let what = match event.kind {
            EventKind::PasskeyCounterFell(fallen) => format!("counter fell, accepted: {}", fallen.accepted),
            ref kind => kind.to_string(),
        };
        self.0.lock().unwrap().push(format!("{}/{}: {what}", who[0].unwrap_or("-"), who[1].unwrap_or("-")));
    }
}

impl Told {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Who would be signed in, and by what.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) owner: FactorOwner,
    pub(crate) grant: Grant,
}

impl SignedIn {
    fn of(authenticated: &Authenticated<Account>) -> Self {
        let owner = FactorOwner { backend: authenticated.backend().clone(), user: authenticated.user().id() };
        Self { owner, grant: authenticated.grant().clone() }
    }

    pub(crate) fn factors(&self) -> Vec<Factor> {
        self.grant.proofs().iter().map(|proof| proof.factor).collect()
    }
}

/// Two instances of a site.
pub(crate) struct Site {
    pub(crate) passkeys: [Arc<SitePasskeys>; 2],
    pub(crate) auth: [Auth<Account>; 2],
    pub(crate) users: Arc<Accounts>,
    pub(crate) once: Arc<Once>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) told: Arc<Told>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(|passkeys| passkeys)
    }

    pub(crate) fn with(set: impl Fn(SitePasskeys) -> SitePasskeys) -> Self {
        Self::with_keys(&KeyRing::new(SECRET).unwrap(), Arc::new(Store::default()), set)
    }

    pub(crate) fn with_keys(
        keys: &KeyRing,
        store: Arc<Store>,
        set: impl Fn(SitePasskeys) -> SitePasskeys,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let (users, told) = (Accounts::of(&["alice", "bob", "carol"]), Arc::new(Told::default()));
        let once = Arc::new(Once { store: MemoryOnce::new(100_000), is_down: AtomicBool::new(false) });
        let passkeys = [(); 2].map(|()| {
            let factors = Factors::new("Shop", Arc::clone(&store), keys).unwrap().clock(Arc::clone(&clock));
            let origins = ["https://example.com", "https://www.example.com"];
            let passkeys = Passkeys::new("example.com", origins, Arc::new(factors), Arc::clone(&once), keys);
            let passkeys = passkeys.unwrap().owners("local", Arc::clone(&users)).unwrap();
            Arc::new(set(passkeys.clock(Arc::clone(&clock))))
        });
        let auth = passkeys.each_ref().map(|passkeys| {
            Auth::builder()
                .backend("passkeys", Arc::clone(passkeys))
                .backend::<Password>("local", Arc::clone(&users))
                .sessions(MemorySessions::new(1_000), SessionConfig::new(keys.clone()).insecure_cookies())
                .observer(Arc::clone(&told))
                .clock(Arc::clone(&clock))
                .build()
                .unwrap()
        });
        Self { passkeys, auth, users, once, store, clock, told }
    }

    pub(crate) fn one(&self) -> &SitePasskeys {
        &self.passkeys[0]
    }

    /// Somebody registers the device in a browser of their own.
    pub(crate) async fn register(&self, device: &mut Device, owner: &FactorOwner) -> FactorId {
        let mut browser = Browser::default();
        let begun = self.begin_registration(&mut browser, owner).await;
        let response = device.create(&begun);
        self.finish(&browser, owner, &response).await.unwrap()
    }

    pub(crate) async fn begin_registration(&self, browser: &mut Browser, owner: &FactorOwner) -> String {
        let begun = self.one().begin_registration(browser.cookies(), owner, "alice@example.com", "Alice");
        browser.keep(begun.await.unwrap())
    }

    pub(crate) async fn finish(
        &self,
        browser: &Browser,
        owner: &FactorOwner,
        response: &str,
    ) -> Result<FactorId, PasskeyError> {
        let finished = self.one().finish_registration(browser.cookies(), owner, "phone", response).await;
        finished.map(|registered| registered.id)
    }

    pub(crate) fn begin_login(&self, browser: &mut Browser) -> String {
        browser.keep(self.one().begin_login(browser.cookies()).unwrap())
    }

    pub(crate) async fn begin_second(&self, browser: &mut Browser, owner: &FactorOwner) -> String {
        browser.keep(self.one().begin_second_factor(browser.cookies(), owner).await.unwrap())
    }

    /// What becomes of an answer.
    pub(crate) async fn submit(&self, browser: &Browser, response: &str) -> Result<SignedIn, Denied> {
        let assertion = self.one().assertion(browser.cookies(), response);
        self.auth[0]
            .authenticate(assertion, &RequestFacts::none())
            .await
            .as_ref()
            .map(SignedIn::of)
            .map_err(Clone::clone)
    }

    /// Somebody signs in with the device, in a browser of their own.
    pub(crate) async fn log_in(&self, device: &Device) -> Result<SignedIn, DeniedKind> {
        let mut browser = Browser::default();
        let options = self.begin_login(&mut browser);
        self.submit(&browser, &device.get(&options)).await.map_err(|denied| denied.kind())
    }
}

/// The cookies of one browser.
#[derive(Clone, Default)]
pub(crate) struct Browser(BTreeMap<String, String>);

impl Browser {
    /// The values of its `Cookie` headers.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Keeps what came with a challenge, and gives the options to the page.
    pub(crate) fn keep(&mut self, begun: Begun) -> String {
        self.take(begun.cookies);
        begun.options
    }

    fn take(&mut self, cookies: SetCookies) {
        for cookie in cookies {
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.0.remove(name);
            } else {
                self.0.insert(name.into(), pair.into());
            }
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}
