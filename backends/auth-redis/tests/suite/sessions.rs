//! `RedisSessions`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{
    LATER, NOW, ask, client, connection, eventually, here, key, lasting, later, record, store, told, user,
};
use auth_core::conformance::store::session_store;
use auth_core::session::{Realm, SessionStore, StoreErrorKind, Written};
use auth_core::time::Timestamp;
use auth_redis::RedisSessions;
use test_servers::Redis;

/// The same connection under a new prefix: a store for each case.
fn empty(store: &RedisSessions) -> RedisSessions {
    static CASES: AtomicU32 = AtomicU32::new(0);
    let case = CASES.fetch_add(1, Ordering::Relaxed);
    store.clone().with_prefix(&format!("case:{case}")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let server = Redis::new().start();
    let store = store(&server);
    session_store(async || empty(&store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_over_tls_and_behind_arc() {
    let server = Redis::new().with_tls().start();
    let store = store(&server);
    session_store(async || Arc::new(empty(&store))).await;
}

/// A server whose certificate nobody vouches for is not told the password.
#[tokio::test]
async fn tls_is_not_only_encryption() {
    let server = Redis::new().with_tls().start();
    // Makes sure that rustls has its cryptography.
    client(&server);
    let trusting_nobody = redis::Client::open(server.url()).unwrap();
    let error = RedisSessions::new(trusting_nobody).unwrap().check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!told(&error).contains(Redis::PASSWORD), "{}", told(&error));
}

/// A clock that is not the server's: sessions of long ago and of another age, by the application's clock.
#[tokio::test]
async fn the_applications_clock_decides() {
    let server = Redis::new().start();
    let store = store(&server);
    for (n, start) in [(1, 1_000), (2, 1_800_000_000), (3, 90_000_000_000)] {
        let at = |secs: u64| Timestamp::from_secs(start + secs);
        let record = lasting(record("7"), at(0), at(3_600));
        store.create(&key(n), &record).await.unwrap();
        assert!(store.load(&key(n), at(3_599)).await.unwrap().is_some(), "{start}");
        assert_eq!(store.load(&key(n), at(3_600)).await.unwrap(), None, "{start}");
    }
}

/// The largest times that there are.
#[tokio::test]
async fn numbers_have_no_gaps_and_no_end() {
    let server = Redis::new().start();
    let store = store(&server);
    let end = Timestamp::from_millis(u64::MAX);
    let record = lasting(record("7"), NOW, end);
    store.create(&key(1), &record).await.unwrap();
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
    assert_eq!(store.load(&key(1), end).await.unwrap(), None);
    assert_eq!(store.touch(&key(1), end, end).await.unwrap(), Written::Gone);
    let precise = Timestamp::from_millis(1_799_999_999_999);
    let mut touched = lasting(record, NOW, LATER);
    touched.last_seen = precise;
    store.create(&key(2), &touched).await.unwrap();
    assert_eq!(store.load(&key(2), NOW).await.unwrap().unwrap().record.last_seen, precise);
    assert_eq!(store.purge_expired(end, u64::MAX).await.unwrap(), 2);
}

/// The server forgets a session by itself when its time is over, with its alias and the indices.
#[tokio::test]
async fn what_has_expired_leaves_the_server() {
    let server = Redis::new().start();
    let store = store(&server);
    let soon = lasting(record("7"), NOW, NOW.plus(Duration::from_secs(5)));
    store.create(&key(1), &soon).await.unwrap();
    let grace = Some(NOW.plus(Duration::from_secs(3)));
    assert_eq!(store.rotate(&key(1), &later(1, 1), 1, &soon, grace, NOW).await.unwrap(), Written::Done);
    assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 5);
    let gone = async || ask::<u64>(&server, &["DBSIZE"]).await == 0;
    eventually("the server is empty", gone).await;
}

/// Writes over the session of `key(1)`, as another program might.
async fn overwrite(server: &Redis, text: &[u8]) {
    let name = [b"{auth}:s:", &key(1).as_bytes()[..]].concat();
    redis::cmd("SET").arg(name).arg(text).exec_async(&mut connection(server).await).await.unwrap();
}

/// A session of user 7 with this record.
fn text(numbers: &str, record: &[u8]) -> Vec<u8> {
    [numbers.as_bytes(), b" local:7", key(1).as_bytes(), record].concat()
}

/// Damage is no session, and never a panic.
#[tokio::test]
async fn a_damaged_record_is_absent() {
    let server = Redis::new().start();
    let store = store(&server);
    store.create(&key(1), &record("7")).await.unwrap();
    let numbers = format!("1 {} {} 7 0", NOW.as_millis(), LATER.as_millis());
    let good = record("7").encode();
    let (mut other_version, mut longer) = (good.clone(), good.clone());
    other_version[0] = 1;
    longer.push(0);
    let damages: [&[u8]; 6] = [b"", b"\0", b"\x01garbage", &good[..good.len() - 1], &other_version, &longer];
    for damage in damages {
        overwrite(&server, &text(&numbers, damage)).await;
        assert_eq!(store.load(&key(1), NOW).await.unwrap(), None, "{damage:?}");
        assert_eq!(store.list_user(here(&user("7")), NOW).await.unwrap(), [], "{damage:?}");
    }
    overwrite(&server, &text(&numbers, &good)).await;
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
}

/// What another program wrote over our keys is an outage: nobody knows whether there was a session.
#[tokio::test]
async fn foreign_values_are_no_answer() {
    let server = Redis::new().start();
    let store = store(&server);
    let good = record("7").encode();
    let (now, later) = (NOW.as_millis(), LATER.as_millis());
    store.create(&key(1), &record("7")).await.unwrap();
    for numbers in [
        String::new(),
        "1".into(),
        format!("one {now} {later} 7 0"),
        format!("1  {later} 7 0"),
        format!("1 {now} never 7 0"),
        format!("1 {now} {later} 7"),
        format!("1 {now} {later} 999999 0"),
        format!("1 {now} {later} 18446744073709551615 1"),
    ] {
        overwrite(&server, &text(&numbers, &good)).await;
        let error = store.load(&key(1), NOW).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{numbers}");
    }
    for alias in ["> ", ">soon x"] {
        overwrite(&server, alias.as_bytes()).await;
        let error = store.load(&key(1), NOW).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{alias}");
    }
    let name = [b"{auth}:s:", &key(2).as_bytes()[..]].concat();
    let mut other = connection(&server).await;
    redis::cmd("SET").arg(name).arg("x").exec_async(&mut other).await.unwrap();
    assert_eq!(store.load(&key(2), NOW).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.create(&key(2), &record("7")).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

/// A user's index that cannot be written: no session may then exist that a logout everywhere would miss.
#[tokio::test]
async fn no_session_without_its_index() {
    let server = Redis::new().start();
    let store = store(&server);
    let _: () = ask(&server, &["SET", "{auth}:u:local:7", "foreign"]).await;
    store.create(&key(1), &record("7")).await.unwrap_err();
    assert_eq!(store.load(&key(1), NOW).await.unwrap(), None);
}

/// What a newer build wrote is there as long as it lives, and no longer.
#[tokio::test]
async fn a_newer_record_is_neither_absent_nor_shown() {
    let server = Redis::new().start();
    let store = store(&server);
    store.create(&key(1), &record("7")).await.unwrap();
    let mut newer = record("7").encode();
    newer[0] = 99;
    let numbers = format!("1 {} {} 7 0", NOW.as_millis(), LATER.as_millis());
    overwrite(&server, &text(&numbers, &newer)).await;
    assert_eq!(store.load(&key(1), NOW).await.unwrap_err().kind(), StoreErrorKind::Newer);
    assert_eq!(store.list_user(here(&user("7")), NOW).await.unwrap(), []);
    assert_eq!(store.load(&key(1), LATER).await.unwrap(), None);
    assert_eq!(store.delete_user(here(&user("7")), None).await.unwrap(), 1);
}

/// A session can be found by any key that it had only if all are of one lineage.
#[tokio::test]
async fn a_session_stays_in_its_lineage() {
    let server = Redis::new().start();
    let store = store(&server);
    store.create(&key(1), &record("7")).await.unwrap();
    let moved = store.rotate(&key(1), &key(2), 1, &record("7"), None, NOW).await.unwrap_err();
    assert_eq!(moved.kind(), StoreErrorKind::Unavailable);
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
    assert_eq!(store.load(&key(2), NOW).await.unwrap(), None);
}

/// The commands that the documentation names are enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_may_be_limited_to_what_it_needs() {
    let server = Redis::new().start();
    let mut user = vec!["ACL", "SETUSER", "shop", "on", ">canary", "resetkeys", "nocommands"];
    let commands = include_str!("../../src/lib.rs").split("```text\n").nth(1).unwrap();
    let commands = commands.split("//! ```").next().unwrap().replace("//!", "").replace("{auth}", "{case:*}");
    user.extend(commands.split_whitespace());
    assert!(user.len() > 15, "{user:?}");
    let _: () = ask(&server, &user).await;
    let url = server.url().replace(&format!(":{}", Redis::PASSWORD), "shop:canary");
    let limited = RedisSessions::new(redis::Client::open(url).unwrap()).unwrap();
    empty(&limited).check().await.unwrap();
    session_store(async || empty(&limited)).await;
    limited.create(&key(1), &record("7")).await.unwrap_err();
}

/// Whose a session is says the session: an entry in another's index ends and shows nothing.
#[tokio::test]
async fn an_index_alone_makes_nobody_the_owner() {
    let server = Redis::new().start();
    let store = store(&server);
    let mut other = connection(&server).await;
    for n in 1..4 {
        store.create(&key(n), &record("7")).await.unwrap();
        let entry =
            redis::cmd("ZADD").arg("{auth}:u:local:8").arg(9e12).arg(&key(n).as_bytes()[..]).to_owned();
        entry.exec_async(&mut other).await.unwrap();
    }
    assert_eq!(store.list_user(here(&user("8")), NOW).await.unwrap(), []);
    assert_eq!(store.trim_user(here(&user("8")), 1, &key(9), NOW).await.unwrap(), 0);
    assert_eq!(store.delete_user(here(&user("8")), None).await.unwrap(), 0);
    assert_eq!(store.list_user(here(&user("7")), NOW).await.unwrap().len(), 3);
}

/// Hostile ids are values, never parts of a script; and no two users share an index.
#[tokio::test]
async fn hostile_ids_are_only_ids() {
    let server = Redis::new().start();
    let store = store(&server);
    let hostile = [
        "'..redis.call('FLUSHALL')..'",
        "]] return",
        "7\r\nFLUSHALL\r\n",
        "*",
        "{x}",
        ":7",
        "7 ",
        "\0",
        "/7",
        "/local:7",
        "shop/local:7",
        "a\n/b:7",
    ];
    store.create(&key(0), &record("7")).await.unwrap();
    for (n, id) in (1..).zip(hostile) {
        for realm in [Realm::new("shop"), None] {
            let mut record = record(id);
            record.realm = realm;
            store.create(&key(n), &record).await.unwrap();
            let list = store.list_user(here(&user(id)), NOW).await.unwrap();
            assert_eq!(list, [(key(n), record)], "{id:?}");
            assert_eq!(store.delete_user(here(&user(id)), None).await.unwrap(), 1, "{id:?}");
        }
    }
    assert!(store.load(&key(0), NOW).await.unwrap().is_some());
}

/// Two applications on one server do not meet.
#[tokio::test]
async fn prefixes_are_apart() {
    let server = Redis::new().start();
    let store = store(&server);
    let other = store.clone().with_prefix("shop").unwrap();
    store.create(&key(1), &record("7")).await.unwrap();
    assert_eq!(other.load(&key(1), NOW).await.unwrap(), None);
    assert_eq!(other.delete_user(here(&user("7")), None).await.unwrap(), 0);
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
    assert!(store.with_prefix("sh}op").is_err());
}
