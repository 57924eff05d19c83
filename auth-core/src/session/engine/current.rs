//! The calling user's session and its siblings.

use std::sync::Arc;

use super::Engine;
use crate::event::{EventKind, SessionEnd};
use crate::session::live::{Begun, Live};
use crate::session::record::Patches;
use crate::session::{
    SessionData, SessionError, SessionErrorKind, SessionInfo, SessionKey, SessionRecord, SessionStore,
    SessionUser,
};
use crate::{RequestFacts, User};

impl<S: SessionStore, U: User> Engine<S, U> {
    /// The session of a request may have been logged out here since it was loaded.
    pub(super) fn check_current(&self, live: &Live) -> Result<(), SessionError> {
        if self.is_revoked(&live.key) { Err(SessionErrorKind::NoSession.into()) } else { Ok(()) }
    }

    /// The key to which another request moved a session of this user, if it did.
    pub(super) async fn find_lineage(
        &self,
        user: &SessionUser,
        key: &SessionKey,
        facts: &RequestFacts,
    ) -> Result<Option<SessionKey>, SessionError> {
        let theirs = self.store().list_user(self.sessions_of(user), self.environment.now());
        let theirs = self.read(facts, theirs).await?;
        let was_moved = |other: &&SessionKey| *other != key && other.lineage() == key.lineage();
        Ok(theirs.iter().map(|(key, _)| key).find(was_moved).copied())
    }

    pub(super) async fn move_session(
        &self,
        live: Live,
        rebind: Option<U>,
        facts: &RequestFacts,
    ) -> Result<Begun<U>, SessionError> {
        self.check_current(&live)?;
        // The application has changed the user; that counts even if the store fails now.
        let of = live.record.user();
        self.environment.forget_user(&of.backend, &of.id);
        let user = match rebind {
            Some(user) => Some(self.as_stored(&live, &user, facts).await?),
            None => None,
        };
        let user = user.map(Arc::new);
        self.in_time(facts, self.move_now(live, user.as_ref(), facts)).await
    }

    /// The session's user as the session's backend has it, if it is as the application says.
    ///
    /// A user does not say which backend it is of, and ids of two backends may be equal. So it is asked for, and what
    /// comes back is the caller: whoever it was that the application passed.
    async fn as_stored(&self, live: &Live, user: &U, facts: &RequestFacts) -> Result<U, SessionError> {
        let of = live.record.user();
        let Some(source) = self.environment.source(&of.backend) else {
            return Err(SessionErrorKind::NoSession.into());
        };
        if user.id() != of.id {
            return Err(SessionErrorKind::NoSession.into());
        }
        let stored = source.get_user(&of.id, live.record.identity()).await.map_err(|error| {
            SessionError::unavailable(self.environment.failed(error, &of.backend, None, facts))
        })?;
        let is_it = |stored: &U| stored.id() == user.id() && stored.security_stamp() == user.security_stamp();
        stored.filter(is_it).ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    async fn move_now(
        &self,
        live: Live,
        rebind: Option<&Arc<U>>,
        facts: &RequestFacts,
    ) -> Result<Begun<U>, SessionError> {
        let now = self.environment.now();
        let mut turn = self.turn(live).await;
        loop {
            let mut record = SessionRecord::clone(&turn.live.record);
            if let Some(user) = rebind {
                let SessionUser { backend, id, .. } = turn.live.record.user();
                record.set_stamp(self.config.keys.stamp(backend, id, &**user));
            }
            if !turn.live.record.is_pending() {
                self.renew(&mut record, now);
            }
            let moved = match rebind {
                Some(user) => self.settle_and_move(&turn.live, record, user, facts, now).await?,
                None => self.move_to_new_key(&turn.live, record, None, facts, now).await?,
            };
            if let Some(moved) = moved {
                return Ok(moved);
            }
            if !self.catch_up(&mut turn, facts, now).await? {
                return Err(SessionErrorKind::NoSession.into());
            }
        }
    }

    pub(super) async fn save_data(
        &self,
        live: Live,
        patches: Patches,
        facts: &RequestFacts,
    ) -> Result<Option<Live>, SessionError> {
        let saved = self.change(live, facts, self.environment.now(), |record| {
            record.data.apply(&patches);
            let fits = record.data.len() <= SessionData::MAX_LEN;
            if fits { Ok(()) } else { Err(SessionErrorKind::InvalidValue.into()) }
        });
        self.in_time(facts, saved).await
    }

    pub(super) async fn list_sessions(
        &self,
        live: &Live,
        facts: &RequestFacts,
    ) -> Result<Vec<SessionInfo>, SessionError> {
        self.check_current(live)?;
        let all = self.store().list_user(self.sessions_of(live.record.user()), self.environment.now());
        let all = self.read(facts, all).await?;
        let info = |(key, record): (SessionKey, SessionRecord)| SessionInfo {
            key,
            created: record.created,
            last_seen: record.last_seen,
            client: record.client.map(|client| *client),
            // It may have been moved since the request came.
            is_current: key.lineage() == live.key.lineage(),
        };
        // A session that has only begun is none yet.
        let is_shown = |(key, record): &(SessionKey, SessionRecord)| {
            record.owner().user().is_some() && !self.is_revoked(key)
        };
        Ok(all.into_iter().filter(is_shown).map(info).collect())
    }

    pub(super) async fn revoke_session(
        &self,
        live: &Live,
        key: SessionKey,
        facts: &RequestFacts,
    ) -> Result<(), SessionError> {
        let theirs = self.list_sessions(live, facts).await?;
        // The device may have a new id since its user was shown the list.
        if !theirs.iter().any(|info| info.key.lineage() == key.lineage()) {
            return Ok(());
        }
        self.write(facts, self.store().delete(&key)).await?;
        self.tell(EventKind::SessionEnded(SessionEnd::Revoked), live.record.user(), facts);
        Ok(())
    }
}
