//! Finding out whose session a key opens: the record, its confirmation, its user, and whether they are still who began it.

use std::sync::Arc;

use super::{Engine, access_of};
use crate::backend::BackendError;
use crate::event::{EventKind, NotJudged, SessionEnd};
use crate::keys::StampCheck;
use crate::session::Source;
use crate::session::live::{BegunBy, Live, Renewal, Resolved, UserRecord, Wanted};
use crate::session::{
    Id, ResolveError, SessionConfig, SessionError, SessionKey, SessionRecord, SessionStore, SessionUser,
    StoreErrorKind, Stored, Written,
};
use crate::time::Timestamp;
use crate::user_cache::{Cache, Moment};
use crate::{RequestFacts, User};

/// A newer version wrote the record.
pub(super) struct Newer;

/// What is under a key.
pub(super) enum Found {
    Nothing,
    /// A record that is no user's here: a visitor's, another site's, or a newer version's. It stays.
    NoUser,
    User(Live),
    /// A login that is not finished.
    Pending(Live),
}

/// The user of a session and how the stamp was found to be the same, or why the session ends.
type Checked<U> = Result<(Arc<U>, StampCheck), SessionEnd>;

impl<S: SessionStore, U: User> Engine<S, U> {
    pub(super) async fn resolve_session(
        self: &Arc<Self>,
        wanted: &Wanted,
        facts: &RequestFacts,
    ) -> Result<Resolved<U>, ResolveError> {
        let now = self.environment.now();
        let Some(live) = self.find(&wanted.id, facts, now).await? else { return Ok(Resolved::NOBODY) };
        let began = live.record.remote_user.as_deref().map(AsRef::as_ref);
        match &wanted.begun_by {
            BegunBy::Login if began.is_some() => {
                Box::pin(self.end_unasked(&live, SessionEnd::RemoteUserGone, facts)).await;
                return Ok(Resolved::NOBODY);
            }
            BegunBy::Name(name) if began != Some(name) => {
                return Ok(Resolved { other: Some(Box::new(live)), ..Resolved::NOBODY });
            }
            BegunBy::Anything | BegunBy::Login | BegunBy::Name(_) => {}
        }
        self.resolve_user(live, wanted.is_use, facts, now).await
    }

    /// The session under this key, if it has not ended.
    async fn find(
        &self,
        id: &Id,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Live>, ResolveError> {
        let loaded = self.load(id, facts, now).await.map_err(SessionError::into_unresolved)?;
        // Where nobody asks for more than a first proof any more, a login that was not finished is none.
        let is_asked = self.environment.second.is_some();
        let live = match loaded {
            Found::User(live) => live,
            Found::Pending(live) if is_asked => live,
            Found::Pending(_) | Found::Nothing | Found::NoUser => return Ok(None),
        };
        if let Some(why) = self.ended(&live.record, now) {
            Box::pin(self.end_unasked(&live, why, facts)).await;
            return Ok(None);
        }
        Ok(Some(live))
    }

    /// The session under this key or alias. One that was logged out here is none, whatever the store still knows, and by
    /// whichever of its ids it was.
    pub(super) async fn load(
        &self,
        id: &Id,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Found, SessionError> {
        if self.is_revoked(&id.key) {
            return Ok(Found::Nothing);
        }
        let Stored { key, record, version } = match self.lookup(&id.key, facts, now).await? {
            Some(Ok(stored)) if self.is_foreign(&stored.record) => {
                return Ok(self.not_judged(NotJudged::OtherRealm, facts));
            }
            Some(Ok(stored)) if !self.is_revoked(&stored.key) => stored,
            Some(Err(Newer)) => return Ok(self.not_judged(NotJudged::Newer, facts)),
            Some(Ok(_)) | None => return Ok(Found::Nothing),
        };
        let by_alias = key != id.key;
        let live = |record| Live { key, origin: id.origin.clone(), version, by_alias, record };
        Ok(match UserRecord::of(record) {
            Some(record) if record.is_pending() => Found::Pending(live(record)),
            Some(record) => Found::User(live(record)),
            None => Found::NoUser,
        })
    }

    /// What the store has under this key or alias, also if it cannot be judged here.
    pub(super) async fn lookup(
        &self,
        key: &SessionKey,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Result<Stored, Newer>>, SessionError> {
        let looked_up = async {
            match self.store().load(key, now).await {
                Ok(stored) => Ok(stored.map(Ok)),
                Err(error) if error.kind() == StoreErrorKind::Newer => Ok(Some(Err(Newer))),
                Err(error) => Err(error),
            }
        };
        self.read(facts, looked_up).await
    }

    /// Whether a record is of another site that keeps its sessions in the same store.
    pub(super) fn is_foreign(&self, record: &SessionRecord) -> bool {
        record.realm.as_ref().is_some_and(|realm| *realm != self.realm)
    }

    fn not_judged(&self, why: NotJudged, facts: &RequestFacts) -> Found {
        self.environment.emit(EventKind::SessionNotJudged(why), None, None, facts);
        Found::NoUser
    }

    /// Whether the clock says that a record is over, or cannot be trusted.
    fn ended(&self, record: &SessionRecord, now: Timestamp) -> Option<SessionEnd> {
        let latest = now.plus(SessionConfig::CLOCK_SKEW);
        if record.last_seen > latest || record.authenticated > latest {
            return Some(SessionEnd::ClockWentBack);
        }
        // The configured limits may have become shorter than those the record was made with.
        let expires = record.expires.min(record.authenticated.plus(self.config.absolute));
        (now >= expires).then_some(SessionEnd::Expired)
    }

    /// The user of a session, as they are now.
    // What is rare is boxed here: the future of a usual request stays small.
    async fn resolve_user(
        self: &Arc<Self>,
        mut live: Live,
        is_use: bool,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Resolved<U>, ResolveError> {
        let Some(source) = self.environment.source(&live.record.user().backend) else {
            Box::pin(self.end_unasked(&live, SessionEnd::BackendGone, facts)).await;
            return Ok(Resolved::NOBODY);
        };
        if let Some(confirming) = source.confirming.as_ref().filter(|by| by.is_due(&live, now)) {
            match Box::pin(self.confirm(source, confirming, live, facts, now)).await? {
                Some(confirmed) => live = confirmed,
                None => return Ok(Resolved::NOBODY),
            }
        }
        // Users are cached by their ids: another session of this one may have been told other groups.
        let checked = match source.cache.as_ref().filter(|_| live.record.identity().is_none()) {
            None => self.load_user(source, &live.record).await,
            Some(cache) => match self.kept_user(cache, live.record.user()) {
                Some(kept) => Ok(Ok(kept)),
                None => Box::pin(self.find_user(source, cache, live.record.user())).await,
            },
        };
        match checked {
            Ok(Ok((user, stamp))) => {
                if let Some(second) = &self.environment.second {
                    if live.record.enrolled.is_none() {
                        match Box::pin(self.learn_enrolled(second, live, facts, now)).await? {
                            Some(learnt) => live = learnt,
                            None => return Ok(Resolved::NOBODY),
                        }
                    }
                    let missing = self.missing(&live.record, &user);
                    if missing.is_some() || live.record.is_pending() {
                        return Ok(Self::wait(live, user, missing));
                    }
                }
                let renewal = self.renewal(&live, &*user, stamp, now);
                let is_due = is_use && now.since(live.record.last_seen) >= self.config.touch_every;
                let live = if is_due { Box::pin(self.touch(live, facts, now)).await } else { Some(live) };
                Ok(self.admit(user, live, renewal))
            }
            Ok(Err(why)) => {
                Box::pin(self.end_unasked(&live, why, facts)).await;
                Ok(Resolved::NOBODY)
            }
            Err(error) => {
                Err(ResolveError::unavailable(self.environment.failed(error, &source.name, None, facts)))
            }
        }
    }

    pub(super) async fn load_user(
        &self,
        source: &Source<U>,
        record: &UserRecord,
    ) -> Result<Checked<U>, BackendError> {
        let of = record.user();
        let user = source.get_user(&of.id, record.identity()).await?;
        Ok(self.check_user(of, user.map(Arc::new)))
    }

    /// A kept user with whom the session may go on.
    fn kept_user(&self, cache: &Cache<U>, of: &SessionUser) -> Option<(Arc<U>, StampCheck)> {
        let user = cache.get(&of.id, Moment::now(&*self.environment.clock))?;
        self.check_user(of, Some(user)).ok()
    }

    /// The user, if none is kept with whom the session may go on.
    ///
    /// A user that was not asked for by this request may be older than the record: such a one ends no session.
    async fn find_user(
        &self,
        source: &Source<U>,
        cache: &Cache<U>,
        of: &SessionUser,
    ) -> Result<Checked<U>, BackendError> {
        let clock = &*self.environment.clock;
        let found = source.find_user(cache, &of.id, clock).await?;
        let checked = self.check_user(of, found.user.clone());
        if checked.is_ok() || found.is_own {
            return Ok(checked);
        }
        cache.forget(&of.id, found.user.as_ref());
        let newer = source.find_user(cache, &of.id, clock).await?;
        Ok(self.check_user(of, newer.user))
    }

    fn check_user(&self, of: &SessionUser, user: Option<Arc<U>>) -> Checked<U> {
        let user = user.ok_or(SessionEnd::UserGone)?;
        if !user.is_active() {
            return Err(SessionEnd::UserDisabled);
        }
        match self.verified.check(&self.config.keys, of, &*user) {
            StampCheck::Changed => Err(SessionEnd::StampChanged),
            same => Ok((user, same)),
        }
    }

    /// The caller. What is due for the session is noted, and done when the response is made.
    fn admit(&self, user: Arc<U>, live: Option<Live>, renewal: Option<Box<Renewal>>) -> Resolved<U> {
        // A parallel request may have logged it out while this one waited.
        let Some(live) = live.filter(|live| !self.is_revoked(&live.key)) else { return Resolved::NOBODY };
        let caller = Some((access_of(user, &live.record), live));
        Resolved { caller, renewal, ..Resolved::NOBODY }
    }

    /// The new id that the session is to get, if its time or its key's has come.
    fn renewal(&self, live: &Live, user: &U, stamp: StampCheck, now: Timestamp) -> Option<Box<Renewal>> {
        let due = |every| now.since(live.record.rotated) >= every;
        let is_due = stamp == StampCheck::SameByFallback || self.config.rotate_every.is_some_and(due);
        (is_due && !live.by_alias).then(|| {
            let SessionUser { backend, id, .. } = live.record.user();
            let stamp = self.config.keys.stamp(backend, id, user);
            Box::new(Renewal { key: live.key, stamp })
        })
    }

    /// Notes the use. `None` if the session was deleted meanwhile.
    async fn touch(&self, mut live: Live, facts: &RequestFacts, now: Timestamp) -> Option<Live> {
        live.record.touch(now, self.config.expires(live.record.authenticated, now));
        let touched = self.store().touch(&live.key, now, live.record.expires);
        match self.write(facts, touched).await {
            Ok(Written::Gone) => None,
            // A store that cannot be written to, but read, keeps its users until their time is over.
            Ok(_) | Err(_) => Some(live),
        }
    }

    pub(super) fn renew_use(&self, record: &mut SessionRecord, now: Timestamp) {
        record.last_seen = now;
        record.expires = self.config.expires(record.authenticated, now);
    }

    pub(super) fn renew(&self, record: &mut SessionRecord, now: Timestamp) {
        record.rotated = now;
        self.renew_use(record, now);
    }
}
