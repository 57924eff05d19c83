//! Factors in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{
    CodeHash, FactorId, FactorKind, FactorLookup, FactorOwner, FactorStore, Reservation, StoredFactor, Tries,
    Try, TryEnd,
};
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// A [`FactorStore`] in memory: for tests, and for a program whose users end with it. It serves one instance.
///
/// ```
/// use auth_core::factors::{Factors, MemoryFactors};
/// use auth_core::session::KeyRing;
///
/// let factors = Factors::new("Shop", MemoryFactors::new(10_000), &KeyRing::generate()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryFactors {
    kept: Mutex<Kept>,
    max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    owners: HashMap<FactorOwner, Owned>,
    /// The owner of the factor with a lookup.
    lookups: HashMap<FactorLookup, FactorOwner>,
}

/// The data of an owner.
#[derive(Debug, Default)]
struct Owned {
    /// In the order of creation.
    factors: Vec<StoredFactor>,
    tries: Tries,
}

impl MemoryFactors {
    /// A store for the factors of at most `max` users.
    pub fn new(max: usize) -> Self {
        Self { kept: Mutex::default(), max }
    }

    // Nothing in here calls foreign code under the lock, under which everything is compared and changed.
    fn with<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the data of an owner, who may have none yet.
    fn of<T>(
        &self,
        owner: &FactorOwner,
        change: impl FnOnce(&mut Owned, &mut HashMap<FactorLookup, FactorOwner>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|Kept { owners, lookups }| {
            if owners.len() >= self.max && !owners.contains_key(owner) {
                return Err(StoreError::new(StoreErrorKind::Full));
            }
            let done = change(owners.entry(owner.clone()).or_default(), lookups);
            tidy(owners, owner);
            done
        })
    }

    /// Changes a factor if the condition holds, and returns whether it did.
    fn change(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        is_so: impl FnOnce(&StoredFactor) -> bool,
        change: impl FnOnce(&mut StoredFactor),
    ) -> bool {
        self.with(|Kept { owners, .. }| {
            let factors = owners.get_mut(owner).map(|own| &mut own.factors);
            let factor = factors.into_iter().flatten().find(|factor| factor.id == id);
            let Some(factor) = factor.filter(|factor| is_so(factor)) else { return false };
            change(factor);
            true
        })
    }
}

/// Forgets an owner without data.
fn tidy(owners: &mut HashMap<FactorOwner, Owned>, owner: &FactorOwner) {
    if owners.get(owner).is_some_and(|own| own.factors.is_empty() && own.tries == Tries::default()) {
        owners.remove(owner);
    }
}

/// It is practically impossible that another owner has this id, so only this function checks.
fn insert(
    own: &mut Owned,
    lookups: &mut HashMap<FactorLookup, FactorOwner>,
    factor: &StoredFactor,
) -> Result<(), StoreError> {
    let is_found = factor.lookup.is_some_and(|lookup| lookups.contains_key(&lookup));
    if is_found || own.factors.iter().any(|other| other.id == factor.id) {
        return Err(StoreError::new(StoreErrorKind::Exists));
    }
    lookups.extend(factor.lookup.map(|lookup| (lookup, factor.owner.clone())));
    own.factors.push(factor.clone());
    own.factors.sort_by_key(|factor| (factor.created, factor.id));
    Ok(())
}

impl FactorStore for MemoryFactors {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        self.of(&factor.owner, |own, lookups| {
            let has_room = own.factors.len() < max;
            if has_room {
                insert(own, lookups, factor)?;
            }
            Ok(has_room)
        })
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        self.of(&factor.owner, |own, lookups| {
            own.factors.retain(|other| other.kind != FactorKind::RecoveryCodes);
            insert(own, lookups, factor)
        })
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        Ok(self.with(|kept| kept.owners.get(owner).map(|own| own.factors.clone()).unwrap_or_default()))
    }

    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        Ok(self.with(|Kept { owners, lookups }| {
            let own = owners.get(lookups.get(lookup)?)?;
            own.factors.iter().find(|factor| factor.lookup.as_ref() == Some(lookup)).cloned()
        }))
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.change(owner, id, StoredFactor::is_confirmed, |factor| factor.last_used = Some(now)))
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.change(
            owner,
            id,
            |factor| !factor.is_confirmed(),
            |factor| (factor.confirmed, factor.last_step) = (Some(now), Some(step)),
        ))
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.change(
            owner,
            id,
            |factor| factor.is_confirmed() && factor.last_step.is_none_or(|last| last < step),
            |factor| (factor.last_used, factor.last_step) = (Some(now), Some(step)),
        ))
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.change(
            owner,
            id,
            |factor| factor.codes.contains(code),
            |factor| {
                factor.codes.retain(|own| own != code);
                factor.last_used = Some(now);
            },
        ))
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        Ok(self.change(
            owner,
            id,
            |factor| *factor.secret == *old,
            |factor| {
                factor.secret = new.into();
            },
        ))
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        Ok(self.change(owner, id, |_| true, |factor| factor.name = name.into()))
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        Ok(self.with(|Kept { owners, lookups }| {
            let Some(own) = owners.get_mut(owner) else { return false };
            let Some(at) = own.factors.iter().position(|factor| factor.id == id) else { return false };
            if let Some(lookup) = own.factors.remove(at).lookup {
                lookups.remove(&lookup);
            }
            tidy(owners, owner);
            true
        }))
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        Ok(self.with(|Kept { owners, lookups }| {
            let Some(own) = owners.remove(owner) else { return 0 };
            for lookup in own.factors.iter().filter_map(|factor| factor.lookup) {
                lookups.remove(&lookup);
            }
            own.factors.len() as u64
        }))
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        self.of(owner, |own, _| match own.tries.reserve(now) {
            Ok(reserved) => {
                own.tries = reserved;
                Ok(Reservation::Allowed(Try::of(reserved)))
            }
            Err(delay) => Ok(Reservation::RetryAfter(delay)),
        })
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        self.with(|Kept { owners, .. }| {
            let own = owners.get_mut(owner);
            if let Some((own, new)) = own.and_then(|own| own.tries.settle(tried, end).map(|new| (own, new))) {
                own.tries = new;
            }
        });
        Ok(())
    }
}
