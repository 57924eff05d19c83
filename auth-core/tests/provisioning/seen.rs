//! Whose token comes with every request: provisioned when they are first seen, and when something else is said of them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    Attempt, BackendError, DenyReason, Identity, Outcome, Provisioned, UserSource, Verifier,
};
use auth_core::grant::{Grant, Scopes};
use auth_core::provisioning::{
    Account, Applied, AttributeRule, Creation, Found, Owner, ProvisionStore, Provisioning,
    ProvisioningBuilder, Query, Right, Write,
};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{
    Auth, BearerToken, ConfigError, Credentials, DeniedKind, Password, RequestFacts, User, UserId,
};

use crate::memory::{Memory, Person};

/// Counts what a store is asked.
#[derive(Clone, Default)]
struct Counting {
    memory: Memory,
    asked: Arc<[AtomicUsize; 3]>,
}

impl Counting {
    /// How often it was asked since the last time: for what is known, to write, and for a user.
    fn take(&self) -> [usize; 3] {
        [0, 1, 2].map(|what| self.asked[what].swap(0, SeqCst))
    }

    fn count(&self, what: usize) {
        self.asked[what].fetch_add(1, SeqCst);
    }
}

impl UserSource for Counting {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        self.count(2);
        self.memory.get_user(id).await
    }
}

impl ProvisionStore for Counting {
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError> {
        self.memory.check(policy)
    }

    async fn load(&self, query: &Query<'_>) -> Result<Found, BackendError> {
        self.count(0);
        self.memory.load(query).await
    }

    async fn identity_of(&self, user: &UserId) -> Result<Option<(String, String)>, BackendError> {
        self.memory.identity_of(user).await
    }

    async fn apply(&self, write: &Write) -> Result<Applied, BackendError> {
        self.count(1);
        self.memory.apply(write).await
    }
}

/// Says of whoever comes what it is told to say.
#[derive(Clone)]
struct Issuer(Arc<Mutex<Identity>>);

impl<C: Credentials> Verifier<C> for Issuer {
    async fn verify(&self, _: &Attempt<'_, C>) -> Result<Outcome<Identity>, BackendError> {
        Ok(Outcome::Accept(self.0.lock().unwrap().clone()))
    }
}

const NEW: [usize; 3] = [1, 1, 1];
const CHANGED: [usize; 3] = [1, 1, 1];
const COMPARED: [usize; 3] = [1, 0, 1];
const LOADED: [usize; 3] = [0, 0, 1];

struct World {
    issuer: Issuer,
    store: Counting,
    clock: Arc<ManualClock>,
    auth: Auth<Person>,
}

fn ann() -> Identity {
    Identity::new("https://id.example", "ann").with_groups(["admins"])
}

fn policy() -> ProvisioningBuilder {
    Provisioning::builder()
        .attribute("phone", AttributeRule::of("tel"))
        .email(Owner::External)
        .grant("admins", Right::permission("read"))
}

impl World {
    fn new(policy: ProvisioningBuilder) -> Self {
        let (issuer, store) = (Issuer(Arc::new(Mutex::new(ann()))), Counting::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let users = policy.build().unwrap().on(store.clone()).unwrap().clock(Arc::clone(&clock));
        let users = Arc::new(users);
        let backend = || Provisioned { verifier: issuer.clone(), users: Arc::clone(&users) };
        let auth = Auth::builder()
            .backend::<BearerToken>("tokens", backend())
            .backend::<Password>("passwords", backend())
            .clock(Arc::clone(&clock))
            .build()
            .unwrap();
        Self { issuer, store, clock, auth }
    }

    fn say(&self, identity: Identity) {
        *self.issuer.0.lock().unwrap() = identity;
    }

    async fn request(&self) -> Result<Account, DeniedKind> {
        let answer = self.auth.authenticate(BearerToken::new("token"), &RequestFacts::none()).await;
        answer.map(|proof| proof.user().account.clone()).map_err(|denied| denied.kind())
    }

    /// Whether the caller may read, and what the store was asked for that.
    async fn reads(&self) -> (bool, [usize; 3]) {
        let account = self.request().await.unwrap();
        (Person { account, stamp: 0 }.has_permission("read"), self.store.take())
    }

    fn edit(&self, edit: impl FnOnce(&mut Account)) {
        edit(&mut self.store.memory.people()[0].account);
    }
}

#[tokio::test]
async fn a_request_after_the_first_only_loads_the_user() {
    let world = World::new(policy());
    assert_eq!(world.reads().await, (true, NEW));
    for expires in 1..20 {
        // Each token is worth something of its own, and expires at a time of its own.
        let grant = Grant::new()
            .with_scopes(Scopes::all())
            .with_expiry(Timestamp::from_secs(1_900_000_000 + expires));
        world.say(ann().with_grant(grant));
        assert_eq!(world.reads().await, (true, LOADED));
    }
    assert_eq!(world.store.memory.people().len(), 1);
}

/// With the very request that says it.
#[tokio::test]
async fn whoever_is_said_to_be_another_is_provisioned() {
    let none: [&str; 0] = [];
    let table: [(&str, Identity, bool, [usize; 3]); 8] = [
        ("a group less", ann().with_groups(none), false, CHANGED),
        ("a group that gives nothing", ann().with_groups(["admins", "others"]), true, COMPARED),
        ("a name", ann().with_name("Ann"), true, COMPARED),
        ("a user name", ann().with_username("anna"), true, COMPARED),
        ("an address", ann().with_unverified_email("ann@example.org"), true, CHANGED),
        ("a verified address", ann().with_verified_email("ann@example.org"), true, CHANGED),
        ("an attribute", ann().with_attribute("tel", "1"), true, CHANGED),
        ("another person", Identity::new("https://id.example", "bob").with_groups(none), false, NEW),
    ];
    for (what, identity, reads, asked) in table {
        let world = World::new(policy());
        assert_eq!(world.reads().await, (true, NEW));
        world.say(identity.clone());
        assert_eq!(world.reads().await, (reads, asked), "{what}");
        assert_eq!(world.reads().await, (reads, LOADED), "{what}, again");
    }
}

#[tokio::test]
async fn that_an_address_is_verified_is_written_at_once() {
    let world = World::new(policy());
    for identity in [ann().with_unverified_email("a@b"), ann().with_verified_email("a@b")] {
        let verified = identity.email().unwrap().verified;
        world.say(identity);
        let account = world.request().await.unwrap();
        assert_eq!(account.email.map(|email| email.verified), Some(verified));
    }
}

/// An old token does not live on what a newer one took from its user, and the other way round.
#[tokio::test]
async fn two_tokens_that_differ_are_each_news() {
    let world = World::new(policy());
    let demoted = ann().with_groups(["others"]);
    for _ in 0..3 {
        world.say(ann());
        assert!(world.reads().await.0);
        world.say(demoted.clone());
        assert_eq!(world.reads().await, (false, CHANGED));
    }
}

#[tokio::test]
async fn who_is_deactivated_here_is_refused_at_once() {
    let world = World::new(policy());
    world.request().await.unwrap();
    world.edit(|account| account.active = false);
    assert_eq!(world.request().await, Err(DeniedKind::Denied(DenyReason::Disabled)));
    world.edit(|account| account.active = true);
    assert!(world.request().await.is_ok());
}

#[tokio::test]
async fn who_was_removed_here_is_made_anew_or_refused() {
    let world = World::new(policy());
    world.request().await.unwrap();
    world.store.memory.people().clear();
    world.store.take();
    assert_eq!(world.reads().await, (true, [1, 1, 2]));
    assert_eq!(world.reads().await, (true, LOADED));

    let world = World::new(policy().creation(Creation::UpdateOnly));
    let account = Account::new(UserId::from(1_u64), "ann");
    world.store.memory.people().push(Person { account, stamp: 0 });
    world.edit(|account| account.identity = Some(("https://id.example".into(), "ann".into())));
    world.request().await.unwrap();
    world.store.memory.people().clear();
    for _ in 0..2 {
        assert_eq!(world.request().await, Err(DeniedKind::Denied(DenyReason::NotPermitted)));
    }
}

/// What an administrator changed in the user's link, or in what belongs to the outside system.
#[tokio::test]
async fn what_was_changed_here_is_found_out_after_the_time() {
    let world = World::new(policy());
    world.say(ann().with_attribute("tel", "1"));
    assert_eq!(world.reads().await, (true, NEW));
    world.edit(|account| account.attributes.clear());
    world.clock.advance(ProvisioningBuilder::SEEN_FOR.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(world.request().await.unwrap().attributes.len(), 0);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.request().await.unwrap().attributes["phone"], "1");
    world.edit(|account| account.identity = Some(("https://id.example".into(), "somebody else".into())));
    assert!(world.request().await.is_ok());
    world.clock.advance(ProvisioningBuilder::SEEN_FOR);
    assert_eq!(
        world.request().await,
        Err(DeniedKind::Denied(DenyReason::NameTaken)),
        "who has no link any more"
    );
}

#[tokio::test]
async fn the_time_is_the_policys() {
    let world = World::new(policy().seen_for(Duration::ZERO));
    assert_eq!(world.reads().await, (true, NEW));
    assert_eq!(world.reads().await, (true, COMPARED));
    let world = World::new(policy().seen_for(ProvisioningBuilder::MAX_SEEN_FOR));
    world.reads().await;
    world.clock.advance(Duration::from_secs(3_599));
    assert_eq!(world.reads().await, (true, LOADED));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.reads().await, (true, COMPARED));
    let longer = policy().seen_for(ProvisioningBuilder::MAX_SEEN_FOR + Duration::from_millis(1));
    assert!(longer.build().unwrap_err().to_string().contains("seen_for"));
}

/// A login is worth the work, and what it says is what was said last.
#[tokio::test]
async fn people_are_provisioned_at_each_login() {
    let world = World::new(policy());
    let log_in = async || {
        let _proof =
            world.auth.authenticate(Password::new("ann", "any"), &RequestFacts::none()).await.unwrap();
        world.store.take()
    };
    assert_eq!(log_in().await, NEW);
    assert_eq!(log_in().await, COMPARED);
    assert_eq!(world.reads().await, (true, LOADED), "the token says the same");
    world.say(ann().with_groups(["others"]));
    assert_eq!(log_in().await, CHANGED);
    world.say(ann());
    assert_eq!(world.reads().await, (true, CHANGED));
}
