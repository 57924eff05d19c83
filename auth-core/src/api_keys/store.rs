//! Where keys are kept.

use std::future::Future;
use std::sync::Arc;

use super::{ApiKey, ApiKeyId, ApiKeyOwner};
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// How a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEnd {
    /// It was revoked, now. When it was revoked first stays.
    Revoked(Timestamp),
    /// It is over by this time at the latest: another one takes its place.
    By(Timestamp),
}

/// Keeps [keys](ApiKey), without their secrets. `auth_core::conformance::api_keys` checks an implementation.
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Adds a key, unless its owner has so many [live](ApiKey::is_live) ones already; says whether it did. Several that are
    /// added at once may get a few more.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has a key with this id.
    fn add(
        &self,
        key: &ApiKey,
        max: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The key with this id, whatever became of it.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn find(&self, id: ApiKeyId) -> impl Future<Output = Result<Option<ApiKey>, StoreError>> + Send;

    /// At most so many keys of an owner, those first that were made last.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    fn of_owner(
        &self,
        owner: &ApiKeyOwner,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ApiKey>, StoreError>> + Send;

    /// Ends a key; says whether the owner has one with this id. None gets longer by it, and none that was revoked comes back.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn end(
        &self,
        owner: &ApiKeyOwner,
        id: ApiKeyId,
        end: KeyEnd,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Notes when a key was last used, unless that is later already.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    fn note_use(&self, id: ApiKeyId, at: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes at most so many keys that were over, or revoked, before this time, and says how many.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    fn purge(&self, before: Timestamp, limit: u64) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: ApiKeyStore> ApiKeyStore for Arc<S> {
    async fn add(&self, key: &ApiKey, max: usize, now: Timestamp) -> Result<bool, StoreError> {
        (**self).add(key, max, now).await
    }

    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        (**self).find(id).await
    }

    async fn of_owner(&self, owner: &ApiKeyOwner, limit: usize) -> Result<Vec<ApiKey>, StoreError> {
        (**self).of_owner(owner, limit).await
    }

    async fn end(&self, owner: &ApiKeyOwner, id: ApiKeyId, end: KeyEnd) -> Result<bool, StoreError> {
        (**self).end(owner, id, end).await
    }

    async fn note_use(&self, id: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        (**self).note_use(id, at).await
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        (**self).purge(before, limit).await
    }
}
