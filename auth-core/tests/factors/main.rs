//! The suite for factors passes the store in memory, and finds every fault that is put into it.

#[path = "../common/faults.rs"]
mod faults;
mod faulty;

use std::sync::Arc;

use auth_core::conformance::factors::factor_store;
use auth_core::factors::MemoryFactors;
use faults::missed;
use faulty::{Fault, Faulty};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_factors_keep_the_contract() {
    let twice = |store: MemoryFactors| {
        let store = Arc::new(store);
        [Arc::clone(&store), store]
    };
    factor_store(async || twice(MemoryFactors::new(1_000))).await;
    factor_store(async || twice(MemoryFactors::new(1_000)).map(Arc::new)).await;
}

/// Each fault, with the rule that finds it.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::AddsWithoutEnd, "an owner has so many factors"),
    (Fault::AddsTwice, "the id is taken"),
    (Fault::ListsNewestFirst, "those first that were made first"),
    (Fault::OwnersIgnoreCase, "owners are told apart"),
    (Fault::OwnersIgnoreBlanks, "owners are told apart"),
    (Fault::ConfirmsAgain, "what is confirmed is not confirmed again"),
    (Fault::ConfirmLeavesStep, "by a step, which is used"),
    (Fault::ConfirmsInTwoSteps, "one of many confirms"),
    (Fault::UsesUnconfirmed, "what is unconfirmed is never used"),
    (Fault::UsesStepAgain, "the code that confirmed is used"),
    (Fault::UsesAnyOtherStep, "no step is used twice, or after a later one"),
    (Fault::UsesStepInTwoSteps, "one of many uses a step"),
    (Fault::KeepsCode, "a code is used once"),
    (Fault::UsesAllCodes, "the others are left"),
    (Fault::UsesCodeInTwoSteps, "one of many uses a code"),
    (Fault::KeepsOldCodes, "new codes replace the old ones"),
    (Fault::ReplacesEverything, "new codes replace the old ones"),
    (Fault::ReplacesAnySecret, "a secret is replaced only as it was read"),
    (Fault::RemovesNothing, "what is removed does not count"),
    (Fault::RemovesAllOfUser, "says how many there were"),
    (Fault::RemovalKeepsTries, "and so does what was counted"),
    (Fault::CountsInTwoSteps, "no more of many are compared than are free"),
    (Fault::CountsAtTheEnd, "delays double up to an hour"),
    (Fault::CountsForEachInstance, "delays double up to an hour"),
    (Fault::CountsForEverybody, "each owner has tries of their own"),
    (Fault::AskingCounts, "delays double up to an hour"),
    (Fault::CountsFaults, "a fault gives the try back"),
    (Fault::KeepsCount, "right codes reset what was counted"),
    (Fault::WrongGivesBack, "delays double up to an hour"),
    (Fault::AddsLookupTwice, "the lookup is taken"),
    (Fault::AddsLookupInTwoSteps, "one of many registers"),
    (Fault::LookupIsOfOneOwner, "the lookup is taken"),
    (Fault::FindsRemoved, "what is removed is not found"),
    (Fault::NotesUnconfirmed, "nor of what is not confirmed"),
    (Fault::NotesForAnybody, "another's use is not noted"),
];

#[test]
fn the_suite_finds_every_fault() {
    let found =
        |fault: Fault, rule: &str| missed(&fault, rule, || factor_store(async || Faulty::two(Some(fault))));
    let missed: Vec<_> = FAULTS.iter().filter_map(|(fault, rule)| found(*fault, rule)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_without_a_fault_passes() {
    factor_store(async || Faulty::two(None)).await;
}
