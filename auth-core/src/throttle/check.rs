//! [`check_store`]: tries what attempts need from a store, before one is made.

use std::time::Duration;

use super::{Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use crate::random::{OsRandom, Random};
use crate::store_error::{StoreError, step};
use crate::time::{Clock, SystemClock, Timestamp};

/// How long the trial bucket may stay, should this process end before it is deleted.
const LIFETIME: Duration = Duration::from_secs(60);

/// Tries on a store all that attempts will need: it creates, finds, changes and removes a bucket of nobody. Call it
/// when the program starts. The stores of this project have a `check` method that tries this and more.
///
/// ```
/// use auth_core::throttle::{MemoryThrottle, check_store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// check_store(&MemoryThrottle::new(1_000)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StoreError`] of the first step that failed. Its source names the step, and that one's source the reason.
pub async fn check_store(store: &impl ThrottleStore) -> Result<(), StoreError> {
    let mut key = [0; 16];
    OsRandom.fill(&mut key).map_err(StoreError::unavailable)?;
    let (key, now) = (BucketKey::from_bytes(key), SystemClock.now());
    let account = Account::nobody(&key);
    let mut bucket = Bucket::default();
    bucket.is_of(&account);
    bucket.know_until(now.plus(LIFETIME));
    let put = |expected, new: Option<u64>| {
        let new = new.map(|version| StoredBucket { bucket: bucket.clone(), version });
        [BucketChange { key, expected, new }]
    };
    let is_at = |found: Vec<Option<StoredBucket>>, version| {
        found.iter().flatten().any(|found| found.bucket == bucket && found.version == version)
    };
    let is_none = |found: Vec<Option<StoredBucket>>| found.iter().all(Option::is_none);

    step("a counter cannot be looked for", store.load(&[key]).await, is_none)?;
    step("a counter cannot be made", store.replace(&put(None, Some(1)), now).await, |done| done)?;
    step("a counter cannot be read", store.load(&[key]).await, |found| is_at(found, 1))?;
    step("a counter cannot be changed", store.replace(&put(Some(1), Some(2)), now).await, |done| done)?;
    let of = store.of_account(&account).await;
    step("an account's counters cannot be found", of, |found| found.iter().map(|(key, _)| *key).eq([key]))?;
    step("a counter cannot be removed", store.replace(&put(Some(2), None), now).await, |done| done)?;
    step("a counter that was removed cannot be looked for", store.load(&[key]).await, is_none)?;
    step("accounts that wait cannot be listed", store.delaying(now, 1).await, |_| true)?;
    // Nothing had expired by then.
    let purged = store.purge_expired(Timestamp::from_millis(0), 1).await;
    step("expired counters cannot be removed", purged, |_| true)
}

#[cfg(test)]
mod tests {
    use super::super::MemoryThrottle;
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_it() {
        let store = MemoryThrottle::new(100);
        check_store(&store).await.unwrap();
        assert!(store.is_empty());
    }
}
