//! The store of used ids.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::OnceId;
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// How much longer than its lifetime an entry is kept, because the clocks of instances differ: what has expired for
/// one instance may be good for another.
pub const KEPT_BEYOND: Duration = Duration::from_secs(60);

/// Until when a store keeps an entry for an id with this expiry; `None` if it has expired, and nobody may use it.
pub fn kept_until(until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (now < until).then(|| until.plus(KEPT_BEYOND))
}

/// Remembers used ids for all instances of an application, so that no id is used twice.
/// [`MemoryOnce`](crate::once::MemoryOnce) is one; `SqlOnce` of auth-sql and `RedisOnce` of auth-redis are shared.
///
/// `auth_core::conformance::once` tests an implementation.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::once::{OnceId, OnceStore};
/// use auth_core::session::{Purpose, StoreError};
/// use auth_core::time::{Clock, SystemClock};
///
/// /// Accepts an invitation whose signature has been verified.
/// async fn accept(used: &impl OnceStore, purpose: &Purpose, nonce: &[u8; 16]) -> Result<bool, StoreError> {
///     let Ok(id) = OnceId::new(purpose, nonce) else { return Ok(false) };
///     let now = SystemClock.now();
///     used.use_once(id, now.plus(Duration::from_secs(3600)), now).await
/// }
/// ```
pub trait OnceStore: Send + Sync + 'static {
    /// Whether the caller may use the id: `true` for exactly one of any number of concurrent callers, on any
    /// instances. The id is good until `until`, on which all callers must agree; after that nobody may use it.
    ///
    /// An entry is kept for [`KEPT_BEYOND`] longer. A store that expires entries by itself counts from `now`, on its
    /// own clock; it never removes an entry early to make room.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has no room for another entry. Then it is unknown whether anybody
    /// may use the id, and the caller may not.
    fn use_once(
        &self,
        id: OnceId<'_>,
        until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes at most this many entries that are [no longer needed](kept_until) at this time, and returns how many.
    /// Zero if the store does that by itself.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    fn purge(&self, before: Timestamp, limit: u64) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: OnceStore> OnceStore for Arc<S> {
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        (**self).use_once(id, until, now).await
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        (**self).purge(before, limit).await
    }
}
