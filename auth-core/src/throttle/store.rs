//! The store of buckets.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Account, Bucket, BucketKey};
use crate::store_error::StoreError;
use crate::time::Timestamp;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Stores the counters of a [`Throttle`](super::Throttle): for one process in memory, or for all instances of an
/// application. [`MemoryThrottle`](crate::throttle::MemoryThrottle) is one; `SqlThrottle` of auth-sql and
/// `RedisThrottle` of auth-redis are shared.
///
/// A store does not know the limits. It returns buckets with their versions, and replaces several at once if none of
/// them changed meanwhile: so each of many concurrent attempts sees the results of the previous one.
/// `auth_core::conformance::throttle` tests an implementation.
///
/// ```
/// use auth_core::Throttle;
/// use auth_core::throttle::ThrottleStore;
///
/// fn throttle(store: impl ThrottleStore) -> Throttle {
///     Throttle::new(store).per_day(50)
/// }
/// ```
pub trait ThrottleStore: Send + Sync + 'static {
    /// Whether instances share it. `false` for counters of this process only.
    const IS_SHARED: bool = true;

    /// The buckets under these keys, in their order; `None` for a missing one. An [expired](Bucket::expires) one may
    /// be missing or not.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn load(
        &self,
        keys: &[BucketKey],
    ) -> impl Future<Output = Result<Vec<Option<StoredBucket>>, StoreError>> + Send;

    /// Makes all of these changes, or none: `false` if one of the buckets does not have the expected version. All
    /// keys differ. A store that expires entries by itself counts from `now`, on its own clock.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has no room for another one. Then nothing was changed, or it is
    /// unknown what was.
    fn replace(
        &self,
        changes: &[BucketChange],
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// All buckets that concern this account.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn of_account(
        &self,
        account: &Account,
    ) -> impl Future<Output = Result<Vec<(BucketKey, StoredBucket)>, StoreError>> + Send;

    /// Buckets of accounts that are [delaying](Bucket::is_delaying), at most this many, the longest wait first.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn delaying(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Bucket>, StoreError>> + Send;

    /// Removes at most this many expired buckets, and returns how many.
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
    /// Distinguishes it from any earlier or later bucket under the same key.
    pub version: u64,
}

/// A change of a bucket: see [`ThrottleStore::replace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketChange {
    /// Its key.
    pub key: BucketKey,
    /// The version that it must have; `None` if it must not exist.
    pub expected: Option<u64>,
    /// The replacement, with a version that no bucket under the key had; `None` removes it.
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

/// The dyn-compatible part of [`ThrottleStore`] that attempts need.
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
