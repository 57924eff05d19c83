//! Changing several buckets of a store at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, futures::Notified};

use super::store::DynThrottleStore;
use super::{Bucket, BucketChange, BucketKey, StoredBucket};
use crate::guard::guarded;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// How long a store may take, including all retries.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Draws versions that no bucket had before. A repeated one would hide a concurrent change.
pub(super) struct Versions(AtomicU64);

impl Versions {
    /// Begins at a random number: other instances draw from elsewhere.
    pub(super) fn starting_at(random: u64) -> Self {
        Self(AtomicU64::new(random))
    }

    fn next(&self) -> u64 {
        // Stores keep signed numbers.
        self.0.fetch_add(1, Ordering::Relaxed) & (u64::MAX >> 1)
    }
}

/// The result of a change.
pub(super) struct Updated<T> {
    pub(super) answer: T,
    /// The buckets after the change.
    pub(super) left: Vec<Option<StoredBucket>>,
}

/// Loads the buckets, changes them, and writes them back, until no concurrent change interferes. If their recent
/// state is known, they are loaded only if it is outdated.
///
/// # Errors
/// [`StoreError`] if the store cannot do that in time.
pub(super) async fn update<T>(
    store: &dyn DynThrottleStore,
    versions: &Versions,
    keys: &[BucketKey],
    known: Option<Vec<Option<StoredBucket>>>,
    now: Timestamp,
    change: impl Fn(&mut [Bucket]) -> T,
) -> Result<Updated<T>, StoreError> {
    let updating = async {
        let mut left = match known {
            Some(known) => known,
            None => store.load(keys).await?,
        };
        loop {
            let bucket = |one: &Option<StoredBucket>| one.as_ref().map(|one| one.bucket.clone());
            let before: Vec<_> = left.iter().map(|one| bucket(one).unwrap_or_default()).collect();
            let mut after = before.clone();
            let answer = change(&mut after);
            let mut changes = Vec::new();
            for (at, (before, after)) in before.into_iter().zip(after).enumerate() {
                let expected = left[at].as_ref().map(|stored| stored.version);
                let new = (!after.is_blank())
                    .then(|| StoredBucket { bucket: after.clone(), version: versions.next() });
                if before != after && (expected.is_some() || new.is_some()) {
                    left[at].clone_from(&new);
                    changes.push(BucketChange { key: keys[at], expected, new });
                }
            }
            if changes.is_empty() || store.replace(&changes, now).await? {
                return Ok(Updated { answer, left });
            }
            left = store.load(keys).await?;
        }
    };
    guarded(STORE_TIMEOUT, updating).await.unwrap_or_else(|why| {
        Err(StoreError::new(match why {
            crate::guard::Interrupted::TimedOut => StoreErrorKind::TimedOut,
            crate::guard::Interrupted::Panicked => StoreErrorKind::Panicked,
        }))
    })
}

/// Makes the store rewrite what is there. It does not matter whether it does, but how long it takes.
pub(super) async fn touch(
    store: &dyn DynThrottleStore,
    versions: &Versions,
    key: BucketKey,
    seen: Option<StoredBucket>,
    now: Timestamp,
) {
    let expected = seen.as_ref().map(|stored| stored.version);
    let new = seen.map(|stored| StoredBucket { version: versions.next(), ..stored });
    let change = [BucketChange { key, expected, new }];
    _ = guarded(STORE_TIMEOUT, store.replace(&change, now)).await;
}

/// Serialises the attempts on one name in this process, so that they do not conflict in the store, and wakes those
/// that wait for a place.
pub(super) struct Turns(Box<[Slot]>);

/// The turn of an attempt.
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "held, not read")] Vec<MutexGuard<'a, ()>>);

#[derive(Default)]
struct Slot {
    holder: Mutex<()>,
    settled: Notify,
}

const TURNS: usize = 256;

fn slot_of(key: &BucketKey) -> usize {
    usize::from(key.as_bytes()[0])
}

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..TURNS).map(|_| Slot::default()).collect())
    }

    fn of(&self, key: &BucketKey) -> &Slot {
        &self.0[slot_of(key)]
    }

    /// The turns for all these keys, always taken in one order, which avoids deadlocks.
    pub(super) async fn take(&self, keys: &[BucketKey]) -> Turn<'_> {
        let mut slots: Vec<_> = keys.iter().map(slot_of).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut held = Vec::with_capacity(slots.len());
        for slot in slots {
            held.push(self.0[slot].holder.lock().await);
        }
        Turn(held)
    }

    /// Ready when a place was returned after this call.
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
