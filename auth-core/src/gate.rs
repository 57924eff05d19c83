//! The gate before the chain: what may be tried at all, before anybody is asked.

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

/// How long a gate may take to admit an attempt, or to note how it ended.
pub const GATE_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides which attempts may be made, before any backend is asked: against guessing.
///
/// All attempts pass it: forms, credentials that come with a request, gRPC, a proxy's word. What is
/// [remembered](crate::http::Scheme::remember) was judged before, and does not.
///
/// A place is [reserved](Self::reserve) before the attempt and [settled](Self::report) after it. So of a hundred attempts at
/// once no more are made than there are places: to look first and to count afterwards would let all of them through.
///
/// A gate that cannot answer in [`GATE_TIMEOUT`], fails or panics lets nobody through: the attempt is unavailable (503).
/// `auth_core::conformance::gate` checks an implementation.
///
/// Before the chain it sees the name that was claimed, and not whose account that is: which names exist must not show. The
/// [account](Self::account) it is told between a backend's finding it and comparing the secret.
///
/// [`Throttle`](crate::throttle::Throttle) is one, and what most applications want.
pub trait Gate: Send + Sync + 'static {
    /// A place that was reserved.
    type Permit: Send + 'static;

    /// Reserves a place for an attempt.
    ///
    /// A client that goes away while this waits leaves nothing to settle: let what is counted by then expire.
    ///
    /// # Errors
    /// [`BackendError`] if that cannot be decided.
    fn reserve(
        &self,
        attempt: &GateAttempt<'_>,
    ) -> impl Future<Output = Result<Admission<Self::Permit>, BackendError>> + Send;

    /// Takes a place for the account that a backend's look-up found, before any secret is compared: told by
    /// [`Attempt::account`](crate::backend::Attempt::account). Without one, the answer and the work are those of a wrong secret, and
    /// the right one is not compared; after what time one may come back is told to nobody.
    ///
    /// An attempt may find several accounts, one after the other, and any of them more than once.
    ///
    /// # Errors
    /// [`BackendError`] if that cannot be decided.
    fn account(
        &self,
        permit: &mut Self::Permit,
        account: &GateAccount<'_>,
    ) -> impl Future<Output = Result<Admission<()>, BackendError>> + Send {
        let _ = (permit, account);
        async { Ok(Admission::Admitted(())) }
    }

    /// Settles a place: told exactly once for each, also if the client goes away meanwhile.
    fn report(&self, permit: Self::Permit, ending: AttemptEnd) -> impl Future<Output = ()> + Send;
}

/// An attempt that is to be made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GateAttempt<'a> {
    /// The kind of credentials, as [`Credentials::KIND`].
    pub credentials: &'static str,
    /// What they would prove.
    pub factor: Factor,
    /// Who is claimed to knock, as it was typed. Fold it as the backends do before it is counted.
    pub subject: Option<&'a str>,
    /// Whether they hold a secret that people choose, and that could be guessed.
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
    /// Who that is there.
    pub id: &'a str,
    /// How many of its tries may fail within what time, whoever makes them: what keeps another system from locking it.
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
    /// Nobody did, for this reason. Where one backend was down and another found the secret wrong, that it is wrong.
    Denied(DeniedKind),
    /// The client went away before there was an answer: it may have been right or wrong.
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

/// A permit whose type is forgotten.
type AnyPermit = Box<dyn Any + Send>;

/// The dyn twin of [`Gate`].
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
                // It is of this gate: `reserve` made it.
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
    /// Not before this time is over.
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

/// A place in the gate. It is settled once, whatever becomes of the attempt.
pub(crate) struct Place {
    gate: Arc<dyn DynGate>,
    permit: AsyncMutex<Option<AnyPermit>>,
    /// Whether an account had no place left.
    is_exhausted: AtomicBool,
    /// Whether a backend compared the secret, and it was wrong there.
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

    /// A backend compared the secret, and refused it: that counts, also if another could not decide. Otherwise an outage of one
    /// would let anybody try all passwords of the other's users.
    pub(crate) fn note_wrong(&self) {
        self.is_wrong.store(true, Ordering::Relaxed);
    }

    /// Whether a secret was not compared.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Settles it before the client is answered: its next attempt finds it done.
    pub(crate) async fn settle<U>(mut self, answer: &Result<Authenticated<U>, Denied>) {
        let Some(permit) = self.permit.get_mut().take() else { return };
        let end = match AttemptEnd::of(answer) {
            AttemptEnd::Denied(DeniedKind::Unavailable) if *self.is_wrong.get_mut() => {
                AttemptEnd::Denied(DeniedKind::WrongSecret)
            }
            end => end,
        };
        let settled = note(Arc::clone(&self.gate), permit, end);
        // In a task of its own: a client that goes away just now must not leave it half done.
        let _ = tokio::spawn(settled).await;
    }
}

impl Drop for Place {
    // The client went away: the attempt counts all the same, or to hang up would make guessing free.
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
        log_error(&"a gate could not note how an attempt ended: it panicked, or took too long");
    }
}
