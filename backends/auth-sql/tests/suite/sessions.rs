//! `SqlSessions`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Db, Place, on_every_database, run_case};
use auth_core::conformance::store::{sample_record, session_store};
use auth_core::session::{SessionKey, SessionRecord, SessionStore, Written};
use auth_core::time::Timestamp;
use auth_sql::SqlSessions;

on_every_database![
    the_contract_is_kept,
    a_word_of_sql_is_a_table,
    a_damaged_record_is_absent,
    numbers_that_make_no_sense_are_survived,
    the_table_is_strict,
    migrating_again_changes_nothing,
    only_plain_names_become_tables,
    hostile_ids_are_only_ids,
];

pub(crate) fn contract(place: &Place) {
    run_case("the contract is kept", the_contract_is_kept(place));
}

/// A table for each case.
async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let tables = AtomicU32::new(0);
    session_store(async || {
        let table = format!("sessions_{}", tables.fetch_add(1, Ordering::Relaxed));
        let store = SqlSessions::new(db.database()).with_table(&table).unwrap();
        store.migrate().await.unwrap();
        Arc::new(store)
    })
    .await;
}

/// Names are quoted: they may be words of SQL.
async fn a_word_of_sql_is_a_table(place: &Place) {
    let db = place.db().await;
    let store = SqlSessions::new(db.database()).with_table("order").unwrap();
    store.migrate().await.unwrap();
    let theirs = record("7");
    let theirs = theirs.user_sessions().unwrap();
    for n in [1, 2] {
        store.create(&key(n), &record("7")).await.unwrap();
    }
    assert_eq!(store.update(&key(1), 1, &record("7"), NOW).await.unwrap(), Written::Done);
    assert_eq!(store.touch(&key(1), NOW, NOW).await.unwrap(), Written::Done);
    let later = *key(1).lineage().keys().end();
    assert_eq!(store.rotate(&key(1), &later, 2, &record("7"), None, NOW).await.unwrap(), Written::Done);
    assert_eq!(store.list_user(theirs, NOW).await.unwrap().len(), 2);
    store.delete(&key(1)).await.unwrap();
    assert_eq!(store.purge_expired(NOW, 10).await.unwrap(), 0);
    assert_eq!(store.trim_user(theirs, 1, &key(2), NOW).await.unwrap(), 0);
    assert_eq!(store.delete_user(theirs, None).await.unwrap(), 1);
}

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn key(n: u8) -> SessionKey {
    SessionKey::from_bytes([n; 32])
}

/// A record of user `id`.
fn record(id: &str) -> SessionRecord {
    let mut record = sample_record(id);
    (record.created, record.last_seen, record.expires) = (NOW, NOW, NOW.plus(Duration::from_hours(1)));
    record
}

async fn store_with_one(place: &Place) -> (Db, SqlSessions) {
    let db = place.db().await;
    let store = SqlSessions::new(db.database());
    store.migrate().await.unwrap();
    store.create(&key(1), &record("7")).await.unwrap();
    (db, store)
}

async fn set_record(db: &Db, bytes: &[u8]) {
    let value = db.bytes(bytes);
    db.execute(&format!("UPDATE auth_sessions SET record = {value}")).await.unwrap();
}

/// Damage is no session, and never a panic.
async fn a_damaged_record_is_absent(place: &Place) {
    let (db, store) = store_with_one(place).await;
    let good = record("7").encode();
    let (mut older, mut longer) = (good.clone(), good.clone());
    older[0] = 1;
    longer.push(0);
    let damages: [&[u8]; 6] = [b"", b"\0", b"\x01garbage", &good[..good.len() - 1], &older, &longer];
    for damage in damages {
        set_record(&db, damage).await;
        assert_eq!(store.load(&key(1), NOW).await.unwrap(), None, "{damage:?}");
        let list = store.list_user(record("7").user_sessions().unwrap(), NOW).await.unwrap();
        assert_eq!(list, [], "{damage:?}");
        let answer = store.update(&key(1), 9, &record("7"), NOW).await.unwrap();
        assert_eq!(answer, Written::Gone, "{damage:?}");
    }
    set_record(&db, &good).await;
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
}

async fn numbers_that_make_no_sense_are_survived(place: &Place) {
    let (db, store) = store_with_one(place).await;
    for sql in [
        "UPDATE auth_sessions SET last_seen = -5, version = -1",
        "UPDATE auth_sessions SET expires = 9223372036854775807",
    ] {
        db.execute(sql).await.unwrap();
        assert!(store.load(&key(1), NOW).await.unwrap().is_some(), "{sql}");
    }
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(store.load(&key(1), end).await.unwrap(), None);
    assert_eq!(store.touch(&key(1), end, end).await.unwrap(), Written::Gone);
    assert_eq!(store.purge_expired(end, u64::MAX).await.unwrap(), 1);
}

/// Types are strict: what another program writes by mistake does not get in.
async fn the_table_is_strict(place: &Place) {
    let (db, _store) = store_with_one(place).await;
    for sql in ["UPDATE auth_sessions SET expires = 'never'", "UPDATE auth_sessions SET record = NULL"] {
        assert!(db.execute(sql).await.is_err(), "{sql}");
    }
}

async fn migrating_again_changes_nothing(place: &Place) {
    let (_db, store) = store_with_one(place).await;
    store.migrate().await.unwrap();
    assert!(store.load(&key(1), NOW).await.unwrap().is_some());
}

async fn only_plain_names_become_tables(place: &Place) {
    let db = place.db().await;
    let too_long = "x".repeat(64);
    for name in ["", "a b", "a;--", "a`b", "a\"b", "1a", "ä", "a\0b", &too_long] {
        let error = SqlSessions::new(db.database()).with_table(name).unwrap_err();
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
}

/// Hostile ids are values, never SQL.
async fn hostile_ids_are_only_ids(place: &Place) {
    let (db, store) = store_with_one(place).await;
    let hostile =
        ["' OR '1'='1", "7'; DROP TABLE auth_sessions; --", "7\" --", "%", "7 ", "?1", "\u{2019} OR 1=1"];
    for (n, id) in (2..).zip(hostile) {
        store.create(&key(n), &record(id)).await.unwrap();
        let theirs = record(id);
        let theirs = theirs.user_sessions().unwrap();
        let list = store.list_user(theirs, NOW).await.unwrap();
        assert_eq!(list, [(key(n), record(id))], "{id}");
        assert_eq!(store.delete_user(theirs, None).await.unwrap(), 1, "{id}");
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_sessions").await, 1);
}
