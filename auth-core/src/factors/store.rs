//! Where factors are kept.

use std::future::Future;
use std::sync::Arc;

use super::{CodeHash, FactorId, FactorLookup, FactorOwner, Reservation, StoredFactor, Try, TryEnd};
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// Keeps [factors](StoredFactor), and how many wrong codes their owners entered.
/// `auth_core::conformance::factors` checks an implementation.
///
/// What decides whether somebody is let in is a compare-and-set: of any number of callers at once, at whichever instances, exactly
/// one is told `true`. An outage is an error, and never `false`.
pub trait FactorStore: Send + Sync + 'static {
    /// Adds a factor, unless its owner has so many already, confirmed or not; says whether it did. Several that are added at once
    /// may get a few more.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written; of kind [`Exists`](crate::session::StoreErrorKind::Exists) if it has a factor with this
    /// id, or one of anybody's with this [lookup](StoredFactor::lookup), which it sees and adds in one step: of any number that add
    /// the same at once, one does.
    fn add(&self, factor: &StoredFactor, max: usize)
    -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Adds a set of recovery codes in the place of those that its owner has: in one step, so that at no time both are good, or
    /// neither.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn replace_codes(&self, factor: &StoredFactor) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All factors of an owner, those first that were made first.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read; of kind [`Newer`](crate::session::StoreErrorKind::Newer) if one is of a kind that is
    /// not known here.
    fn of_owner(
        &self,
        owner: &FactorOwner,
    ) -> impl Future<Output = Result<Vec<StoredFactor>, StoreError>> + Send;

    /// The factor with this lookup, whoever its owner is.
    ///
    /// # Errors
    /// As [`of_owner`](Self::of_owner).
    fn by_lookup(
        &self,
        lookup: &FactorLookup,
    ) -> impl Future<Output = Result<Option<StoredFactor>, StoreError>> + Send;

    /// Notes that a confirmed factor was used; says whether the owner has one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn note_use(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Confirms a factor that is unconfirmed, by a code of this time step, which is thereby used. Says whether this call did it.
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

    /// Uses up a time step of a confirmed factor, and all before it: `true` only if its last one is an earlier one, which the store
    /// compares and replaces in one step.
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

    /// Removes a recovery code of a set; `true` only if it was there, and it is this call that removed it.
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

    /// Puts a secret in the place of another, if that one is still there; says whether it did.
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

    /// Gives a factor another name; says whether the owner has one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn rename(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        name: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a factor; says whether the owner had one with this id.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn remove(
        &self,
        owner: &FactorOwner,
        id: FactorId,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes all factors of an owner and what was counted for them, and says how many factors that were.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    fn remove_all(&self, owner: &FactorOwner) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Counts a code of this owner as wrong, before it is compared: by [`Tries::reserve`](super::Tries::reserve), in one step.
    ///
    /// Were it counted afterwards, a thousand at once would all be compared before the first is counted.
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm). Nothing may then be compared.
    fn reserve_try(
        &self,
        owner: &FactorOwner,
        now: Timestamp,
    ) -> impl Future<Output = Result<Reservation, StoreError>> + Send;

    /// Says how a try ended: by [`Tries::settle`](super::Tries::settle), in one step. One that is never settled was wrong.
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
