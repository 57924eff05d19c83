//! Changes of an account's buckets from outside.

use std::hash::{BuildHasher as _, RandomState};

use super::lanes::account_key;
use super::{Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// Lets an account be tried again at once: everything that failed for it is forgotten, under whatever name. Says how many
/// buckets that concerned.
///
/// For an administrator, and for an application that has made sure by other means who is asking (a link by mail). Strangers
/// have all their tries again, too.
///
/// # Errors
/// [`StoreError`] if the store fails, or somebody tries the account without a pause.
pub async fn unlock<S: ThrottleStore>(
    store: &S,
    account: &Account,
    now: Timestamp,
) -> Result<u64, StoreError> {
    for _ in 0..ROUNDS {
        let found = store.of_account(account).await?;
        let cleared = |(key, stored)| changed(key, Some(stored), Bucket::clear);
        let changes: Vec<_> = found.into_iter().filter_map(cleared).collect();
        if changes.is_empty() || store.replace(&changes, now).await? {
            return Ok(changes.len() as u64);
        }
    }
    Err(StoreError::new(StoreErrorKind::TimedOut))
}

/// No device that an account was known on is known any more: after a password was set for somebody, or all their sessions were
/// ended. [`Session::rebind`](crate::Session::rebind) and [`logout_others`](crate::Session::logout_others) do it by themselves.
///
/// # Errors
/// As [`unlock`].
pub async fn forget_devices<S: ThrottleStore>(
    store: &S,
    account: &Account,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = account_key(account);
    for _ in 0..ROUNDS {
        let found = store.load(&[key]).await?.into_iter().next().flatten();
        let change = changed(key, found, |bucket| bucket.forget_devices_of(account, now));
        if store.replace(change.as_slice(), now).await? {
            return Ok(());
        }
    }
    Err(StoreError::new(StoreErrorKind::TimedOut))
}

/// How often a change is tried that others come in between.
const ROUNDS: usize = 20;

/// The change of a bucket, if it is one.
fn changed(
    key: BucketKey,
    stored: Option<StoredBucket>,
    change: impl FnOnce(&mut Bucket),
) -> Option<BucketChange> {
    let expected = stored.as_ref().map(|stored| stored.version);
    let old = stored.map(|stored| stored.bucket).unwrap_or_default();
    let mut bucket = old.clone();
    change(&mut bucket);
    let version = RandomState::new().hash_one(0) >> 1;
    let new = (!bucket.is_blank()).then(|| StoredBucket { bucket: bucket.clone(), version });
    (bucket != old).then_some(BucketChange { key, expected, new })
}
