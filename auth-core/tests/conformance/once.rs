//! The suite for what is used once passes the store in memory, and finds every fault that is put into a store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use auth_core::conformance::once::{once_store, once_store_that_is_down};
use auth_core::once::{MemoryOnce, OnceId, OnceStore, kept_until};
use auth_core::session::{StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use tokio::task::yield_now;

use crate::faults::{missed, text};

fn twice<S>(store: S) -> [Arc<S>; 2] {
    let store = Arc::new(store);
    [Arc::clone(&store), store]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_the_contract() {
    once_store(async || twice(MemoryOnce::new(10_000))).await;
    once_store(async || twice(Arc::new(MemoryOnce::new(10_000)))).await;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NotesNothing,
    OfOneInstance,
    InTwoSteps,
    KeysByPrefix,
    IgnoresCase,
    IgnoresBlanks,
    EndsAtZero,
    PurposesAreOne,
    OwnersAreOne,
    OverIsGood,
    OverAtTheEnd,
    OverIsUsedEarly,
    ForgetsAtUntil,
    ForgetsWhatIsOver,
    RefusalShortens,
    RefusalForgets,
    PurgeTakesGood,
    PurgeIgnoresLimit,
    PurgeCountsWrong,
    Saturates,
}

const FAULTS: &[(Fault, &str)] = &[
    (Fault::NotesNothing, "use_once: nobody else may"),
    (Fault::OfOneInstance, "use_once: no other instance may"),
    (Fault::InTwoSteps, "use_once: exactly one of a crowd may"),
    (Fault::KeysByPrefix, "is another id"),
    (Fault::IgnoresCase, "is another id"),
    (Fault::IgnoresBlanks, "is another id"),
    (Fault::EndsAtZero, "is another id"),
    (Fault::PurposesAreOne, "use_once: an id is nothing in another purpose"),
    (Fault::OwnersAreOne, "use_once: an id is nothing in another purpose"),
    (Fault::OverIsGood, "use_once: what is over is nobody's"),
    (Fault::OverAtTheEnd, "use_once: what is over is nobody's"),
    (Fault::OverIsUsedEarly, "use_once: until then it is good"),
    (Fault::ForgetsAtUntil, "purge: an entry is kept for a minute longer"),
    (Fault::ForgetsWhatIsOver, "use_once: a clock that is ahead"),
    (Fault::RefusalShortens, "use_once: a refusal does not shorten the entry"),
    (Fault::RefusalForgets, "use_once: no other instance may"),
    (Fault::PurgeTakesGood, "purge: an entry is kept for a minute longer"),
    (Fault::PurgeIgnoresLimit, "purge: at most so many"),
    (Fault::PurgeCountsWrong, "purge: says how many"),
    (Fault::Saturates, "use_once: nobody else may (b)"),
];

#[test]
fn the_suite_finds_every_fault() {
    let found =
        |fault: Fault, rule: &str| missed(&fault, rule, || once_store(async || Faulty::two(Some(fault))));
    let missed: Vec<_> = FAULTS.iter().filter_map(|(fault, rule)| found(*fault, rule)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_without_a_fault_passes() {
    once_store(async || Faulty::two(None)).await;
}

#[tokio::test]
async fn a_store_that_answers_in_an_outage_is_found() {
    once_store_that_is_down(&Down(None)).await;
    for (answer, rule) in [(true, "outage: neither yes nor no"), (false, "outage: neither yes nor no")] {
        let said = tokio::spawn(async move { once_store_that_is_down(&Down(Some(answer))).await }).await;
        assert!(text(&*said.unwrap_err().into_panic()).contains(rule), "{answer}");
    }
}

type Rows = HashMap<Vec<u8>, Timestamp>;

/// An instance over the simplest store there is, with room for one fault.
struct Faulty {
    fault: Option<Fault>,
    rows: Arc<Mutex<Rows>>,
}

impl Faulty {
    fn two(fault: Option<Fault>) -> [Arc<Self>; 2] {
        let rows: Arc<Mutex<Rows>> = Arc::default();
        let own = if fault == Some(Fault::OfOneInstance) { Arc::default() } else { Arc::clone(&rows) };
        [Arc::new(Self { fault, rows }), Arc::new(Self { fault, rows: own })]
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    fn key(&self, id: OnceId<'_>) -> Vec<u8> {
        let plain = |kept: &[u8]| [format!("{:?}", id.purpose()).as_bytes(), kept].concat();
        match self.fault {
            Some(Fault::KeysByPrefix) => plain(&id.as_bytes()[..id.as_bytes().len().min(200)]),
            Some(Fault::IgnoresCase) => plain(&id.as_bytes().to_ascii_lowercase()),
            Some(Fault::IgnoresBlanks) => plain(id.as_bytes().trim_ascii_end()),
            Some(Fault::EndsAtZero) => plain(id.as_bytes().split(|byte| *byte == 0).next().unwrap()),
            Some(Fault::PurposesAreOne) => id.as_bytes().to_vec(),
            Some(Fault::OwnersAreOne) => {
                let shown = format!("{:?}", id.purpose());
                [shown.split_once("name").unwrap().1.as_bytes(), id.as_bytes()].concat()
            }
            _ => id.key().to_vec(),
        }
    }

    fn kept_until(&self, until: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self.fault {
            Some(Fault::OverIsGood) => Some(until),
            Some(Fault::OverAtTheEnd) if until == now => Some(until),
            Some(Fault::OverIsUsedEarly) if until.as_millis() <= now.as_millis() + 1 => None,
            Some(Fault::ForgetsAtUntil) if now < until => Some(until),
            Some(Fault::Saturates) if until.as_millis() > i64::MAX as u64 => Some(Timestamp::from_millis(0)),
            _ => kept_until(until, now),
        }
    }
}

impl OnceStore for Faulty {
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let Some(kept) = self.kept_until(until, now) else { return Ok(false) };
        let key = self.key(id);
        if self.has(Fault::InTwoSteps) {
            let used = self.rows().contains_key(&key);
            yield_now().await;
            self.rows().entry(key).or_insert(kept);
            return Ok(!used);
        }
        let mut rows = self.rows();
        let margin = if self.has(Fault::ForgetsWhatIsOver) { 60_000 } else { 0 };
        rows.retain(|_, kept| kept.as_millis() > now.as_millis().saturating_add(margin));
        if let Some(entry) = rows.get_mut(&key) {
            if self.has(Fault::RefusalShortens) {
                *entry = kept;
            }
            if self.has(Fault::RefusalForgets) {
                rows.remove(&key);
            }
            return Ok(false);
        }
        if !self.has(Fault::NotesNothing) {
            rows.insert(key, kept);
        }
        Ok(true)
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let limit = if self.has(Fault::PurgeIgnoresLimit) { u64::MAX } else { limit };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_over = |kept: &Timestamp| *kept <= before || self.has(Fault::PurgeTakesGood);
        let over: Vec<_> =
            rows.iter().filter(|(_, kept)| is_over(kept)).map(|(key, _)| key.clone()).collect();
        let over = &over[..over.len().min(limit)];
        for key in over {
            rows.remove(key);
        }
        Ok(over.len() as u64 * if self.has(Fault::PurgeCountsWrong) { 7 } else { 1 })
    }
}

/// A store that is down, and what it answers nevertheless.
struct Down(Option<bool>);

impl OnceStore for Down {
    async fn use_once(&self, _: OnceId<'_>, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        self.0.ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable))
    }

    async fn purge(&self, _: Timestamp, _: u64) -> Result<u64, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable))
    }
}
