//! The store of factors.

use std::future::Future;
use std::sync::Arc;

use super::{CodeHash, FactorId, FactorLookup, FactorOwner, Reservation, StoredFactor, Try, TryEnd};
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// Stores [factors](StoredFactor), and how many wrong codes their owners entered.
/// [`MemoryFactors`](crate::factors::MemoryFactors) is one; `SqlFactors` of auth-sql keeps them in tables.
///
/// `auth_core::conformance::factors` tests an implementation.
///
/// Decisions about access are compare-and-set operations: of any number of concurrent callers, at any instances,
/// exactly one gets `true`. An outage is an error, and never `false`.
///
/// ```
/// use std::sync::Arc;
///
/// use auth_core::factors::{Factors, FactorStore};
/// use auth_core::session::KeyRing;
///
/// fn factors<S: FactorStore>(store: S, keys: &KeyRing) -> Result<Arc<Factors<S>>, auth_core::ConfigError> {
///     Ok(Arc::new(Factors::new("Shop", store, keys)?))
/// }
/// ```
pub trait FactorStore: Send + Sync + 'static {
    /// Adds a factor, unless its owner already has this many, confirmed or not; returns whether it did. Concurrent
    /// additions may exceed the limit by a few.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written; of kind [`Exists`](crate::session::StoreErrorKind::Exists) if there is
    /// a factor with this id, or of any owner with this [lookup](StoredFactor::lookup). Checking and adding are one
    /// step: of any number of concurrent additions of the same, one succeeds.
    fn add(&self, factor: &StoredFactor, max: usize)
    -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Replaces the owner's recovery codes by this set, in one step, so that at no time both sets are good, or
    /// neither.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn replace_codes(&self, factor: &StoredFactor) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All factors of an owner, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read; of kind [`Newer`](crate::session::StoreErrorKind::Newer) if one has a
    /// kind that this version does not know.
    fn of_owner(
        &self,
        owner: &FactorOwner,
    ) -> impl Future<Output = Result<Vec<StoredFactor>, StoreError>> + Send;

    /// The factor with this lookup, of any owner.
    ///
    /// # Errors
    /// As [`of_owner`](Self::of_owner).
    fn by_lookup(
        &self,
        lookup: &FactorLookup,
    ) -> impl Future<Output = Result<Option<StoredFactor>, StoreError>> + Send;

    /// Records that a confirmed factor was used; returns whether the owner has one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn note_use(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Confirms an unconfirmed factor by a code of this time step, which is thereby used. Returns whether this call
    /// did it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Uses up a time step of a confirmed factor, and all before it: `true` only if its last step is an earlier one,
    /// which the store compares and replaces in one step.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a recovery code of a set; `true` only if it was there and this call removed it.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Replaces a secret if it is still the expected one; returns whether it did.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Renames a factor; returns whether the owner has one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn rename(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        name: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a factor; returns whether the owner had one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn remove(
        &self,
        owner: &FactorOwner,
        id: FactorId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes all factors of an owner and their counter, and returns how many factors there were.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn remove_all(&self, owner: &FactorOwner) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Counts a code of this owner as wrong before it is compared: by [`Tries::reserve`](super::Tries::reserve), in
    /// one step.
    ///
    /// If it were counted afterwards, a thousand concurrent codes would all be compared before the first is counted.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm). Nothing may be compared then.
    fn reserve_try(
        &self,
        owner: &FactorOwner,
        now: Timestamp,
    ) -> impl Future<Output = Result<Reservation, StoreError>> + Send;

    /// Records how a try ended: by [`Tries::settle`](super::Tries::settle), in one step. A try that is never settled
    /// was wrong.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn settle_try(
        &self,
        owner: &FactorOwner,
        tried: Try,
        end: TryEnd,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl<S: FactorStore> FactorStore for Arc<S> {
    async fn add(&self, factor: &StoredFactor, max: usize) -> Result<bool, StoreError> {
        (**self).add(factor, max).await
    }

    async fn replace_codes(&self, factor: &StoredFactor) -> Result<(), StoreError> {
        (**self).replace_codes(factor).await
    }

    async fn of_owner(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, StoreError> {
        (**self).of_owner(owner).await
    }

    async fn by_lookup(&self, lookup: &FactorLookup) -> Result<Option<StoredFactor>, StoreError> {
        (**self).by_lookup(lookup).await
    }

    async fn note_use(&self, owner: &FactorOwner, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
        (**self).note_use(owner, id, now).await
    }

    async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).confirm(owner, id, step, now).await
    }

    async fn use_step(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        step: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).use_step(owner, id, step, now).await
    }

    async fn use_recovery_code(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).use_recovery_code(owner, id, code, now).await
    }

    async fn replace_secret(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        old: &[u8],
        new: &[u8],
    ) -> Result<bool, StoreError> {
        (**self).replace_secret(owner, id, old, new).await
    }

    async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, StoreError> {
        (**self).rename(owner, id, name).await
    }

    async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, StoreError> {
        (**self).remove(owner, id).await
    }

    async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, StoreError> {
        (**self).remove_all(owner).await
    }

    async fn reserve_try(&self, owner: &FactorOwner, now: Timestamp) -> Result<Reservation, StoreError> {
        (**self).reserve_try(owner, now).await
    }

    async fn settle_try(&self, owner: &FactorOwner, tried: Try, end: TryEnd) -> Result<(), StoreError> {
        (**self).settle_try(owner, tried, end).await
    }
}
