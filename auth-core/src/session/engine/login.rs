//! Login, logout, and the ids that come and go with them.

use std::sync::Arc;

use super::handout::Begun;
use super::{Engine, access_of};
use crate::event::{EventKind, SessionEnd};
use crate::session::handle::{CookieEffect, Live};
use crate::session::revocation::{Revocation, Undo};
use crate::session::{
    ClientFacts, Session, SessionData, SessionError, SessionErrorKind, SessionKey, SessionRecord,
    SessionStore, Token, Write,
};
use crate::{Access, Authenticated, Timestamp, User};

impl<S: SessionStore> Engine<S> {
    /// Begins a session, and gives it to the response and the request when everything that can fail is done: a login
    /// that is refused changes neither, and leaves no record.
    pub(super) async fn start_session<U: User>(
        &self,
        session: &Session<U>,
        authenticated: Authenticated<U>,
        current: Option<Live>,
        remote_user: Option<Box<str>>,
    ) -> Result<(), SessionError> {
        let now = session.auth().now();
        let record = SessionRecord { remote_user, ..self.new_record(session, &authenticated, now) };
        session.auth().forget_user(&record.backend, &record.user);
        let (own, other) = match current {
            Some(live) if live.is_of(&authenticated) => (Some(live), None),
            other => (None, other),
        };
        let begun = self
            .in_time(session, async {
                match own {
                    Some(live) => self.login_again(session, live, record, now).await,
                    None => self.begin_anew(session, other.as_ref(), record, now).await,
                }
            })
            .await?;
        if other.is_some() {
            // Another user's values.
            session.state().patches.clear();
        }
        let record = Arc::clone(&begun.live.record);
        self.hand_out(session, begun, Some(access_of(authenticated.user, &record)));
        if let Some(Live { record: old, .. }) = other.filter(|_| record.remote_user.is_some()) {
            let kind = EventKind::SessionEnded(SessionEnd::RemoteUserChanged);
            session.auth().emit(kind, Some(&old.backend), Some(&old.user), session.facts());
        }
        let kind = EventKind::SessionStarted;
        session.auth().emit(kind, Some(&record.backend), Some(&record.user), session.facts());
        Ok(())
    }

    /// A session that nothing of an older one goes into. What the request came with ends last: if that fails, it goes
    /// on, and the new one is undone.
    async fn begin_anew<U: User>(
        &self,
        session: &Session<U>,
        other: Option<&Live>,
        record: SessionRecord,
        now: Timestamp,
    ) -> Result<Begun<S>, SessionError> {
        let begun = self.create(session, record, now).await?;
        // What was presented could perhaps not be looked at: whatever it is, it dies with this login.
        let old = other.map(|live| live.key).or_else(|| session.presented().token().map(Token::key));
        if let Some(old) = old {
            self.write(session, self.store().delete(&old)).await?;
        }
        Ok(begun)
    }

    fn new_record<U: User>(
        &self,
        session: &Session<U>,
        authenticated: &Authenticated<U>,
        now: Timestamp,
    ) -> SessionRecord {
        let (user, backend) = (authenticated.user.id(), authenticated.backend.clone());
        let client = self.config.client_facts.then(|| Box::new(ClientFacts::from(session.facts())));
        SessionRecord {
            stamp: self.config.keys.stamp(&backend, &user, &*authenticated.user),
            user,
            backend,
            created: now,
            authenticated: authenticated.at,
            confirmed: authenticated.at,
            rotated: now,
            last_seen: now,
            expires: self.config.expires(authenticated.at, now),
            remote_user: None,
            data: SessionData::default(),
            client,
        }
    }

    /// The same user once more: a new id, the old one dead, the application's values kept.
    async fn login_again<U: User>(
        &self,
        session: &Session<U>,
        live: Live,
        mut record: SessionRecord,
        now: Timestamp,
    ) -> Result<Begun<S>, SessionError> {
        let mut turn = self.turn(live).await;
        // A move is the last step: when it is made, the old id is dead.
        self.limit_sessions(session, &turn.live.key, &record, now).await?;
        loop {
            record.data.clone_from(&turn.live.record.data);
            if let Some(moved) = self.move_to_new_key(session, &turn.live, record.clone(), None, now).await? {
                return Ok(moved);
            }
            if !self.catch_up(session, &mut turn, now).await? {
                // Logged out meanwhile: the login stands, the values do not come back.
                record.data = SessionData::default();
                return self.create(session, record, now).await;
            }
        }
    }

    async fn create<U: User>(
        &self,
        session: &Session<U>,
        record: SessionRecord,
        now: Timestamp,
    ) -> Result<Begun<S>, SessionError> {
        let token = Self::new_token(session)?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        self.write(session, self.store().create(&key, &record)).await?;
        // After it, and not before: of many logins at a time the last one sees all.
        self.limit_sessions(session, &key, &record, now).await?;
        Ok(Begun::new(token, 1, record, undo, true))
    }

    /// Moves a record to a new key. `None` if the record changed, moved or ended meanwhile.
    pub(super) async fn move_to_new_key<U: User>(
        &self,
        session: &Session<U>,
        live: &Live,
        record: SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Begun<S>>, SessionError> {
        if self.is_revoked(&live.key) {
            return Ok(None);
        }
        let token = Self::new_token(session)?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        let moved = self.store().rotate(&live.key, &key, live.version, &record, alias_until, now);
        let moved = match self.write(session, moved).await {
            Ok(written) => written == Write::Done,
            // It may have been moved all the same. Then nobody could come in by the old id any more.
            Err(failed) => match self.load(session, key, now).await {
                Ok(Some(found)) if !found.by_alias => true,
                _ => return Err(failed),
            },
        };
        if !moved {
            undo.disarm();
            return Ok(None);
        }
        // Logged out while it was being moved: then the new id dies, too.
        if self.is_revoked(&live.key) {
            return Ok(None);
        }
        let (backend, user) = (&record.backend, &record.user);
        session.auth().emit(EventKind::SessionRotated, Some(backend), Some(user), session.facts());
        Ok(Some(Begun::new(token, live.version + 1, record, undo, false)))
    }

    fn new_token<U: User>(session: &Session<U>) -> Result<Token, SessionError> {
        Token::random(session.auth().random()).map_err(|error| {
            crate::unheard::log_error(&error);
            SessionErrorKind::Unavailable.into()
        })
    }

    /// Ends those sessions of a user that were longest not used, where there are too many. The one under `key` stays.
    async fn limit_sessions<U: User>(
        &self,
        session: &Session<U>,
        key: &SessionKey,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let Some(max) = self.config.max_sessions(record) else { return Ok(()) };
        let (backend, user) = (&record.backend, &record.user);
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        let ended = self.write(session, self.store().trim_user(backend, user, max, key, now)).await?;
        for _ in 0..ended {
            let kind = EventKind::SessionEnded(SessionEnd::TooMany);
            session.auth().emit(kind, Some(backend), Some(user), session.facts());
        }
        Ok(())
    }

    /// A key that the store knows, or may know. Anybody can present any other: its deletion is not worth being tried until
    /// the store confirms it, in a place of which there are not many.
    async fn stored<U: User>(
        &self,
        session: &Session<U>,
        presented: Option<SessionKey>,
    ) -> Option<SessionKey> {
        let key = presented?;
        let found = self.read(session, self.store().load(&key, session.auth().now())).await;
        (!matches!(found, Ok(None))).then_some(key)
    }

    pub(super) async fn end_session<U: User>(&self, session: &Session<U>) -> Result<(), SessionError> {
        let _ = session.resolve().await;
        let (access, live) = {
            let mut state = session.state();
            state.patches.clear();
            state.cookie = CookieEffect::Remove;
            (state.access.take(), state.live.take())
        };
        let (backend, user) = (access.as_ref().map(Access::backend), access.as_ref().map(|a| a.user().id()));
        session.auth().emit(EventKind::LoggedOut, backend, user.as_ref(), session.facts());
        let presented = session.presented().token().map(Token::key);
        if live.is_none() && presented.is_none() {
            session.state().cookie = CookieEffect::Keep;
        }
        let key = match live {
            Some(live) => Some(live.key),
            None => self.stored(session, presented).await,
        };
        let Some(key) = key else { return Ok(()) };
        let revocation = Revocation::begin(&self.shared, key, self.config.write_timeout);
        self.write(session, self.store().delete(&key)).await?;
        revocation.confirm();
        Ok(())
    }
}
