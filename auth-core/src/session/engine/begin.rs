//! Sessions that begin, and the ids that come with them.

use std::sync::Arc;

use super::{Engine, access_of};
use crate::cause::Cause;
use crate::event::{EventKind, SessionEnd};
use crate::session::live::{Begun, CookieEffect, Live, Renewal};
use crate::session::revocation::Undo;
use crate::session::{
    ClientFacts, SessionConfig, SessionData, SessionError, SessionErrorKind, SessionKey, SessionRecord,
    SessionStore, Token, Written,
};
use crate::time::Timestamp;
use crate::{Authenticated, RequestFacts, User};

/// A login, and what the request came with.
pub(crate) struct Opening<U> {
    proof: Authenticated<U>,
    current: Option<Live>,
    presented: Option<SessionKey>,
    remote_user: Option<Box<str>>,
}

impl<U> Opening<U> {
    /// A session to begin with this proof. `current` goes on, or ends, by it; so does whatever `presented` names, though it
    /// could perhaps not be looked at.
    ///
    /// Every session begins here, by whichever door: it may do whatever its user may, so what is less becomes none.
    pub(crate) fn new(
        proof: Authenticated<U>,
        current: Option<Live>,
        presented: Option<SessionKey>,
    ) -> Result<Self, SessionErrorKind> {
        let begins = proof.grant.begins_session();
        let opening = Self { proof, current, presented, remote_user: None };
        if begins { Ok(opening) } else { Err(SessionErrorKind::NotAPerson) }
    }

    /// Begun by a proxy's word for this name.
    pub(crate) fn by_name(self, name: &str) -> Self {
        Self { remote_user: Some(name.into()), ..self }
    }
}

impl<S: SessionStore, U: User> Engine<S, U> {
    /// Begins a session. A login that is refused leaves no record.
    pub(super) async fn begin(
        &self,
        opening: Opening<U>,
        facts: &RequestFacts,
    ) -> Result<Begun<U>, SessionError> {
        let now = self.environment.now();
        let Opening { proof, current, presented, remote_user } = opening;
        let record = SessionRecord { remote_user, ..self.new_record(&proof, facts, now) };
        self.environment.forget_user(&record.backend, &record.user);
        let (own, other) = match current {
            Some(live) if live.is_of(&proof) => (Some(live), None),
            other => (None, other),
        };
        let begun = self.in_time(facts, async {
            if let Some(live) = own {
                return self.login_again(live, record, facts, now).await;
            }
            let old = other.as_ref().map(|live| live.key).or(presented);
            self.begin_anew(old, record, facts, now).await
        });
        let mut begun = begun.await?;
        let record = Arc::clone(&begun.live.record);
        begun.access = Some(access_of(proof.user, &record));
        if let Some(other) = other.filter(|_| record.remote_user.is_some()) {
            self.tell(EventKind::SessionEnded(SessionEnd::RemoteUserChanged), &other.record, facts);
        }
        self.tell(EventKind::SessionStarted, &record, facts);
        Ok(begun)
    }

    /// A session that nothing of an older one goes into. What the request came with ends last: if that fails, it goes
    /// on, and the new one is undone.
    async fn begin_anew(
        &self,
        old: Option<SessionKey>,
        record: SessionRecord,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Begun<U>, SessionError> {
        let begun = self.create(record, facts, now).await?;
        if let Some(old) = old {
            self.write(facts, self.store().delete(&old)).await?;
        }
        Ok(begun)
    }

    fn new_record(&self, proof: &Authenticated<U>, facts: &RequestFacts, now: Timestamp) -> SessionRecord {
        let (user, backend) = (proof.user.id(), proof.backend.clone());
        let client = self.config.client_facts.then(|| Box::new(ClientFacts::from(facts)));
        SessionRecord {
            stamp: self.config.keys.stamp(&backend, &user, &*proof.user),
            user,
            backend,
            created: now,
            authenticated: proof.at,
            confirmed: proof.at,
            rotated: now,
            last_seen: now,
            expires: self.config.expires(proof.at, now),
            remote_user: None,
            data: SessionData::default(),
            client,
        }
    }

    /// The same user once more: a new id, the old one dead, the application's values kept.
    async fn login_again(
        &self,
        live: Live,
        mut record: SessionRecord,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Begun<U>, SessionError> {
        let mut turn = self.turn(live).await;
        // A move is the last step: when it is made, the old id is dead.
        self.limit_sessions(&turn.live.key, &record, facts, now).await?;
        loop {
            record.data.clone_from(&turn.live.record.data);
            if let Some(moved) = self.move_to_new_key(&turn.live, record.clone(), None, facts, now).await? {
                return Ok(moved);
            }
            if !self.catch_up(&mut turn, facts, now).await? {
                // Logged out meanwhile: the login stands, the values do not come back.
                record.data = SessionData::default();
                return self.create(record, facts, now).await;
            }
        }
    }

    async fn create(
        &self,
        record: SessionRecord,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Begun<U>, SessionError> {
        let token = self.new_token()?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        self.write(facts, self.store().create(&key, &record)).await?;
        // After it, and not before: of many logins at a time the last one sees all.
        self.limit_sessions(&key, &record, facts, now).await?;
        Ok(self.begun(token, 1, record, undo, true))
    }

    /// Moves a record to a new key. `None` if the record changed, moved or ended meanwhile.
    pub(super) async fn move_to_new_key(
        &self,
        live: &Live,
        record: SessionRecord,
        alias_until: Option<Timestamp>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Begun<U>>, SessionError> {
        if self.is_revoked(&live.key) {
            return Ok(None);
        }
        let token = self.new_token()?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        let moved = self.store().rotate(&live.key, &key, live.version, &record, alias_until, now);
        let moved = match self.write(facts, moved).await {
            Ok(written) => written == Written::Done,
            // It may have been moved all the same. Then nobody could come in by the old id any more.
            Err(failed) => match self.load(key, facts, now).await {
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
        self.tell(EventKind::SessionRotated, &record, facts);
        Ok(Some(self.begun(token, live.version + 1, record, undo, false)))
    }

    fn begun(
        &self,
        token: Token,
        version: u64,
        record: SessionRecord,
        undo: Undo<S>,
        is_new: bool,
    ) -> Begun<U> {
        let left = record.authenticated.plus(self.config.absolute).since(record.rotated);
        let max_age = (!self.config.browser_session).then_some(left);
        let live = Live { key: token.key(), version, by_alias: false, record: Arc::new(record) };
        let cookie = CookieEffect::Set(token, max_age);
        Begun { cookie, live, access: None, undo: Box::new(undo), is_new }
    }

    fn new_token(&self) -> Result<Token, SessionError> {
        Token::random(&*self.environment.random).map_err(|error| {
            crate::unheard::log_error(&error);
            SessionError::unavailable(Cause::of(error))
        })
    }

    /// Ends those sessions of a user that were longest not used, where there are too many. The one under `key` stays.
    async fn limit_sessions(
        &self,
        key: &SessionKey,
        record: &SessionRecord,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let Some(max) = self.config.max_sessions(record) else { return Ok(()) };
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        let trimmed = self.store().trim_user(&record.backend, &record.user, max, key, now);
        for _ in 0..self.write(facts, trimmed).await? {
            self.tell(EventKind::SessionEnded(SessionEnd::TooMany), record, facts);
        }
        Ok(())
    }

    /// Gives the session a new id in time. The old one stays an alias for a while.
    ///
    /// This is done when the handler has answered, and not when it is found to be due: a request that is refused or given
    /// up in between would have used up the old id, and hand out no new one. What fails here is due again with the next
    /// request.
    pub(super) async fn renew_session(
        &self,
        live: Live,
        renewal: Renewal,
        facts: &RequestFacts,
    ) -> Option<Begun<U>> {
        let now = self.environment.now();
        let mut record = SessionRecord::clone(&live.record);
        record.stamp = renewal.stamp;
        self.renew(&mut record, now);
        let until = Some(now.plus(SessionConfig::ROTATION_GRACE));
        // A faster request may have done it already: then this one goes on as it is.
        self.move_to_new_key(&live, record, until, facts, now).await.ok().flatten()
    }
}
