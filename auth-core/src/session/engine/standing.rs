//! Whether a session is its user's, or pending: the one place where the policy of second factors is asked about sessions.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::resolve::Found;
use crate::cause::Cause;
use crate::event::{EventKind, SessionEnd};
use crate::factors::{StoredFactor, TrustToken, is_trusted};
use crate::grant::Proof;
use crate::second_factor::{Enrolled, Missing, SecondFactor};
use crate::session::live::{Begun, Live, Resolved, Waiting};
use crate::session::{
    Owner, ResolveError, SessionError, SessionErrorKind, SessionKey, SessionRecord, SessionStore,
    SessionUser, Stored, UserSessions, Written,
};
use crate::time::Timestamp;
use crate::{Authenticated, RequestFacts, User};

/// How long somebody has to finish a login.
const PENDING_FOR: Duration = Duration::from_secs(10 * 60);
/// How many logins of a user may wait to be finished: of more, the oldest ends.
const MAX_PENDING: usize = 5;
/// How often all sessions of a user are looked at, until each knows what is enrolled.
const ROUNDS: usize = 8;

impl<S: SessionStore, U: User> Engine<S, U> {
    /// What a session lacks, by its record and its user.
    pub(super) fn missing(&self, record: &SessionRecord, user: &U) -> Option<Missing> {
        let second = self.environment.second.as_ref()?;
        second.missing(user, record.proofs(), record.enrolled.unwrap_or_default(), record.trusted)
    }

    /// Has a record that is about to be written be its user's, or wait for what it lacks. One that was its user's before keeps
    /// its limits.
    pub(super) fn settle(&self, record: &mut SessionRecord, user: &U, now: Timestamp) -> Option<Missing> {
        let missing = self.missing(record, user);
        match (&missing, record.owner()) {
            (None, Owner::Pending(_)) => {
                record.finish();
                self.renew(record, now);
            }
            (Some(_), Owner::Pending(_)) => {
                record.expires = record.created.plus(PENDING_FOR).min(record.expires);
            }
            _ => {}
        }
        missing
    }

    /// The same for a login that begins now.
    pub(super) fn settle_new(&self, record: &mut SessionRecord, user: &U, now: Timestamp) -> Option<Missing> {
        let missing = self.missing(record, user);
        if missing.is_some() {
            record.suspend();
            record.expires = now.plus(PENDING_FOR).min(record.expires);
        }
        missing
    }

    /// What the user of a login has enrolled, if anybody asks for it, and whether they trust the browser.
    pub(super) async fn look_up(
        &self,
        of: &SessionUser,
        proof: &Authenticated<U>,
        tokens: &[TrustToken],
        facts: &RequestFacts,
    ) -> Result<(Option<Enrolled>, bool), SessionError> {
        let Some(second) = &self.environment.second else { return Ok((None, false)) };
        let found = self.environment.factors_of(second, &of.owner(), facts).await;
        let factors = found.map_err(SessionError::unavailable)?;
        let stamp = proof.user.security_stamp();
        let lifetime = second.trusted_for().unwrap_or_default();
        let is_trusted = is_trusted(&factors, tokens, stamp, lifetime, self.environment.now());
        Ok((Some(StoredFactor::enrolled(&factors)), is_trusted))
    }

    /// What they have enrolled now.
    async fn enrolled_now(
        &self,
        of: &SessionUser,
        facts: &RequestFacts,
    ) -> Result<Option<Enrolled>, SessionError> {
        let Some(second) = &self.environment.second else { return Ok(None) };
        let found = self.environment.enrolled(second, &of.owner(), facts).await;
        found.map(Some).map_err(SessionError::unavailable)
    }

    /// Whether that is as it was when a session that was written since began. A factor that was confirmed in between was
    /// written into all sessions that there were: this one may not have been among them.
    pub(super) async fn check_enrolled(
        &self,
        of: &SessionUser,
        enrolled: Option<Enrolled>,
        facts: &RequestFacts,
    ) -> Result<(), SessionError> {
        if self.enrolled_now(of, facts).await? == enrolled {
            return Ok(());
        }
        Err(SessionError::unavailable(Cause::of(
            "the second factors were changed while their owner signed in",
        )))
    }

    /// The session with what its user has enrolled, of one that began when nobody asked; `None` if it is gone.
    pub(super) async fn learn_enrolled(
        &self,
        second: &SecondFactor<U>,
        live: Live,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Live>, ResolveError> {
        let owner = live.record.user().owner();
        let found = self.environment.enrolled(second, &owner, facts).await;
        let enrolled = Some(found.map_err(ResolveError::unavailable)?);
        let noted = self.change(live, facts, now, |record| {
            record.enrolled = record.enrolled.or(enrolled);
            Ok(())
        });
        self.in_time(facts, noted).await.map_err(SessionError::into_unresolved)
    }

    /// The session as nobody's.
    pub(super) fn wait(live: Live, user: Arc<U>, missing: Option<Missing>) -> Resolved<U> {
        let enrolled = live.record.enrolled.unwrap_or_default();
        let missing = missing.unwrap_or(Missing::nothing(enrolled));
        Resolved { pending: Some(Box::new(Waiting { live, user, missing })), ..Resolved::NOBODY }
    }

    /// Adds proofs to the session, and looks at what it lacks then.
    ///
    /// The new id is the last step: when it is made, the old one is dead, and of two that are added at once both stay.
    pub(super) async fn add_proofs(
        &self,
        live: Live,
        proofs: &[Proof],
        facts: &RequestFacts,
    ) -> Result<Begun<U>, SessionError> {
        self.check_current(&live)?;
        let user = self.user_now(&live, facts).await?;
        let now = self.environment.now();
        let begun = self.in_time(facts, async {
            let mut turn = self.turn(live).await;
            loop {
                let mut record = SessionRecord::clone(&turn.live.record);
                for proof in proofs {
                    record.add_proof(*proof);
                }
                let personal = proofs.iter().filter(|proof| proof.factor.is_personal()).map(|proof| proof.at);
                record.authenticated = personal.max().unwrap_or_default().max(record.authenticated);
                if !turn.live.record.is_pending() {
                    self.renew(&mut record, now);
                }
                let moved = self.settle_and_move(&turn.live, record, &user, facts, now).await?;
                match moved {
                    Some(begun) => return Ok(begun),
                    None if self.catch_up(&mut turn, facts, now).await? => {}
                    None => return Err(SessionErrorKind::NoSession.into()),
                }
            }
        });
        let begun = begun.await?;
        for proof in proofs {
            self.tell(EventKind::ProofAdded(proof.factor), begun.live.record.user(), facts);
        }
        Ok(begun)
    }

    /// Moves a session with a changed record; one that was pending and lacks nothing any more is its user's from here on.
    pub(super) async fn settle_and_move(
        &self,
        live: &Live,
        mut record: SessionRecord,
        user: &Arc<U>,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Begun<U>>, SessionError> {
        let missing = self.settle(&mut record, user, now);
        let Some(moved) = self.move_to_new_key(live, record, None, facts, now).await? else {
            return Ok(None);
        };
        let begun = moved.standing(user, missing);
        let is_finished = live.record.is_pending() && !begun.live.record.is_pending();
        if is_finished {
            self.limit_sessions(&begun.live.key, &begun.live.record, facts, now).await?;
            self.tell(EventKind::SessionStarted, begun.live.record.user(), facts);
        }
        Ok(Some(begun))
    }

    /// The session's user, asked for anew: what they lack may have changed since the request came.
    async fn user_now(&self, live: &Live, facts: &RequestFacts) -> Result<Arc<U>, SessionError> {
        let of = live.record.user();
        self.environment.forget_user(&of.backend, &of.id);
        let nobody = || SessionError::from(SessionErrorKind::NoSession);
        let source = self.environment.source(&of.backend).ok_or_else(nobody)?;
        let user = self.load_user(source, &live.record).await.map_err(|error| {
            SessionError::unavailable(self.environment.failed(error, &of.backend, None, facts))
        })?;
        user.map(|(user, _)| user).map_err(|_| nobody())
    }

    /// Writes into all sessions of a user what they have enrolled. Browsers that were trusted before that are not any more.
    ///
    /// One that another request moves in between has another id by then, and what it knew before. So all are looked at until each
    /// knows. One that is moved again and again meanwhile ends: it would never ask for the factor.
    pub(super) async fn write_enrolled(
        &self,
        of: &SessionUser,
        enrolled: Enrolled,
        facts: &RequestFacts,
    ) -> Result<(), SessionError> {
        let now = self.environment.now();
        for round in 0..=ROUNDS {
            let mut all = self.read(facts, self.store().list_user(self.sessions_of(of), now)).await?;
            all.retain(|(_, record)| !knows(record, enrolled));
            if all.is_empty() {
                break;
            }
            for (key, _) in all {
                if round < ROUNDS {
                    self.in_time(facts, self.write_enrolled_into(&key, enrolled, facts, now)).await?;
                } else {
                    self.write(facts, self.store().delete(&key)).await?;
                }
            }
        }
        Ok(())
    }

    async fn write_enrolled_into(
        &self,
        key: &SessionKey,
        enrolled: Enrolled,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        while let Some(Ok(Stored { key, record, version })) = self.lookup(key, facts, now).await? {
            let mut record = SessionRecord::clone(&record);
            if knows(&record, enrolled) {
                break;
            }
            (record.enrolled, record.trusted) = (Some(enrolled), false);
            match self.write(facts, self.store().update(&key, version, &record, now)).await? {
                Written::Done | Written::Gone => break,
                Written::Conflict => {}
            }
        }
        Ok(())
    }

    /// Ends the oldest logins of a user that wait to be finished, where there are too many.
    pub(super) async fn limit_pending(
        &self,
        key: &SessionKey,
        user: &SessionUser,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let is_pending = |record: &SessionRecord| matches!(record.owner(), Owner::Pending(_));
        let sessions = self.sessions_of(user);
        self.end_oldest(key, sessions, MAX_PENDING, is_pending, |record| record.created, facts, now).await?;
        Ok(())
    }

    /// As the store's own limit, for which those that wait to be finished would count: whoever knows the password alone could
    /// push out the sessions of who knows more.
    pub(super) async fn limit_finished(
        &self,
        key: &SessionKey,
        user: &SessionUser,
        max: usize,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<(), SessionError> {
        let is_finished = |record: &SessionRecord| record.owner().user().is_some();
        let sessions = self.sessions_of(user);
        let ended =
            self.end_oldest(key, sessions, max, is_finished, |record| record.last_seen, facts, now).await?;
        for _ in 0..ended {
            self.tell(EventKind::SessionEnded(SessionEnd::TooMany), user, facts);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "two callers, which say which sessions they mean")]
    async fn end_oldest(
        &self,
        key: &SessionKey,
        sessions: UserSessions<'_>,
        max: usize,
        is_meant: impl Fn(&SessionRecord) -> bool,
        age: impl Fn(&SessionRecord) -> Timestamp,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<usize, SessionError> {
        let mut all = self.read(facts, self.store().list_user(sessions, now)).await?;
        // The one that has just begun stays, whatever its age.
        all.retain(|(other, record)| other != key && is_meant(record));
        all.sort_by_key(|(_, record)| Reverse(age(record)));
        let over = all.split_off(max.saturating_sub(1).min(all.len()));
        for (key, _) in &over {
            self.write(facts, self.store().delete(key)).await?;
        }
        Ok(over.len())
    }

    /// A session that was found, whether it is its user's or waits to be finished.
    pub(super) fn any_live(found: Found) -> Option<Live> {
        match found {
            Found::User(live) | Found::Pending(live) => Some(live),
            Found::Nothing | Found::NoUser => None,
        }
    }
}

/// Whether a session knows that its user has enrolled this, and stands on nothing that was so before.
fn knows(record: &SessionRecord, enrolled: Enrolled) -> bool {
    record.enrolled == Some(enrolled) && !record.trusted
}
