//! Finding out whose session a request's token is.

use std::sync::Arc;

use super::{Engine, access_of};
use crate::chain::Source;
use crate::event::{EventKind, SessionEnd};
use crate::http::Presented;
use crate::session::handle::{Live, Renewal};
use crate::session::keys::StampCheck;
use crate::session::{
    Failure, Session, SessionConfig, SessionError, SessionKey, SessionRecord, SessionStore, Write,
};
use crate::user_cache::{Cache, Moment};
use crate::{Auth, BackendError, Timestamp, User};

/// The user of a session and how the stamp was found to be the same, or why the session ends.
type Checked<U> = Result<(Arc<U>, StampCheck), SessionEnd>;

impl<S: SessionStore> Engine<S> {
    pub(super) async fn resolve_session<U: User>(
        self: &Arc<Self>,
        session: &Session<U>,
    ) -> Result<(), Failure> {
        let now = session.auth().now();
        let Some(live) = self.find_session(session, now).await? else { return Ok(()) };
        let is_asked_again = matches!(session.presented(), Presented::Again(_));
        if !is_asked_again && !session.auth().goes_on_without_header(&live.record) {
            Box::pin(self.end(session, &live, SessionEnd::RemoteUserGone)).await;
            return Ok(());
        }
        self.resolve_user(session, live, now).await
    }

    /// The session that the request presents, if it has not ended.
    pub(super) async fn find_session<U: User>(
        &self,
        session: &Session<U>,
        now: Timestamp,
    ) -> Result<Option<Live>, Failure> {
        let Some(key) = session.presented().key() else { return Ok(None) };
        let Some(live) = self.load(session, key, now).await.map_err(|_| Failure::Unavailable)? else {
            return Ok(None);
        };
        if let Some(why) = self.ended(&live.record, now) {
            Box::pin(self.end(session, &live, why)).await;
            return Ok(None);
        }
        Ok(Some(live))
    }

    /// The session under this key or alias. One that was logged out here is none, whatever the store still knows, and by
    /// whichever of its ids it was.
    pub(super) async fn load<U: User>(
        &self,
        session: &Session<U>,
        key: SessionKey,
        now: Timestamp,
    ) -> Result<Option<Live>, SessionError> {
        if self.is_revoked(&key) {
            return Ok(None);
        }
        let stored = self.read(session, self.store().load(&key, now)).await?;
        Ok(stored.filter(|stored| !self.is_revoked(&stored.key)).map(|stored| Live {
            key: stored.key,
            version: stored.version,
            by_alias: stored.key != key,
            record: stored.record,
        }))
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

    pub(super) async fn resolve_user<U: User>(
        self: &Arc<Self>,
        session: &Session<U>,
        mut live: Live,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let auth = session.auth();
        let Some(source) = auth.source(&live.record.backend) else {
            Box::pin(self.end(session, &live, SessionEnd::BackendGone)).await;
            return Ok(());
        };
        if let Some(confirming) = source.confirming.as_ref().filter(|by| by.is_due(&live, now)) {
            match Box::pin(self.confirm(session, source, confirming, live, now)).await? {
                Some(confirmed) => live = confirmed,
                None => return Ok(()),
            }
        }
        let checked = match &source.cache {
            None => source
                .get_user(&live.record.user)
                .await
                .map(|user| self.check_user(&live.record, user.map(Arc::new))),
            Some(cache) => match self.kept_user(auth, cache, &live.record) {
                Some(kept) => Ok(Ok(kept)),
                None => Box::pin(self.find_user(auth, source, cache, &live.record)).await,
            },
        };
        let (user, stamp) = match checked {
            Ok(Ok(checked)) => checked,
            Ok(Err(why)) => {
                Box::pin(self.end(session, &live, why)).await;
                return Ok(());
            }
            Err(error) => {
                auth.emit(EventKind::BackendFailed(&error), Some(&source.name), None, session.facts());
                return Err(Failure::Unavailable);
            }
        };
        // What is rare is boxed here and above: the future of a usual request stays small.
        let live = if self.is_due(&live, stamp, now) {
            Box::pin(self.keep_alive(session, live, &user, stamp, now)).await
        } else {
            Some(live)
        };
        // A parallel request may have logged it out while this one waited.
        let Some(live) = live.filter(|live| !self.is_revoked(&live.key)) else { return Ok(()) };
        let access = access_of(user, &live.record);
        let mut state = session.state();
        state.access = Some(access);
        state.live = Some(live);
        Ok(())
    }

    /// A kept user with whom the session may go on.
    fn kept_user<U: User>(
        &self,
        auth: &Auth<U>,
        cache: &Cache<U>,
        record: &SessionRecord,
    ) -> Option<(Arc<U>, StampCheck)> {
        let user = cache.get(&record.user, Moment::now(auth.clock()))?;
        self.check_user(record, Some(user)).ok()
    }

    /// The user, if none is kept with whom the session may go on.
    ///
    /// A user that was not asked for by this request may be older than the record: such a one ends no session.
    async fn find_user<U: User>(
        &self,
        auth: &Auth<U>,
        source: &Source<U>,
        cache: &Cache<U>,
        record: &SessionRecord,
    ) -> Result<Checked<U>, BackendError> {
        let found = source.find_user(cache, &record.user, auth.clock()).await?;
        let checked = self.check_user(record, found.user.clone());
        if checked.is_ok() || found.is_own {
            return Ok(checked);
        }
        cache.forget(&record.user, found.user.as_ref());
        let newer = source.find_user(cache, &record.user, auth.clock()).await?;
        Ok(self.check_user(record, newer.user))
    }

    fn check_user<U: User>(&self, record: &SessionRecord, user: Option<Arc<U>>) -> Checked<U> {
        let user = user.ok_or(SessionEnd::UserGone)?;
        if !user.is_active() {
            return Err(SessionEnd::UserDisabled);
        }
        match self.config.keys.check(&record.stamp, &record.backend, &record.user, &*user) {
            StampCheck::Changed => Err(SessionEnd::StampChanged),
            same => Ok((user, same)),
        }
    }

    /// Whether the use of a session is to be noted, or its id replaced.
    fn is_due(&self, live: &Live, stamp: StampCheck, now: Timestamp) -> bool {
        stamp == StampCheck::SameByFallback
            || now.since(live.record.last_seen) >= self.config.touch_every
            || self.wants_new_id(live, now)
    }

    fn wants_new_id(&self, live: &Live, now: Timestamp) -> bool {
        self.config.rotate_every.is_some_and(|every| now.since(live.record.rotated) >= every)
    }

    /// Notes the use, and that the session is to get a new id if its time or its key's has come. `None` if the session
    /// was deleted meanwhile.
    async fn keep_alive<U: User>(
        &self,
        session: &Session<U>,
        mut live: Live,
        user: &U,
        stamp: StampCheck,
        now: Timestamp,
    ) -> Option<Live> {
        let wants_new_id = stamp == StampCheck::SameByFallback || self.wants_new_id(&live, now);
        if wants_new_id && !live.by_alias {
            let stamp = self.config.keys.stamp(&live.record.backend, &live.record.user, user);
            session.state().renewal = Some(Renewal { key: live.key, stamp });
        }
        if now.since(live.record.last_seen) < self.config.touch_every {
            return Some(live);
        }
        self.renew_use(Arc::make_mut(&mut live.record), now);
        let touched = self.store().touch(&live.key, now, live.record.expires);
        match self.write(session, touched).await {
            Ok(Write::Gone) => None,
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

    /// Ends a session that nobody asked to end. A record that may be right again one day is kept.
    pub(super) async fn end<U: User>(&self, session: &Session<U>, live: &Live, why: SessionEnd) {
        let record = &live.record;
        let kind = EventKind::SessionEnded(why);
        session.auth().emit(kind, Some(&record.backend), Some(&record.user), session.facts());
        if matches!(why, SessionEnd::BackendGone | SessionEnd::ClockWentBack) {
            return;
        }
        // If the store fails here, the same check ends the session again on its next request.
        let _ = self.write(session, self.store().delete(&live.key)).await;
    }
}
