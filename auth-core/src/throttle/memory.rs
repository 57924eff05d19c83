//! Buckets in memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{BucketChange, StoredBucket, ThrottleStore};
use super::{Account, Bucket, BucketKey};
use crate::identity_hasher::IdentityState;
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

const SHARDS: usize = 64;

/// A [`ThrottleStore`] in memory, for one process.
///
/// It holds at most the given number of buckets. When it is full, it forgets the one with the fewest failures, but
/// never one that makes somebody wait, however many other names are tried. If all buckets make somebody wait,
/// attempts on further names are refused until some have expired.
///
/// ```
/// use auth_core::Throttle;
/// use auth_core::throttle::MemoryThrottle;
///
/// let throttle = Throttle::new(MemoryThrottle::new(100_000));
/// ```
#[derive(Debug)]
pub struct MemoryThrottle {
    shards: Box<[Mutex<Shard>]>,
    max_each: usize,
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<BucketKey, StoredBucket, IdentityState>,
    /// All of them, in the order in which they are forgotten.
    order: BTreeSet<Rank>,
}

/// How little would be lost, and when it expires anyway.
type Rank = (u32, Timestamp, BucketKey);

fn rank(key: BucketKey, bucket: &Bucket) -> Rank {
    let weight = if bucket.delayed_until() > Timestamp::default() { u32::MAX } else { bucket.failures() };
    (weight, bucket.expires(), key)
}

impl Shard {
    fn version(&self, key: &BucketKey) -> Option<u64> {
        self.buckets.get(key).map(|stored| stored.version)
    }

    fn put(&mut self, key: BucketKey, new: Option<StoredBucket>) {
        if let Some(old) = self.buckets.remove(&key) {
            self.order.remove(&rank(key, &old.bucket));
        }
        if let Some(new) = new {
            self.order.insert(rank(key, &new.bucket));
            self.buckets.insert(key, new);
        }
    }

    /// The next one to forget, unless all of them make somebody wait.
    fn least(&self) -> Option<BucketKey> {
        self.order.first().filter(|(weight, ..)| *weight != u32::MAX).map(|(.., key)| *key)
    }
}

impl MemoryThrottle {
    /// Holds at most `max` buckets, of which an attempt needs up to four. Each takes some 320 bytes.
    pub fn new(max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, max_each: max.div_ceil(SHARDS).max(1) }
    }

    /// How many buckets it holds, including expired ones that were not removed yet.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).buckets.len()).sum()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard_of(key: &BucketKey) -> usize {
        // Keys are hashes, so their bytes are random. The hash table uses the first eight.
        usize::from(key.as_bytes()[15]) % SHARDS
    }

    fn shard(&self, key: &BucketKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[Self::shard_of(key)])
    }

    /// Whether there is anything under one of these keys.
    pub(super) fn knows(&self, keys: &[BucketKey]) -> bool {
        keys.iter().any(|key| self.shard(key).buckets.contains_key(key))
    }
}

// Nothing in here calls foreign code under the lock.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ThrottleStore for MemoryThrottle {
    const IS_SHARED: bool = false;

    async fn load(&self, keys: &[BucketKey]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        Ok(keys.iter().map(|key| self.shard(key).buckets.get(key).cloned()).collect())
    }

    async fn replace(&self, changes: &[BucketChange], _: Timestamp) -> Result<bool, StoreError> {
        let mut places: Vec<_> = changes.iter().map(|change| Self::shard_of(&change.key)).collect();
        places.sort_unstable();
        places.dedup();
        // All at once, and always in the same order, which avoids deadlocks.
        let mut shards: Vec<_> = places.iter().map(|place| lock(&self.shards[*place])).collect();
        let at = |key: &BucketKey| places.binary_search(&Self::shard_of(key)).unwrap_or_default();
        if changes.iter().any(|change| shards[at(&change.key)].version(&change.key) != change.expected) {
            return Ok(false);
        }
        let is_changed = |key: &BucketKey| changes.iter().any(|change| change.key == *key);
        for change in changes {
            let shard = &mut shards[at(&change.key)];
            if change.expected.is_none() && change.new.is_some() && shard.buckets.len() >= self.max_each {
                match shard.least().filter(|key| !is_changed(key)) {
                    Some(least) => shard.put(least, None),
                    None => return Err(StoreError::new(StoreErrorKind::Full)),
                }
            }
        }
        for BucketChange { key, new, .. } in changes {
            shards[at(key)].put(*key, new.clone());
        }
        Ok(true)
    }

    async fn of_account(&self, account: &Account) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        let of = |shard: &Mutex<Shard>| -> Vec<_> {
            let shard = lock(shard);
            let all = shard.buckets.iter().filter(|(_, stored)| stored.bucket.account() == Some(account));
            all.map(|(key, stored)| (*key, stored.clone())).collect()
        };
        Ok(self.shards.iter().flat_map(of).collect())
    }

    async fn delaying(&self, now: Timestamp, limit: usize) -> Result<Vec<Bucket>, StoreError> {
        let of = |shard: &Mutex<Shard>| -> Vec<_> {
            let shard = lock(shard);
            let all = shard.buckets.values().map(|stored| &stored.bucket);
            all.filter(|bucket| bucket.account().is_some() && bucket.is_delaying(now)).cloned().collect()
        };
        let mut all: Vec<Bucket> = self.shards.iter().flat_map(of).collect();
        all.sort_by_key(|bucket| std::cmp::Reverse(bucket.delayed_until()));
        all.truncate(limit);
        Ok(all)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        let mut purged = 0;
        for shard in &self.shards {
            let mut shard = lock(shard);
            let is_over =
                |(key, stored): (&BucketKey, &StoredBucket)| (stored.bucket.expires() <= now).then_some(*key);
            let left = usize::try_from(limit - purged).unwrap_or(usize::MAX);
            let over: Vec<_> = shard.buckets.iter().filter_map(is_over).take(left).collect();
            purged += over.len() as u64;
            for key in over {
                shard.put(key, None);
            }
        }
        Ok(purged)
    }
}
