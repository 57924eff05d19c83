//! Login, logout, and the ids that come and go with them.

use std::sync::Arc;

use super::{Engine, RETRIES};
use crate::event::{EventKind, SessionEnd};
use crate::session::handle::{CookieEffect, Live};
use crate::session::revocation::Revocation;
use crate::session::{
    ClientFacts, Session, SessionData, SessionError, SessionErrorKind, SessionRecord, SessionStore, Token,
    Write,
};
use crate::{Access, Authenticated, How, Timestamp, User};

impl<S: SessionStore> Engine<S> {
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
        let live = match current {
            Some(live) if live.is_of(&authenticated) => self.login_again(session, live, record, now).await?,
            Some(other) => {
                self.write(session, self.store().delete(&other.key)).await?;
                session.state().patches.clear();
                self.create(session, record).await?
            }
            None => {
                // What was presented could not be looked at: whatever it is, it dies with this login.
                if let Some(token) = session.presented().token() {
                    self.write(session, self.store().delete(&token.key())).await?;
                }
                self.create(session, record).await?
            }
        };
        self.limit_sessions(session, &live, now).await?;
        let (backend, user) = (live.record.backend.clone(), live.record.user.clone());
        {
            let mut state = session.state();
            state.access = Some(Access::new(
                authenticated.user,
                backend.clone(),
                How::Session,
                live.record.authenticated,
            ));
            state.live = Some(live);
        }
        session.auth().emit(EventKind::SessionStarted, Some(&backend), Some(&user), session.facts());
        Ok(())
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
        mut live: Live,
        mut record: SessionRecord,
        now: Timestamp,
    ) -> Result<Live, SessionError> {
        for _ in 0..RETRIES {
            record.data.clone_from(&live.record.data);
            if let Some(rotated) = self.move_to_new_key(session, &live, record.clone(), None, now).await? {
                return Ok(rotated);
            }
            let Some(newer) = self.load(session, live.key, now).await? else {
                // Logged out meanwhile: the login stands, the values do not come back.
                record.data = SessionData::default();
                return self.create(session, record).await;
            };
            live = newer;
        }
        Err(SessionErrorKind::Unavailable.into())
    }

    async fn create<U: User>(
        &self,
        session: &Session<U>,
        record: SessionRecord,
    ) -> Result<Live, SessionError> {
        let token = Self::new_token(session)?;
        let key = token.key();
        self.write(session, self.store().create(&key, &record)).await?;
        self.hand_out(session, token, &record);
        Ok(Live { key, version: 1, by_alias: false, record: Arc::new(record) })
    }

    /// Moves a record to a new key. `None` if the record changed or moved meanwhile.
    pub(super) async fn move_to_new_key<U: User>(
        &self,
        session: &Session<U>,
        live: &Live,
        record: SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Live>, SessionError> {
        let token = Self::new_token(session)?;
        let key = token.key();
        let moved = self.store().rotate(&live.key, &key, live.version, &record, alias_until, now);
        if self.write(session, moved).await? != Write::Done {
            return Ok(None);
        }
        self.hand_out(session, token, &record);
        let (backend, user) = (&record.backend, &record.user);
        session.auth().emit(EventKind::SessionRotated, Some(backend), Some(user), session.facts());
        Ok(Some(Live { key, version: live.version + 1, by_alias: false, record: Arc::new(record) }))
    }

    fn new_token<U: User>(session: &Session<U>) -> Result<Token, SessionError> {
        Token::random(session.auth().random()).map_err(|error| {
            tracing::error!(target: "auth", "{error}");
            SessionErrorKind::Unavailable.into()
        })
    }

    fn hand_out<U: User>(&self, session: &Session<U>, token: Token, record: &SessionRecord) {
        let left = record.authenticated.plus(self.config.absolute).since(record.rotated);
        let max_age = (!self.config.browser_session).then_some(left);
        session.state().cookie = CookieEffect::Set(token, max_age);
    }

    /// Ends the oldest sessions of a user who has too many.
    async fn limit_sessions<U: User>(
        &self,
        session: &Session<U>,
        live: &Live,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let Some(max) = self.config.max_per_user else { return Ok(()) };
        let (backend, user) = (&live.record.backend, &live.record.user);
        let all = self.read(session, self.store().list_user(backend, user, now)).await?;
        let others = all.iter().filter(|(key, _)| *key != live.key);
        for (key, _) in others.take(all.len().saturating_sub(max)) {
            self.write(session, self.store().delete(key)).await?;
            let kind = EventKind::SessionEnded(SessionEnd::TooMany);
            session.auth().emit(kind, Some(backend), Some(user), session.facts());
        }
        Ok(())
    }

    pub(super) async fn end_session<U: User>(&self, session: &Session<U>) -> Result<(), SessionError> {
        let _ = session.resolve().await;
        let (access, key) = {
            let mut state = session.state();
            state.patches.clear();
            state.cookie = CookieEffect::Remove;
            let presented = session.presented().token().map(Token::key);
            let key = state.live.take().map(|live| live.key).or(presented);
            (state.access.take(), key)
        };
        let (backend, user) = (access.as_ref().map(Access::backend), access.as_ref().map(|a| a.user().id()));
        session.auth().emit(EventKind::LoggedOut, backend, user.as_ref(), session.facts());
        let Some(key) = key else {
            if session.presented().token().is_none() {
                session.state().cookie = CookieEffect::Keep;
            }
            return Ok(());
        };
        let revocation = Revocation::begin(&self.shared, key, self.config.write_timeout);
        self.write(session, self.store().delete(&key)).await?;
        revocation.confirm();
        Ok(())
    }
}
