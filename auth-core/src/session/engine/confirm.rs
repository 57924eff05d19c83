//! Having the users of sessions confirmed by the outside system that vouched for them.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::{Engine, Found};
use crate::backend::{BackendError, DenyReason, Outcome};
use crate::breaker::left_alone;
use crate::cause::Cause;
use crate::event::{EventKind, SessionEnd};
use crate::guard::{Interrupted, guarded};
use crate::report::Reports;
use crate::session::Source;
use crate::session::confirming::{Asked, Asking, Confirming};
use crate::session::live::Live;
use crate::session::{ResolveError, SessionStore, SessionUser};
use crate::time::Timestamp;
use crate::{RequestFacts, User};

impl<S: SessionStore, U: User> Engine<S, U> {
    /// The session, confirmed, or as it is while the outside system cannot answer; `None` if it is over.
    pub(super) async fn confirm(
        self: &Arc<Self>,
        source: &Source<U>,
        confirming: &Arc<Confirming>,
        live: Live,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Result<Option<Live>, ResolveError> {
        let (mut waiting, asking) = confirming.join(&live.record.user().id);
        if let Some(asking) = asking {
            self.begin_to_ask(asking, source.timeout, live.clone(), facts.clone(), now);
        }
        let of_store = self.config.read_timeout.saturating_add(self.config.write_timeout);
        let limit = source.timeout.saturating_add(of_store);
        let answer = async { waiting.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone()) };
        // Whoever asked is gone without an answer only if that panicked.
        let answer = guarded(limit, answer).await.and_then(|answer| answer.ok_or(Interrupted::Panicked));
        match answer.unwrap_or_else(|why| Asked::Unknown(Cause::of(BackendError::from(why)))) {
            Asked::Confirmed(key, newer) if key == live.key => Ok(newer),
            // Another session of the user was; this one is when it comes again.
            Asked::Confirmed(..) => Ok(Some(live)),
            Asked::Ended => Ok(None),
            Asked::Unknown(_) if confirming.is_in_grace(&live, now) => Ok(Some(live)),
            Asked::Unknown(cause) => Err(ResolveError::unavailable(cause)),
        }
    }

    /// Asks, in a task that goes on without the request: clients that give up before the timeout would else keep
    /// everybody from learning that the outside system is down.
    fn begin_to_ask(
        self: &Arc<Self>,
        asking: Asking,
        limit: Duration,
        live: Live,
        facts: RequestFacts,
        now: Timestamp,
    ) {
        let (engine, span) = (Arc::clone(self), Span::current());
        tokio::spawn(async move {
            let answer = engine.find_out(&asking, limit, live, &facts, now).instrument(span).await;
            drop(engine);
            asking.tell(answer).await;
        });
    }

    async fn find_out(
        &self,
        asking: &Asking,
        limit: Duration,
        live: Live,
        facts: &RequestFacts,
        now: Timestamp,
    ) -> Asked {
        let (environment, key) = (&self.environment, live.key);
        let of = live.record.user().clone();
        let (backend, user) = (&of.backend, &of.id);
        // Another instance, or a request just before this one, may have asked since the session was read.
        let live = match self.load(&live.id(), facts, now).await {
            Ok(Found::User(newer) | Found::Pending(newer)) if !asking.is_due(&newer, now) => {
                return Asked::Confirmed(key, Some(newer));
            }
            Ok(Found::User(newer) | Found::Pending(newer)) => newer,
            Ok(Found::Nothing | Found::NoUser) => live,
            Err(error) => return Asked::Unknown(error.into_cause()),
        };
        let reports = Reports::new();
        let Some(answer) = asking.ask(&reports, limit, &*environment.clock).await else {
            return Asked::Unknown(Cause::of(left_alone()));
        };
        environment.forget_user(backend, user);
        for report in reports.take() {
            environment.tell_of(&report, backend, facts);
        }
        match answer {
            Ok(Outcome::Accept(())) => Asked::Confirmed(key, self.note_confirmed(live, facts, now).await),
            Ok(Outcome::Decline(_)) => self.end_all(&of, None, facts).await,
            Ok(Outcome::Deny(reason)) => self.end_all(&of, Some(reason), facts).await,
            Err(error) => Asked::Unknown(environment.failed(error, backend, Some(user), facts)),
        }
    }

    /// Writes that the user was confirmed. `None` if the session was deleted meanwhile.
    async fn note_confirmed(&self, live: Live, facts: &RequestFacts, now: Timestamp) -> Option<Live> {
        let noted = self.change(live.clone(), facts, now, |record| {
            record.confirmed = record.confirmed.max(now);
            self.renew_use(record, now);
            Ok(())
        });
        // A store that cannot be written to, but read, keeps its users: the next request asks again.
        self.in_time(facts, noted).await.unwrap_or(Some(live))
    }

    async fn end_all(&self, user: &SessionUser, why: Option<DenyReason>, facts: &RequestFacts) -> Asked {
        self.tell(EventKind::SessionEnded(SessionEnd::NotConfirmed(why)), user, facts);
        // If the store fails here, the next request is due as this one was.
        let all = self.store().delete_user(self.sessions_of(user), None);
        let _ = self.write(facts, all).await;
        Asked::Ended
    }
}
