//! Sessions that begin, and the ids that come with them.

use std::sync::Arc;

use super::{Engine, Found};
use crate::backend::Identity;
use crate::cause::Cause;
use crate::event::{EventKind, SessionEnd};
use crate::factors::TrustToken;
use crate::random::RandomError;
use crate::session::live::{Begun, CookieEffect, Live, Renewal, Standing, UserRecord};
use crate::session::revocation::Undo;
use crate::session::{
    ClientFacts, Id, Owner, Rare, SessionConfig, SessionError, SessionErrorKind, SessionKey, SessionRecord,
    SessionStore, SessionUser, Token, Written,
};
use crate::time::Timestamp;
use crate::{Authenticated, RequestFacts, User};

/// A login, and what the request came with.
pub(crate) struct Opening<U> {
    proof: Authenticated<U>,
    current: Option<Live>,
    presented: Option<SessionKey>,
    remote_user: Option<Box<str>>,
    /// By which the browser may be trusted.
    tokens: Vec<TrustToken>,
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
        let opening = Self { proof, current, presented, remote_user: None, tokens: Vec::new() };
        if begins { Ok(opening) } else { Err(SessionErrorKind::NotAPerson) }
    }

    /// In a browser with these tokens.
    pub(crate) fn in_browser(self, tokens: Vec<TrustToken>) -> Self {
        Self { tokens, ..self }
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
        let Opening { proof, current, presented, remote_user, tokens } = opening;
        let user = self.user_of(&proof);
        let remote_user = remote_user.map(Box::new);
        let (enrolled, trusted) = self.look_up(&user, &proof, &tokens, facts).await?;
        let new = self.new_record(user.clone(), &proof, facts, now);
        let record = SessionRecord { enrolled, trusted, remote_user, ..new };
        self.environment.forget_user(&user.backend, &user.id);
        let (own, other) = match current {
            Some(live) if live.is_of(&proof) => (Some(live), None),
            other => (None, other),
        };
        let begun = self.in_time(facts, async {
            if let Some(live) = own {
                return self.login_again(live, record, &proof.user, facts, now).await;
            }
            let begun = self.create(record, &proof.user, facts, now).await?;
            // What the request came with ends last: if that fails, it goes on, and the new one is undone.
            match (&other, presented) {
                (Some(other), _) => self.write(facts, self.store().delete(&other.key)).await?,
                (None, Some(old)) => self.end_replaced(old, &user, facts, now).await?,
                (None, None) => {}
            }
            Ok(begun)
        });
        let begun = begun.await?;
        self.check_enrolled(&user, enrolled, facts).await?;
        if let Some(other) = other.filter(|_| begun.live.record.remote_user.is_some()) {
            self.tell(EventKind::SessionEnded(SessionEnd::RemoteUserChanged), other.record.user(), facts);
        }
        let is_pending = matches!(begun.standing, Standing::Pending(..));
        self.tell(if is_pending { EventKind::LoginPending } else { EventKind::SessionStarted }, &user, facts);
        Ok(begun)
    }

    /// Ends what the request came with, which is no session of this site's as far as could be seen.
    ///
    /// That is so, too, where another request of this user has just moved it, to an id that its browser is about to get:
    /// such a session goes on. Whoever else's it became ends with its lineage.
    async fn end_replaced(
        &self,
        old: SessionKey,
        user: &SessionUser,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        if self.is_of_another_site(&old, facts, now).await {
            return Ok(());
        }
        if self.find_lineage(user, &old, facts).await.is_ok_and(|moved| moved.is_some()) {
            return Ok(());
        }
        self.write(facts, self.store().delete(&old)).await
    }

    fn user_of(&self, proof: &Authenticated<U>) -> SessionUser {
        let (backend, id) = (proof.backend.clone(), proof.user.id());
        let stamp = self.config.keys.stamp(&backend, &id, &*proof.user);
        SessionUser { backend, id, stamp }
    }

    fn new_record(
        &self,
        user: SessionUser,
        proof: &Authenticated<U>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> SessionRecord {
        let client = self.config.client_facts.then(|| Box::new(ClientFacts::from(facts)));
        let mut record = SessionRecord {
            realm: Some(self.realm.clone()),
            authenticated: proof.at,
            confirmed: proof.at,
            client,
            rare: Rare::new(Vec::new(), proof.grant.identity().and_then(Identity::decode)),
            ..SessionRecord::new(Owner::User(user), now, self.config.expires(proof.at, now))
        };
        proof.grant.proofs().iter().for_each(|proof| record.add_proof(*proof));
        record
    }

    /// The same user once more: a new id, the old one dead, the application's values kept.
    async fn login_again(
        &self,
        live: Live,
        record: SessionRecord,
        user: &Arc<U>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Begun<U>, SessionError> {
        let mut turn = self.turn(live).await;
        loop {
            let mut again = record.clone();
            again.continue_from(&turn.live.record);
            let missing = if turn.live.record.is_pending() {
                self.settle_new(&mut again, user, now)
            } else {
                self.missing(&again, user)
            };
            // A move is the last step: when it is made, the old id is dead.
            self.limit_sessions(&turn.live.key, &again, facts, now).await?;
            if let Some(moved) = self.move_to_new_key(&turn.live, again, None, facts, now).await? {
                return Ok(moved.standing(user, missing));
            }
            if !self.catch_up(&mut turn, facts, now).await? {
                // Logged out meanwhile: the login stands, the values do not come back.
                return self.create(record, user, facts, now).await;
            }
        }
    }

    async fn create(
        &self,
        mut record: SessionRecord,
        user: &Arc<U>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Begun<U>, SessionError> {
        let missing = self.settle_new(&mut record, user, now);
        let token = drawn(Token::random(&*self.environment.random))?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        self.write(facts, self.store().create(&key, &record)).await?;
        // After it, and not before: of many logins at a time the last one sees all.
        self.limit_sessions(&key, &record, facts, now).await?;
        Ok(self.begun(token, 1, record, undo, true)?.standing(user, missing))
    }

    /// Moves a record to a new key. `None` if the record changed, moved or ended meanwhile.
    pub(super) async fn move_to_new_key(
        &self,
        live: &Live,
        mut record: SessionRecord,
        alias_until: Option<Timestamp>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Begun<U>>, SessionError> {
        if self.is_revoked(&live.key) {
            return Ok(None);
        }
        record.realm.get_or_insert_with(|| self.realm.clone());
        let token = drawn(Token::of(&live.origin, &*self.environment.random))?;
        let key = token.key();
        let undo = Undo::unless_disarmed(&self.shared, key, self.config.write_timeout);
        let moved = self.store().rotate(&live.key, &key, live.version, &record, alias_until, now);
        let moved = match self.write(facts, moved).await {
            Ok(written) => written == Written::Done,
            // It may have been moved all the same. Then nobody could come in by the old id any more.
            Err(failed) => match self.load(&Id::from(&token), facts, now).await {
                Ok(Found::User(found) | Found::Pending(found)) if !found.by_alias => true,
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
        self.tell(EventKind::SessionRotated, live.record.user(), facts);
        self.begun(token, live.version + 1, record, undo, false).map(Some)
    }

    fn begun(
        &self,
        token: Token,
        version: u64,
        record: SessionRecord,
        undo: Undo<S>,
        is_new: bool,
    ) -> Result<Begun<U>, SessionError> {
        let left = match record.owner() {
            Owner::Pending(_) => record.expires.since(record.rotated),
            _ => record.authenticated.plus(self.config.absolute).since(record.rotated),
        };
        let max_age = (!self.config.browser_session).then_some(left);
        let Some(record) = UserRecord::of(Arc::new(record)) else {
            return Err(SessionErrorKind::NoSession.into());
        };
        let Id { key, origin } = Id::from(&token);
        let live = Live { key, origin, version, by_alias: false, record };
        let cookie = CookieEffect::Set(token, max_age);
        Ok(Begun { cookie, live, standing: Standing::Unchanged, undo: Box::new(undo), is_new })
    }

    /// Ends those sessions of a user that were longest not used, where there are too many. The one under `key` stays.
    pub(super) async fn limit_sessions(
        &self,
        key: &SessionKey,
        record: &SessionRecord,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        if let Owner::Pending(user) = record.owner() {
            return self.limit_pending(key, user, facts, now).await;
        }
        let (Some(max), Some(user)) = (self.config.max_sessions(record), record.owner().user()) else {
            return Ok(());
        };
        if self.environment.second.is_some() {
            return Box::pin(self.limit_finished(key, user, max, facts, now)).await;
        }
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        let trimmed = self.store().trim_user(self.sessions_of(user), max, key, now);
        for _ in 0..self.write(facts, trimmed).await? {
            self.tell(EventKind::SessionEnded(SessionEnd::TooMany), user, facts);
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
        record.set_stamp(renewal.stamp);
        self.renew(&mut record, now);
        let until = Some(now.plus(SessionConfig::ROTATION_GRACE));
        // A faster request may have done it already: then this one goes on as it is.
        self.move_to_new_key(&live, record, until, facts, now).await.ok().flatten()
    }
}

fn drawn(token: Result<Token, RandomError>) -> Result<Token, SessionError> {
    token.map_err(|error| {
        crate::unheard::log_error(&error);
        SessionError::unavailable(Cause::of(error))
    })
}
