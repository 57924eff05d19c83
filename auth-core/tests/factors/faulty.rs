//! A store written another way than the one in memory, with a fault that can be switched on.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use auth_core::factors::{
    CodeHash, FactorId, FactorKind, FactorLookup, FactorOwner, FactorStore, Reservation, StoredFactor, Tries,
    Try, TryEnd,
};
use auth_core::session::{StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use tokio::time::sleep;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    AddsWithoutEnd,
    AddsTwice,
    ListsNewestFirst,
    OwnersIgnoreCase,
    OwnersIgnoreBlanks,
    ConfirmsAgain,
    ConfirmLeavesStep,
    ConfirmsInTwoSteps,
    UsesUnconfirmed,
    UsesStepAgain,
    UsesAnyOtherStep,
    UsesStepInTwoSteps,
    KeepsCode,
    UsesAllCodes,
    UsesCodeInTwoSteps,
    KeepsOldCodes,
    ReplacesEverything,
    ReplacesAnySecret,
    RemovesNothing,
    RemovesAllOfUser,
    RemovalKeepsTries,
    CountsInTwoSteps,
    CountsAtTheEnd,
    CountsForEachInstance,
    CountsForEverybody,
    AskingCounts,
    CountsFaults,
    KeepsCount,
    WrongGivesBack,
    AddsLookupTwice,
    AddsLookupInTwoSteps,
    LookupIsOfOneOwner,
    FindsRemoved,
    NotesUnconfirmed,
    NotesForAnybody,
}

/// Long enough for everybody else to get as far, also where the machine has other things to do.
async fn dawdle() {
    sleep(Duration::from_millis(5)).await;
}

#[derive(Default)]
struct Rows {
    factors: Vec<StoredFactor>,
    removed: Vec<StoredFactor>,
    tries: Vec<(FactorOwner, usize, Tries)>,
}

/// One instance's handle of the store.
pub(crate) struct Faulty {
    rows: Arc<Mutex<Rows>>,
    fault: Option<Fault>,
    instance: usize,
}

impl Faulty {
    pub(crate) fn two(fault: Option<Fault>) -> [Arc<Self>; 2] {
        let rows = Arc::new(Mutex::default());
        [0, 1].map(|instance| Arc::new(Self { rows: Arc::clone(&rows), fault, instance }))
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    fn is_same(&self, one: &FactorOwner, other: &FactorOwner) -> bool {
        let (mut a, mut b) = (one.user.as_str().to_owned(), other.user.as_str().to_owned());
        if self.has(Fault::OwnersIgnoreCase) {
            (a, b) = (a.to_lowercase(), b.to_lowercase());
        }
        if self.has(Fault::OwnersIgnoreBlanks) {
            (a, b) = (a.trim().into(), b.trim().into());
        }
        one.backend == other.backend && a == b
    }

    fn is_it(&self, factor: &StoredFactor, owner: &FactorOwner, id: FactorId) -> bool {
        factor.id == id && self.is_same(&factor.owner, owner)
    }

    /// Changes a factor if it is so; with the fault, looks first and changes it later.
    async fn change(
        &self,
        in_two_steps: Fault,
        (owner, id): (&FactorOwner, FactorId),
        is_so: impl Fn(&StoredFactor) -> bool,
        change: impl Fn(&mut StoredFactor),
    ) -> bool {
        let found = |factor: &StoredFactor| self.is_it(factor, owner, id) && is_so(factor);
        let mut is_found = false;
        if self.has(in_two_steps) {
            is_found = self.rows().factors.iter().any(found);
            dawdle().await;
        }
        let mut rows = self.rows();
        let factor = rows.factors.iter_mut().find(|factor| {
            if is_found { self.is_it(factor, owner, id) } else { found(factor) && !self.has(in_two_steps) }
        });
        factor.map(change).is_some()
    }

    /// Where it is counted for this owner.
    fn tries(&self, rows: &mut Rows, owner: &FactorOwner) -> usize {
        let instance = if self.has(Fault::CountsForEachInstance) { self.instance } else { 0 };
        let is_it = |(whose, at, _): &(FactorOwner, usize, Tries)| {
            (self.has(Fault::CountsForEverybody) || whose == owner) && *at == instance
        };
        rows.tries.iter().position(is_it).unwrap_or_else(|| {
            rows.tries.push((owner.clone(), instance, Tries::default()));
            rows.tries.len() - 1
        })
    }
}

impl FactorStore for Faulty {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        let is_same = |other: &StoredFactor| {
            let is_theirs = other.owner == factor.owner || !self.has(Fault::LookupIsOfOneOwner);
            factor.lookup.is_some() && other.lookup == factor.lookup && is_theirs
        };
        let mut is_taken = false;
        if !self.has(Fault::AddsLookupTwice) {
            is_taken = self.rows().factors.iter().any(is_same);
        }
        if self.has(Fault::AddsLookupInTwoSteps) {
            dawdle().await;
        }
        let mut rows = self.rows();
        if !self.has(Fault::AddsLookupTwice) && !self.has(Fault::AddsLookupInTwoSteps) {
            is_taken = rows.factors.iter().any(is_same);
        }
        let has_id = rows.factors.iter().any(|other| other.id == factor.id) && !self.has(Fault::AddsTwice);
        if has_id || is_taken {
            return Err(StoreError::new(StoreErrorKind::Exists));
        }
        let count = rows.factors.iter().filter(|other| other.owner == factor.owner).count();
        if count >= max && !self.has(Fault::AddsWithoutEnd) {
            return Ok(false);
        }
        rows.factors.push(factor.clone());
        Ok(true)
    }

    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        let rows = self.rows();
        let all = rows.factors.iter().chain(rows.removed.iter().filter(|_| self.has(Fault::FindsRemoved)));
        Ok(all.rev().find(|factor| factor.lookup.as_ref() == Some(lookup)).cloned())
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        let is_so = |factor: &StoredFactor| {
            let is_theirs = factor.owner == *owner || self.has(Fault::NotesForAnybody);
            factor.id == id && is_theirs && (factor.is_confirmed() || self.has(Fault::NotesUnconfirmed))
        };
        let mut rows = self.rows();
        let found = rows.factors.iter_mut().find(|factor| is_so(factor));
        Ok(found.map(|factor| factor.last_used = Some(now)).is_some())
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let goes = |other: &StoredFactor| {
            let is_set = other.kind == FactorKind::RecoveryCodes || self.has(Fault::ReplacesEverything);
            other.owner == factor.owner && is_set && !self.has(Fault::KeepsOldCodes)
        };
        rows.factors.retain(|other| !goes(other));
        rows.factors.push(factor.clone());
        Ok(())
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        let rows = self.rows();
        let theirs = rows.factors.iter().filter(|factor| self.is_same(&factor.owner, owner));
        let mut theirs: Vec<_> = theirs.cloned().collect();
        theirs.sort_by_key(|factor| factor.created);
        if self.has(Fault::ListsNewestFirst) {
            theirs.reverse();
        }
        Ok(theirs)
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_so = |factor: &StoredFactor| !factor.is_confirmed() || self.has(Fault::ConfirmsAgain);
        let change = |factor: &mut StoredFactor| {
            factor.confirmed = Some(now);
            factor.last_step = (!self.has(Fault::ConfirmLeavesStep)).then_some(step);
        };
        Ok(self.change(Fault::ConfirmsInTwoSteps, (owner, id), is_so, change).await)
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_later = |last: u64| match self.fault {
            Some(Fault::UsesStepAgain) => last <= step,
            Some(Fault::UsesAnyOtherStep) => last != step,
            _ => last < step,
        };
        let is_so = |factor: &StoredFactor| {
            let counts = factor.is_confirmed() || self.has(Fault::UsesUnconfirmed);
            counts && factor.last_step.is_none_or(is_later)
        };
        let change =
            |factor: &mut StoredFactor| (factor.last_step, factor.last_used) = (Some(step), Some(now));
        Ok(self.change(Fault::UsesStepInTwoSteps, (owner, id), is_so, change).await)
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let keeps =
            |own: &CodeHash| (own != code || self.has(Fault::KeepsCode)) && !self.has(Fault::UsesAllCodes);
        let change = |factor: &mut StoredFactor| {
            factor.codes.retain(keeps);
            factor.last_used = Some(now);
        };
        let is_so = |factor: &StoredFactor| factor.codes.contains(code);
        Ok(self.change(Fault::UsesCodeInTwoSteps, (owner, id), is_so, change).await)
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let is_so = |factor: &StoredFactor| *factor.secret == *old || self.has(Fault::ReplacesAnySecret);
        let found = rows.factors.iter_mut().find(|factor| self.is_it(factor, owner, id) && is_so(factor));
        Ok(found.map(|factor| factor.secret = new.into()).is_some())
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let found = rows.factors.iter_mut().find(|factor| self.is_it(factor, owner, id));
        Ok(found.map(|factor| factor.name = name.into()).is_some())
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let found = rows.factors.iter().position(|factor| self.is_it(factor, owner, id));
        if let Some(at) = found.filter(|_| !self.has(Fault::RemovesNothing)) {
            let removed = rows.factors.remove(at);
            rows.removed.push(removed);
        }
        Ok(found.is_some())
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.factors.len();
        let any_backend = self.has(Fault::RemovesAllOfUser);
        rows.factors
            .retain(|factor| !(factor.owner == *owner || (any_backend && factor.owner.user == owner.user)));
        if !self.has(Fault::RemovalKeepsTries) {
            rows.tries.retain(|(whose, ..)| whose != owner);
        }
        Ok((before - rows.factors.len()) as u64)
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        let before = {
            let mut rows = self.rows();
            let at = self.tries(&mut rows, owner);
            rows.tries[at].2
        };
        if self.has(Fault::CountsInTwoSteps) {
            dawdle().await;
        }
        let mut rows = self.rows();
        let at = self.tries(&mut rows, owner);
        let tries = if self.has(Fault::CountsInTwoSteps) { before } else { rows.tries[at].2 };
        match tries.reserve(now) {
            Ok(reserved) => {
                if !self.has(Fault::CountsAtTheEnd) {
                    rows.tries[at].2 = reserved;
                }
                Ok(Reservation::Allowed(Try::of(reserved)))
            }
            Err(delay) => {
                if self.has(Fault::AskingCounts) {
                    rows.tries[at].2.blocked_until = now.plus(delay * 2);
                }
                Ok(Reservation::RetryAfter(delay))
            }
        }
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        if self.has(Fault::CountsAtTheEnd) {
            // As those do who count what was wrong: all that came at once have been compared by then.
            dawdle().await;
        }
        let mut rows = self.rows();
        let at = self.tries(&mut rows, owner);
        let before = rows.tries[at].2;
        let new = match (self.fault, end) {
            (Some(Fault::CountsFaults), TryEnd::Fault) | (Some(Fault::KeepsCount), TryEnd::Right) => None,
            (Some(Fault::WrongGivesBack), TryEnd::Wrong) => before.settle(tried, TryEnd::Fault),
            (Some(Fault::CountsAtTheEnd), TryEnd::Wrong) => {
                before.reserve(Timestamp::from_secs(1_800_000_000)).ok()
            }
            _ => before.settle(tried, end),
        };
        rows.tries[at].2 = new.unwrap_or(before);
        Ok(())
    }
}
