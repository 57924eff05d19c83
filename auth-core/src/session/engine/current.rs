//! The calling user's session and its siblings.

use std::sync::Arc;

use super::{Engine, Patches, RETRIES, access_of};
use crate::User;
use crate::event::{EventKind, SessionEnd};
use crate::session::handle::{CookieEffect, Live, apply};
use crate::session::{
    Session, SessionData, SessionError, SessionErrorKind, SessionInfo, SessionKey, SessionRecord,
    SessionStore, Write,
};

impl<S: SessionStore> Engine<S> {
    fn current<U: User>(session: &Session<U>) -> Result<Live, SessionError> {
        session.state().live.clone().ok_or_else(|| SessionErrorKind::NoSession.into())
    }

    pub(super) async fn rotate_session<U: User>(
        &self,
        session: &Session<U>,
        rebind: Option<U>,
    ) -> Result<(), SessionError> {
        let mut live = Self::current(session)?;
        let now = session.auth().now();
        if rebind.as_ref().is_some_and(|user| user.id() != live.record.user) {
            return Err(SessionErrorKind::NoSession.into());
        }
        // The application has changed the user; that counts even if the store fails now.
        session.auth().forget_user(&live.record.backend, &live.record.user);
        for _ in 0..RETRIES {
            let mut record = SessionRecord::clone(&live.record);
            if let Some(user) = &rebind {
                record.stamp = self.config.keys.stamp(&record.backend, &record.user, user);
            }
            self.renew(&mut record, now);
            if let Some(rotated) = self.move_to_new_key(session, &live, record, None, now).await? {
                Self::rotated(session, rotated, rebind);
                return Ok(());
            }
            live = self.load(session, live.key, now).await?.ok_or(SessionErrorKind::NoSession)?;
        }
        Err(SessionErrorKind::Unavailable.into())
    }

    fn rotated<U: User>(session: &Session<U>, live: Live, rebind: Option<U>) {
        let mut state = session.state();
        if let Some(user) = rebind {
            state.access = Some(access_of(Arc::new(user), &live.record));
        }
        state.live = Some(live);
    }

    pub(super) async fn save_data<U: User>(
        &self,
        session: &Session<U>,
        patches: Patches,
    ) -> Result<(), SessionError> {
        let mut live = Self::current(session)?;
        let now = session.auth().now();
        for _ in 0..RETRIES {
            let mut record = SessionRecord::clone(&live.record);
            apply(&mut record.data, &patches);
            if record.data.len() > SessionData::MAX_LEN {
                return Err(SessionErrorKind::InvalidValue.into());
            }
            match self.write(session, self.store().update(&live.key, live.version, &record, now)).await? {
                Write::Done => {
                    let version = live.version + 1;
                    session.state().live = Some(Live { version, record: Arc::new(record), ..live });
                    return Ok(());
                }
                Write::Gone => break,
                Write::Conflict => match self.load(session, live.key, now).await? {
                    Some(newer) => live = newer,
                    None => break,
                },
            }
        }
        Self::gone(session)
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
        let live = Self::current(session)?;
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
        Ok(all.into_iter().map(info).collect())
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
        let live = Self::current(session)?;
        let kind = EventKind::SessionEnded(SessionEnd::Revoked);
        let (backend, user) = (&live.record.backend, &live.record.user);
        session.auth().emit(kind, Some(backend), Some(user), session.facts());
        Ok(())
    }

    pub(super) async fn end_others<U: User>(&self, session: &Session<U>) -> Result<u64, SessionError> {
        let live = Self::current(session)?;
        let (backend, user) = (&live.record.backend, &live.record.user);
        session.auth().forget_user(backend, user);
        self.write(session, self.store().delete_user(backend, user, Some(&live.key))).await
    }
}
