//! Keys on a whole chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, ApiKeys, KeyEnd, MemoryApiKeys, NewApiKey};
use crate::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, DenyReason, Health, Outcome, UserSource,
    backend_fn,
};
use crate::event::{Event, Observer};
use crate::grant::MadeBy;
use crate::grant::Scopes;
use crate::session::SessionErrorKind;
use crate::store_error::StoreError;
use crate::time::{Clock, ManualClock, Timestamp};
use crate::{Auth, BearerToken, DeniedKind, Password, RequestFacts, User, UserId};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone)]
struct Member {
    stamp: Vec<u8>,
    is_active: bool,
    permissions: Vec<&'static str>,
}

impl User for Member {
    fn id(&self) -> UserId {
        UserId::from(1)
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(&permission)
    }
}

/// Alice, as she is now.
struct People(std::sync::Mutex<Option<Member>>);

impl UserSource for People {
    type User = Member;

    async fn get_user(&self, id: &UserId) -> Result<Option<Member>, BackendError> {
        Ok(self.0.lock().unwrap().clone().filter(|_| *id == UserId::from(1)))
    }

    async fn health(&self) -> Health {
        Health::Serving
    }
}

/// Another system that takes any token, and hears them.
#[derive(Default)]
struct Elsewhere(AtomicUsize);

impl UserSource for Elsewhere {
    type User = Member;

    async fn get_user(&self, _: &UserId) -> Result<Option<Member>, BackendError> {
        Ok(None)
    }

    async fn health(&self) -> Health {
        Health::Serving
    }
}

impl Backend<BearerToken> for Elsewhere {
    async fn authenticate(
        &self,
        _: &Attempt<'_, BearerToken>,
    ) -> Result<Outcome<Accepted<Member>>, BackendError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::accept(member()))
    }

    async fn health(&self) -> Health {
        Health::Serving
    }
}

struct Store {
    kept: MemoryApiKeys,
    looked_up: AtomicUsize,
    listed: AtomicUsize,
    noted: AtomicUsize,
    is_down: AtomicBool,
}

impl ApiKeyStore for Store {
    async fn add(&self, key: &ApiKey, max: usize, now: Timestamp) -> Result<bool, StoreError> {
        self.kept.add(key, max, now).await
    }

    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.looked_up.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("down"));
        }
        self.kept.find(id).await
    }

    async fn of_owner(&self, owner: &ApiKeyOwner, limit: usize) -> Result<Vec<ApiKey>, StoreError> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        self.kept.of_owner(owner, limit).await
    }

    async fn end(&self, owner: &ApiKeyOwner, id: ApiKeyId, end: KeyEnd) -> Result<bool, StoreError> {
        self.kept.end(owner, id, end).await
    }

    async fn note_use(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.noted.fetch_add(1, Ordering::SeqCst);
        self.kept.note_use(id, at).await
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.kept.purge(before, limit).await
    }
}

struct Site {
    auth: Auth<Member>,
    keys: Arc<ApiKeys<Arc<Store>, Member>>,
    store: Arc<Store>,
    people: Arc<People>,
    elsewhere: Arc<Elsewhere>,
    clock: Arc<ManualClock>,
}

fn member() -> Member {
    Member { stamp: b"stamp".into(), is_active: true, permissions: vec!["orders:read", "orders:write"] }
}

impl Site {
    fn new() -> Self {
        Self::with(|keys| keys)
    }

    fn with(configure: impl FnOnce(ApiKeys<Arc<Store>, Member>) -> ApiKeys<Arc<Store>, Member>) -> Self {
        let store = Arc::new(Store {
            kept: MemoryApiKeys::new(10_001),
            looked_up: AtomicUsize::new(0),
            listed: AtomicUsize::new(0),
            noted: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
        });
        let people = Arc::new(People(std::sync::Mutex::new(Some(member()))));
        let clock = Arc::new(ManualClock::at(START));
        let keys =
            ApiKeys::new("shop", Arc::clone(&store)).unwrap().owners("local", Arc::clone(&people)).unwrap();
        let keys = Arc::new(configure(keys.clock(Arc::clone(&clock))));
        let elsewhere = Arc::new(Elsewhere::default());
        let auth = Auth::builder()
            .backend::<BearerToken>("keys", Arc::clone(&keys))
            .backend::<BearerToken>("elsewhere", Arc::clone(&elsewhere))
            .clock(Arc::clone(&clock))
            .build()
            .unwrap();
        Self { auth, keys, store, people, elsewhere, clock }
    }

    async fn key(&self, new: NewApiKey) -> (ApiKeyId, String) {
        let created = self.keys.create_for("local", &UserId::from(1), new).await.unwrap();
        (created.stored().id, created.key().expose().to_owned())
    }

    async fn present(&self, key: &str) -> Result<Scopes, DeniedKind> {
        self.present_from(key, "192.0.2.1").await
    }

    async fn present_from(&self, key: &str, address: &str) -> Result<Scopes, DeniedKind> {
        let facts = RequestFacts::none().with_peer(Some(address.parse().unwrap()));
        let answer = self.auth.authenticate(BearerToken::new(key), &facts).await;
        answer.map(|done| done.grant().scopes().clone()).map_err(|denied| denied.kind())
    }

    fn change(&self, change: impl FnOnce(&mut Member)) {
        change(self.people.0.lock().unwrap().as_mut().unwrap());
    }

    fn looked_up(&self) -> usize {
        self.store.looked_up.load(Ordering::SeqCst)
    }
}

fn alice() -> ApiKeyOwner {
    ApiKeyOwner { backend: crate::BackendName::new("local").unwrap(), user: UserId::from(1) }
}

fn new() -> NewApiKey {
    NewApiKey::new("export").unwrap().scopes(Scopes::parse("orders:read").unwrap())
}

fn denied(reason: DenyReason) -> Result<Scopes, DeniedKind> {
    Err(DeniedKind::Denied(reason))
}

#[tokio::test]
async fn a_key_is_its_owner_until_it_ends() {
    let site = Site::new();
    let (id, key) = site.key(new()).await;
    assert_eq!(site.present(&key).await, Scopes::parse("orders:read").map_err(|_| DeniedKind::NoBackend));
    site.clock.advance(DAY * 89);
    assert!(site.present(&key).await.is_ok());
    site.clock.advance(DAY);
    assert_eq!(site.present(&key).await, denied(DenyReason::Expired));
    let (other, key) = site.key(new().never_expires()).await;
    site.clock.advance(DAY * 9_999);
    assert!(site.present(&key).await.is_ok());
    assert!(site.keys.revoke(&alice(), other).await.unwrap());
    assert_eq!(site.present(&key).await, denied(DenyReason::Revoked));
    let listed: Vec<_> = site.keys.of_owner(&alice()).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(listed, [other, id]);
    assert_eq!(site.elsewhere.0.load(Ordering::SeqCst), 0, "nobody else ever sees one");
}

/// Neither the id of another nor a secret of one's own makes a key: the store has the hash of both.
#[tokio::test]
async fn what_begins_as_a_key_ends_here_and_only_a_whole_one_is_looked_up() {
    let site = Site::new();
    let ((_, one), (_, other)) = (site.key(new()).await, site.key(new()).await);
    let before = site.looked_up();
    let swapped = one.to_uppercase();
    for wrong in ["shop_", "shop_abc", "shop_.e30.x", "SHOP_abc", &one[..60], &format!("{one}0"), &swapped] {
        assert_eq!(site.present(wrong).await, denied(DenyReason::WrongSecret), "{wrong}");
    }
    assert_eq!(site.looked_up(), before);
    // Of the one the id, of the other the secret, and a right checksum.
    let mixed = format!("{}{}", &one[..16], &other[16..60]);
    let checksum = crc32fast::hash(mixed.as_bytes());
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |place: u32| char::from(digits[(checksum / 62_u32.pow(place) % 62) as usize]);
    let mixed: String = mixed.chars().chain((0..6).rev().map(digit)).collect();
    assert_eq!(site.present(&mixed).await, denied(DenyReason::WrongSecret));
    assert_eq!(site.looked_up(), before + 1);
    assert_eq!(site.elsewhere.0.load(Ordering::SeqCst), 0);
    assert!(site.present("eyJ.e30.x").await.is_ok(), "what is no key is others'");
}

/// A key that comes as a name or a password reaches no backend of those, nor a log.
#[tokio::test]
async fn a_key_in_the_wrong_field_reaches_nobody() {
    #[derive(Clone, Default)]
    struct Told(Arc<std::sync::Mutex<Vec<String>>>);
    impl Observer for Told {
        fn on_event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(event.kind.to_string());
        }
    }
    let site = Site::new();
    let (_, key) = site.key(new()).await;
    let (heard, told) = (Arc::new(std::sync::Mutex::new(Vec::new())), Told::default());
    let asked = Arc::clone(&heard);
    let people = backend_fn(
        move |login: Password| {
            asked.lock().unwrap().push(login.username().to_owned());
            async { Ok(Outcome::<Member>::Decline(DeclineReason::UnknownUser)) }
        },
        |_: UserId| async { Ok(None) },
    );
    let auth = Auth::builder()
        .backend::<Password>("people", people)
        .backend::<BearerToken>("keys", Arc::clone(&site.keys))
        .observer(told.clone())
        .build()
        .unwrap();
    let spoilt = format!(" {}x", &key[..key.len() - 3]);
    for (name, password) in [(&*key, "x"), ("alice", &key), (&key, ""), ("alice", &spoilt), (&spoilt, "x")] {
        let denied =
            auth.authenticate(Password::new(name, password), &RequestFacts::none()).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::Malformed, "{name}");
    }
    assert!(heard.lock().unwrap().is_empty());
    let told = told.0.lock().unwrap().join("\n");
    assert!(!told.contains(&key[..20]), "{told}");
    for (name, password) in [("shop_assistant", "shop_x"), ("alice", "shop_")] {
        let denied =
            auth.authenticate(Password::new(name, password), &RequestFacts::none()).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::UnknownUser);
    }
    assert_eq!(*heard.lock().unwrap(), ["shop_assistant", "alice"], "names and passwords may begin so");
}

#[tokio::test]
async fn a_key_falls_with_its_owner() {
    let site = Site::new();
    let scopes = |text| Ok(Scopes::parse(text).unwrap());
    let both = new().scopes(Scopes::parse("orders:read orders:write admin").unwrap());
    let (_, key) = site.key(both).await;
    let (_, all) = site.key(new().scopes(Scopes::all())).await;
    assert_eq!(site.present(&key).await, scopes("orders:read orders:write"), "no scope raises");
    assert_eq!(site.present(&all).await, Ok(Scopes::all()));
    site.change(|alice| alice.permissions = vec!["orders:read"]);
    assert_eq!(site.present(&key).await, scopes("orders:read"));
    site.change(|alice| alice.permissions.clear());
    assert_eq!(site.present(&key).await, Ok(Scopes::none()));
    site.change(|alice| alice.is_active = false);
    assert_eq!(site.present(&key).await, denied(DenyReason::Disabled));
    site.people.0.lock().unwrap().take();
    assert_eq!(site.present(&key).await, denied(DenyReason::Disabled));
}

#[tokio::test]
async fn free_scopes_are_no_permissions() {
    let site = Site::with(ApiKeys::free_scopes);
    let (_, key) = site.key(new().scopes(Scopes::parse("anything").unwrap())).await;
    site.change(|alice| alice.permissions.clear());
    assert_eq!(site.present(&key).await, Ok(Scopes::parse("anything").unwrap()));
}

#[tokio::test]
async fn a_key_may_be_bound() {
    let site = Site::new();
    let (_, bound) = site.key(new().bound_to_stamp()).await;
    let (_, free) = site.key(new()).await;
    site.change(|alice| alice.stamp = b"another".into());
    assert_eq!(site.present(&bound).await, denied(DenyReason::Revoked));
    assert!(site.present(&free).await.is_ok());
    let (_, near) = site.key(new().network("10.0.0.0/8").unwrap().network("2001:db8::1").unwrap()).await;
    for (address, is_near) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("2001:db8::1", true), ("192.0.2.1", false)]
    {
        assert_eq!(site.present_from(&near, address).await.is_ok(), is_near, "{address}");
    }
    let nowhere = site.auth.authenticate(BearerToken::new(&*near), &RequestFacts::none()).await;
    assert!(nowhere.is_err(), "a client whose address nobody knows");
}

#[tokio::test]
async fn a_key_that_is_replaced_is_good_for_a_while() {
    let site = Site::new();
    let (id, old) = site.key(new().network("192.0.2.0/24").unwrap()).await;
    site.clock.advance(DAY * 80);
    let rotated = site.keys.rotate(&alice(), &member(), id, DAY, MadeBy::Application).await.unwrap().unwrap();
    let fresh = rotated.key().expose().to_owned();
    assert_eq!((rotated.stored().name(), rotated.stored().networks().len()), ("export", 1));
    assert_eq!(rotated.stored().expires, Some(site.clock.now().plus(DAY * 90)));
    assert!(site.present(&old).await.is_ok() && site.present(&fresh).await.is_ok());
    site.clock.advance(DAY);
    assert_eq!(site.present(&old).await, denied(DenyReason::Expired));
    assert!(site.present(&fresh).await.is_ok());
    assert!(
        site.keys.rotate(&alice(), &member(), id, DAY, MadeBy::Application).await.unwrap().is_none(),
        "one that is over"
    );
    let stranger = ApiKeyOwner { user: UserId::from(2), ..alice() };
    let (id, _) = site.key(new()).await;
    assert!(site.keys.rotate(&stranger, &member(), id, DAY, MadeBy::Application).await.unwrap().is_none());
    assert!(!site.keys.revoke(&stranger, id).await.unwrap());
}

/// Once a minute, whatever the traffic, and off its way.
#[tokio::test]
async fn uses_are_noted_once_a_minute() {
    let site = Site::new();
    let (id, key) = site.key(new()).await;
    for _ in 0..3 {
        for _ in 0..100 {
            assert!(site.present(&key).await.is_ok());
        }
        site.clock.advance(Duration::from_secs(60));
    }
    let noted = async {
        while site.store.noted.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noted).await.unwrap();
    assert_eq!(site.store.noted.load(Ordering::SeqCst), 3);
    let last = site.store.kept.find(id).await.unwrap().unwrap().last_used;
    assert_eq!(last, Some(START.plus(Duration::from_secs(120))));
}

#[tokio::test]
async fn an_outage_is_no_refusal() {
    let site = Site::new();
    let (_, key) = site.key(new()).await;
    site.store.is_down.store(true, Ordering::SeqCst);
    assert_eq!(site.present(&key).await, Err(DeniedKind::Unavailable));
    assert_eq!(site.present("shop_typo").await, denied(DenyReason::WrongSecret), "needs no store");
}

#[tokio::test]
async fn keys_are_bounded_and_have_owners() {
    let site = Site::with(|keys| keys.max_per_owner(2));
    let create = async |backend: &str, user: i64| {
        let created = site.keys.create_for(backend, &UserId::from(user), new()).await;
        created.map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(create("local", 2).await, Err(SessionErrorKind::NoSuchOwner));
    assert_eq!(create("ldap", 1).await, Err(SessionErrorKind::NoSuchOwner));
    assert_eq!((create("local", 1).await, create("local", 1).await), (Ok(()), Ok(())));
    assert_eq!(create("local", 1).await, Err(SessionErrorKind::TooManyKeys));
    for bad in ["", "   ", "a\nb", &"x".repeat(101)] {
        assert!(NewApiKey::new(bad).is_err(), "{bad:?}");
    }
    assert!(new().network("everywhere").is_err());
}

/// Each key of a farm of machines: a request looks at its own and at no other, and none is beyond what a list shows.
#[tokio::test]
async fn a_user_may_have_ten_thousand() {
    let site = Site::with(|keys| keys.max_per_owner(20_000));
    let (first, key) = site.key(new()).await;
    for _ in 1..10_000 {
        site.key(new()).await;
    }
    let create = async || site.keys.create_for("local", &UserId::from(1), new()).await;
    assert_eq!(create().await.map(drop).unwrap_err().kind(), SessionErrorKind::TooManyKeys);
    let (found, listed) =
        (site.store.looked_up.load(Ordering::SeqCst), site.store.listed.load(Ordering::SeqCst));
    assert!(site.present(&key).await.is_ok());
    assert_eq!(site.store.looked_up.load(Ordering::SeqCst), found + 1);
    assert_eq!(site.store.listed.load(Ordering::SeqCst), listed, "neither to use one nor to make one");
    let all = site.keys.of_owner(&alice()).await.unwrap();
    assert_eq!((all.len(), all.iter().any(|key| key.id == first)), (10_000, true));
    assert!(site.keys.revoke(&alice(), first).await.unwrap());
    assert!(create().await.is_ok(), "one that is over takes no place");
    assert_eq!(site.keys.of_owner(&alice()).await.unwrap().len(), 10_000, "a list is bounded");
}

/// What is stored and shown opens nothing.
#[tokio::test]
async fn no_copy_of_the_store_has_a_key() {
    let site = Site::new();
    let (id, key) = site.key(new()).await;
    let stored = site.store.kept.find(id).await.unwrap().unwrap();
    let told = format!("{stored:?} {} {:?}", stored.details(), site.keys);
    for at in 0..key.len() - 6 {
        assert!(!told.contains(&key[at..at + 6]) || id.to_string().contains(&key[at..at + 6]), "{told}");
    }
    assert!(key.ends_with(stored.tail()));
    assert_eq!(ApiKey::stored(id, alice(), &stored.details()).unwrap().details(), stored.details());
    assert!(ApiKey::stored(id, alice(), "{}").is_none());
}

#[cfg(feature = "conformance")]
#[tokio::test]
async fn memory_is_a_store_like_any() {
    crate::conformance::api_keys::api_key_store(async || Arc::new(MemoryApiKeys::new(100))).await;
}
