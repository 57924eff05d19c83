//! People whom the outside system disables, removes or demotes while they are signed in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use auth_core::backend::{
    Attempt, BackendError, BackendErrorKind, Confirm, ConfirmUser, Confirmation, DeclineReason, DenyReason,
    Email, Identity, Outcome, Provisioned, Standing, Verifier,
};
use auth_core::conformance::client::{Browser, alone};
use auth_core::conformance::provisioning::Site;
use auth_core::http::adapter::Begin;
use auth_core::provisioning::{Account, AttributeRule, ProvisionedUsers, Provisioning, Reports, Right};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{Auth, Password, User, UserCache, UserId};

use crate::events::Heard;
use crate::memory::{Memory, Person};

const LDAP: &str = "ldaps://directory.example";
const EVERY: Duration = Duration::from_secs(900);
const ADMINS: &str = "admins";

type Act = Box<dyn Fn() + Send>;

/// A directory that lets in whoever it knows, and of whom it knows more by subject.
#[derive(Clone, Default)]
struct Directory {
    people: Arc<Mutex<BTreeMap<String, Standing>>>,
    /// What happens while it is asked.
    meanwhile: Arc<Mutex<Option<Act>>>,
}

impl Directory {
    fn people(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.people.lock().unwrap()
    }

    fn set(&self, subject: &str, standing: Standing) {
        self.people().insert(subject.into(), standing);
    }
}

impl Verifier<Password> for Directory {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        Ok(match self.people().get(attempt.credentials().username()) {
            Some(Standing::Good(identity)) => Outcome::Accept(identity.clone()),
            Some(Standing::Refused(reason)) => Outcome::Deny(*reason),
            Some(Standing::Gone) | None => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

impl Confirm for Directory {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        if let Some(meanwhile) = &*self.meanwhile.lock().unwrap() {
            meanwhile();
        }
        if issuer != LDAP {
            return Err(BackendError::invalid_data("another directory's"));
        }
        Ok(self.people().get(subject).cloned().unwrap_or(Standing::Gone))
    }
}

fn person(subject: &str) -> Identity {
    Identity::new(LDAP, subject).with_attribute("tel", "1").with_groups([ADMINS])
}

type Staff = Provisioned<Directory, ProvisionedUsers<Memory>>;

struct World {
    directory: Directory,
    store: Memory,
    staff: Arc<Staff>,
    sessions: Arc<MemorySessions>,
    clock: Arc<ManualClock>,
    heard: Heard,
    auth: Auth<Person>,
}

impl World {
    fn new() -> Self {
        let (directory, store) = (Directory::default(), Memory::new(None));
        for subject in ["alice", "bob"] {
            directory.set(subject, Standing::Good(person(subject)));
        }
        let policy = Provisioning::builder()
            .attribute("phone", AttributeRule::of("tel"))
            .grant(ADMINS, Right::permission("read"))
            .grant(ADMINS, Right::permission("admin"))
            .guard_last(Right::permission("admin"))
            .allow_raising(Right::permission("admin"));
        let users = policy.build().unwrap().on(store.clone()).unwrap();
        let staff = Arc::new(Provisioned { verifier: directory.clone(), users });
        let (sessions, heard) = (Arc::new(MemorySessions::new(100)), Heard::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let auth = Auth::builder()
            .backend::<Password>("staff", Arc::clone(&staff))
            .confirm("staff", Arc::clone(&staff), Confirmation::every(EVERY))
            .sessions(Arc::clone(&sessions), SessionConfig::new(KeyRing::generate().unwrap()))
            .cache_users(UserCache::new())
            .clock(Arc::clone(&clock))
            .observer(heard.clone())
            .build()
            .unwrap();
        Self { directory, store, staff, sessions, clock, heard, auth }
    }

    async fn log_in(&self, name: &'static str) -> Browser {
        let mut browser = Browser::new("test");
        browser.log_in(&self.auth, Password::new(name, "any")).await;
        self.who(&browser).await.unwrap().expect("signed in");
        self.heard.take();
        browser
    }

    fn accounts(&self) -> Vec<Account> {
        self.store.people().iter().map(|person| person.account.clone()).collect()
    }

    /// Whom the site takes a browser for, or the status of the refusal.
    async fn who(&self, browser: &Browser) -> Result<Option<Arc<Person>>, u16> {
        let Begin::Resolve(resolving) = self.auth.begin(browser, alone()) else {
            panic!("the browser has no cookie")
        };
        let found = resolving.await.caller(browser);
        found.map(|(_, user)| user).map_err(|refusal| refusal.status())
    }
}

/// Disabled, expired, removed, unlinked or disabled here: all sessions of the user end, on all devices, and nobody else's.
#[tokio::test]
async fn who_is_not_confirmed_is_signed_out_everywhere() {
    type Harm = fn(&World);
    let table: [(&str, Harm); 5] = [
        ("NotConfirmed(Some(Disabled))", |world| {
            world.directory.set("alice", Standing::Refused(DenyReason::Disabled));
        }),
        ("NotConfirmed(Some(Expired))", |world| {
            world.directory.set("alice", Standing::Refused(DenyReason::Expired));
        }),
        ("NotConfirmed(None)", |world| drop(world.directory.people().remove("alice"))),
        ("NotConfirmed(None)", |world| world.store.people()[0].account.identity = None),
        ("NotConfirmed(Some(Disabled))", |world| world.store.people()[0].account.active = false),
    ];
    for (why, harm) in table {
        let world = World::new();
        let (desk, phone) = (world.log_in("alice").await, world.log_in("alice").await);
        let bob = world.log_in("bob").await;
        world.clock.advance(EVERY);
        harm(&world);
        assert_eq!(world.who(&desk).await.map(|user| user.is_none()), Ok(true), "{why}");
        assert_eq!(world.heard.take(), [format!("1 session ended: {why}")]);
        assert_eq!(world.sessions.len(), 1, "{why}: only Bob's is left");
        assert_eq!(world.who(&phone).await.map(|user| user.is_none()), Ok(true), "{why}");
        assert!(world.who(&bob).await.unwrap().is_some(), "{why}");
        assert_eq!(world.heard.take(), [""; 0], "who goes on is no event, and no login");
    }
}

/// Rights and values follow at the next confirmation, also past the user cache, and in the very request that asked.
#[tokio::test]
async fn who_is_confirmed_is_brought_up_to_date() {
    let world = World::new();
    let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let demoted = person("alice").with_groups(["others"]).with_username("renamed");
    world.directory.set("alice", Standing::Good(demoted));
    world.clock.advance(Duration::from_secs(674));
    assert!(world.who(&alice).await.unwrap().unwrap().has_permission("read"), "not due yet");
    world.clock.advance(EVERY / 2);
    let user = world.who(&alice).await.unwrap().unwrap();
    assert!(!user.has_permission("read") && !user.has_permission("admin"), "{user:?}");
    assert_eq!(&*user.account.username, "alice", "the name stays");
    assert_eq!(world.heard.take(), ["1 user updated: -permission \"admin\", -permission \"read\""]);
}

/// The guard of the last administrator keeps the right of who is demoted. It does not keep in who is refused.
#[tokio::test]
async fn the_last_administrator_is_demoted_never_and_refused_at_once() {
    let world = World::new();
    let alice = world.log_in("alice").await;
    let none: [&str; 0] = [];
    world.directory.set("alice", Standing::Good(person("alice").with_groups(none)));
    world.clock.advance(EVERY);
    let user = world.who(&alice).await.unwrap().unwrap();
    assert!(user.has_permission("admin") && !user.has_permission("read"));
    world.directory.set("alice", Standing::Refused(DenyReason::Locked));
    world.clock.advance(EVERY);
    assert!(world.who(&alice).await.unwrap().is_none());
    assert!(
        world.store.people()[0].account.rights.contains(&Right::permission("admin")),
        "she keeps the right"
    );
}

/// What the outside system says about somebody else hands nobody over, and neither does an answer without groups.
#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_right_changes_nothing() {
    let answers = [
        ("another subject", person("bob").with_attribute("tel", "2")),
        ("another issuer", Identity::new("ldaps://Directory.example", "alice").with_groups([ADMINS])),
        ("unknown groups", Identity::new(LDAP, "alice")),
    ];
    for (name, answer) in answers {
        let world = World::new();
        let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
        let before = world.accounts();
        world.directory.set("alice", Standing::Good(answer));
        world.clock.advance(EVERY);
        assert_eq!(
            world.who(&alice).await.unwrap().unwrap().id(),
            UserId::from(1_u64),
            "{name}: kept, as she was"
        );
        assert_eq!(world.accounts(), before, "{name}");
        assert!(world.heard.take()[0].starts_with("1 the backend"), "{name}: an operator is told");
    }
}

/// A confirmation makes nobody, links nobody, and brings nobody else up to date, whatever happens while it asks.
#[tokio::test]
async fn a_confirmation_makes_nobody() {
    type Meanwhile = fn(&Memory);
    let table: [(&str, Meanwhile); 3] = [
        ("removed", |store| drop(store.people().remove(0))),
        ("unlinked", |store| store.people()[0].account.identity = None),
        ("given to another", |store| {
            let mut people = store.people();
            people[1].account.identity = people[0].account.identity.take();
        }),
    ];
    for (name, meanwhile) in table {
        let world = World::new();
        let alice = world.log_in("alice").await;
        world.store.register("carol", Email { address: "c@d".into(), verified: true }).await.unwrap();
        world.directory.set("alice", Standing::Good(person("alice").with_attribute("tel", "2")));
        let store = world.store.clone();
        *world.directory.meanwhile.lock().unwrap() = Some(Box::new(move || meanwhile(&store)));
        world.clock.advance(EVERY);
        assert!(world.who(&alice).await.unwrap().is_none(), "{name}");
        let left = world.accounts();
        assert_eq!(left.len(), if name == "removed" { 1 } else { 2 }, "{name}: nobody is made");
        assert!(left.last().unwrap().attributes.is_empty(), "{name}: nobody else is changed");
    }
}

/// What the answers are made of: nobody and somebody without an identity are alike, another's directory is an error.
#[tokio::test]
async fn users_without_an_identity_are_not_confirmed() {
    let world = World::new();
    world.log_in("alice").await;
    let carol = Email { address: "c@d".into(), verified: true };
    let carol = world.store.register("carol", carol).await.unwrap();
    let ask = async |id: &UserId| world.staff.confirm_user(id, &Reports::new()).await;
    assert_eq!(ask(&UserId::from(1_u64)).await.unwrap(), Outcome::Accept(()));
    for nobody in [carol, UserId::from(99_u64)] {
        assert_eq!(ask(&nobody).await.unwrap(), Outcome::Decline(DeclineReason::UnknownUser));
    }
    world.store.people()[0].account.identity = Some(("ldaps://elsewhere".into(), "alice".into()));
    assert_eq!(ask(&UserId::from(1_u64)).await.unwrap_err().kind(), BackendErrorKind::InvalidData);
}
