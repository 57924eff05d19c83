//! Fifty at once.

use crate::support::{LATER, NOW, ask, here, key, later, record, store, user};
use auth_core::session::{SessionKey, SessionRecord, SessionStore, Written};
use auth_redis::RedisSessions;
use test_servers::Redis;
use tokio::task::JoinSet;

const TASKS: u16 = 50;

/// Of all who write at one version, one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_writer_wins() {
    let server = Redis::new().start();
    // A connection each, so that the server decides and not the order in one connection.
    store(&server).create(&key(0), &record("7")).await.unwrap();
    let mut writers = JoinSet::new();
    for n in 1..=TASKS {
        let store = store(&server);
        writers.spawn(async move {
            if n % 2 == 0 {
                store.update(&key(0), 1, &record("7"), NOW).await.unwrap()
            } else {
                store.rotate(&key(0), &later(0, n), 1, &record("7"), Some(LATER), NOW).await.unwrap()
            }
        });
    }
    let answers = writers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 1, "{answers:?}");
    assert_eq!(store(&server).list_user(here(&user("7")), NOW).await.unwrap().len(), 1);
}

/// Uses a session in every way until it is gone; says under which keys it was.
async fn use_until_gone(store: RedisSessions, n: u16) -> Vec<SessionKey> {
    let mut keys = vec![key(n)];
    for round in 1..1_000 {
        let Some(last) = keys.last().copied() else { break };
        let Some(found) = store.load(&last, NOW).await.unwrap() else { return keys };
        let new = later(n, round);
        let record = SessionRecord::clone(&found.record);
        let _ = store.touch(&last, NOW, LATER).await.unwrap();
        let _ = store.update(&last, found.version, &record, NOW).await.unwrap();
        let moved = store.rotate(&last, &new, found.version + 1, &record, Some(LATER), NOW).await.unwrap();
        if moved == Written::Done {
            keys.push(new);
        }
    }
    panic!("the session outlives the logout everywhere");
}

/// Logging out everywhere misses no session, whatever it goes through at that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_everywhere_reaches_all() {
    let server = Redis::new().start();
    let admin = store(&server);
    for n in 0..TASKS {
        admin.create(&key(n), &record("7")).await.unwrap();
    }
    let mut users = JoinSet::new();
    for n in 0..TASKS {
        users.spawn(use_until_gone(store(&server), n));
    }
    // Let them be in the middle of it.
    while ask::<u64>(&server, &["DBSIZE"]).await < u64::from(TASKS) + 22 {
        tokio::task::yield_now().await;
    }
    assert_eq!(admin.delete_user(here(&user("7")), None).await.unwrap(), u64::from(TASKS));
    for keys in users.join_all().await {
        for key in keys {
            assert_eq!(admin.load(&key, NOW).await.unwrap(), None);
        }
    }
    assert_eq!(ask::<Vec<Vec<u8>>>(&server, &["KEYS", "*"]).await, [b""; 0]);
}
