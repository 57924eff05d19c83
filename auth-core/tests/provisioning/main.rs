//! Provisioning: the suite for stores and the faults that it finds, what policies do and when, events, confirmation, lazy migration.

mod confirm;
mod events;
mod kept;
mod memory;
mod migration;
mod policy;
mod seen;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use auth_core::conformance::provisioning::provision_store;
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
    let missed: Vec<_> = FAULTS.iter().filter_map(|(fault, rule)| missed(*fault, rule)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Runs the suite over a faulty store; what it said if that is not the rule.
fn missed(fault: Fault, rule: &str) -> Option<String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let run = || runtime.block_on(provision_store(async || Memory::new(Some(fault))));
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        return Some(format!("{fault:?}: not found"));
    };
    let said = panic.downcast_ref::<String>().cloned();
    let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).into())).unwrap_or_default();
    (!said.contains(rule)).then(|| format!("{fault:?}: {said}"))
}
