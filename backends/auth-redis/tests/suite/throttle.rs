//! `RedisThrottle`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::client;
use auth_core::conformance::throttle::throttle_store;
use auth_core::throttle::{Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use auth_core::time::Timestamp;
use auth_redis::RedisThrottle;
use test_servers::Redis;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let server = Redis::new().start();
    let (store, cases) = (RedisThrottle::new(client(&server)).unwrap(), AtomicU32::new(0));
    store.check().await.unwrap();
    throttle_store(async || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        Arc::new(store.clone().with_prefix(&format!("case:{case}")).unwrap())
    })
    .await;
}

/// What nobody counts any more leaves nothing behind, by whatever clock the application reckons.
#[tokio::test]
async fn counters_expire_by_themselves() {
    let server = Redis::new().start();
    let store = RedisThrottle::new(client(&server)).unwrap();
    let now = Timestamp::from_secs(1_000);
    let expires = now.plus(Duration::from_secs(60)).as_millis();
    let text = format!(r#"{{"failures":1,"expires":{expires},"account":{{"backend":"local","id":"7"}}}}"#);
    let new = Some(StoredBucket { bucket: Bucket::from_text(&text).unwrap(), version: 1 });
    let change = BucketChange { key: BucketKey::from_bytes([7; 16]), expected: None, new };
    assert!(store.replace(&[change], now).await.unwrap());
    let mut server = client(&server).get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut server).await.unwrap();
    assert_eq!(keys.len(), 2, "the counter and the index of its account");
    for key in keys {
        let left: u64 = redis::cmd("PTTL").arg(&key).query_async(&mut server).await.unwrap();
        assert!((60_000..=120_000).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error() {
    let server = Redis::new().start();
    let store = RedisThrottle::new(client(&server)).unwrap();
    store.check().await.unwrap();
    drop(server);
    assert!(store.load(&[BucketKey::from_bytes([7; 16])]).await.is_err());
    assert!(store.check().await.is_err());
}
