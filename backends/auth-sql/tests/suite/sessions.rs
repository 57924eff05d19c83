//! `SqlSessions` over `SQLite`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::time::Duration;

use crate::support::Db;
use auth_core::conformance::store::session_store;
use auth_core::session::{SessionKey, SessionRecord, SessionStore, Write};
use auth_core::{BackendName, Timestamp, UserId};
use auth_sql::SqlSessions;

/// A database for each case; the files live until the end.
async fn fresh(dbs: &tokio::sync::Mutex<Vec<Db>>) -> SqlSessions {
    let db = Db::new().await;
    let store = SqlSessions::new(db.pool.clone());
    store.migrate().await.unwrap();
    dbs.lock().await.push(db);
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let dbs = tokio::sync::Mutex::default();
    session_store(async || fresh(&dbs).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_behind_arc_and_under_another_name() {
    let dbs = tokio::sync::Mutex::default();
    session_store(async || {
        let store = fresh(&dbs).await.with_table("order").unwrap();
        store.migrate().await.unwrap();
        Arc::new(store)
    })
    .await;
}

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn key(n: u8) -> SessionKey {
    SessionKey::from_bytes([n; 32])
}

/// A record as the first version of its encoding has it, for user `id`.
fn record(id: &str) -> SessionRecord {
    let mut bytes = vec![1, u8::try_from(id.len()).unwrap()];
    bytes.extend(id.as_bytes());
    bytes.extend([5, b'l', b'o', b'c', b'a', b'l', 36]);
    bytes.extend([7; 36]);
    bytes.extend([0; 7]);
    let hour = Duration::from_hours(1);
    let record = SessionRecord::decode(&bytes).unwrap();
    SessionRecord { created: NOW, last_seen: NOW, expires: NOW.plus(hour), ..record }
}

async fn store_with_one() -> (Db, SqlSessions) {
    let db = Db::new().await;
    let store = SqlSessions::new(db.pool.clone());
    store.migrate().await.unwrap();
    store.create(&key(1), &record("7")).await.unwrap();
    (db, store)
}

async fn set_record(db: &Db, bytes: &[u8]) {
    sqlx::query("UPDATE auth_sessions SET record = ?").bind(bytes).execute(&db.pool).await.unwrap();
}

/// SE-16, S27: damage is no session, and never a panic.
#[tokio::test]
async fn a_damaged_record_is_absent() {
    let (db, store) = store_with_one().await;
    let good = record("7").encode();
    let (mut other_version, mut longer) = (good.clone(), good.clone());
    other_version[0] = 99;
    longer.push(0);
    let damages: [&[u8]; 6] = [b"", b"\0", b"garbage", &good[..good.len() - 1], &other_version, &longer];
    for damage in damages {
        set_record(&db, damage).await;
        assert_eq!(store.load(&key(1), NOW).await.unwrap(), None, "{damage:?}");
        let list = store.list_user(&BackendName::new("local").unwrap(), &UserId::from(7), NOW).await.unwrap();
        assert_eq!(list, [], "{damage:?}");
    }
    set_record(&db, &good).await;
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn numbers_that_make_no_sense_are_survived() {
    let (db, store) = store_with_one().await;
    for sql in [
        "UPDATE auth_sessions SET last_seen = -5, version = -1",
        "UPDATE auth_sessions SET expires = 9223372036854775807",
    ] {
        sqlx::query(sql).execute(&db.pool).await.unwrap();
        assert!(store.load(&key(1), NOW).await.unwrap().is_some(), "{sql}");
    }
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(store.load(&key(1), end).await.unwrap(), None);
    assert_eq!(store.touch(&key(1), end, end).await.unwrap(), Write::Gone);
    assert_eq!(store.purge_expired(end, u64::MAX).await.unwrap(), 1);
}

/// Types are strict: what another program writes by mistake does not get in.
#[tokio::test]
async fn the_table_is_strict() {
    let (db, _store) = store_with_one().await;
    for sql in ["UPDATE auth_sessions SET expires = 'never'", "UPDATE auth_sessions SET record = NULL"] {
        assert!(sqlx::query(sql).execute(&db.pool).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (_db, store) = store_with_one().await;
    store.migrate().await.unwrap();
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn only_plain_names_become_tables() {
    let db = Db::new().await;
    let too_long = "x".repeat(64);
    for name in ["", "a b", "a;--", "a`b", "a\"b", "1a", "ä", "a\0b", &too_long] {
        let error = SqlSessions::new(db.pool.clone()).with_table(name).unwrap_err();
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
}

/// Hostile ids are values, never SQL.
#[tokio::test]
async fn hostile_ids_are_only_ids() {
    let (db, store) = store_with_one().await;
    let backend = BackendName::new("local").unwrap();
    let hostile =
        ["' OR '1'='1", "7'; DROP TABLE auth_sessions; --", "7\" --", "%", "7 ", "?1", "\u{2019} OR 1=1"];
    for (n, id) in (2..).zip(hostile) {
        store.create(&key(n), &record(id)).await.unwrap();
        let user = UserId::new(id).unwrap();
        let list = store.list_user(&backend, &user, NOW).await.unwrap();
        assert_eq!(list, [(key(n), record(id))], "{id}");
        assert_eq!(store.delete_user(&backend, &user, None).await.unwrap(), 1, "{id}");
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_sessions").await, 1);
}
