//! Where buckets are kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Account, Bucket, BucketKey};
use crate::store_error::StoreError;
use crate::time::Timestamp;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps what a [`Throttle`](super::Throttle) counts: for one process in memory, or for all instances of an application.
///
/// A store knows nothing of limits. It hands out buckets with their versions, and takes back several at once if none of them
/// was changed meanwhile: so of any number of attempts at once, each finds what the one before it left.
/// `auth_core::conformance::throttle` checks an implementation.
pub trait ThrottleStore: Send + Sync + 'static {
    /// Whether instances share it. What is counted in this process alone is not.
    const IS_SHARED: bool = true;

    /// The buckets under these keys, in their order; `None` for one that is not there. One that has
    /// [expired](Bucket::expires) may be there or not.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn load(
        &self,
        keys: &[BucketKey],
    ) -> impl Future<Output = Result<Vec<Option<StoredBucket>>, StoreError>> + Send;

    /// Makes all of these changes, or none: `false` if one of the buckets has another version than it is expected to have.
    /// No two of them have one key. A store that forgets by itself what has expired reckons from `now`, by whatever clock that is.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has no room for another one. Then nothing was changed, or it is not
    /// known what was.
    fn replace(
        &self,
        changes: &[BucketChange],
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// All buckets that are about this account.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn of_account(
        &self,
        account: &Account,
    ) -> impl Future<Output = Result<Vec<(BucketKey, StoredBucket)>, StoreError>> + Send;

    /// Buckets of accounts that are [delaying](Bucket::is_delaying), at most so many, those first that do so the longest.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn delaying(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Bucket>, StoreError>> + Send;

    /// Removes at most so many that have expired, and says how many.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    fn purge_expired(
        &self,
        now: Timestamp,
        limit: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// A bucket as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBucket {
    /// The bucket.
    pub bucket: Bucket,
    /// What tells it from what was, or will be, under the same key.
    pub version: u64,
}

/// What becomes of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketChange {
    /// Its key.
    pub key: BucketKey,
    /// The version that it must have; `None` if it must not be there.
    pub expected: Option<u64>,
    /// What takes its place, with a version that no bucket under the key had; `None` removes it.
    pub new: Option<StoredBucket>,
}

impl<S: ThrottleStore> ThrottleStore for Arc<S> {
    const IS_SHARED: bool = S::IS_SHARED;

    async fn load(&self, keys: &[BucketKey]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        (**self).load(keys).await
    }

    async fn replace(&self, changes: &[BucketChange], now: Timestamp) -> Result<bool, StoreError> {
        (**self).replace(changes, now).await
    }

    async fn of_account(&self, account: &Account) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        (**self).of_account(account).await
    }

    async fn delaying(&self, now: Timestamp, limit: usize) -> Result<Vec<Bucket>, StoreError> {
        (**self).delaying(now, limit).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        (**self).purge_expired(now, limit).await
    }
}

/// The dyn twin of [`ThrottleStore`], as far as attempts need it.
pub(super) trait DynThrottleStore: Send + Sync {
    fn load<'a>(
        &'a self,
        keys: &'a [BucketKey],
    ) -> BoxFuture<'a, Result<Vec<Option<StoredBucket>>, StoreError>>;
    fn replace<'a>(
        &'a self,
        changes: &'a [BucketChange],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;
}

impl<S: ThrottleStore> DynThrottleStore for S {
    fn load<'a>(
        &'a self,
        keys: &'a [BucketKey],
    ) -> BoxFuture<'a, Result<Vec<Option<StoredBucket>>, StoreError>> {
        Box::pin(ThrottleStore::load(self, keys))
    }

    fn replace<'a>(
        &'a self,
        changes: &'a [BucketChange],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(ThrottleStore::replace(self, changes, now))
    }
}
