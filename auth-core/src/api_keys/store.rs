//! The store of keys.

use std::future::Future;
use std::sync::Arc;

use super::{ApiKey, ApiKeyId, ApiKeyOwner};
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// How a key ends: see [`ApiKeyStore::end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEnd {
    /// It is revoked at this time. An earlier revocation stays.
    Revoked(Timestamp),
    /// It ends at this time at the latest, because another one replaces it.
    By(Timestamp),
}

/// Stores [keys](ApiKey), without their secrets. [`MemoryApiKeys`](crate::api_keys::MemoryApiKeys) is one;
/// `SqlApiKeys` of auth-sql keeps them in a table.
///
/// `auth_core::conformance::api_keys` tests an implementation.
///
/// ```
/// use auth_core::api_keys::{ApiKeyOwner, ApiKeyStore};
/// use auth_core::session::StoreError;
///
/// async fn names(store: &impl ApiKeyStore, owner: &ApiKeyOwner) -> Result<Vec<String>, StoreError> {
///     Ok(store.of_owner(owner, 100).await?.iter().map(|key| key.name().to_owned()).collect())
/// }
/// ```
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Adds a key, unless its owner already has this many [live](ApiKey::is_live) ones; returns whether it did.
    /// Concurrent additions may exceed the limit by a few.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has a key with this id.
    fn add(
        &self,
        key: &ApiKey,
        max: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The key with this id, live or ended.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn find(&self, id: ApiKeyId) -> impl Future<Output = Result<Option<ApiKey>, StoreError>> + Send;

    /// At most this many keys of an owner, newest first.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    fn of_owner(
        &self,
        owner: &ApiKeyOwner,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ApiKey>, StoreError>> + Send;

    /// Ends a key; returns whether the owner has one with this id. It never prolongs a key, nor restores a revoked
    /// one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn end(
        &self,
        owner: &ApiKeyOwner,
        id: ApiKeyId,
        end: KeyEnd,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Records when a key was last used, unless a later use is recorded already.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    fn note_use(&self, id: ApiKeyId, at: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes at most this many keys that ended before this time, and returns how many.
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
