//! The session suite passes the in-memory store, and finds every fault that is put into it.

#[path = "../common/faults.rs"]
mod faults;
mod faulty;
mod once;

use std::sync::Arc;

use auth_core::conformance::store::session_store;
use auth_core::session::MemorySessions;
use faults::missed;
use faulty::{Fault, Faulty};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_sessions_keep_the_contract() {
    session_store(async || MemorySessions::new(10_000)).await;
    session_store(async || Arc::new(MemorySessions::new(10_000))).await;
}

/// Each fault, with the rule that finds it. Races may find it by another one: there it is left out.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::CreateStartsAtZero, "create: a new record is at version 1"),
    (Fault::CreateLosesClient, "create: a new record"),
    (Fault::CreateOverwrites, "create: a key in use"),
    (Fault::CreateInTwoSteps, "create: one of many wins"),
    (Fault::KeysByPrefix, "load: a key that differs"),
    (Fault::LoadShowsExpired, "load: a record is absent from `expires` on"),
    (Fault::LoadIgnoresMilliseconds, "load: a record lives until it expires"),
    (Fault::UpdateInserts, "update: an expired record is gone"),
    (Fault::UpdateIgnoresVersion, "update: version 0 is not version 1"),
    (Fault::UpdateInTwoSteps, "no update is lost"),
    (Fault::UpdateKeepsTimes, "update: replaces the record"),
    (Fault::UpdateRevivesExpired, "update: an expired record is gone"),
    (Fault::TouchInserts, "touch: a logged-out session never comes back"),
    (Fault::TouchDoesNothing, "touch: sets these two times"),
    (Fault::TouchMovesBack, "touch: never sets an earlier"),
    (Fault::TouchCounts, "touch: keeps the version"),
    (Fault::TouchRewrites, "update, touch: no update is lost"),
    (Fault::TouchMissesMoves, "touch: a record that is being moved is not gone"),
    (Fault::RotateInserts, "rotate: an expired record is gone"),
    (Fault::RotateDeletesFirst, ""),
    (Fault::RotateCopiesFirst, ""),
    (Fault::RotateIgnoresVersion, "rotate: version 0 is not version 1"),
    (Fault::RotateKeepsAlias, "rotate: without an alias the old key is dead"),
    (Fault::RotateForgetsAlias, "create: an alias is a key in use"),
    (Fault::RotateTakesAlias, "rotate: an alias cannot be rotated"),
    (Fault::AliasIsImmortal, "load: an alias is dead"),
    (Fault::DeleteSparesAlias, "delete: through an alias"),
    (Fault::DeleteForgetsWhatMoved, "delete: any key that a session had"),
    (Fault::DeleteUserOfAllBackends, "delete_user: counts this user's records"),
    (Fault::DeleteUserTakesExcepted, "delete_user: does not count the excepted"),
    (Fault::DeleteUserCountsWrong, "delete_user: says how many"),
    (Fault::ListIgnoresCase, "list_user: only this user's"),
    (Fault::ListShowsExpired, "list_user: only this user's live"),
    (Fault::ListIsNewestFirst, "list_user: all records with their keys, oldest first"),
    (Fault::TrimTakesNewest, "trim_user: ends those that were longest not used"),
    (Fault::TrimTakesKept, "trim_user: "),
    (Fault::TrimCountsExpired, "trim_user: expired records do not count"),
    (Fault::TrimLeavesOneMore, "trim_user: says how many"),
    (Fault::TrimCountsWrong, "trim_user: says how many"),
    (Fault::PurgeIgnoresLimit, "purge_expired: at most"),
    (Fault::PurgeTakesLive, "purge_expired: nothing has expired yet"),
    (Fault::PurgeDoesNothing, "purge_expired: says how many"),
    (Fault::PurgeInTwoSteps, "purge_expired: a record that was touched in time"),
    (Fault::PurgeSparesVisitors, "purge_expired: also of no user's"),
    (Fault::OwnerIsWhoCreated, "update, rotate: the record is its new owner's"),
    (Fault::PendingIsNobodys, "list_user: who has begun to sign in"),
    (Fault::RealmsAreOne, "list_user: only this site's"),
];

#[test]
fn the_suite_finds_every_fault() {
    let found =
        |fault: Fault, rule: &str| missed(&fault, rule, || session_store(async || Faulty::new(Some(fault))));
    let missed: Vec<_> = FAULTS.iter().filter_map(|(fault, rule)| found(*fault, rule)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_without_a_fault_passes() {
    session_store(async || Faulty::new(None)).await;
}
