//! Nothing grows without an end.

use std::time::{Duration, Instant, SystemTime};

use crate::support::{NOW, ask, key, local, record, store, user};
use auth_core::session::{SessionKey, SessionRecord, SessionStore, Written};
use auth_core::time::Timestamp;
use auth_redis::RedisSessions;
use test_servers::Redis;

/// The moment on the system's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

fn nth(n: u32) -> SessionKey {
    let mut bytes = [9; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SessionKey::from_bytes(bytes)
}

/// One login of the user, for a tenth of a second.
async fn log_in(store: &RedisSessions, n: u32) {
    let now = now();
    let expires = now.plus(Duration::from_millis(100));
    let record = SessionRecord { created: now, last_seen: now, expires, ..record("7") };
    store.create(&nth(n), &record).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_logins_leave_no_more_than_the_living() {
    const LOGINS: u32 = 10_000;
    const AT_ONCE: u32 = 50;
    let server = Redis::new().start();
    let store = store(&server);
    let began = Instant::now();
    let mut most = 0;
    for first in (0..LOGINS).step_by(AT_ONCE as usize) {
        let logins = (first..first + AT_ONCE).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { log_in(&store, n).await })
        });
        for login in logins.collect::<Vec<_>>() {
            login.await.unwrap();
        }
        most = most.max(ask::<u32>(&server, &["ZCARD", "{auth}:u:local:7"]).await);
    }
    // As many as are made in the time that one lives, and some.
    let rate = f64::from(LOGINS) / began.elapsed().as_secs_f64();
    assert!(
        f64::from(most) < f64::from(LOGINS) / 4.0 + rate * 0.2,
        "{most} entries at {rate} logins a second"
    );

    tokio::time::sleep(Duration::from_millis(150)).await;
    for n in LOGINS..LOGINS + 300 {
        log_in(&store, n).await;
    }
    let left: u32 = ask(&server, &["ZCARD", "{auth}:u:local:7"]).await;
    let all: u32 = ask(&server, &["ZCARD", "{auth}:expiry"]).await;
    assert!(left <= 301 && all <= 301, "{left} entries of the user, {all} in all, of 300 live sessions");
}

/// A session leaves all of its traces when it is ended, moved or given to another.
#[tokio::test]
async fn what_is_deleted_leaves_nothing() {
    let server = Redis::new().start();
    let store = store(&server);
    for n in 0..20 {
        store.create(&key(n), &record("7")).await.unwrap();
        let until = Some(NOW.plus(Duration::from_secs(10)));
        let moved = store.rotate(&key(n), &key(100 + n), 1, &record("8"), until, NOW).await.unwrap();
        assert_eq!(moved, Written::Done);
        assert_eq!(store.update(&key(n), 2, &record("9"), NOW).await.unwrap(), Written::Done);
    }
    assert!(store.list_user(&local(), &user("7"), NOW).await.unwrap().is_empty());
    assert!(store.list_user(&local(), &user("8"), NOW).await.unwrap().is_empty());
    for n in 0..10 {
        store.delete(&key(n)).await.unwrap();
    }
    assert_eq!(store.delete_user(&local(), &user("9"), None).await.unwrap(), 10);
    assert_eq!(ask::<Vec<String>>(&server, &["KEYS", "*"]).await, [""; 0]);
}

/// A purge of many does not keep the server to itself.
#[tokio::test]
async fn a_purge_comes_in_parts() {
    let server = Redis::new().start();
    let store = store(&server);
    for n in 0..1_200 {
        store.create(&nth(n), &record("7")).await.unwrap();
    }
    let end = Timestamp::from_secs(2_000_000_000);
    let _: () = ask(&server, &["CONFIG", "RESETSTAT"]).await;
    assert_eq!(store.purge_expired(end, 1_100).await.unwrap(), 1_100);
    let stats: String = ask(&server, &["INFO", "commandstats"]).await;
    assert!(stats.contains("cmdstat_evalsha:calls=3,"), "{stats}");
    assert_eq!(store.purge_expired(end, u64::MAX).await.unwrap(), 100);
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
}
