//! Judging credentials: the one place that every attempt passes, whoever makes it.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Accepted;
use crate::chain::{Chain, Progress};
use crate::event::{Claim, EventKind, MAX_SUBJECT_LEN};
use crate::facts::printable;
use crate::gate::{self, Closed, DynGate, GateAttempt, Place};
use crate::session::Environment;
use crate::{Authenticated, BackendName, Credentials, Denied, DeniedKind, RequestFacts, User};

pub(crate) struct Authenticator<U> {
    /// Tells one `Auth` from another: a proof of one is none for another.
    pub(crate) id: u64,
    pub(crate) environment: Arc<Environment<U>>,
    /// For each type of credentials its `Chain<C, U>`.
    pub(crate) chains: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
    pub(crate) gate: Option<Arc<dyn DynGate>>,
    pub(crate) chain_timeout: Duration,
}

impl<U: User> Authenticator<U> {
    /// `per_request` as in [`Claim`].
    pub(crate) async fn judge<C: Credentials>(
        &self,
        credentials: &C,
        facts: &RequestFacts,
        per_request: bool,
    ) -> Result<Authenticated<U>, Denied> {
        let subject = credentials.subject().map(|subject| printable(subject, MAX_SUBJECT_LEN));
        let claim = Claim { credentials: C::KIND, subject: subject.as_deref(), per_request };
        let mut telling = Telling { authenticator: self, facts, claim: Some(claim) };
        let answer = self.judge_admitted(credentials, facts).await;
        telling.tell(&answer);
        answer
    }

    /// Asks the chain, if the gate admits the attempt.
    async fn judge_admitted<C: Credentials>(
        &self,
        credentials: &C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        let chain = self.chain::<C>().ok_or_else(Denied::nobody)?;
        // What no backend is asked about is no attempt that could be counted.
        credentials.check().map_err(Denied::unasked)?;
        let place = match &self.gate {
            Some(gate) => Some(self.reserve(gate, credentials, facts).await?),
            None => None,
        };
        let answer = self.ask(chain, credentials, facts).await;
        if let Some(place) = place {
            place.settle(&answer).await;
        }
        answer
    }

    async fn reserve<C: Credentials>(
        &self,
        gate: &Arc<dyn DynGate>,
        credentials: &C,
        facts: &RequestFacts,
    ) -> Result<Place, Denied> {
        let attempt = GateAttempt::of(credentials, facts);
        gate::reserve(gate, &attempt).await.map_err(|closed| match closed {
            Closed::For(time) => Denied::throttled(time),
            Closed::Failed(error) => {
                self.environment.emit(EventKind::GateFailed(&error), None, None, facts);
                Denied::interrupted(error)
            }
        })
    }

    async fn ask<C: Credentials>(
        &self,
        chain: &Chain<C, U>,
        credentials: &C,
        facts: &RequestFacts,
    ) -> Result<Authenticated<U>, Denied> {
        let environment = &self.environment;
        let on_progress = |backend: &BackendName, progress: Progress<'_>| match progress {
            Progress::Answered(answer, elapsed) => environment.trace(backend, answer, elapsed),
            Progress::Failed(error) => {
                environment.emit(EventKind::BackendFailed(error), Some(backend), None, facts);
            }
            Progress::Provisioned(report) => environment.tell_of(report, backend, facts),
        };
        let asked =
            chain.authenticate(credentials, facts, self.chain_timeout, &*environment.clock, on_progress);
        let (Accepted { user, grant }, backend) = asked.await?;
        // Who comes from an outside system may just have been created or updated.
        environment.forget_user(backend, &user.id());
        let at = environment.now();
        let grant = Arc::new(grant.completed(C::FACTOR, at));
        Ok(Authenticated { user: Arc::new(user), backend: backend.clone(), at, by: self.id, grant })
    }

    fn chain<C: Credentials>(&self) -> Option<&Chain<C, U>> {
        let (_, chain) = self.chains.iter().find(|(kind, _)| *kind == TypeId::of::<C>())?;
        chain.downcast_ref()
    }
}

/// Makes sure that an attempt ends in exactly one event, even if its client goes away.
struct Telling<'a, U: User> {
    authenticator: &'a Authenticator<U>,
    facts: &'a RequestFacts,
    claim: Option<Claim<'a>>,
}

impl<U: User> Telling<'_, U> {
    fn tell(&mut self, answer: &Result<Authenticated<U>, Denied>) {
        let Some(claim) = self.claim.take() else { return };
        let (kind, backend, user) = match answer {
            Ok(done) => (EventKind::LoginSucceeded(claim), Some(&done.backend), Some(done.user.id())),
            Err(denied) if denied.kind() == DeniedKind::Unavailable => {
                (EventKind::LoginUnavailable(claim), denied.backend(), None)
            }
            Err(denied) => (EventKind::LoginFailed(claim, denied.kind()), denied.backend(), None),
        };
        self.authenticator.environment.emit(kind, backend, user.as_ref(), self.facts);
    }
}

impl<U: User> Drop for Telling<'_, U> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.authenticator.environment.emit(EventKind::LoginAborted(claim), None, None, self.facts);
        }
    }
}
