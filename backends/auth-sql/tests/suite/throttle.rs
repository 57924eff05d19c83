//! `SqlThrottle`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Place, on_every_database, run_case};
use auth_core::conformance::throttle::throttle_store;
use auth_core::throttle::{Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use auth_core::time::Timestamp;
use auth_sql::SqlThrottle;

on_every_database![the_contract_is_kept, expired_counters_are_purged, a_missing_table_is_named];

pub(crate) fn contract(place: &Place) {
    run_case("the throttle's contract is kept", the_contract_is_kept(place));
}

async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let tables = AtomicU32::new(0);
    throttle_store(async || {
        let table = format!("throttle_{}", tables.fetch_add(1, Ordering::Relaxed));
        let store = SqlThrottle::new(db.database()).with_table(&table).unwrap();
        store.migrate().await.unwrap();
        store.migrate().await.unwrap();
        store.check().await.unwrap();
        Arc::new(store)
    })
    .await;
}

async fn expired_counters_are_purged(place: &Place) {
    let db = place.db().await;
    let store = SqlThrottle::new(db.database());
    store.migrate().await.unwrap();
    let now = Timestamp::from_secs(1_800_000_000);
    for n in 0..10 {
        let expires = now.plus(Duration::from_secs(u64::from(n))).as_millis();
        let bucket = Bucket::from_text(&format!(r#"{{"failures":1,"expires":{expires}}}"#)).unwrap();
        let new = Some(StoredBucket { bucket, version: 1 });
        let change = BucketChange { key: BucketKey::from_bytes([n; 16]), expected: None, new };
        assert!(store.replace(&[change], now).await.unwrap());
    }
    let later = now.plus(Duration::from_secs(5));
    assert_eq!(store.purge_expired(later, 4).await.unwrap(), 4);
    assert_eq!(store.purge_expired(later, 100).await.unwrap(), 2);
    let left =
        store.load(&(0..10).map(|n| BucketKey::from_bytes([n; 16])).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(
        left.iter().map(Option::is_some).collect::<Vec<_>>(),
        [[false; 6].as_slice(), &[true; 4]].concat()
    );
}

async fn a_missing_table_is_named(place: &Place) {
    let db = place.db().await;
    let error = SqlThrottle::new(db.database()).check().await.unwrap_err();
    let mut told = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        told = format!("{told}: {error}");
        source = error.source();
    }
    assert!(told.contains("auth_throttle"), "{told}");
}
