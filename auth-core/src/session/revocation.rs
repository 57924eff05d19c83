//! Deletions that the store has not confirmed yet: logouts, and logins that were not finished.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::{Lineage, SessionKey, SessionStore, StoreError, StoreErrorKind};
use crate::guard::guarded;
use crate::time::Timestamp;

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
    pending: Mutex<Pending>,
    /// The size of `pending`, so that the common case takes no lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Pending {
    /// Sessions that ended, by whichever id.
    ended: HashSet<Lineage>,
    /// Ids that nobody was given, of sessions that may go on under another one.
    undone: HashSet<SessionKey>,
}

impl Pending {
    fn len(&self) -> usize {
        self.ended.len() + self.undone.len()
    }
}

/// Beyond this many, further unconfirmed logouts are not retried: the store has been down for long.
const MAX_PENDING: usize = 100_000;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

impl Revocations {
    pub(super) fn new() -> Self {
        Self { pending: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Whether this id opens nothing any more.
    pub(super) fn contains(&self, key: &SessionKey) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let pending = self.lock();
        pending.ended.contains(&key.lineage()) || pending.undone.contains(key)
    }

    /// Changes what is pending, and its size with it.
    fn change(&self, change: impl FnOnce(&mut Pending)) {
        let mut pending = self.lock();
        change(&mut pending);
        self.count.store(pending.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be deleted.
#[derive(Clone, Copy)]
enum Doomed {
    /// The session that has or had this key.
    Session(SessionKey),
    /// The record under this very key. A session that goes on under another one does.
    Id(SessionKey),
}

impl Doomed {
    fn key(&self) -> &SessionKey {
        let (Self::Session(key) | Self::Id(key)) = self;
        key
    }

    fn note(self, pending: &mut Pending) {
        if pending.len() < MAX_PENDING {
            match self {
                Self::Session(key) => _ = pending.ended.insert(key.lineage()),
                Self::Id(key) => _ = pending.undone.insert(key),
            }
        }
    }

    fn forget(self, pending: &mut Pending) {
        match self {
            Self::Session(key) => _ = pending.ended.remove(&key.lineage()),
            Self::Id(key) => _ = pending.undone.remove(&key),
        }
    }

    fn is_noted(self, revocations: &Revocations) -> bool {
        let pending = revocations.lock();
        match self {
            Self::Session(key) => pending.ended.contains(&key.lineage()),
            Self::Id(key) => pending.undone.contains(&key),
        }
    }

    /// Deletes it. A store deletes by lineage: so whether the record is under this very key is looked up before. Nobody
    /// else has the key, and an alias is not rotated: what is found there stays there.
    async fn delete<S: SessionStore>(self, store: &S) -> Result<(), StoreError> {
        if let Self::Id(key) = self {
            // Also one that has expired by now: it is to be deleted.
            match store.load(&key, Timestamp::default()).await {
                Ok(Some(found)) if found.key == key => {}
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == StoreErrorKind::Newer => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        store.delete(self.key()).await
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
        shared.revocations.change(|pending| Doomed::Session(key).note(pending));
        Self { shared: Arc::clone(shared), key, limit, confirmed: false }
    }

    pub(super) fn confirm(mut self) {
        self.confirmed = true;
        self.shared.revocations.change(|pending| Doomed::Session(self.key).forget(pending));
    }
}

impl<S: SessionStore> Drop for Revocation<S> {
    fn drop(&mut self) {
        if self.confirmed {
            return;
        }
        // Without a runtime the process is ending; the record then ends with its idle timeout.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(retry(Arc::clone(&self.shared), Doomed::Session(self.key), self.limit));
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

/// Deletes what is under `key`, and once more when whatever was under way to the store has arrived there.
async fn undo<S: SessionStore>(shared: Arc<Shared<S>>, key: SessionKey, limit: Duration) {
    let doomed = Doomed::Id(key);
    for _ in 0..2 {
        shared.revocations.change(|pending| doomed.note(pending));
        retry(Arc::clone(&shared), doomed, limit).await;
        sleep(limit).await;
    }
}

/// Tries to delete it until the store confirms it, or another try has.
async fn retry<S: SessionStore>(shared: Arc<Shared<S>>, doomed: Doomed, limit: Duration) {
    let mut pause = FIRST_RETRY;
    while doomed.is_noted(&shared.revocations) {
        let deleted = doomed.delete(&shared.store);
        if matches!(guarded(limit, deleted).await, Ok(Ok(()))) {
            shared.revocations.change(|pending| doomed.forget(pending));
            tracing::info!(target: "auth", session = %doomed.key(), "a deletion reached the session store");
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_RETRY);
    }
}
