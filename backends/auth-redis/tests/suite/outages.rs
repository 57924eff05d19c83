//! A server that cannot answer: always an error, in time, and never "no session". When it is back, so are we.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{LATER, NOW, ask, eventually, here, key, later, record, store, told, user};
use auth_core::session::{SessionStore, StoreError, StoreErrorKind, Written};
use auth_redis::RedisSessions;
use redis::Client;
use test_servers::{FaultProxy, Redis, Way};
use tokio::net::TcpListener;

/// How long anything may take that fails, on a machine that has much else to do. Without limits of ours, who asks a
/// server that hangs would wait for ever, and on a connection that swallows for as long as the system resends: a
/// quarter of an hour.
const DEADLINE: Duration = Duration::from_secs(60);

#[track_caller]
fn assert_kind<T: Debug>(what: &str, answer: Result<T, StoreError>, kind: StoreErrorKind) {
    let error = answer.expect_err(what);
    assert_eq!(error.kind(), kind, "{what}: {}", told(&error));
    assert!(!told(&error).contains(Redis::PASSWORD), "{what}: {}", told(&error));
}

async fn nothing_is_read(store: &RedisSessions, kind: StoreErrorKind) {
    let began = Instant::now();
    assert_kind("load", store.load(&key(1), NOW).await, kind);
    assert!(began.elapsed() < DEADLINE);
    assert_kind("load of an unknown key", store.load(&key(99), NOW).await, kind);
    assert_kind("list_user", store.list_user(here(&user("7")), NOW).await, kind);
}

async fn nothing_is_written(store: &RedisSessions, kind: StoreErrorKind) {
    let record = record("7");
    assert_kind("create", store.create(&key(2), &record).await, kind);
    assert_kind("update", store.update(&key(1), 1, &record, NOW).await, kind);
    assert_kind("touch", store.touch(&key(1), NOW, LATER).await, kind);
    assert_kind("rotate", store.rotate(&key(1), &later(1, 1), 1, &record, None, NOW).await, kind);
    assert_kind("delete", store.delete(&key(1)).await, kind);
    assert_kind("delete_user", store.delete_user(here(&user("7")), None).await, kind);
    assert_kind("purge_expired", store.purge_expired(LATER, 10).await, kind);
}

async fn all_is_as_it_was(store: &RedisSessions) {
    let loads = async || store.load(&key(1), NOW).await.is_ok();
    eventually("the store recovers", loads).await;
    let found = store.load(&key(1), NOW).await.unwrap().unwrap();
    assert_eq!((found.key, found.version, found.record), (key(1), 1, record("7").into()));
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), None);
}

async fn filled(server: &Redis) -> RedisSessions {
    let store = store(server);
    store.create(&key(1), &record("7")).await.unwrap();
    store
}

#[tokio::test]
async fn a_killed_server_is_an_outage_until_it_is_back() {
    let mut server = Redis::new().start();
    let store = filled(&server).await;
    for _ in 0..3 {
        server.kill();
        nothing_is_read(&store, StoreErrorKind::Unavailable).await;
        nothing_is_written(&store, StoreErrorKind::Unavailable).await;
        server.start_again();
        all_is_as_it_was(&store).await;
    }
}

/// A restart between two requests: the next one does not notice.
#[tokio::test]
async fn a_restart_costs_no_request() {
    let mut server = Redis::new().start();
    let store = filled(&server).await;
    for _ in 0..3 {
        server.kill();
        server.start_again();
        assert!(store.load(&key(1), NOW).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_an_outage_in_time() {
    let server = Redis::new().start();
    let store = filled(&server).await;
    server.suspend();
    let began = Instant::now();
    assert_kind("load", store.load(&key(1), NOW).await, StoreErrorKind::TimedOut);
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    nothing_is_read(&store, StoreErrorKind::TimedOut).await;
    server.resume();
    all_is_as_it_was(&store).await;
}

/// Where no server ever was, and where one takes connections and says nothing.
#[tokio::test]
async fn a_server_that_is_not_there_is_an_outage() {
    let mut server = Redis::new().start();
    let store = store(&server);
    server.kill();
    nothing_is_read(&store, StoreErrorKind::Unavailable).await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://:{}@{}/0", Redis::PASSWORD, mute.local_addr().unwrap());
    let store = RedisSessions::new(Client::open(url).unwrap()).unwrap();
    nothing_is_read(&store, StoreErrorKind::TimedOut).await;
}

/// A connection that is dead without anybody having said so is left.
#[tokio::test]
async fn a_connection_that_swallows_is_left() {
    let server = Redis::new().start();
    let proxy = FaultProxy::before(server.port());
    let store = RedisSessions::new(Client::open(proxy.url(&server.url())).unwrap()).unwrap();
    store.create(&key(1), &record("7")).await.unwrap();
    proxy.set(Way::Swallows);
    assert_kind("load", store.load(&key(1), NOW).await, StoreErrorKind::TimedOut);
    proxy.set(Way::Passes);
    all_is_as_it_was(&store).await;
}

/// A connection on which not even the first answer came, or half of it, is no more use later.
#[tokio::test]
async fn a_connection_that_could_not_begin_is_left() {
    let server = Redis::new().start();
    let proxy = FaultProxy::before(server.port());
    let store = RedisSessions::new(Client::open(proxy.url(&server.url())).unwrap()).unwrap();
    store.create(&key(1), &record("7")).await.unwrap();
    for way in [Way::Cuts(0), Way::Cuts(7), Way::Resets, Way::Refuses] {
        proxy.set(way);
        for _ in 0..3 {
            assert_kind("load", store.load(&key(1), NOW).await, StoreErrorKind::Unavailable);
        }
        proxy.set(Way::Passes);
        all_is_as_it_was(&store).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_outage() {
    let server = Redis::new().start();
    let url = server.url().replace(Redis::PASSWORD, "canary-password");
    let store = RedisSessions::new(Client::open(url).unwrap()).unwrap();
    nothing_is_read(&store, StoreErrorKind::Unavailable).await;
    nothing_is_written(&store, StoreErrorKind::Unavailable).await;
    let error = store.check().await.unwrap_err();
    assert!(!told(&error).contains("canary") && !format!("{store:?}").contains("canary"));
}

/// A replica may not have heard of a logout yet, or of a login: it is not asked either.
#[tokio::test]
async fn a_replica_is_an_outage() {
    let server = Redis::new().start();
    let store = filled(&server).await;
    let _: () = ask(&server, &["REPLICAOF", "127.0.0.1", "1"]).await;
    nothing_is_read(&store, StoreErrorKind::Unavailable).await;
    nothing_is_written(&store, StoreErrorKind::Unavailable).await;
    let _: () = ask(&server, &["REPLICAOF", "NO", "ONE"]).await;
    all_is_as_it_was(&store).await;
}

/// Nobody new gets in; who is in stays, and can leave, which makes room.
#[tokio::test]
async fn a_full_server_refuses_logins_and_logs_nobody_out() {
    let server = Redis::new().with("maxmemory", "3mb").with("maxmemory-policy", "noeviction").start();
    let store = filled(&server).await;
    store.check().await.unwrap();
    let mut sessions = 2;
    let full = loop {
        match store.create(&key(sessions), &record("8")).await {
            Ok(()) => sessions += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), StoreErrorKind::Full, "{}", told(&full));
    assert_eq!(store.load(&key(sessions), NOW).await.unwrap(), None, "half a session");
    assert_kind("update", store.update(&key(1), 1, &record("7"), NOW).await, StoreErrorKind::Full);
    assert_eq!(store.touch(&key(1), NOW, LATER).await.unwrap(), Written::Done);
    all_is_as_it_was_but_full(&store, sessions).await;
    assert_eq!(store.delete_user(here(&user("8")), None).await.unwrap(), u64::from(sessions) - 2);
    store.create(&key(2), &record("7")).await.unwrap();
}

async fn all_is_as_it_was_but_full(store: &RedisSessions, sessions: u16) {
    for n in 1..sessions {
        assert!(store.load(&key(n), NOW).await.unwrap().is_some(), "session {n}");
    }
    assert_eq!(store.list_user(here(&user("7")), NOW).await.unwrap().len(), 1);
}

/// An index that is evicted would hide sessions from a logout everywhere.
#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    let server = Redis::new().start();
    let store = store(&server);
    for (memory, policy, good) in [
        ("0", "allkeys-lru", true),
        ("100mb", "noeviction", true),
        ("100mb", "allkeys-lru", false),
        ("100mb", "volatile-ttl", false),
    ] {
        let _: () = ask(&server, &["CONFIG", "SET", "maxmemory", memory, "maxmemory-policy", policy]).await;
        let answer = store.check().await;
        assert_eq!(answer.is_ok(), good, "{memory} {policy}: {answer:?}");
        if let Err(error) = answer {
            assert!(told(&error).contains("`noeviction`"), "says what to do: {}", told(&error));
        }
    }
}

#[tokio::test]
async fn forgotten_scripts_are_told_again() {
    let server = Redis::new().start();
    let store = filled(&server).await;
    let flush = async || {
        let _: () = ask(&server, &["SCRIPT", "FLUSH"]).await;
    };
    flush().await;
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
    flush().await;
    assert_eq!(store.update(&key(1), 1, &record("7"), NOW).await.unwrap(), Written::Done);
    flush().await;
    assert_eq!(store.delete_user(here(&user("7")), None).await.unwrap(), 1);
}

/// A session that many use while the server is killed and comes back: no answer is "absent", and none is late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_meets_errors_and_nothing_else() {
    let mut server = Redis::new().start();
    let store = filled(&server).await;
    let stop = Arc::new(AtomicUsize::new(0));
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        visitors.spawn(async move {
            let mut failures = 0;
            while stop.load(Ordering::Relaxed) == 0 {
                let began = Instant::now();
                match store.load(&key(1), NOW).await {
                    Ok(found) => assert!(found.is_some(), "a session is lost"),
                    Err(_) => failures += 1,
                }
                assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
                tokio::task::yield_now().await;
            }
            failures
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.start_again();
        all_is_as_it_was(&store).await;
    }
    stop.store(1, Ordering::Relaxed);
    let failures: usize = visitors.join_all().await.into_iter().sum();
    assert!(failures > 0, "the outage was one");
}
