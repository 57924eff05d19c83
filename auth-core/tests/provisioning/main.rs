//! Provisioning: the suite for stores and the faults that it finds, what policies do and when, events, confirmation, lazy migration.

mod confirm;
mod events;
#[path = "../common/faults.rs"]
mod faults;
mod kept;
mod memory;
mod migration;
mod policy;
mod seen;

use std::sync::Arc;

use auth_core::conformance::provisioning::provision_store;
use faults::missed;
use memory::{Fault, Memory};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_memory_keeps_the_contract() {
    provision_store(async || Memory::new(None)).await;
    provision_store(async || Arc::new(Memory::new(None))).await;
}

/// Each fault, with the rule that finds it. Races may find it by another one: there it is left out.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::TakesEveryPolicy, "check: refuses an attribute"),
    (Fault::FindsBySubjectOnly, "is somebody else"),
    (Fault::IgnoresCase, "is somebody else"),
    (Fault::ForgetsNames, "meets somebody"),
    (Fault::LinksByName, "meets somebody"),
    (Fault::ForgetsRights, "create: writes everything"),
    (Fault::ForgetsTracking, "create: writes everything"),
    (Fault::CreatesInTwoSteps, "or no user"),
    (Fault::CreatesSecondUsers, "meets somebody"),
    (Fault::UpdatesWhateverThereIs, "changed meanwhile"),
    (Fault::ClaimsKeepSessions, "claim: ends all sessions"),
    (Fault::FindsNobodyByAddress, "load: finds a user by address"),
    (Fault::ToldLastNever, "load: tells that nobody else"),
    (Fault::TakesFromTheLast, "take: not from the last"),
    (Fault::CountsDisabledHolders, "load: who is disabled does not count"),
    (Fault::ForgetsIdentities, "identity_of: whom a user belongs to"),
    (Fault::TakesAnybodysIdentity, "identity_of: whom a user belongs to"),
];

#[test]
fn the_suite_finds_every_fault() {
    let found = |fault: Fault, rule: &str| {
        missed(&fault, rule, || provision_store(async || Memory::new(Some(fault))))
    };
    let missed: Vec<_> = FAULTS.iter().filter_map(|(fault, rule)| found(*fault, rule)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
