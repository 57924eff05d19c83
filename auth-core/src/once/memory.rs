//! [`MemoryOnce`]: used ids, in memory.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{OnceId, OnceStore, kept_until};
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// An [`OnceStore`] in memory, **for an application that runs as one instance**: other instances do not know what was
/// used here, and neither does this one after a restart. Ids that must never be used again then need a shared store.
///
/// It removes expired entries by itself; nobody needs to purge it. While it is full, every new id is refused
/// ([`StoreErrorKind::Full`]): nothing is forgotten early to make room.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::once::{MemoryOnce, OnceId, OnceStore};
/// use auth_core::session::Purpose;
/// use auth_core::time::{Clock, SystemClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (used, invites) = (MemoryOnce::new(100_000), Purpose::new("shop.invites")?);
/// let (id, now) = (OnceId::new(&invites, b"9f1c6a")?, SystemClock.now());
/// assert!(used.use_once(id, now.plus(Duration::from_secs(600)), now).await?);
/// # Ok(())
/// # }
/// ```
pub struct MemoryOnce {
    entries: Mutex<Entries>,
    max: usize,
}

#[derive(Default)]
struct Entries {
    /// Hashed with a random key: somebody who chooses ids could find many with similar hashes.
    keys: HashSet<[u8; 32]>,
    by_end: BTreeSet<(Timestamp, [u8; 32])>,
}

/// How many expired entries a call removes: more than it adds, so that they do not accumulate, but few, so that
/// nobody waits long.
const FORGOTTEN_AT_ONCE: u64 = 16;

impl MemoryOnce {
    /// Holds at most this many entries of about 100 bytes each: as many as are used within their lifetime and a
    /// minute.
    pub fn new(max: usize) -> Self {
        Self { entries: Mutex::default(), max }
    }

    // Nothing in here calls foreign code under the lock.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Removes at most this many entries that are no longer needed.
    fn forget(&mut self, before: Timestamp, limit: u64) -> u64 {
        let mut forgotten = 0;
        while forgotten < limit
            && let Some((_, key)) = self.by_end.first().copied().filter(|(kept, _)| *kept <= before)
        {
            self.by_end.pop_first();
            self.keys.remove(&key);
            forgotten += 1;
        }
        forgotten
    }
}

impl OnceStore for MemoryOnce {
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let Some(kept) = kept_until(until, now) else { return Ok(false) };
        let key = id.key();
        let mut entries = self.lock();
        entries.forget(now, FORGOTTEN_AT_ONCE);
        if entries.keys.contains(&key) {
            return Ok(false);
        }
        if entries.keys.len() >= self.max {
            return Err(StoreError::new(StoreErrorKind::Full));
        }
        entries.keys.insert(key);
        entries.by_end.insert((kept, key));
        Ok(true)
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        Ok(self.lock().forget(before, limit))
    }
}

impl fmt::Debug for MemoryOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.lock().keys.len();
        f.debug_struct("MemoryOnce").field("entries", &entries).field("max", &self.max).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::Purpose;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    async fn used(
        store: &MemoryOnce,
        id: u32,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreErrorKind> {
        let purpose = Purpose::new("tests").unwrap();
        let id = id.to_be_bytes();
        store.use_once(OnceId::new(&purpose, &id).unwrap(), until, now).await.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_full_store_refuses_and_forgets_nothing_early() {
        let store = MemoryOnce::new(2);
        assert_eq!(used(&store, 1, later(10), NOW).await, Ok(true));
        assert_eq!(used(&store, 2, later(20), NOW).await, Ok(true));
        for now in [NOW, later(9), later(69)] {
            assert_eq!(used(&store, 3, later(100), now).await, Err(StoreErrorKind::Full), "{now:?}");
            assert_eq!(
                used(&store, 1, later(100), now).await,
                Ok(false),
                "{now:?}: it is known what was used"
            );
        }
        assert_eq!(
            used(&store, 3, later(100), later(70)).await,
            Ok(true),
            "a minute after the first was over"
        );
        assert_eq!(used(&store, 4, later(100), later(70)).await, Err(StoreErrorKind::Full));
    }

    /// A call does a bounded part of it, and there is room all the same.
    #[tokio::test]
    async fn a_crowd_that_is_over_is_forgotten_in_parts() {
        let store = MemoryOnce::new(1_000);
        for id in 0..1_000 {
            assert_eq!(used(&store, id, later(1), NOW).await, Ok(true));
        }
        assert_eq!(used(&store, 1_000, later(200), later(100)).await, Ok(true));
        assert_eq!(store.lock().keys.len(), 1_000 - 16 + 1);
        for id in 1_001..1_100 {
            assert_eq!(used(&store, id, later(200), later(100)).await, Ok(true));
        }
        assert_eq!(store.lock().keys.len(), 100);
        assert_eq!(store.lock().by_end.len(), 100);
    }

    #[tokio::test]
    async fn purging_says_how_many() {
        let store = MemoryOnce::new(10);
        for id in 0..5 {
            assert_eq!(used(&store, id, later(10), NOW).await, Ok(true));
        }
        let kept = later(70);
        assert_eq!(store.purge(Timestamp::from_millis(kept.as_millis() - 1), 10).await.unwrap(), 0);
        assert_eq!(store.purge(kept, 3).await.unwrap(), 3);
        assert_eq!(store.purge(kept, 10).await.unwrap(), 2);
    }
}
