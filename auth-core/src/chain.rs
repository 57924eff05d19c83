//! The chain: the ordered backends for one kind of credentials.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, debug_span};

use crate::attempt::Asking;
use crate::backend::{
    Accepted, Attempt, Backend, BackendError, BackendErrorKind, DeclineReason, DenyReason, Health, Outcome,
};
use crate::breaker::{Breaker, Fault, left_alone};
use crate::gate::Place;
use crate::guard::{caught, guarded_unless, interrupted};
use crate::health::Checkup;
use crate::password::{End, HashDebt};
use crate::report::{Report, Reports};
use crate::time::Clock;
use crate::{BackendName, Credentials, Denied, DeniedKind, Passwords, RequestFacts, User};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long one backend may take, unless its policy says otherwise.
pub const BACKEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the whole chain may take, unless the builder says otherwise.
pub const CHAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What the chain does when a backend fails to decide: see [`BackendPolicy::outage`].
///
/// ```
/// use auth_core::{BackendPolicy, OutagePolicy};
///
/// // Local users can sign in while the directory is down.
/// const STAFF: BackendPolicy = BackendPolicy::new().outage(OutagePolicy::Continue);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutagePolicy {
    /// Stops: nobody signs in while this backend is down. The default.
    #[default]
    FailClosed,
    /// Asks the next backend. If no backend accepts, the answer is still *unavailable*.
    ///
    /// It applies to outages only, and not to errors that an odd attempt may have caused: such an attempt must not
    /// get past a backend that would have refused it. After an error about a single attempt the chain stops here,
    /// too. If an error may be either, the backend's [`Health`] decides. If that is unknown, the chain goes on unless
    /// the backend is [authoritative](BackendPolicy::authoritative). [`BackendError`] has the table.
    Continue,
}

/// How the chain treats one backend.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::{BackendPolicy, OutagePolicy};
///
/// // A directory that may be down without keeping local users out.
/// const STAFF: BackendPolicy =
///     BackendPolicy::new().authoritative().outage(OutagePolicy::Continue).timeout(Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BackendPolicy {
    outage: OutagePolicy,
    authoritative: bool,
    timeout: Duration,
    breaker: bool,
}

impl BackendPolicy {
    /// The default: fail closed, not authoritative, 5 s, with a circuit breaker.
    pub const fn new() -> Self {
        Self {
            outage: OutagePolicy::FailClosed,
            authoritative: false,
            timeout: BACKEND_TIMEOUT,
            breaker: true,
        }
    }

    /// Calls this backend even while it keeps failing.
    ///
    /// Otherwise five outages within 10 s open its circuit breaker: attempts are then *unavailable* at once, without
    /// waiting for a timeout each. After 5 s one attempt probes the backend. A failed probe doubles the pause, up to
    /// 60 s.
    ///
    /// Wrong passwords never open it, nor do errors that odd input can cause. An outage means that the backend cannot
    /// be reached, or that it fails and its health check says that it is [down](crate::backend::Health::Down). A
    /// backend whose health check says that it works is always called.
    ///
    /// ```
    /// use auth_core::BackendPolicy;
    ///
    /// // A database: requests ask it all the same, so a breaker would only delay logins.
    /// const LOCAL: BackendPolicy = BackendPolicy::new().without_breaker();
    /// ```
    pub const fn without_breaker(mut self) -> Self {
        self.breaker = false;
        self
    }

    /// Sets what happens when this backend fails to decide.
    ///
    /// ```
    /// use auth_core::{BackendPolicy, OutagePolicy};
    ///
    /// const STAFF: BackendPolicy = BackendPolicy::new().outage(OutagePolicy::Continue);
    /// ```
    pub const fn outage(mut self, outage: OutagePolicy) -> Self {
        self.outage = outage;
        self
    }

    /// Makes this backend's "wrong secret" final: a wrong directory password is then never tried on a stale local row
    /// of the same name.
    ///
    /// ```
    /// use auth_core::BackendPolicy;
    ///
    /// const STAFF: BackendPolicy = BackendPolicy::new().authoritative();
    /// ```
    pub const fn authoritative(mut self) -> Self {
        self.authoritative = true;
        self
    }

    /// Sets how long this backend may take to answer.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::BackendPolicy;
    ///
    /// const LOCAL: BackendPolicy = BackendPolicy::new().timeout(Duration::from_secs(2));
    /// ```
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn has_time(&self) -> bool {
        !self.timeout.is_zero()
    }

    pub(crate) fn limit(&self) -> Duration {
        self.timeout
    }
}

impl Default for BackendPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// The dyn-compatible twin of [`Backend`], where its future is boxed.
pub(crate) trait DynBackend<C, U>: Send + Sync {
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool;
    fn owns_secret(&self, text: &str) -> bool;
    fn passwords(&self) -> Option<&Passwords>;
    fn authenticate<'a>(
        &'a self,
        attempt: &'a Attempt<'a, C>,
    ) -> BoxFuture<'a, Result<Outcome<Accepted<U>>, BackendError>>;
    fn health(&self) -> BoxFuture<'_, Health>;
}

impl<C: Credentials, B: Backend<C>> DynBackend<C, B::User> for B {
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        Backend::supports(self, attempt)
    }

    fn owns_secret(&self, text: &str) -> bool {
        Backend::owns_secret(self, text)
    }

    fn passwords(&self) -> Option<&Passwords> {
        Backend::passwords(self)
    }

    fn authenticate<'a>(
        &'a self,
        attempt: &'a Attempt<'a, C>,
    ) -> BoxFuture<'a, Result<Outcome<Accepted<B::User>>, BackendError>> {
        Box::pin(Backend::authenticate(self, attempt))
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(Backend::health(self))
    }
}

pub(crate) struct Entry<C, U> {
    pub(crate) name: BackendName,
    policy: BackendPolicy,
    backend: Arc<dyn DynBackend<C, U>>,
    breaker: Option<Breaker>,
    /// The hashes that it verifies with: as it declares, or else as observed.
    passwords: OnceLock<Passwords>,
    checkup: Checkup,
}

impl<C, U> Entry<C, U> {
    pub(crate) fn new(name: BackendName, policy: BackendPolicy, backend: Arc<dyn DynBackend<C, U>>) -> Self {
        let passwords = backend.passwords().cloned().map_or_else(OnceLock::new, OnceLock::from);
        let breaker = policy.breaker.then(Breaker::new);
        Self { name, policy, backend, breaker, passwords, checkup: Checkup::default() }
    }
}

/// A backend that failed to decide.
struct Failed {
    error: BackendError,
    /// Whether the next backend may be asked instead.
    goes_on: bool,
}

impl<C: Credentials, U: User> Entry<C, U> {
    async fn judge(
        &self,
        attempt: &Attempt<'_, C>,
        clock: &dyn Clock,
    ) -> Result<Outcome<Accepted<U>>, Failed> {
        match caught(|| self.backend.supports(attempt)) {
            Ok(true) => {}
            Ok(false) => return Ok(Outcome::Decline(DeclineReason::NotMine)),
            Err(why) => return Err(self.failed(why.into(), None).await),
        }
        let (answer, health) = self.ask(attempt, clock).await;
        match answer {
            Ok(outcome) => Ok(self.with_policy(outcome)),
            Err(error) => Err(self.failed(error, health).await),
        }
    }

    /// Calls the backend, unless its breaker is open; and its health check, if the breaker needs it.
    async fn ask(
        &self,
        attempt: &Attempt<'_, C>,
        clock: &dyn Clock,
    ) -> (Result<Outcome<Accepted<U>>, BackendError>, Option<Health>) {
        let permit = match self.breaker.as_ref().map(|breaker| breaker.admit(clock.now())) {
            Some(None) => return (Err(left_alone()), None),
            permit => permit.flatten(),
        };
        let judging = async { self.backend.authenticate(attempt).await };
        let answer = guarded_unless(self.policy.timeout, || attempt.debt().is_slow(), judging).await;
        let answer = answer.unwrap_or_else(interrupted);
        let health = match permit {
            Some(permit) => permit.report(Fault::in_answer(&answer), clock.now(), || self.health()).await,
            None => None,
        };
        (answer, health)
    }

    // Boxed: few attempts come here, and the future of every attempt would need room for it.
    fn health(&self) -> BoxFuture<'_, Health> {
        let asked = async { self.backend.health().await };
        Box::pin(self.checkup.ask(self.policy.timeout, asked))
    }

    /// Whether the chain may go on after this error. Calls the health check if it matters and is not known yet.
    async fn failed(&self, error: BackendError, health: Option<Health>) -> Failed {
        let goes_on = match (self.policy.outage, Fault::of(&error)) {
            (OutagePolicy::FailClosed, _) => false,
            (OutagePolicy::Continue, Some(Fault::Outage)) => true,
            (OutagePolicy::Continue, Some(Fault::Doubtful)) => {
                let health = match health {
                    Some(health) => health,
                    None => self.health().await,
                };
                match health {
                    Health::Down => true,
                    Health::Serving => false,
                    Health::Unknown => !self.policy.authoritative,
                }
            }
            (OutagePolicy::Continue, None) => {
                error.kind() == BackendErrorKind::Overloaded && !self.policy.authoritative
            }
        };
        Failed { error, goes_on }
    }

    fn with_policy(&self, outcome: Outcome<Accepted<U>>) -> Outcome<Accepted<U>> {
        match outcome {
            Outcome::Accept(accepted) if !accepted.user.is_active() => Outcome::Deny(DenyReason::Disabled),
            Outcome::Decline(DeclineReason::WrongSecret) if self.policy.authoritative => {
                Outcome::Deny(DenyReason::WrongSecret)
            }
            outcome => outcome,
        }
    }
}

/// The ordered backends for credentials of type `C`.
pub(crate) struct Chain<C, U> {
    pub(crate) entries: Vec<Entry<C, U>>,
}

impl<C: Credentials, U: User> Chain<C, U> {
    /// Asks the backends in order, and reports to `on_progress` what each answered and did for a user.
    pub(crate) async fn authenticate(
        &self,
        credentials: &C,
        facts: &RequestFacts,
        place: Option<&Place>,
        limit: Duration,
        clock: &dyn Clock,
        on_progress: impl Fn(&BackendName, Progress<'_>),
    ) -> Result<(Accepted<U>, &BackendName), Denied> {
        let (debt, reports) = (HashDebt::new(credentials.secret(), self.passwords()), Reports::new());
        let asked = guarded_unless(limit, || debt.is_slow(), async {
            let asking = Asking { credentials, facts, debt: &debt, reports: &reports, place };
            let answer = self.ask(&asking, clock, on_progress).await;
            settle(&debt, answer).await
        });
        asked.await.unwrap_or_else(|why| Err(Denied::interrupted(why.into())))
    }

    /// The hashes that each backend verifies with, by its position.
    fn passwords(&self) -> impl Iterator<Item = (usize, Passwords)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(place, entry)| Some((place, entry.passwords.get()?.clone())))
    }

    async fn ask(
        &self,
        asking: &Asking<'_, C>,
        clock: &dyn Clock,
        on_progress: impl Fn(&BackendName, Progress<'_>),
    ) -> Result<(Accepted<U>, &BackendName), Denied> {
        let mut answer = Denied::nobody();
        for (place, entry) in self.entries.iter().enumerate() {
            asking.debt.turn(place);
            let attempt = asking.of(&entry.name);
            let telling =
                ReportOnDrop { backend: &entry.name, reports: asking.reports, on_progress: &on_progress };
            let begun = Instant::now();
            // What a backend logs carries its name.
            let span = debug_span!(target: "auth", "backend", name = entry.name.as_str());
            let judged = entry.judge(&attempt, clock).instrument(span).await;
            drop(telling);
            on_progress(&entry.name, Progress::Answered(BackendAnswer::of(&judged), begun.elapsed()));
            if let Some(passwords) = asking.debt.shown() {
                entry.passwords.get_or_init(|| passwords);
            }
            let is_wrong =
                matches!(judged, Ok(Outcome::Decline(DeclineReason::WrongSecret) | Outcome::Deny(_)));
            if let Some(place) = asking.place.filter(|_| is_wrong) {
                place.note_wrong();
            }
            let mut goes_on = true;
            let said = match judged {
                Ok(Outcome::Accept(accepted)) => return Ok((accepted, &entry.name)),
                Ok(Outcome::Decline(reason)) => Denied::by(&entry.name, Denied::kind_of(reason)),
                Ok(Outcome::Deny(reason)) => return Err(Denied::by(&entry.name, DeniedKind::Denied(reason))),
                Err(failed) => {
                    on_progress(&entry.name, Progress::Failed(&failed.error));
                    goes_on = failed.goes_on;
                    Denied::failed(&entry.name, failed.error)
                }
            };
            answer = answer.or_stronger(said);
            if !goes_on {
                return Err(answer);
            }
        }
        Err(answer)
    }
}

/// Progress while the chain is asked.
pub(crate) enum Progress<'a> {
    /// What the backend answered, and how long it took.
    Answered(BackendAnswer, Duration),
    Failed(&'a BackendError),
    Provisioned(&'a Report),
}

/// What a backend answered, without the user: a step in the trace of a decision.
/// [`EventKind`](crate::event::EventKind) contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendAnswer {
    /// It accepted the credentials.
    Accepted,
    /// It declined: the next backend is asked.
    Declined(DeclineReason),
    /// It refused for good.
    Denied(DenyReason),
    /// It failed to decide.
    Failed(BackendErrorKind),
}

impl BackendAnswer {
    fn of<U>(judged: &Result<Outcome<Accepted<U>>, Failed>) -> Self {
        match judged {
            Ok(Outcome::Accept(_)) => Self::Accepted,
            Ok(Outcome::Decline(reason)) => Self::Declined(*reason),
            Ok(Outcome::Deny(reason)) => Self::Denied(*reason),
            Err(failed) => Self::Failed(failed.error.kind()),
        }
    }
}

/// Reports what a backend did for users when its turn is over, even if the client went away before the answer.
struct ReportOnDrop<'a, P: Fn(&BackendName, Progress<'_>)> {
    backend: &'a BackendName,
    reports: &'a Reports,
    on_progress: &'a P,
}

impl<P: Fn(&BackendName, Progress<'_>)> Drop for ReportOnDrop<'_, P> {
    fn drop(&mut self) {
        for report in self.reports.take() {
            (self.on_progress)(self.backend, Progress::Provisioned(&report));
        }
    }
}

/// Does the hash work that no backend had to do. If that is impossible now, a "no" becomes an outage, as it would
/// have been for a known user.
async fn settle<T>(debt: &HashDebt, answer: Result<T, Denied>) -> Result<T, Denied> {
    let end = match &answer {
        Ok(_) => End::Accepted,
        Err(denied) if denied.is_unavailable() => End::Outage,
        Err(_) => End::Refused,
    };
    if !debt.is_owed(end) {
        return answer;
    }
    // Boxed: tokens need no hash work, and their futures would have room for it.
    let settled = Box::pin(debt.settle(end)).await;
    answer.map_err(|denied| match settled {
        Ok(()) => denied,
        Err(error) => denied.or_stronger(Denied::interrupted(error)),
    })
}
