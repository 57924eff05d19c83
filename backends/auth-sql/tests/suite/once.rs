//! `SqlOnce`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Db, Place, on_every_database, run_case, told};
use auth_core::conformance::once::{once_store, once_store_that_is_down};
use auth_core::once::{OnceId, OnceStore};
use auth_core::session::{Purpose, StoreError};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_sql::SqlOnce;

on_every_database![
    the_contract_is_kept,
    instances_check_at_once,
    what_is_over_is_purged,
    only_a_key_that_is_taken_was_used,
    what_was_undone_is_not_used,
    a_missing_table_is_named,
    a_database_that_is_closed_is_an_error,
];

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) fn contract(place: &Place) {
    run_case("the contract of what is used once is kept", the_contract_is_kept(place));
}

/// Two instances, each with separate connections.
async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let (tables, other) = (AtomicU32::new(0), db.another_pool().await);
    once_store(async || {
        let table = format!("once_{}", tables.fetch_add(1, Ordering::Relaxed));
        let stores = [db.database(), other.clone()]
            .map(|database| Arc::new(SqlOnce::new(database).with_table(&table).unwrap()));
        for store in &stores {
            store.migrate().await.unwrap();
        }
        stores
    })
    .await;
}

async fn migrated(db: &Db) -> SqlOnce {
    let store = SqlOnce::new(db.database());
    store.migrate().await.unwrap();
    store
}

async fn used(store: &SqlOnce, id: &str, seconds: u64) -> Result<bool, StoreError> {
    let purpose = Purpose::new("tests").unwrap();
    let until = NOW.plus(Duration::from_secs(seconds));
    store.use_once(OnceId::new(&purpose, id).unwrap(), until, NOW).await
}

/// None takes away what another one tries.
async fn instances_check_at_once(place: &Place) {
    let db = place.db().await;
    let store = migrated(&db).await;
    let check = |_| {
        let store = store.clone();
        tokio::spawn(async move { store.check().await })
    };
    for checked in (0..8).map(check).collect::<Vec<_>>() {
        checked.await.unwrap().unwrap();
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_once").await, 8, "each for a minute");
    let later = SystemClock.now().plus(Duration::from_mins(2));
    assert_eq!(store.purge(later, 100).await.unwrap(), 8);
}

async fn what_is_over_is_purged(place: &Place) {
    let db = place.db().await;
    let store = migrated(&db).await;
    for n in 1..=10 {
        assert!(used(&store, &format!("id {n}"), n).await.unwrap());
    }
    let later = |seconds: u64| NOW.plus(Duration::from_secs(60 + seconds));
    assert_eq!(store.purge(NOW.plus(Duration::from_mins(1)), 100).await.unwrap(), 0);
    assert_eq!(store.purge(later(5), 3).await.unwrap(), 3);
    assert_eq!(store.purge(later(5), 100).await.unwrap(), 2);
    assert_eq!(store.purge(later(5), 100).await.unwrap(), 0);
    assert_eq!(db.count("SELECT count(*) FROM auth_once").await, 5);
    for n in 6..=10 {
        assert!(!used(&store, &format!("id {n}"), n).await.unwrap());
    }
}

/// A row that the database refuses for another reason leaves open whether it was used: an error, and neither yes nor no.
async fn only_a_key_that_is_taken_was_used(place: &Place) {
    let db = place.db().await;
    let tables = [
        // A rule that it breaks, a column without a value, and one that is too narrow: MySQL would ignore each of these.
        "once_key {bytes} NOT NULL, expires BIGINT NOT NULL CHECK (expires < 5)",
        "once_key {bytes} NOT NULL, expires BIGINT NOT NULL, further BIGINT NOT NULL",
        db.pick(
            "once_key {bytes} NOT NULL CHECK (length(once_key) < 20), expires BIGINT NOT NULL",
            "once_key {bytes} NOT NULL, expires SMALLINT NOT NULL",
            "once_key VARBINARY(20) NOT NULL, expires BIGINT NOT NULL",
        ),
    ];
    for (n, columns) in tables.into_iter().enumerate() {
        let table = format!("odd_{n}");
        db.execute(&format!("CREATE TABLE {table} ({columns})")).await.unwrap();
        let store = SqlOnce::new(db.database()).with_table(&table).unwrap();
        for _ in 0..2 {
            let answer = used(&store, "id", 60).await;
            assert!(answer.is_err(), "{columns}: {answer:?}");
        }
        assert_eq!(db.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{columns}");
    }
}

/// A caller that goes away while it asks: either the row is there, or the next one may.
async fn what_was_undone_is_not_used(place: &Place) {
    let db = place.db().await;
    let store = migrated(&db).await;
    for polls in 1..20_i32 {
        let id = format!("id {polls}");
        let mut asked = Box::pin(used(&store, &id, 60));
        for _ in 0..polls {
            tokio::select! {
                biased;
                first = &mut asked => { assert!(first.unwrap()); break }
                () = tokio::task::yield_now() => {}
            }
        }
        drop(asked);
        let next = used(&store, &id, 60).await.unwrap();
        let rows = db.count("SELECT count(*) FROM auth_once").await;
        assert_eq!(rows, i64::from(polls), "the row is there, whoever was first ({next})");
        assert!(!used(&store, &id, 60).await.unwrap());
    }
}

async fn a_missing_table_is_named(place: &Place) {
    let db = place.db().await;
    let store = SqlOnce::new(db.database());
    let text = told(&store.check().await.unwrap_err());
    assert!(text.contains("an id cannot be used"), "{text}");
    assert!(text.contains("the table `auth_once` is missing: call `migrate()`"), "{text}");
    once_store_that_is_down(&store).await;
}

async fn a_database_that_is_closed_is_an_error(place: &Place) {
    let db = place.db().await;
    let store = migrated(&db).await;
    assert!(used(&store, "a", 60).await.unwrap());
    db.close().await;
    once_store_that_is_down(&store).await;
    store.check().await.unwrap_err();
}
