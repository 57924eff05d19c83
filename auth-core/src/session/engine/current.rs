//! The calling user's session and its siblings.

use std::sync::Arc;

use super::handout::Begun;
use super::{Engine, Patches, access_of};
use crate::User;
use crate::event::{EventKind, SessionEnd};
use crate::session::handle::{CookieEffect, Live, apply};
use crate::session::{
    Session, SessionData, SessionError, SessionErrorKind, SessionInfo, SessionKey, SessionRecord,
    SessionStore,
};

impl<S: SessionStore> Engine<S> {
    /// The session of this request, unless it was logged out here since it was loaded.
    fn current<U: User>(&self, session: &Session<U>) -> Result<Live, SessionError> {
        let live = session.state().live.clone().filter(|live| !self.is_revoked(&live.key));
        live.ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    pub(super) async fn rotate_session<U: User>(
        &self,
        session: &Session<U>,
        rebind: Option<U>,
    ) -> Result<(), SessionError> {
        let live = self.current(session)?;
        // The application has changed the user; that counts even if the store fails now.
        session.auth().forget_user(&live.record.backend, &live.record.user);
        let user = match rebind {
            Some(user) => Some(Self::as_stored(session, &live.record, &user).await?),
            None => None,
        };
        let moved = self.in_time(session, self.move_now(session, live, user.as_ref())).await?;
        let access = user.map(|user| access_of(Arc::new(user), &moved.live.record));
        self.hand_out(session, moved, access);
        Ok(())
    }

    /// The session's user as the session's backend has it, if it is as the application says.
    ///
    /// A user does not say which backend it is of, and ids of two backends may be equal. So it is asked for, and what
    /// comes back is the caller: whoever it was that the application passed.
    async fn as_stored<U: User>(
        session: &Session<U>,
        record: &SessionRecord,
        user: &U,
    ) -> Result<U, SessionError> {
        let auth = session.auth();
        let Some(source) = auth.source(&record.backend) else {
            return Err(SessionErrorKind::NoSession.into());
        };
        if user.id() != record.user {
            return Err(SessionErrorKind::NoSession.into());
        }
        let stored = source.get_user(&record.user).await.map_err(|error| {
            auth.emit(EventKind::BackendFailed(&error), Some(&record.backend), None, session.facts());
            SessionErrorKind::Unavailable
        })?;
        let is_it = |stored: &U| stored.id() == user.id() && stored.security_stamp() == user.security_stamp();
        stored.filter(is_it).ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    async fn move_now<U: User>(
        &self,
        session: &Session<U>,
        live: Live,
        rebind: Option<&U>,
    ) -> Result<Begun<S>, SessionError> {
        let now = session.auth().now();
        let mut turn = self.turn(live).await;
        loop {
            let mut record = SessionRecord::clone(&turn.live.record);
            if let Some(user) = rebind {
                record.stamp = self.config.keys.stamp(&record.backend, &record.user, user);
            }
            self.renew(&mut record, now);
            if let Some(moved) = self.move_to_new_key(session, &turn.live, record, None, now).await? {
                return Ok(moved);
            }
            if !self.catch_up(session, &mut turn, now).await? {
                return Err(SessionErrorKind::NoSession.into());
            }
        }
    }

    pub(super) async fn save_data<U: User>(
        &self,
        session: &Session<U>,
        patches: Patches,
    ) -> Result<(), SessionError> {
        let live = session.state().live.clone().ok_or(SessionErrorKind::NoSession)?;
        let saved = self.change(session, live, session.auth().now(), |record| {
            apply(&mut record.data, &patches);
            let fits = record.data.len() <= SessionData::MAX_LEN;
            if fits { Ok(()) } else { Err(SessionErrorKind::InvalidValue.into()) }
        });
        match self.in_time(session, saved).await? {
            Some(live) => {
                session.state().live = Some(live);
                Ok(())
            }
            None => Self::gone(session),
        }
    }

    /// The session ended under this request: it is nobody's from here on.
    fn gone<U: User>(session: &Session<U>) -> Result<(), SessionError> {
        let mut state = session.state();
        state.live = None;
        state.access = None;
        state.cookie = CookieEffect::Keep;
        Err(SessionErrorKind::Gone.into())
    }

    pub(super) async fn list_sessions<U: User>(
        &self,
        session: &Session<U>,
    ) -> Result<Vec<SessionInfo>, SessionError> {
        let live = self.current(session)?;
        let now = session.auth().now();
        let (backend, user) = (&live.record.backend, &live.record.user);
        let all = self.read(session, self.store().list_user(backend, user, now)).await?;
        let info = |(key, record): (SessionKey, SessionRecord)| SessionInfo {
            key,
            created: record.created,
            last_seen: record.last_seen,
            client: record.client.map(|client| *client),
            is_current: key == live.key,
        };
        Ok(all.into_iter().filter(|(key, _)| !self.is_revoked(key)).map(info).collect())
    }

    pub(super) async fn revoke_session<U: User>(
        &self,
        session: &Session<U>,
        key: &SessionKey,
    ) -> Result<(), SessionError> {
        let theirs = self.list_sessions(session).await?;
        if !theirs.iter().any(|info| info.key == *key) {
            return Ok(());
        }
        self.write(session, self.store().delete(key)).await?;
        let live = self.current(session)?;
        let kind = EventKind::SessionEnded(SessionEnd::Revoked);
        let (backend, user) = (&live.record.backend, &live.record.user);
        session.auth().emit(kind, Some(backend), Some(user), session.facts());
        Ok(())
    }

    pub(super) async fn end_others<U: User>(&self, session: &Session<U>) -> Result<u64, SessionError> {
        let live = self.current(session)?;
        let (backend, user) = (&live.record.backend, &live.record.user);
        session.auth().forget_user(backend, user);
        self.write(session, self.store().delete_user(backend, user, Some(&live.key))).await
    }
}
