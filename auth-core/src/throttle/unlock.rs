//! Changing an account's buckets from outside.

use std::hash::{BuildHasher as _, RandomState};

use super::lanes::account_key;
use super::{Account, Bucket, BucketChange, BucketKey, StoredBucket, ThrottleStore};
use crate::store_error::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// Lets an account be tried again at once: all failures on it are forgotten, under any name. Returns how many buckets
/// were changed.
///
/// It is for an administrator, and for an application that has verified the user by other means (a link by mail).
/// Strangers get all their attempts back, too.
///
/// ```
/// use auth_core::session::StoreError;
/// use auth_core::throttle::{Account, ThrottleStore, unlock};
/// use auth_core::time::{Clock, SystemClock};
/// use auth_core::{BackendName, UserId};
///
/// async fn after_reset(store: &impl ThrottleStore, backend: &BackendName, user: &UserId) -> Result<(), StoreError> {
///     unlock(store, &Account::of(backend, user), SystemClock.now()).await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`StoreError`] if the store fails, or the account is under constant attack.
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

/// Forgets all devices on which an account was known: after a password was set for somebody, or all their sessions
/// were ended. [`Session::rebind`](crate::Session::rebind) and [`logout_others`](crate::Session::logout_others) do it
/// by themselves.
///
/// ```
/// use auth_core::session::StoreError;
/// use auth_core::throttle::{Account, ThrottleStore, forget_devices};
/// use auth_core::time::{Clock, SystemClock};
/// use auth_core::{BackendName, UserId};
///
/// /// After an administrator has set the user's password.
/// async fn set(store: &impl ThrottleStore, backend: &BackendName, user: &UserId) -> Result<(), StoreError> {
///     forget_devices(store, &Account::of(backend, user), SystemClock.now()).await?;
///     Ok(())
/// }
/// ```
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

/// How often a change is retried after concurrent changes.
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
