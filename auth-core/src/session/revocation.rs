//! Deletions that the store has not confirmed yet: logouts, and logins that were not finished.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::{SessionKey, SessionStore};
use crate::guard::guarded;

/// A store, and what it has not confirmed yet.
pub(super) struct Shared<S> {
    pub(super) store: S,
    pub(super) revocations: Revocations,
}

/// Sessions that were logged out while the store could not delete them.
///
/// This process treats them as dead at once, and goes on trying to delete them until the store has confirmed
/// every one.
pub(super) struct Revocations {
    pending: Mutex<HashSet<SessionKey>>,
    /// The size of `pending`, so that the common case takes no lock.
    count: AtomicUsize,
}

/// Beyond this many, further unconfirmed logouts are not retried: the store has been down for long.
const MAX_PENDING: usize = 100_000;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

impl Revocations {
    pub(super) fn new() -> Self {
        Self { pending: Mutex::default(), count: AtomicUsize::new(0) }
    }

    pub(super) fn contains(&self, key: &SessionKey) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.lock().contains(key)
    }

    /// Notes a logout.
    fn add(&self, key: SessionKey) {
        let mut pending = self.lock();
        if pending.len() < MAX_PENDING {
            pending.insert(key);
        }
        self.count.store(pending.len(), Ordering::Release);
    }

    fn confirm(&self, key: &SessionKey) {
        let mut pending = self.lock();
        pending.remove(key);
        self.count.store(pending.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SessionKey>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One logout under way. If it is dropped before [`confirm`](Self::confirm) (the store failed, or the client
/// went away), the deletion goes on in the background.
pub(super) struct Revocation<S: SessionStore> {
    shared: Arc<Shared<S>>,
    key: SessionKey,
    limit: Duration,
    confirmed: bool,
}

impl<S: SessionStore> Revocation<S> {
    pub(super) fn begin(shared: &Arc<Shared<S>>, key: SessionKey, limit: Duration) -> Self {
        shared.revocations.add(key);
        Self { shared: Arc::clone(shared), key, limit, confirmed: false }
    }

    pub(super) fn confirm(mut self) {
        self.confirmed = true;
        self.shared.revocations.confirm(&self.key);
    }
}

impl<S: SessionStore> Drop for Revocation<S> {
    fn drop(&mut self) {
        if self.confirmed {
            return;
        }
        // Without a runtime the process is ending; the record then ends with its idle timeout.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(retry(Arc::clone(&self.shared), self.key, self.limit));
        }
    }
}

/// The duty to delete a record that was made, or may have been, for a client that was not given it. To be taken on
/// before the store is told to make it: a store that does not answer, and a client that goes away, leave that open.
pub(super) struct Undo<S: SessionStore> {
    shared: Arc<Shared<S>>,
    key: SessionKey,
    limit: Duration,
    is_due: bool,
}

impl<S: SessionStore> Undo<S> {
    pub(super) fn unless_disarmed(shared: &Arc<Shared<S>>, key: SessionKey, limit: Duration) -> Self {
        Self { shared: Arc::clone(shared), key, limit, is_due: true }
    }

    /// The client has it.
    pub(super) fn disarm(mut self) {
        self.is_due = false;
    }
}

impl<S: SessionStore> Drop for Undo<S> {
    fn drop(&mut self) {
        if !self.is_due {
            return;
        }
        // Without a runtime the process is ending; the record then ends with its idle timeout, unused.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(undo(Arc::clone(&self.shared), self.key, self.limit));
        }
    }
}

/// An [`Undo`] whose store is forgotten.
pub(crate) trait Undoing: Send + Sync {
    fn disarm(self: Box<Self>);
}

impl<S: SessionStore> Undoing for Undo<S> {
    fn disarm(self: Box<Self>) {
        Self::disarm(*self);
    }
}

/// Deletes `key`, and once more when whatever was under way to the store has arrived there.
async fn undo<S: SessionStore>(shared: Arc<Shared<S>>, key: SessionKey, limit: Duration) {
    for _ in 0..2 {
        shared.revocations.add(key);
        retry(Arc::clone(&shared), key, limit).await;
        sleep(limit).await;
    }
}

/// Tries to delete `key` until the store confirms it, or another try has.
async fn retry<S: SessionStore>(shared: Arc<Shared<S>>, key: SessionKey, limit: Duration) {
    let mut pause = FIRST_RETRY;
    while shared.revocations.contains(&key) {
        if matches!(guarded(limit, shared.store.delete(&key)).await, Ok(Ok(()))) {
            shared.revocations.confirm(&key);
            tracing::info!(target: "auth", session = %key, "a deletion reached the session store");
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_RETRY);
    }
}
