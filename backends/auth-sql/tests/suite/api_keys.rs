//! `SqlApiKeys`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Place, on_every_database, run_case};
use auth_core::conformance::api_keys::api_key_store;
use auth_sql::SqlApiKeys;

on_every_database![the_contract_is_kept, a_missing_table_is_named];

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
