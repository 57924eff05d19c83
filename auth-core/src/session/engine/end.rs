//! Sessions that end.

use super::Engine;
use crate::event::{EventKind, SessionEnd};
use crate::session::live::Live;
use crate::session::revocation::Revocation;
use crate::session::{SessionError, SessionKey, SessionStore};
use crate::{RequestFacts, User};

impl<S: SessionStore, U: User> Engine<S, U> {
    /// Ends a session that somebody asked to end: here at once, in the store as soon as it can.
    pub(super) async fn end_now(&self, key: SessionKey, facts: &RequestFacts) -> Result<(), SessionError> {
        let revocation = Revocation::begin(&self.shared, key, self.config.write_timeout);
        self.write(facts, self.store().delete(&key)).await?;
        revocation.confirm();
        Ok(())
    }

    /// Anybody can present any key: the deletion of one that the store does not know is not worth being tried until the
    /// store confirms it, in a place of which there are not many.
    pub(super) async fn end_presented(
        &self,
        key: SessionKey,
        facts: &RequestFacts,
    ) -> Result<(), SessionError> {
        let found = self.read(facts, self.store().load(&key, self.environment.now())).await;
        if matches!(found, Ok(None)) { Ok(()) } else { self.end_now(key, facts).await }
    }

    /// Ends a session that nobody asked to end. A record that may be right again one day is kept.
    pub(super) async fn end_unasked(&self, live: &Live, why: SessionEnd, facts: &RequestFacts) {
        self.tell(EventKind::SessionEnded(why), &live.record, facts);
        if matches!(why, SessionEnd::BackendGone | SessionEnd::ClockWentBack) {
            return;
        }
        // If the store fails here, the same check ends the session again on its next request.
        let _ = self.write(facts, self.store().delete(&live.key)).await;
    }

    pub(super) async fn end_others(&self, live: &Live, facts: &RequestFacts) -> Result<u64, SessionError> {
        self.check_current(live)?;
        let (backend, user) = (&live.record.backend, &live.record.user);
        self.environment.forget_user(backend, user);
        self.write(facts, self.store().delete_user(backend, user, Some(&live.key))).await
    }
}
