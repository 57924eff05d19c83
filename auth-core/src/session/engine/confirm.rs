//! Having the users of sessions confirmed by the outside system that vouched for them.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::Engine;
use crate::chain::Source;
use crate::confirm::{Asked, Asking, Confirming};
use crate::event::{EventKind, SessionEnd};
use crate::guard::guarded;
use crate::provisioning::Reports;
use crate::session::handle::Live;
use crate::session::{Failure, Session, SessionRecord, SessionStore};
use crate::{DenyReason, Outcome, Timestamp, User};

impl<S: SessionStore> Engine<S> {
    /// The session, confirmed, or as it is while the outside system cannot answer; `None` if it is over.
    pub(super) async fn confirm<U: User>(
        self: &Arc<Self>,
        session: &Session<U>,
        source: &Source<U>,
        confirming: &Arc<Confirming>,
        live: Live,
        now: Timestamp,
    ) -> Result<Option<Live>, Failure> {
        let (mut waiting, asking) = confirming.join(&live.record.user);
        if let Some(asking) = asking {
            self.begin_to_ask(session.clone(), source.timeout, live.clone(), asking, now);
        }
        let of_store = self.config.read_timeout.saturating_add(self.config.write_timeout);
        let limit = source.timeout.saturating_add(of_store);
        let answer = async { waiting.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone()) };
        match guarded(limit, answer).await.ok().flatten().unwrap_or(Asked::Unknown) {
            Asked::Confirmed(key, newer) if key == live.key => Ok(newer),
            // Another session of the user was; this one is when it comes again.
            Asked::Confirmed(..) => Ok(Some(live)),
            Asked::Ended => Ok(None),
            Asked::Unknown if confirming.is_in_grace(&live, now) => Ok(Some(live)),
            Asked::Unknown => Err(Failure::Unavailable),
        }
    }

    /// Asks, in a task that goes on without the request: clients that give up before the timeout would else keep
    /// everybody from learning that the outside system is down.
    fn begin_to_ask<U: User>(
        self: &Arc<Self>,
        session: Session<U>,
        limit: Duration,
        live: Live,
        asking: Asking,
        now: Timestamp,
    ) {
        let (engine, span) = (Arc::clone(self), Span::current());
        tokio::spawn(async move {
            let answer = engine.find_out(&session, limit, live, &asking, now).instrument(span).await;
            drop((engine, session));
            asking.tell(answer).await;
        });
    }

    async fn find_out<U: User>(
        &self,
        session: &Session<U>,
        limit: Duration,
        live: Live,
        asking: &Asking,
        now: Timestamp,
    ) -> Asked {
        let (auth, key) = (session.auth(), live.key);
        let (backend, user) = (&live.record.backend.clone(), &live.record.user.clone());
        // Another instance, or a request just before this one, may have asked since the session was read.
        let live = match self.load(session, key, now).await {
            Ok(Some(newer)) if !asking.is_due(&newer, now) => {
                return Asked::Confirmed(key, Some(newer));
            }
            Ok(newer) => newer.unwrap_or(live),
            Err(_) => return Asked::Unknown,
        };
        let reports = Reports::new();
        let Some(answer) = asking.ask(&reports, limit, auth.clock()).await else { return Asked::Unknown };
        auth.forget_user(backend, user);
        for report in reports.take() {
            auth.tell_of(&report, backend, session.facts());
        }
        match answer {
            Ok(Outcome::Accept(())) => Asked::Confirmed(key, self.note_confirmed(session, live, now).await),
            Ok(Outcome::Decline(_)) => self.end_all(session, &live.record, None).await,
            Ok(Outcome::Deny(reason)) => self.end_all(session, &live.record, Some(reason)).await,
            Err(error) => {
                auth.emit(EventKind::BackendFailed(&error), Some(backend), Some(user), session.facts());
                Asked::Unknown
            }
        }
    }

    /// Writes that the user was confirmed. `None` if the session was deleted meanwhile.
    async fn note_confirmed<U: User>(
        &self,
        session: &Session<U>,
        live: Live,
        now: Timestamp,
    ) -> Option<Live> {
        let noted = self.change(session, live.clone(), now, |record| {
            record.confirmed = record.confirmed.max(now);
            self.renew_use(record, now);
            Ok(())
        });
        // A store that cannot be written to, but read, keeps its users: the next request asks again.
        self.in_time(session, noted).await.unwrap_or(Some(live))
    }

    async fn end_all<U: User>(
        &self,
        session: &Session<U>,
        record: &SessionRecord,
        why: Option<DenyReason>,
    ) -> Asked {
        let (backend, user) = (&record.backend, &record.user);
        let kind = EventKind::SessionEnded(SessionEnd::NotConfirmed(why));
        session.auth().emit(kind, Some(backend), Some(user), session.facts());
        // If the store fails here, the next request is due as this one was.
        let _ = self.write(session, self.store().delete_user(backend, user, None)).await;
        Asked::Ended
    }
}
