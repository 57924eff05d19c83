//! Sessions that end.

use super::Engine;
use crate::event::{EventKind, SessionEnd};
use crate::session::live::Live;
use crate::session::revocation::Revocation;
use crate::session::{SessionError, SessionKey, SessionStore};
use crate::time::Timestamp;
use crate::{RequestFacts, User};

impl<S: SessionStore, U: User> Engine<S, U> {
    /// Ends a session that somebody asked to end: here at once, in the store as soon as it can.
    pub(super) async fn end_now(&self, key: SessionKey, facts: &RequestFacts) -> Result<(), SessionError> {
        let revocation = Revocation::begin(&self.shared, key, self.config.write_timeout);
        self.write(facts, self.store().delete(&key)).await?;
        revocation.confirm();
        Ok(())
    }

    /// Anybody can present any key. One that the store does not know may be of a session that has another one by now: it
    /// ends, but that is not worth being tried until the store confirms it, in a place of which there are not many.
    pub(super) async fn end_presented(
        &self,
        key: SessionKey,
        facts: &RequestFacts,
    ) -> Result<(), SessionError> {
        let now = self.environment.now();
        match self.lookup(&key, facts, now).await {
            Ok(None) => self.write(facts, self.store().delete(&key)).await,
            Ok(Some(Ok(stored))) if self.is_foreign(&stored.record) => Ok(()),
            _ => self.end_now(key, facts).await,
        }
    }

    /// Whether a key is of a record that another site keeps in the same store. What cannot be found out is not.
    pub(super) async fn is_of_another_site(
        &self,
        key: &SessionKey,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> bool {
        let found = self.lookup(key, facts, now).await;
        matches!(found, Ok(Some(Ok(stored))) if self.is_foreign(&stored.record))
    }

    /// Ends a session that nobody asked to end. A record that may be right again one day is kept.
    pub(super) async fn end_unasked(&self, live: &Live, why: SessionEnd, facts: &RequestFacts) {
        self.tell(EventKind::SessionEnded(why), live.record.user(), facts);
        if matches!(why, SessionEnd::BackendGone | SessionEnd::ClockWentBack) {
            return;
        }
        // If the store fails here, the same check ends the session again on its next request.
        let _ = self.write(facts, self.store().delete(&live.key)).await;
    }

    pub(super) async fn end_others(&self, live: &Live, facts: &RequestFacts) -> Result<u64, SessionError> {
        self.check_current(live)?;
        let user = live.record.user();
        self.environment.forget_user(&user.backend, &user.id);
        self.write(facts, self.store().delete_user(self.sessions_of(user), Some(&live.key))).await
    }
}
