//! The suite for [`ApiKeyStore`].

use std::sync::Arc;
use std::time::Duration;

use super::together::together;
use crate::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, KeyEnd};
use crate::store_error::StoreErrorKind;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Runs the suite on empty stores from `make`.
///
/// ```
/// use std::sync::Arc;
///
/// use auth_core::api_keys::MemoryApiKeys;
/// use auth_core::conformance::api_keys::api_key_store;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// // In a function with `#[tokio::test(flavor = "multi_thread")]`:
/// # runtime.block_on(async {
/// api_key_store(async || Arc::new(MemoryApiKeys::new(10_000))).await;
/// # });
/// ```
///
/// # Panics
/// If the store breaks a rule.
pub async fn api_key_store<S: ApiKeyStore>(make: impl AsyncFn() -> Arc<S>) {
    what_is_added_is_found(&*make().await).await;
    no_id_is_taken_twice(&*make().await).await;
    an_owner_has_so_many(&*make().await).await;
    owners_are_told_apart(&*make().await).await;
    what_ends_stays_over(&*make().await).await;
    uses_are_noted(&*make().await).await;
    what_is_over_is_purged(&*make().await).await;
    a_crowd_ends_a_key_once(make().await).await;
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn owner(backend: &str, user: &str) -> ApiKeyOwner {
    ApiKeyOwner {
        backend: BackendName::new(backend).expect("a plain name"),
        user: UserId::new(user).expect("an id"),
    }
}

fn alice() -> ApiKeyOwner {
    owner("local", "1")
}

/// A key that was created this many seconds after the start.
fn key(id: u64, owner: ApiKeyOwner, made: u64) -> ApiKey {
    let hash = vec![7; 32];
    let created = later(made).as_millis();
    let details = format!(
        r#"{{"hash":{hash:?},"name":"O'Brien's ü \"key\"","scopes":"a b:c","networks":["10.0.0.0/8"],"created":{created},"tail":"wxyz"}}"#
    );
    ApiKey::stored(ApiKeyId::from_number(id), owner, &details).expect("a key's details")
}

fn until(expires: Option<Timestamp>, mut key: ApiKey) -> ApiKey {
    key.expires = expires;
    key
}

async fn add<S: ApiKeyStore>(store: &S, key: &ApiKey) {
    assert!(store.add(key, 1_000, NOW).await.expect("the store takes keys"));
}

async fn find<S: ApiKeyStore>(store: &S, id: u64) -> Option<ApiKey> {
    store.find(ApiKeyId::from_number(id)).await.expect("the store can be read")
}

async fn ids<S: ApiKeyStore>(store: &S, owner: &ApiKeyOwner, limit: usize) -> Vec<u64> {
    let found = store.of_owner(owner, limit).await.expect("the store can be read");
    found.iter().map(|key| key.id.number()).collect()
}

async fn end<S: ApiKeyStore>(store: &S, owner: &ApiKeyOwner, id: u64, end: KeyEnd) -> bool {
    store.end(owner, ApiKeyId::from_number(id), end).await.expect("the store can be written")
}

async fn what_is_added_is_found<S: ApiKeyStore>(store: &S) {
    assert_eq!(find(store, 1).await, None);
    for id in [0, 1, u64::MAX >> 1, u64::MAX] {
        let whole = until(Some(later(60)), key(id, alice(), 0));
        add(store, &whole).await;
        assert_eq!(find(store, id).await, Some(whole));
    }
    let endless = key(2, alice(), 0);
    add(store, &endless).await;
    assert_eq!(find(store, 2).await, Some(endless));
    assert_eq!(find(store, 3).await, None);
}

async fn no_id_is_taken_twice<S: ApiKeyStore>(store: &S) {
    add(store, &key(1, alice(), 0)).await;
    let again = store.add(&key(1, owner("local", "2"), 0), 1_000, NOW).await;
    assert_eq!(again.expect_err("the id is taken").kind(), StoreErrorKind::Exists);
    assert_eq!(find(store, 1).await.map(|key| key.owner), Some(alice()));
}

async fn an_owner_has_so_many<S: ApiKeyStore>(store: &S) {
    let add = async |id, expires| {
        let new = until(expires, key(id, alice(), id));
        store.add(&new, 2, NOW).await.expect("the store takes keys")
    };
    assert!(add(1, None).await && add(2, Some(later(60))).await);
    assert!(!add(3, None).await);
    assert_eq!(find(store, 3).await, None, "what is not added is not there");
    assert!(
        store.add(&key(4, owner("local", "2"), 0), 2, NOW).await.expect("the store takes keys"),
        "another's"
    );
    assert!(end(store, &alice(), 1, KeyEnd::Revoked(NOW)).await);
    assert!(add(5, None).await, "what is revoked does not count");
    assert!(!add(6, None).await);
    assert!(end(store, &alice(), 2, KeyEnd::By(NOW)).await);
    assert!(add(7, None).await, "nor what is over");
}

/// Also if names and ids differ only in case, or in where one ends and the other begins.
async fn owners_are_told_apart<S: ApiKeyStore>(store: &S) {
    let owners =
        [alice(), owner("local", "1 "), owner("Local", "1"), owner("local", "A"), owner("local", "a")];
    for (id, owner) in owners.iter().enumerate() {
        add(store, &key(id as u64, owner.clone(), 0)).await;
    }
    for (id, owner) in owners.iter().enumerate() {
        assert_eq!(ids(store, owner, 10).await, [id as u64], "{owner:?}");
    }
    for id in 10..15 {
        add(store, &key(id, alice(), id)).await;
    }
    assert_eq!(ids(store, &alice(), 3).await, [14, 13, 12], "those first that were made last");
    assert_eq!(ids(store, &owner("other", "1"), 10).await, [0; 0]);
}

async fn what_ends_stays_over<S: ApiKeyStore>(store: &S) {
    let new = until(Some(later(60)), key(1, alice(), 0));
    add(store, &new).await;
    let stranger = owner("local", "2");
    for by in [KeyEnd::Revoked(NOW), KeyEnd::By(NOW)] {
        assert!(!end(store, &stranger, 1, by).await, "another's key");
        assert!(!end(store, &alice(), 2, by).await, "no key");
    }
    assert_eq!(find(store, 1).await, Some(new));
    let times = async || find(store, 1).await.map(|key| (key.expires, key.revoked));
    assert!(end(store, &alice(), 1, KeyEnd::By(later(90))).await);
    assert_eq!(times().await, Some((Some(later(60)), None)), "none gets longer");
    assert!(end(store, &alice(), 1, KeyEnd::By(later(30))).await);
    assert_eq!(times().await, Some((Some(later(30)), None)));
    assert!(end(store, &alice(), 1, KeyEnd::Revoked(later(5))).await);
    assert!(end(store, &alice(), 1, KeyEnd::Revoked(later(9))).await, "it is theirs");
    assert_eq!(times().await, Some((Some(later(30)), Some(later(5)))), "when it was revoked first");
    add(store, &key(3, alice(), 0)).await;
    assert!(end(store, &alice(), 3, KeyEnd::By(later(30))).await);
    assert_eq!(
        find(store, 3).await.and_then(|key| key.expires),
        Some(later(30)),
        "one without an end gets one"
    );
}

async fn uses_are_noted<S: ApiKeyStore>(store: &S) {
    add(store, &key(1, alice(), 0)).await;
    let note = async |id, at| store.note_use(ApiKeyId::from_number(id), at).await.expect("it can be written");
    note(2, NOW).await;
    let last_used = async || find(store, 1).await.and_then(|key| key.last_used);
    assert_eq!(last_used().await, None);
    note(1, later(5)).await;
    note(1, later(3)).await;
    assert_eq!(last_used().await, Some(later(5)), "the latest");
    note(1, later(7)).await;
    assert_eq!(last_used().await, Some(later(7)));
}

async fn what_is_over_is_purged<S: ApiKeyStore>(store: &S) {
    for id in 0..6 {
        let expires = [None, Some(later(10)), Some(later(100))][usize::try_from(id % 3).unwrap_or_default()];
        add(store, &until(expires, key(id, alice(), id))).await;
    }
    assert!(end(store, &alice(), 0, KeyEnd::Revoked(later(10))).await);
    let purge = async |before, limit| store.purge(before, limit).await.expect("the store purges");
    assert_eq!(purge(later(10), 100).await, 0);
    assert!(purge(later(11), 2).await <= 2);
    purge(later(11), 100).await;
    assert_eq!(ids(store, &alice(), 10).await, [5, 3, 2]);
    assert_eq!(find(store, 0).await, None);
}

async fn a_crowd_ends_a_key_once<S: ApiKeyStore>(store: Arc<S>) {
    add(&*store, &key(1, alice(), 0)).await;
    let revoke = |second: u64| {
        let store = Arc::clone(&store);
        async move {
            assert!(end(&*store, &alice(), 1, KeyEnd::Revoked(later(second))).await);
            find(&*store, 1).await.and_then(|key| key.revoked)
        }
    };
    let seen = together((1..=20).map(revoke)).await;
    assert!(seen[0].is_some() && seen.iter().all(|one| *one == seen[0]), "all see the first: {seen:?}");
}
