//! Where it is noted what was used.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::OnceId;
use crate::store_error::StoreError;
use crate::time::Timestamp;

/// How much longer than it is good for an entry is kept: clocks of instances may differ by that much, and what is over
/// for one of them is good for the other.
pub const KEPT_BEYOND: Duration = Duration::from_secs(60);

/// Until when a store keeps an entry of what is good until then; `None` if that is over, and nobody may use it.
pub fn kept_until(until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (now < until).then(|| until.plus(KEPT_BEYOND))
}

/// Notes what was used, for all instances of an application, so that nothing is used twice. `auth_core::conformance::once`
/// checks an implementation.
pub trait OnceStore: Send + Sync + 'static {
    /// Whether the caller is the one who may use it: `true` for exactly one, however many ask at once, and on however many
    /// instances. It is good until `until`, which everybody must know alike, and nobody's from then on.
    ///
    /// An entry is there for [`KEPT_BEYOND`] longer. A store that forgets by itself reckons from `now`, by whatever clock that
    /// is; it forgets nothing earlier to make room.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written, or has no room for another entry. Then it is not known whether anybody may use
    /// it, and the caller may not.
    fn use_once(
        &self,
        id: OnceId<'_>,
        until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes at most so many entries that need be kept [no longer](kept_until) at this time, and says how many. Zero where
    /// the store does that by itself.
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
