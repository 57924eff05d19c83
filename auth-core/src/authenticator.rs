//! Judging credentials: the one place that every attempt passes.

use std::any::{Any, TypeId};
use std::hash::Hash as _;
use std::sync::Arc;
use std::time::Duration;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::backend::{Accepted, DeclineReason, DenyReason};
use crate::chain::{Chain, Progress};
use crate::event::{Claim, EventKind, MAX_SUBJECT_LEN};
use crate::facts::printable;
use crate::gate::{self, Closed, DynGate, GateAttempt, Place};
use crate::session::Environment;
use crate::throttle::{Flights, Gatekeeper};
use crate::unheard::log_error;
use crate::{Authenticated, BackendName, Credentials, Denied, DeniedKind, RequestFacts, Secret, User};

pub(crate) struct Authenticator<U> {
    /// Identifies an `Auth`: proofs of one are worth nothing to another.
    pub(crate) id: u64,
    pub(crate) environment: Arc<Environment<U>>,
    /// The `Chain<C, U>` of each type of credentials.
    pub(crate) chains: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
    pub(crate) gate: Option<Arc<dyn DynGate>>,
    /// Recognises the secrets of a backend by their form, with the type of the credentials that they are.
    pub(crate) owned: Vec<(TypeId, Owns)>,
    /// The gate, if it is a [`Throttle`](crate::Throttle).
    pub(crate) throttle: Option<Arc<Gatekeeper>>,
    pub(crate) flights: Flights<Judged<U>>,
    pub(crate) flight_keys: [u64; 2],
    pub(crate) chain_timeout: Duration,
}

/// Whether a text is a secret of some backend.
pub(crate) type Owns = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The result of an attempt.
pub(crate) struct Judged<U> {
    answer: Result<Authenticated<U>, Denied>,
    /// Whether no secret was compared because the account had no attempts left.
    is_exhausted: bool,
}

impl<U> From<Denied> for Judged<U> {
    fn from(denied: Denied) -> Self {
        Self { answer: Err(denied), is_exhausted: false }
    }
}

/// If several requests share one attempt, each gets a proof.
impl<U> Clone for Judged<U> {
    fn clone(&self) -> Self {
        let answer = self.answer.as_ref().map(Authenticated::another).map_err(Clone::clone);
        Self { answer, is_exhausted: self.is_exhausted }
    }
}

impl<U: User> Authenticator<U> {
    /// `per_request` as in [`Claim`].
    pub(crate) async fn judge<C: Credentials>(
        &self,
        credentials: &C,
        facts: &RequestFacts,
        per_request: bool,
    ) -> Result<Authenticated<U>, Denied> {
        let is_misplaced = self.is_misplaced(credentials);
        let subject = credentials.subject().filter(|_| !is_misplaced);
        let subject = subject.map(|subject| printable(subject, MAX_SUBJECT_LEN));
        let claim = Claim { credentials: C::KIND, subject: subject.as_deref(), per_request };
        let mut telling = EndOnDrop { authenticator: self, facts, claim: Some(claim) };
        let judged = if is_misplaced {
            Denied::unasked(DeclineReason::Malformed).into()
        } else {
            self.judge_once(credentials, facts).await
        };
        telling.tell(&judged);
        judged.answer
    }

    /// Whether a secret of another kind, such as an API key, was typed as a name or a password.
    fn is_misplaced<C: Credentials>(&self, credentials: &C) -> bool {
        let texts = [credentials.subject(), credentials.secret().map(Secret::expose)];
        let is_owned =
            |text: &str| self.owned.iter().any(|(kind, owns)| *kind != TypeId::of::<C>() && owns(text));
        !self.owned.is_empty() && texts.into_iter().flatten().any(is_owned)
    }

    /// Judges equal credentials from one place at the same time together, as one attempt.
    async fn judge_once<C: Credentials>(&self, credentials: &C, facts: &RequestFacts) -> Judged<U> {
        let whole = credentials.secret().filter(|_| C::IS_NAME_AND_SECRET && self.gate.is_some());
        let Some(secret) = whole else { return self.judge_admitted(credentials, facts).await };
        let key = self.flight_key(C::KIND, credentials.subject(), secret, facts);
        // Boxed: the future would otherwise need room for another one like that above, and tokens need none.
        Box::pin(self.flights.share(key, self.judge_admitted(credentials, facts))).await
    }

    /// A keyed hash, of this process only, over everything that distinguishes attempts.
    fn flight_key(
        &self,
        kind: &str,
        subject: Option<&str>,
        secret: &Secret,
        facts: &RequestFacts,
    ) -> [u8; 16] {
        let mut hasher = SipHasher13::new_with_keys(self.flight_keys[0], self.flight_keys[1]);
        (kind, subject, secret.expose(), facts.client(), facts.devices()).hash(&mut hasher);
        hasher.finish128().as_bytes()
    }

    /// Asks the chain, if the gate admits the attempt.
    async fn judge_admitted<C: Credentials>(&self, credentials: &C, facts: &RequestFacts) -> Judged<U> {
        let Some(chain) = self.chain::<C>() else { return Denied::nobody().into() };
        // Credentials that no backend is asked about are not an attempt that could be counted.
        if let Err(reason) = credentials.check() {
            return Denied::unasked(reason).into();
        }
        let place = match &self.gate {
            Some(gate) => match self.reserve(gate, credentials, facts).await {
                Ok(place) => Some(place),
                Err(denied) => return denied.into(),
            },
            None => None,
        };
        let answer = self.ask(chain, credentials, facts, place.as_ref()).await;
        let is_exhausted = place.as_ref().is_some_and(Place::is_exhausted);
        if let Some(place) = place {
            place.settle(&answer).await;
        }
        Judged { answer, is_exhausted }
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
        place: Option<&Place>,
    ) -> Result<Authenticated<U>, Denied> {
        let environment = &self.environment;
        let on_progress = |backend: &BackendName, progress: Progress<'_>| match progress {
            Progress::Answered(answer, elapsed) => environment.trace(backend, answer, elapsed),
            Progress::Failed(error) => {
                environment.emit(EventKind::BackendFailed(error), Some(backend), None, facts);
            }
            Progress::Provisioned(report) => {
                environment.tell_of(report, backend, facts);
                if let Some(fallen) = &report.passkey {
                    let (kind, owner) = (EventKind::PasskeyCounterFell(fallen), Some(&fallen.backend));
                    environment.emit(kind, owner, Some(&report.user), facts);
                }
            }
        };
        let asked = chain.authenticate(
            credentials,
            facts,
            place,
            self.chain_timeout,
            &*environment.clock,
            on_progress,
        );
        let (Accepted { user, grant, backend: owner }, judge) = asked.await?;
        let backend = match &owner {
            Some(owner) => self.owner(owner, judge)?,
            None => judge,
        };
        // A user from an outside system may just have been created or updated.
        if let Some(cache) = environment.cache(backend) {
            cache.invalidate(&user.id());
        }
        let at = environment.now();
        let grant = Arc::new(grant.completed(C::FACTOR, at));
        let name = credentials.secret().and(credentials.subject()).map(Into::into);
        Ok(Authenticated { user: Arc::new(user), backend: backend.clone(), at, by: self.id, grant, name })
    }

    /// The backend whose user another one accepted. A session of a backend that does not exist could never be loaded
    /// again, and one of the judging backend would belong to another user.
    fn owner<'a>(&self, owner: &'a BackendName, judge: &BackendName) -> Result<&'a BackendName, Denied> {
        if self.environment.source(owner).is_some() {
            return Ok(owner);
        }
        log_error(&format_args!(
            "{:?} accepted a user of {:?}, and no backend has that name: nobody is signed in; add `.backend(\"{}\", …)`, or \
             give {:?} its users under the name that they have",
            judge.as_str(),
            owner.as_str(),
            owner.as_str(),
            judge.as_str(),
        ));
        Err(Denied::by(judge, DeniedKind::Denied(DenyReason::NotPermitted)))
    }

    fn chain<C: Credentials>(&self) -> Option<&Chain<C, U>> {
        let (_, chain) = self.chains.iter().find(|(kind, _)| *kind == TypeId::of::<C>())?;
        chain.downcast_ref()
    }
}

/// Ensures that an attempt ends in exactly one event, even if its client goes away.
struct EndOnDrop<'a, U: User> {
    authenticator: &'a Authenticator<U>,
    facts: &'a RequestFacts,
    claim: Option<Claim<'a>>,
}

impl<U: User> EndOnDrop<'_, U> {
    fn tell(&mut self, judged: &Judged<U>) {
        let Some(claim) = self.claim.take() else { return };
        let (kind, backend, user) = match &judged.answer {
            Ok(done) => (EventKind::LoginSucceeded(claim), Some(&done.backend), Some(done.user.id())),
            Err(denied) if denied.kind() == DeniedKind::Throttled => {
                (EventKind::LoginThrottled(claim, denied.retry_after()), None, None)
            }
            Err(denied) if judged.is_exhausted && !denied.is_unavailable() => {
                (EventKind::LoginThrottled(claim, None), denied.backend(), None)
            }
            Err(denied) if denied.kind() == DeniedKind::Unavailable => {
                (EventKind::LoginUnavailable(claim), denied.backend(), None)
            }
            Err(denied) => (EventKind::LoginFailed(claim, denied.kind()), denied.backend(), None),
        };
        self.authenticator.environment.emit(kind, backend, user.as_ref(), self.facts);
    }
}

impl<U: User> Drop for EndOnDrop<'_, U> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.authenticator.environment.emit(EventKind::LoginAborted(claim), None, None, self.facts);
        }
    }
}
