//! `SqlApiKeys`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Db, Place, on_every_database, run_case};
use auth_core::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore};
use auth_core::conformance::api_keys::api_key_store;
use auth_core::time::Timestamp;
use auth_core::{BackendName, UserId};
use auth_sql::SqlApiKeys;

on_every_database![the_contract_is_kept, a_missing_table_is_named, a_user_may_have_ten_thousand];

pub(crate) fn contract(place: &Place) {
    run_case("the contract of API keys is kept", the_contract_is_kept(place));
}

async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let tables = AtomicU32::new(0);
    api_key_store(async || {
        let table = format!("keys_{}", tables.fetch_add(1, Ordering::Relaxed));
        let store = SqlApiKeys::new(db.database()).with_table(&table).unwrap();
        store.migrate().await.unwrap();
        store.migrate().await.unwrap();
        store.check().await.unwrap();
        Arc::new(store)
    })
    .await;
}

async fn a_missing_table_is_named(place: &Place) {
    let db = place.db().await;
    let error = SqlApiKeys::new(db.database()).check().await.unwrap_err();
    let sources = std::iter::successors(std::error::Error::source(&error), |error| error.source());
    let told: Vec<_> = sources.map(ToString::to_string).collect();
    assert!(told.join(": ").contains("auth_api_keys"), "{told:?}");
}

const MANY: u64 = 10_000;
const NOW: Timestamp = Timestamp::from_secs(4_000_000_000);

fn owner() -> ApiKeyOwner {
    ApiKeyOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(7) }
}

fn details(n: u64) -> String {
    let hash = [7; 32];
    format!(
        r#"{{"hash":{hash:?},"name":"machine {n}","scopes":"a","networks":[],"created":{n},"tail":"wxyz"}}"#
    )
}

/// Keys of one user, in rows as the store writes them: one after the other would count all before it each time.
async fn fill(db: &Db) {
    for some in (0..MANY).collect::<Vec<_>>().chunks(1_000) {
        let row =
            |n: &u64| format!("({n}, 'local', '7', {n}, {}, {})", i64::MAX, db.bytes(details(*n).as_bytes()));
        let rows: Vec<_> = some.iter().map(row).collect();
        let columns = "key_id, backend, user_id, created, expires, details";
        let sql = format!("INSERT INTO auth_api_keys ({columns}) VALUES {}", rows.join(", "));
        db.execute(&sql).await.unwrap();
    }
}

/// One is found among them, the list has all and no more than asked for, and the next is counted.
async fn a_user_may_have_ten_thousand(place: &Place) {
    let db = place.db().await;
    let store = SqlApiKeys::new(db.database());
    store.migrate().await.unwrap();
    fill(&db).await;
    let found = store.find(ApiKeyId::from_number(4_711)).await.unwrap().unwrap();
    assert_eq!((found.name(), &found.owner), ("machine 4711", &owner()));
    let numbers = async |limit: usize| -> Vec<u64> {
        let listed = store.of_owner(&owner(), limit).await.unwrap();
        listed.iter().map(|key| key.id.number()).collect()
    };
    let all: Vec<_> = (0..MANY).rev().collect();
    assert_eq!(numbers(20_000).await, all);
    assert_eq!(numbers(100).await, all[..100]);
    let next = ApiKey::stored(ApiKeyId::from_number(MANY), owner(), &details(MANY)).unwrap();
    assert!(!store.add(&next, 10_000, NOW).await.unwrap());
    assert!(store.add(&next, 10_001, NOW).await.unwrap());
    assert_eq!(numbers(20_000).await.len(), 10_001);
}
