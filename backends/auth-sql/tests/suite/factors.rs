//! `SqlFactors`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Place, on_every_database, run_case, told};
use auth_core::conformance::factors::factor_store;
use auth_core::factors::{FactorOwner, FactorStore, Factors, Totp, Verdict};
use auth_core::session::{KeyRing, StoreErrorKind};
use auth_core::{BackendName, UserId};
use auth_sql::SqlFactors;

on_every_database![
    the_contract_is_kept,
    a_missing_table_is_named,
    a_missing_column_is_named,
    an_unknown_kind_is_not_overlooked,
];

pub(crate) fn contract(place: &Place) {
    run_case("the contract of factors is kept", the_contract_is_kept(place));
}

/// Each instance has separate connections.
async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let other = db.another_pool().await;
    let tables = AtomicU32::new(0);
    factor_store(async || {
        let n = tables.fetch_add(1, Ordering::Relaxed);
        let open = |database| {
            let [factors, codes, tries] = ["factors", "codes", "tries"].map(|name| format!("{name}_{n}"));
            Arc::new(SqlFactors::with_tables(SqlFactors::new(database), &factors, &codes, &tries).unwrap())
        };
        let stores = [open(db.database()), open(other.clone())];
        for store in &stores {
            store.migrate().await.unwrap();
            store.check().await.unwrap();
        }
        stores
    })
    .await;
}

async fn a_missing_table_is_named(place: &Place) {
    let db = place.db().await;
    let store = SqlFactors::new(db.database());
    let text = told(&store.check().await.unwrap_err());
    assert!(text.contains("auth_factors"), "{text}");
    store.migrate().await.unwrap();
    for table in ["auth_factor_tries", "auth_recovery_codes"] {
        db.execute(&format!("DROP TABLE {table}")).await.unwrap();
        let text = told(&store.check().await.unwrap_err());
        assert!(text.contains(table), "{text}");
    }
}

/// A table that was made before there were passkeys.
async fn a_missing_column_is_named(place: &Place) {
    let db = place.db().await;
    let store = SqlFactors::new(db.database());
    store.migrate().await.unwrap();
    db.execute("ALTER TABLE auth_factors RENAME COLUMN lookup_key TO another").await.unwrap();
    store.migrate().await.unwrap();
    let text = told(&store.check().await.unwrap_err());
    assert!(text.contains("lookup_key"), "{text}");
}

/// A row of a later version may be the only factor that somebody has.
async fn an_unknown_kind_is_not_overlooked(place: &Place) {
    let db = place.db().await;
    let store = SqlFactors::new(db.database());
    store.migrate().await.unwrap();
    let factors = Factors::new("Shop", store.clone(), &KeyRing::generate().unwrap()).unwrap();
    let alice = FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(1) };
    let totp: Totp = "JBSWY3DPEHPK3PXP".parse().unwrap();
    factors.import_totp(&alice, "phone", &totp).await.unwrap();
    let codes = factors.make_recovery_codes(&alice).await.unwrap();
    assert!(matches!(factors.verify(&alice, &codes.codes()[0]).await.unwrap(), Verdict::Right(_)));
    db.execute("UPDATE auth_factors SET kind = 99 WHERE kind = 1").await.unwrap();
    assert_eq!(store.of_owner(&alice).await.unwrap_err().kind(), StoreErrorKind::Newer);
    factors.verify(&alice, &codes.codes()[1]).await.unwrap_err();
}
