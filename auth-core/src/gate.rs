//! The gate before the chain, which decides whether an attempt may be made at all.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;

use crate::backend::BackendError;
use crate::grant::Factor;
use crate::guard::guarded;
use crate::unheard::log_error;
use crate::{Authenticated, BackendName, Credentials, Denied, DeniedKind, RequestFacts};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long a gate may take to admit an attempt, or to record its end.
pub const GATE_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides which attempts may be made before any backend is asked, to prevent guessing.
///
/// All attempts pass it: forms, credentials of single requests, gRPC, trusted proxies. What is
/// [remembered](crate::http::Scheme::remember) was judged before, and does not.
///
/// A place is [reserved](Self::reserve) before the attempt and [settled](Self::report) after it. So of a hundred
/// concurrent attempts no more are made than there are places: checking first and counting afterwards would let all
/// of them through.
///
/// A gate that does not answer within [`GATE_TIMEOUT`], fails or panics admits nothing: the attempt is unavailable
/// (503). `auth_core::conformance::gate` tests an implementation.
///
/// Before the chain it sees the claimed name, but not whose account that is, because existing names must not show. It
/// learns the [account](Self::account) after a backend has found it and before the secret is compared.
///
/// [`Throttle`](crate::throttle::Throttle) is one, and right for most applications.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use auth_core::backend::BackendError;
/// use auth_core::gate::{Admission, AttemptEnd, Gate, GateAttempt};
///
/// /// Lets at most ten attempts run at once.
/// struct Ten(Arc<AtomicUsize>);
///
/// impl Gate for Ten {
///     type Permit = ();
///
///     async fn reserve(&self, _: &GateAttempt<'_>) -> Result<Admission<()>, BackendError> {
///         let taken = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < 10).then_some(n + 1));
///         Ok(taken.map_or(Admission::RetryAfter(Duration::from_secs(1)), |_| Admission::Admitted(())))
///     }
///     async fn report(&self, (): (), _: AttemptEnd) {
///         self.0.fetch_sub(1, Ordering::SeqCst);
///     }
/// }
/// ```
pub trait Gate: Send + Sync + 'static {
    /// A reserved place.
    type Permit: Send + 'static;

    /// Reserves a place for an attempt.
    ///
    /// If the client goes away while this waits, nothing will be settled: let what is counted already expire.
    ///
    /// # Errors
    /// [`BackendError`] if it cannot decide.
    fn reserve(
        &self,
        attempt: &GateAttempt<'_>,
    ) -> impl Future<Output = Result<Admission<Self::Permit>, BackendError>> + Send;

    /// Takes a place for the account that a backend's look-up found, before any secret is compared; called by
    /// [`Attempt::account`](crate::backend::Attempt::account). Without a place, the answer and the work are those of
    /// a wrong secret, and the secret is not compared; nobody is told when to come back.
    ///
    /// An attempt may find several accounts in turn, and any of them more than once.
    ///
    /// # Errors
    /// [`BackendError`] if it cannot decide.
    fn account(
        &self,
        permit: &mut Self::Permit,
        account: &GateAccount<'_>,
    ) -> impl Future<Output = Result<Admission<()>, BackendError>> + Send {
        let _ = (permit, account);
        async { Ok(Admission::Admitted(())) }
    }

    /// Settles a place: called exactly once for each, even if the client goes away meanwhile.
    fn report(&self, permit: Self::Permit, ending: AttemptEnd) -> impl Future<Output = ()> + Send;
}

/// An attempt that is about to be made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateAttempt<'a> {
    /// The kind of credentials, as [`Credentials::KIND`].
    pub credentials: &'static str,
    /// What they would prove.
    pub factor: Factor,
    /// The claimed name as it was typed. Fold it as the backends do before you count it.
    pub subject: Option<&'a str>,
    /// Whether the credentials contain a secret that people choose, and that could be guessed.
    pub is_guessable: bool,
    /// The request behind it.
    pub facts: &'a RequestFacts,
}

impl<'a> GateAttempt<'a> {
    /// The attempt to be made with these credentials.
    pub fn of<C: Credentials>(credentials: &'a C, facts: &'a RequestFacts) -> Self {
        Self {
            credentials: C::KIND,
            factor: C::FACTOR,
            subject: credentials.subject(),
            is_guessable: credentials.secret().is_some(),
            facts,
        }
    }
}

/// The account that a backend found.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateAccount<'a> {
    /// The backend's name.
    pub backend: &'a BackendName,
    /// The account's id there.
    pub id: &'a str,
    /// How many attempts on it may fail within what time, from all places together: a limit that keeps another system
    /// from locking it.
    pub at_most: Option<(u32, Duration)>,
    /// The request behind the attempt.
    pub facts: &'a RequestFacts,
}

/// A gate's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission<P> {
    /// The attempt may be made.
    Admitted(P),
    /// Not now: 429, and the client is told to come back after this time.
    RetryAfter(Duration),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// A backend accepted the credentials.
    Accepted,
    /// No backend did, for this reason. If one backend was down and another found the secret wrong, the reason is the
    /// wrong secret.
    Denied(DeniedKind),
    /// The client went away before the answer: it may have been right or wrong.
    Aborted,
}

impl AttemptEnd {
    fn of<U>(answer: &Result<Authenticated<U>, Denied>) -> Self {
        match answer {
            Ok(_) => Self::Accepted,
            Err(denied) => Self::Denied(denied.kind()),
        }
    }
}

/// A permit of any type.
type AnyPermit = Box<dyn Any + Send>;

/// The dyn-compatible twin of [`Gate`].
pub(crate) trait DynGate: Send + Sync {
    fn reserve<'a>(
        &'a self,
        attempt: &'a GateAttempt<'a>,
    ) -> BoxFuture<'a, Result<Admission<AnyPermit>, BackendError>>;
    fn account<'a>(
        &'a self,
        permit: &'a mut AnyPermit,
        account: &'a GateAccount<'a>,
    ) -> BoxFuture<'a, Result<Admission<()>, BackendError>>;
    fn report(self: Arc<Self>, permit: AnyPermit, ending: AttemptEnd) -> BoxFuture<'static, ()>;
}

impl<G: Gate> DynGate for G {
    fn reserve<'a>(
        &'a self,
        attempt: &'a GateAttempt<'a>,
    ) -> BoxFuture<'a, Result<Admission<AnyPermit>, BackendError>> {
        Box::pin(async move {
            Ok(match Gate::reserve(self, attempt).await? {
                Admission::Admitted(permit) => Admission::Admitted(Box::new(permit) as AnyPermit),
                Admission::RetryAfter(time) => Admission::RetryAfter(time),
            })
        })
    }

    fn account<'a>(
        &'a self,
        permit: &'a mut AnyPermit,
        account: &'a GateAccount<'a>,
    ) -> BoxFuture<'a, Result<Admission<()>, BackendError>> {
        Box::pin(async move {
            match permit.downcast_mut::<G::Permit>() {
                Some(permit) => Gate::account(self, permit, account).await,
                // `reserve` of this gate created it.
                None => Ok(Admission::RetryAfter(Duration::ZERO)),
            }
        })
    }

    fn report(self: Arc<Self>, permit: AnyPermit, ending: AttemptEnd) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Ok(permit) = permit.downcast::<G::Permit>() {
                Gate::report(&*self, *permit, ending).await;
            }
        })
    }
}

impl<G: Gate> Gate for Arc<G> {
    type Permit = G::Permit;

    async fn reserve(&self, attempt: &GateAttempt<'_>) -> Result<Admission<G::Permit>, BackendError> {
        (**self).reserve(attempt).await
    }

    async fn account(
        &self,
        permit: &mut G::Permit,
        account: &GateAccount<'_>,
    ) -> Result<Admission<()>, BackendError> {
        (**self).account(permit, account).await
    }

    async fn report(&self, permit: G::Permit, ending: AttemptEnd) {
        (**self).report(permit, ending).await;
    }
}

/// Why an attempt may not be made.
pub(crate) enum Closed {
    /// Not before this time has passed.
    For(Duration),
    /// The gate could not decide.
    Failed(BackendError),
}

/// Reserves a place.
pub(crate) async fn reserve(gate: &Arc<dyn DynGate>, attempt: &GateAttempt<'_>) -> Result<Place, Closed> {
    let answer = guarded(GATE_TIMEOUT, async { gate.reserve(attempt).await }).await;
    match answer.unwrap_or_else(|why| Err(why.into())) {
        Ok(Admission::Admitted(permit)) => Ok(Place {
            gate: Arc::clone(gate),
            permit: AsyncMutex::new(Some(permit)),
            is_exhausted: AtomicBool::new(false),
            is_wrong: AtomicBool::new(false),
        }),
        Ok(Admission::RetryAfter(time)) => Err(Closed::For(time)),
        Err(error) => Err(Closed::Failed(error)),
    }
}

/// A place in the gate, which is settled once, whatever happens to the attempt.
pub(crate) struct Place {
    gate: Arc<dyn DynGate>,
    permit: AsyncMutex<Option<AnyPermit>>,
    /// Whether an account had no place left.
    is_exhausted: AtomicBool,
    /// Whether a backend compared the secret and found it wrong.
    is_wrong: AtomicBool,
}

impl Place {
    /// Whether the account's secret may be compared.
    pub(crate) async fn account(&self, account: &GateAccount<'_>) -> Result<bool, BackendError> {
        let mut permit = self.permit.lock().await;
        let Some(permit) = permit.as_mut() else { return Ok(false) };
        let answer = guarded(GATE_TIMEOUT, async { self.gate.account(permit, account).await }).await;
        let is_admitted = matches!(answer.unwrap_or_else(|why| Err(why.into()))?, Admission::Admitted(()));
        if !is_admitted {
            self.is_exhausted.store(true, Ordering::Relaxed);
        }
        Ok(is_admitted)
    }

    /// A backend compared the secret, and refused it: that counts even if another backend could not decide. Otherwise
    /// an outage of one would let anybody try all passwords of the other's users.
    pub(crate) fn note_wrong(&self) {
        self.is_wrong.store(true, Ordering::Relaxed);
    }

    /// Whether no secret was compared.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Settles it before the client is answered, so that the client's next attempt finds it done.
    pub(crate) async fn settle<U>(mut self, answer: &Result<Authenticated<U>, Denied>) {
        let Some(permit) = self.permit.get_mut().take() else { return };
        let end = match AttemptEnd::of(answer) {
            AttemptEnd::Denied(DeniedKind::Unavailable) if *self.is_wrong.get_mut() => {
                AttemptEnd::Denied(DeniedKind::WrongSecret)
            }
            end => end,
        };
        let settled = note(Arc::clone(&self.gate), permit, end);
        // In a separate task: a client that goes away just now must not interrupt it.
        let _ = tokio::spawn(settled).await;
    }
}

impl Drop for Place {
    // The client went away. The attempt counts all the same; otherwise hanging up would make guessing free.
    fn drop(&mut self) {
        let Some(permit) = self.permit.get_mut().take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(note(Arc::clone(&self.gate), permit, AttemptEnd::Aborted));
        }
    }
}

/// The attempt has been judged, and its answer stands; but a gate that does not learn of it counts wrongly.
async fn note(gate: Arc<dyn DynGate>, permit: AnyPermit, end: AttemptEnd) {
    if guarded(GATE_TIMEOUT, async { gate.report(permit, end).await }).await.is_err() {
        log_error(&"a gate could not record how an attempt ended: it panicked, or took too long");
    }
}
