//! [`check_store`]: what sessions ask of a store, tried before a request needs it.

use std::time::Duration;

use super::{
    Owner, SessionKey, SessionRecord, SessionStore, SessionUser, StampMac, StoreError, Stored, UserSessions,
    Written,
};
use crate::random::{OsRandom, Random, RandomError};
use crate::store_error::step;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::{BackendName, UserId};

/// How long what was made may be there, should this process end before it is deleted.
const LIFETIME: Duration = Duration::from_secs(60);

/// Tries on a store all that sessions will ask of it: a session of its own is made, found, changed, prolonged, moved,
/// listed and deleted. For the start of a program, so that what is missing is found there and not by the first login.
///
/// The session is nobody's, its key is random, and nobody has an id for it. It is deleted also if a step fails; where that
/// fails, or this is given up half-way, it expires within a minute. The stores of this project have a `check` of their
/// own, which tries this and more.
///
/// ```
/// use auth_core::session::{MemorySessions, check_store};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let sessions = MemorySessions::new(10_000);
/// check_store(&sessions).await?;
/// # Ok::<_, auth_core::session::StoreError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// [`StoreError`] of the first step that failed. Its source says which one that is, and the source of that why.
pub async fn check_store(store: &impl SessionStore) -> Result<(), StoreError> {
    let trial = Trial::new(SystemClock.now()).map_err(StoreError::unavailable)?;
    let used = trial.use_it(store).await;
    let ended = trial.end_it(store).await;
    used.and(ended)
}

/// A session that is tried on a store.
struct Trial {
    key: SessionKey,
    /// The key that it is moved to.
    next: SessionKey,
    user: SessionUser,
    now: Timestamp,
    until: Timestamp,
}

impl Trial {
    fn new(now: Timestamp) -> Result<Self, RandomError> {
        let (mut key, mut turn, mut stamp) = ([0; 32], [0; 16], [0; StampMac::LEN]);
        OsRandom.fill(&mut key)?;
        OsRandom.fill(&mut turn)?;
        OsRandom.fill(&mut stamp)?;
        let key = SessionKey::from_bytes(key);
        let user = user(&key, &stamp).ok_or(RandomError)?;
        Ok(Self { key, next: key.lineage().key(&turn), user, now, until: now.plus(LIFETIME) })
    }

    /// Of somebody who has not signed in, and who is no user of any backend.
    fn record(&self) -> SessionRecord {
        SessionRecord::new(Owner::Pending(self.user.clone()), self.now, self.until)
    }

    fn whose(&self) -> UserSessions<'_> {
        UserSessions::everywhere(&self.user.backend, &self.user.id)
    }

    async fn use_it(&self, store: &impl SessionStore) -> Result<(), StoreError> {
        let Self { key, next, now, until, .. } = self;
        let (made, mut changed) = (self.record(), self.record());
        changed.rotated = *until;
        let is = |found: Option<Stored>, key: &SessionKey, record: &SessionRecord, version: u64| {
            found.is_some_and(|found| {
                found.key == *key && *found.record == *record && found.version == version
            })
        };

        step("a session cannot be looked for", store.load(key, *now).await, |found| found.is_none())?;
        step("a session cannot be made", store.create(key, &made).await, |()| true)?;
        step("a session cannot be read", store.load(key, *now).await, |found| is(found, key, &made, 1))?;
        let written = store.update(key, 1, &changed, *now).await;
        step("a session cannot be changed", written, is_done)?;
        step("a session cannot be prolonged", store.touch(key, *now, *until).await, is_done)?;
        let written = store.rotate(key, next, 2, &changed, Some(*until), *now).await;
        step("a session cannot be moved", written, is_done)?;
        let found = store.load(key, *now).await;
        step("a session that was moved cannot be read", found, |found| is(found, next, &changed, 3))?;
        let list = store.list_user(self.whose(), *now).await;
        step("a user's sessions cannot be listed", list, |list| list.len() == 1)?;
        let too_many = store.trim_user(self.whose(), 1, next, *now).await;
        step("a user's sessions cannot be counted", too_many, |ended| ended == 0)
    }

    /// Ends it, whichever of the two keys it has, if it was made at all.
    async fn end_it(&self, store: &impl SessionStore) -> Result<(), StoreError> {
        step("a session cannot be deleted", store.delete(&self.key).await, |()| true)?;
        let found = store.load(&self.next, self.now).await;
        step("a session that was deleted cannot be looked for", found, |found| found.is_none())?;
        let ended = store.delete_user(self.whose(), None).await;
        step("a user's sessions cannot be deleted", ended, |ended| ended == 0)?;
        // What had expired by then is none.
        let purged = store.purge_expired(Timestamp::from_millis(0), 1).await;
        step("expired sessions cannot be removed", purged, |_| true)
    }
}

/// A user whom no backend knows. `None` never: all parts are as long as they must be.
fn user(key: &SessionKey, stamp: &[u8]) -> Option<SessionUser> {
    Some(SessionUser {
        backend: BackendName::new("check")?,
        id: UserId::new(key.to_string()).ok()?,
        stamp: StampMac::from_bytes(stamp)?,
    })
}

fn is_done(written: Written) -> bool {
    written == Written::Done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;
    use crate::session::MemorySessions;

    #[tokio::test]
    async fn nothing_is_left_of_it() {
        let store = MemorySessions::new(2);
        for _ in 0..5 {
            check_store(&store).await.unwrap();
        }
        assert!(store.is_empty());
    }

    #[tokio::test]
    async fn a_store_that_is_full_says_so() {
        let store = MemorySessions::new(0);
        let error = check_store(&store).await.unwrap_err();
        assert_eq!(chain(&error), ["the store is full", "a session cannot be made"]);
    }
}
