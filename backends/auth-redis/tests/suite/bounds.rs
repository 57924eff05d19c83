//! Nothing grows without an end.

use std::time::{Duration, Instant, SystemTime};

use crate::support::{LATER, NOW, ask, connection, here, key, lasting, later, record, store, user};
use auth_core::BackendName;
use auth_core::session::{Owner, Realm, SessionKey, SessionStore, UserSessions, Written};
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
    let record = lasting(record("7"), now, now.plus(Duration::from_millis(100)));
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
        let moved = store.rotate(&key(n), &later(n, 1), 1, &record("8"), until, NOW).await.unwrap();
        assert_eq!(moved, Written::Done);
        assert_eq!(store.update(&key(n), 2, &record("9"), NOW).await.unwrap(), Written::Done);
    }
    assert!(store.list_user(here(&user("7")), NOW).await.unwrap().is_empty());
    assert!(store.list_user(here(&user("8")), NOW).await.unwrap().is_empty());
    for n in 0..10 {
        store.delete(&key(n)).await.unwrap();
    }
    assert_eq!(store.delete_user(here(&user("9")), None).await.unwrap(), 10);
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

/// How often the server has run a command since the last reset, in scripts too.
async fn runs(server: &Redis, command: &str) -> u64 {
    let stats: String = ask(server, &["INFO", "commandstats"]).await;
    let line = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|stats| stats.strip_prefix(&line)?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// Entries of the index whose records the server has ended itself are work, too.
#[tokio::test]
async fn a_purge_looks_at_no_more_than_it_was_told() {
    const STALE: u32 = 20_000;
    let server = Redis::new().start();
    let store = store(&server);
    let mut index = redis::cmd("ZADD");
    index.arg("{auth}:expiry");
    (0..STALE).for_each(|n| _ = index.arg(1).arg(&nth(n).as_bytes()[..]));
    index.exec_async(&mut connection(&server).await).await.unwrap();
    let expired = lasting(record("7"), NOW, LATER);
    for n in 0..3 {
        store.create(&key(n), &expired).await.unwrap();
    }
    let mut left: u64 = ask(&server, &["ZCARD", "{auth}:expiry"]).await;
    for (limit, scripts) in [(1, 1), (500, 1), (501, 2), (1_200, 3)] {
        let _: () = ask(&server, &["CONFIG", "RESETSTAT"]).await;
        assert_eq!(store.purge_expired(LATER, limit).await.unwrap(), 0, "of {limit} none was there");
        let sent = runs(&server, "evalsha").await + runs(&server, "eval").await;
        // Where the script was not known yet, it is told twice.
        assert!((scripts..=scripts + 1).contains(&sent), "{sent} scripts for {limit}");
        assert_eq!(runs(&server, "getrange").await, limit);
        left -= limit;
        assert_eq!(ask::<u64>(&server, &["ZCARD", "{auth}:expiry"]).await, left);
    }
    assert_eq!(store.purge_expired(LATER, u64::MAX).await.unwrap(), 3, "all, where all are asked for");
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
}

/// What is noted of a moved session's key lasts as long as the session.
#[tokio::test]
async fn a_moved_session_is_found_for_as_long_as_it_lives() {
    let server = Redis::new().start();
    let store = store(&server);
    let record = record("7");
    store.create(&key(1), &record).await.unwrap();
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 3, "nothing is noted of one that was not moved");
    assert_eq!(store.rotate(&key(1), &later(1, 1), 1, &record, None, NOW).await.unwrap(), Written::Done);
    let last = NOW.plus(Duration::from_secs(86_400));
    let lives = async |name: Vec<u8>| {
        let mut other = connection(&server).await;
        redis::cmd("PEXPIRETIME").arg(name).query_async::<u64>(&mut other).await.unwrap()
    };
    let both = async || {
        let session = [b"{auth}:s:", &later(1, 1).as_bytes()[..]].concat();
        let noted = [b"{auth}:l:", &key(1).as_bytes()[..16]].concat();
        (lives(session).await, lives(noted).await)
    };
    let (session, noted) = both().await;
    // The server's clock may go on between the two.
    let meet = |session: u64, noted: u64| (session..session + 1_000).contains(&noted);
    assert!(meet(session, noted), "after a move: {session} and {noted}");
    assert_eq!(store.touch(&later(1, 1), NOW, last).await.unwrap(), Written::Done);
    let (touched, noted) = both().await;
    assert!(touched > session && meet(touched, noted), "after a touch: {touched} and {noted}");
    let lasts = lasting(record.clone(), NOW, last.plus(Duration::from_secs(86_400)));
    assert_eq!(store.update(&later(1, 1), 2, &lasts, NOW).await.unwrap(), Written::Done);
    let (updated, noted) = both().await;
    assert!(updated > touched && meet(updated, noted), "after an update: {updated} and {noted}");
}

/// Ending and counting sessions reads only what precedes their records, whatever an application stores in those.
#[tokio::test]
async fn the_longest_names_are_read_whole() {
    let server = Redis::new().start();
    let store = store(&server);
    let (realm, backend) = (Realm::new(&"r".repeat(64)).unwrap(), BackendName::new(&"b".repeat(64)).unwrap());
    let id = user(&"u".repeat(255));
    let mut record = lasting(record("7"), NOW, Timestamp::from_millis(u64::MAX));
    record.realm = Some(realm.clone());
    let mut owner = record.owner().user().unwrap().clone();
    (owner.backend, owner.id) = (backend.clone(), id.clone());
    record.set_owner(Owner::User(owner));
    let whose = UserSessions::on(&realm, &backend, &id);
    for n in 0..3 {
        store.create(&key(n), &record).await.unwrap();
        let mut seen = record.clone();
        seen.last_seen = seen.expires;
        let moved = store.rotate(&key(n), &later(n, 1), 1, &seen, Some(LATER), NOW).await.unwrap();
        assert_eq!(moved, Written::Done);
    }
    assert_eq!(store.trim_user(whose, 2, &key(0), NOW).await.unwrap(), 1);
    store.delete(&key(0)).await.unwrap();
    assert_eq!(store.delete_user(whose, None).await.unwrap(), 1);
    assert_eq!(ask::<Vec<Vec<u8>>>(&server, &["KEYS", "*"]).await, [b""; 0]);
}

/// A visitor's session stands in no user's index, and leaves those of whose it was.
#[tokio::test]
async fn a_visitors_session_has_one_index() {
    let server = Redis::new().start();
    let store = store(&server);
    let mut visitor = record("7");
    visitor.set_owner(Owner::Visitor);
    store.create(&key(1), &visitor).await.unwrap();
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 2);
    assert_eq!(store.update(&key(1), 1, &record("7"), NOW).await.unwrap(), Written::Done);
    assert_eq!(ask::<u64>(&server, &["ZCARD", "{auth}:u:local:7"]).await, 1);
    assert_eq!(store.update(&key(1), 2, &visitor, NOW).await.unwrap(), Written::Done);
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 2);
    store.delete(&key(1)).await.unwrap();
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
}
