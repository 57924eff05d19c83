//! Creating, loading, expiring, deleting.

use super::fixture::{
    BEFORE_EXPIRY, EXPIRES, NOW, at, created, data, failure, key, later, live, ok, sample_record, stored,
};
use crate::backend::Identity;
use crate::session::{
    ClientFacts, Rare, SessionData, SessionKey, SessionRecord, SessionStore, StoreErrorKind, Written,
};

pub(super) async fn check<S: SessionStore>(fresh: &impl AsyncFn() -> S) {
    create_starts_at_version_1(&fresh().await).await;
    create_never_overwrites(&fresh().await).await;
    unknown_key_is_absent_and_not_adopted(&fresh().await).await;
    keys_are_compared_whole(&fresh().await).await;
    every_field_survives(&fresh().await).await;
    expired_is_absent_for_load(&fresh().await).await;
    expired_is_gone_for_update(&fresh().await).await;
    expired_is_gone_for_touch(&fresh().await).await;
    expired_is_gone_for_rotate(&fresh().await).await;
    delete_is_final_and_idempotent(&fresh().await).await;
}

async fn create_starts_at_version_1<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    assert_eq!(
        live(store, &key(1)).await,
        stored(key(1), &record, 1),
        "create: a new record is at version 1"
    );
}

async fn create_never_overwrites<S: SessionStore>(store: &S) {
    let record = created(store, &key(1)).await;
    let second = store.create(&key(1), &sample_record("mallory")).await;
    assert_eq!(failure(&second), Some(StoreErrorKind::Exists), "create: a key in use is refused");
    assert_eq!(live(store, &key(1)).await, stored(key(1), &record, 1), "create: never overwrites");
}

async fn unknown_key_is_absent_and_not_adopted<S: SessionStore>(store: &S) {
    assert_eq!(live(store, &key(1)).await, None, "load: an unknown key is absent");
    let record = sample_record("alice");
    let list = ok(store.list_user(record.user_sessions().expect("it has a user"), NOW).await);
    assert!(list.is_empty(), "load: creates nothing");
    created(store, &key(1)).await;
}

async fn keys_are_compared_whole<S: SessionStore>(store: &S) {
    let mut bytes = *key(1).as_bytes();
    bytes[7] = 0;
    let record = sample_record("alice");
    ok(store.create(&SessionKey::from_bytes(bytes), &record).await);
    for at in 0..bytes.len() {
        let mut other = bytes;
        other[at] ^= 0x20;
        let found = live(store, &SessionKey::from_bytes(other)).await;
        assert_eq!(found, None, "load: a key that differs in byte {at} is another key");
    }
    assert!(live(store, &SessionKey::from_bytes(bytes)).await.is_some(), "load: a key may have any bytes");
}

async fn every_field_survives<S: SessionStore>(store: &S) {
    let full = sample_record("alice");
    let client = ClientFacts { address: "192.0.2.7".parse().ok(), user_agent: None };
    let somebody = Identity::new("https://id.example/ü", "O'Brien \u{1f511}").with_groups(["a", "b"]);
    let longest = "x".repeat(SessionData::MAX_LEN - 1);
    let records = [
        full.clone(),
        SessionRecord { client: None, data: SessionData::default(), ..full.clone() },
        SessionRecord { client: Some(Box::new(client)), ..full.clone() },
        SessionRecord { rare: Rare::new(Vec::new(), Some(somebody)), ..full.clone() },
        SessionRecord { data: data([("x", &longest)]), ..full },
        sample_record(&"ü".repeat(127)),
    ];
    for (n, record) in (0..).zip(&records) {
        ok(store.create(&key(n), record).await);
        assert_eq!(
            live(store, &key(n)).await,
            stored(key(n), record, 1),
            "load: gives record {n} as it was created"
        );
    }
}

async fn expired_is_absent_for_load<S: SessionStore>(store: &S) {
    created(store, &key(1)).await;
    assert!(ok(store.load(&key(1), BEFORE_EXPIRY).await).is_some(), "load: a record lives until it expires");
    assert_eq!(ok(store.load(&key(1), EXPIRES).await), None, "load: a record is absent from `expires` on");
}

async fn expired_is_gone_for_update<S: SessionStore>(store: &S) {
    let mut record = created(store, &key(1)).await;
    record.expires = at(9_000);
    let answer = ok(store.update(&key(1), 1, &record, EXPIRES).await);
    assert_eq!(answer, Written::Gone, "update: an expired record is gone");
    assert_eq!(ok(store.load(&key(1), EXPIRES).await), None, "update: never revives an expired record");
}

async fn expired_is_gone_for_touch<S: SessionStore>(store: &S) {
    created(store, &key(1)).await;
    let answer = ok(store.touch(&key(1), EXPIRES, at(9_000)).await);
    assert_eq!(answer, Written::Gone, "touch: an expired record is gone");
    assert_eq!(ok(store.load(&key(1), EXPIRES).await), None, "touch: never revives an expired record");
}

async fn expired_is_gone_for_rotate<S: SessionStore>(store: &S) {
    let mut record = created(store, &key(1)).await;
    record.expires = at(9_000);
    let answer = ok(store.rotate(&key(1), &later(1, 1), 1, &record, None, EXPIRES).await);
    assert_eq!(answer, Written::Gone, "rotate: an expired record is gone");
    for key in [key(1), later(1, 1)] {
        let found = ok(store.load(&key, EXPIRES).await);
        assert_eq!(found, None, "rotate: never revives an expired record");
    }
}

async fn delete_is_final_and_idempotent<S: SessionStore>(store: &S) {
    created(store, &key(1)).await;
    let other = created(store, &key(2)).await;
    for _ in 0..2 {
        ok(store.delete(&key(1)).await);
        assert_eq!(live(store, &key(1)).await, None, "delete: the record is gone");
    }
    ok(store.delete(&key(3)).await);
    assert_eq!(live(store, &key(2)).await, stored(key(2), &other, 1), "delete: leaves other records alone");
}
