//! Changing several buckets of a store at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, futures::Notified};

use super::store::DynThrottleStore;
use super::{Bucket, BucketChange, BucketKey, StoredBucket};
use crate::guard::guarded;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// How long a store may take, all repetitions included.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Draws versions that no bucket had before: none twice, or whoever was overtaken would not notice.
pub(super) struct Versions(AtomicU64);

impl Versions {
    /// Beginning anywhere: other instances draw from elsewhere.
    pub(super) fn starting_at(random: u64) -> Self {
        Self(AtomicU64::new(random))
    }

    fn next(&self) -> u64 {
        // Stores keep numbers with a sign.
        self.0.fetch_add(1, Ordering::Relaxed) & (u64::MAX >> 1)
    }
}

/// Loads the buckets, has them changed, and gives them back, until nobody came in between.
///
/// # Errors
/// [`StoreError`] if the store cannot do that in time.
pub(super) async fn update<T>(
    store: &dyn DynThrottleStore,
    versions: &Versions,
    keys: &[BucketKey],
    now: Timestamp,
    change: impl Fn(&mut [Bucket]) -> T,
) -> Result<T, StoreError> {
    let updating = async {
        loop {
            let loaded = store.load(keys).await?;
            let before: Vec<Bucket> = loaded
                .iter()
                .map(|one| one.as_ref().map_or_else(Bucket::default, |one| one.bucket.clone()))
                .collect();
            let mut after = before.clone();
            let answer = change(&mut after);
            let pairs = keys.iter().zip(&loaded).zip(before.into_iter().zip(after));
            let changes: Vec<_> = pairs
                .filter(|(_, (before, after))| before != after)
                .map(|((key, loaded), (_, after))| BucketChange {
                    key: *key,
                    expected: loaded.as_ref().map(|loaded| loaded.version),
                    new: (!after.is_blank())
                        .then(|| StoredBucket { bucket: after, version: versions.next() }),
                })
                .filter(|change| change.expected.is_some() || change.new.is_some())
                .collect();
            if changes.is_empty() || store.replace(&changes, now).await? {
                return Ok(answer);
            }
        }
    };
    guarded(STORE_TIMEOUT, updating).await.unwrap_or_else(|why| {
        Err(StoreError::new(match why {
            crate::guard::Interrupted::TimedOut => StoreErrorKind::TimedOut,
            crate::guard::Interrupted::Panicked => StoreErrorKind::Panicked,
        }))
    })
}

/// Has those who count one name in this process take turns, so that they do not get in each other's way at the store; and
/// wakes those who wait for a place.
pub(super) struct Turns(Box<[Turn]>);

#[derive(Default)]
struct Turn {
    holder: Mutex<()>,
    settled: Notify,
}

const TURNS: usize = 256;

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..TURNS).map(|_| Turn::default()).collect())
    }

    fn of(&self, key: &BucketKey) -> &Turn {
        &self.0[usize::from(key.as_bytes()[0])]
    }

    pub(super) async fn take(&self, key: &BucketKey) -> MutexGuard<'_, ()> {
        self.of(key).holder.lock().await
    }

    /// Ready when a place was given back after this call.
    pub(super) fn settled(&self, key: &BucketKey) -> Notified<'_> {
        self.of(key).settled.notified()
    }

    pub(super) fn settle(&self, key: &BucketKey) {
        self.of(key).settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_version_is_drawn_twice() {
        let versions = Versions::starting_at(u64::MAX - 50);
        let drawn: std::collections::HashSet<_> = (0..100).map(|_| versions.next()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|version| i64::try_from(*version).is_ok()));
    }
}
