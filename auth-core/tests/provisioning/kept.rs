//! Users without a table who have sessions: each session keeps who its user is elsewhere.

use std::error::Error as _;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use auth_core::backend::{
    BackendError, DenyReason, Groups, Identity, MemoryDirectory, Outcome, Provisioned, provision_fn,
};
use auth_core::conformance::client::{Browser, alone};
use auth_core::event::{Event, EventKind, Observer};
use auth_core::http::adapter::Begin;
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, DeniedKind, Password, RequestFacts, Secret, User, UserCache, UserId};

use crate::events::passwords;

/// Somebody who is what was said of them.
#[derive(Clone, Debug, PartialEq)]
struct Person {
    id: UserId,
    groups: Vec<String>,
    is_active: bool,
}

impl User for Person {
    fn id(&self) -> UserId {
        self.id.clone()
    }
    fn security_stamp(&self) -> &[u8] {
        b""
    }
    fn is_active(&self) -> bool {
        self.is_active
    }
}

/// What the application makes of an identity.
#[derive(Clone, Default)]
struct Rule(Arc<AtomicU8>);

const WORKS: u8 = 0;
const REFUSES: u8 = 1;
const FAILS: u8 = 2;
const MEANS_ANOTHER: u8 = 3;
const DISABLES: u8 = 4;

impl Rule {
    fn set(&self, rule: u8) {
        self.0.store(rule, SeqCst);
    }

    fn user(&self, identity: &Identity) -> Result<Outcome<Person>, BackendError> {
        let rule = self.0.load(SeqCst);
        let groups = match identity.groups() {
            Groups::Known(groups) => groups.iter().cloned().collect(),
            Groups::Unknown => Vec::new(),
        };
        let id = if rule == MEANS_ANOTHER { "another" } else { identity.subject() };
        match rule {
            REFUSES => Ok(Outcome::Deny(DenyReason::NotPermitted)),
            FAILS => Err(BackendError::unavailable("the list of those who are banned is not there")),
            _ => Ok(Outcome::Accept(Person {
                id: UserId::new(id).unwrap(),
                groups,
                is_active: rule != DISABLES,
            })),
        }
    }
}

/// Events, with what lies behind the errors.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let mut text = event.kind.to_string();
        if let EventKind::BackendFailed(error) = &event.kind {
            text.extend(error.source().map(|source| format!(": {source}")));
        }
        self.0.lock().unwrap().push(text);
    }
}

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct World {
    directory: Arc<MemoryDirectory>,
    rule: Rule,
    sessions: Arc<MemorySessions>,
    told: Told,
    auth: Auth<Person>,
}

fn ann(groups: &[&str]) -> Identity {
    Identity::new("directory", "ann").with_groups(groups.iter().copied())
}

impl World {
    async fn new() -> Self {
        let (rule, told) = (Rule::default(), Told::default());
        let directory = Arc::new(MemoryDirectory::new(passwords()));
        let sessions = Arc::new(MemorySessions::new(100));
        let own = rule.clone();
        let users = provision_fn(move |identity: Identity| {
            let user = own.user(&identity);
            async move { user }
        });
        let backend = Provisioned { verifier: Arc::clone(&directory), users: users.keep_identity() };
        let auth = Auth::builder()
            .backend::<Password>("directory", Arc::new(backend))
            .sessions(Arc::clone(&sessions), SessionConfig::new(KeyRing::generate().unwrap()))
            .cache_users(UserCache::new())
            .observer(told.clone())
            .build()
            .unwrap();
        let world = Self { directory, rule, sessions, told, auth };
        world.say(ann(&["staff"])).await;
        world
    }

    async fn say(&self, identity: Identity) {
        self.directory.insert(identity, &Secret::new("wonderland")).await.unwrap();
    }

    async fn log_in(&self) -> Browser {
        let mut browser = Browser::new("test");
        browser.log_in(&self.auth, Password::new("ann", "wonderland")).await;
        self.told.take();
        browser
    }

    /// The groups of whom a browser is taken for, or the status of the refusal.
    async fn who(&self, browser: &Browser) -> String {
        let Begin::Resolve(resolving) = self.auth.begin(browser, alone()) else {
            panic!("the browser has no cookie")
        };
        match resolving.await.caller(browser) {
            Ok((_, Some(user))) => user.groups.join(" "),
            Ok((_, None)) => "nobody".to_owned(),
            Err(refusal) => refusal.status().to_string(),
        }
    }
}

/// Each session has the groups of its own login, also where users are cached.
#[tokio::test]
async fn the_user_is_who_the_login_brought() {
    let world = World::new().await;
    let desk = world.log_in().await;
    assert_eq!(world.who(&desk).await, "staff");
    world.say(ann(&["guests"])).await;
    let phone = world.log_in().await;
    for _ in 0..2 {
        assert_eq!(world.who(&desk).await, "staff");
        assert_eq!(world.who(&phone).await, "guests");
    }
    assert_eq!(world.sessions.len(), 2);
}

/// Who is refused by now, or would be somebody else, is signed out. What cannot be found out is no refusal.
#[tokio::test]
async fn what_is_made_of_an_identity_decides() {
    for (rule, why) in [(REFUSES, "UserGone"), (MEANS_ANOTHER, "UserGone"), (DISABLES, "UserDisabled")] {
        let world = World::new().await;
        let browser = world.log_in().await;
        world.rule.set(rule);
        assert_eq!(world.who(&browser).await, "nobody", "{why}");
        assert_eq!(world.told.take(), [format!("session ended: {why}")]);
        world.rule.set(WORKS);
        assert_eq!(world.who(&browser).await, "nobody", "it does not come back");
        assert_eq!(world.sessions.len(), 0);
    }
    let world = World::new().await;
    let browser = world.log_in().await;
    world.rule.set(FAILS);
    assert_eq!(world.who(&browser).await, "503");
    world.rule.set(WORKS);
    assert_eq!(world.who(&browser).await, "staff", "the session stayed");
}

/// 4 KiB are kept, and one byte more is refused, with the way out.
#[tokio::test]
async fn what_is_too_long_logs_nobody_in() {
    let world = World::new().await;
    let log_in = async |len: usize| {
        world.say(ann(&["staff"]).with_attribute("a", "x".repeat(len))).await;
        let password = Password::new("ann", "wonderland");
        world
            .auth
            .authenticate(password, &RequestFacts::none())
            .await
            .map(|_| ())
            .map_err(|denied| denied.kind())
    };
    // The attribute's own name and lengths, and the rest of what is said.
    let rest = 4_096 - 35;
    assert_eq!(log_in(rest).await, Ok(()));
    world.told.take();
    assert_eq!(log_in(rest + 1).await, Err(DeniedKind::Unavailable));
    let told = world.told.take().join("\n");
    assert!(told.contains("4 KiB at most") && told.contains("fewer groups"), "{told}");
    assert_eq!(world.sessions.len(), 0);
}
