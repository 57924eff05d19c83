//! Events: for audit logs, throttles and metrics.

use std::fmt;
use std::time::Duration;

use crate::backend::{BackendError, DenyReason};
use crate::chain::BackendAnswer;
use crate::factors::{FactorError, FactorKind};
use crate::facts::printable;
use crate::grant::Factor;
use crate::guard::caught;
use crate::report::{Changed, FallenCounter, Kept};
use crate::store_error::StoreError;
use crate::time::Timestamp;
use crate::unheard;
use crate::{BackendName, DeniedKind, RequestFacts, UserId};

/// An event. It never contains a secret. [`Observer`] shows an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind<'a>,
    /// When it happened.
    pub at: Timestamp,
    /// The backend concerned.
    pub backend: Option<&'a BackendName>,
    /// The user, if known.
    pub user: Option<&'a UserId>,
    /// The request behind it; [`RequestFacts::none`] without one.
    pub facts: &'a RequestFacts,
}

/// What happened.
///
/// Every attempt to authenticate ends in exactly one of the first five kinds.
///
/// ```
/// use auth_core::event::EventKind;
///
/// /// Whether to send the user a mail about it.
/// fn is_for_the_user(kind: &EventKind<'_>) -> bool {
///     matches!(kind, EventKind::FactorChanged(_) | EventKind::PasskeyCounterFell(_))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// A backend accepted the credentials.
    LoginSucceeded(Claim<'a>),
    /// No backend accepted them, for this reason.
    LoginFailed(Claim<'a>, DeniedKind),
    /// No backend accepted them, and one could not decide.
    LoginUnavailable(Claim<'a>),
    /// Too many attempts failed. With a time, this attempt was not made, and may be repeated after that time. Without
    /// one, a backend found that the account has no attempts left, compared nothing, and answered as for a wrong
    /// secret.
    LoginThrottled(Claim<'a>, Option<Duration>),
    /// The client went away before the answer.
    LoginAborted(Claim<'a>),
    /// A backend could not decide. Another one may still decide the attempt.
    BackendFailed(&'a BackendError),
    /// A login created its user, with these fields and rights. Of many concurrent first logins, one did.
    UserCreated(&'a [Changed]),
    /// A login or a confirmation changed its user: these fields and rights, without the values.
    UserUpdated(&'a [Changed]),
    /// A login or confirmation kept a local value that differs from the outside system's.
    UserKept(&'a [Kept]),
    /// A passkey signed with a counter that did not rise: there may be a copy of it.
    PasskeyCounterFell(&'a FallenCounter),
    /// A session began.
    SessionStarted,
    /// A login was right so far but is incomplete: its session is [pending](crate::second_factor).
    LoginPending,
    /// A user proved a further factor, for a pending login or a session.
    ProofAdded(Factor),
    /// A code of a second factor was refused.
    CodeRefused(CodeRefusal),
    /// The factors of a user changed: notify them by mail.
    FactorChanged(FactorChange),
    /// The user, if there is one, logged out. Sent before the session is deleted.
    LoggedOut,
    /// A session ended other than by a logout.
    SessionEnded(SessionEnd),
    /// A session's id was replaced.
    SessionRotated,
    /// The application made a user the caller of a request without any proof (`dangerous_acts_as` of the adapters).
    ActsAs,
    /// The session of a request is in the store, but is not used here, for this reason. Record and cookie stay.
    SessionNotJudged(NotJudged),
    /// A request carried two different session cookies, and got no session.
    AmbiguousCookie,
    /// A request carried credentials over a connection that is not known to be encrypted: they were not verified.
    CleartextCredentials,
    /// A 401 became a 403, because every scheme would make the client send credentials over a connection that is not
    /// known to be encrypted.
    ChallengeWithheld,
    /// A request carried an `Authorization` that no scheme accepts: it was refused.
    UnknownScheme,
    /// A page of another site (of this origin, if it has one) sent a request that changes something, or would sign
    /// somebody in or out: it was refused.
    CrossOrigin(Option<&'a str>),
    /// A peer that is not trusted sent the header in which a [trusted proxy](crate::remote_user) names the user: the
    /// request was refused.
    UntrustedHeader,
    /// A trusted proxy sent that header twice, under a similar name, or without a value: the request was refused.
    AmbiguousHeader,
    /// A request carried more than one bearer token: it was refused.
    SeveralTokens,
    /// The gate could not decide whether to admit an attempt.
    GateFailed(&'a BackendError),
    /// The throttle's counters could not be stored for all instances: this instance counts separately, with half the
    /// limits.
    ThrottleStoreFailed(&'a StoreError),
    /// The session store failed.
    StoreFailed(&'a StoreError),
    /// The factors of users could not be looked up or changed.
    FactorsFailed(&'a FactorError),
}

/// Why a code of a second factor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// It was wrong, or used before.
    Wrong,
    /// Too many were wrong: it was not compared.
    TooMany,
    /// The user has no factor with codes.
    NoFactor,
}

/// A change of a user's factors.
///
/// ```
/// use auth_core::event::{EventKind, FactorChange};
///
/// fn mail(kind: &EventKind<'_>) -> Option<&'static str> {
///     match kind {
///         EventKind::FactorChanged(FactorChange::Removed(_)) => Some("A second factor was removed."),
///         EventKind::FactorChanged(_) => Some("Your second factors have changed."),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorChange {
    /// A factor of this kind was enrolled, or a new set of recovery codes.
    Enrolled(FactorKind),
    /// A factor was removed.
    Removed(FactorKind),
    /// A factor was renamed.
    Renamed(FactorKind),
}

/// The claimed identity of a client, and the kind of its credentials.
///
/// ```
/// use auth_core::event::{Event, EventKind};
///
/// fn line(event: &Event<'_>) -> Option<String> {
///     match &event.kind {
///         EventKind::LoginFailed(claim, kind) => {
///             Some(format!("{} for {:?}: {kind:?}", claim.credentials, claim.subject))
///         }
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim<'a> {
    /// The kind of credentials, as [`Credentials::KIND`](crate::Credentials::KIND).
    pub credentials: &'static str,
    /// The claimed name as typed, without control characters and cut at 255 bytes.
    pub subject: Option<&'a str>,
    /// Whether they authenticate a single request, as a token does: every request may have some.
    pub per_request: bool,
}

/// Why a stored session is not used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotJudged {
    /// It belongs to another site with the same store ([`SessionConfig::realm`](crate::SessionConfig::realm)).
    OtherRealm,
    /// A newer version of this library wrote something into it that must be understood.
    Newer,
}

/// Why a session ended.
///
/// ```
/// use auth_core::event::{EventKind, SessionEnd};
///
/// fn is_forced(kind: &EventKind<'_>) -> bool {
///     matches!(kind, EventKind::SessionEnded(end) if !matches!(end, SessionEnd::Expired))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// It was idle for too long, or too old.
    Expired,
    /// Its user's security stamp changed.
    StampChanged,
    /// Its user no longer exists.
    UserGone,
    /// Its user is disabled.
    UserDisabled,
    /// The backend that vouched for the user is no longer configured. The record is kept.
    BackendGone,
    /// It dates from the future: the clock was set back. The record is kept.
    ClockWentBack,
    /// Another session of the same user pushed it out: it was the least recently used one
    /// ([`max_per_user`](crate::SessionConfig::max_per_user),
    /// [`max_per_remote_user`](crate::SessionConfig::max_per_remote_user)).
    TooMany,
    /// Another session of the user revoked it.
    Revoked,
    /// The trusted proxy that named its user no longer does.
    RemoteUserGone,
    /// The trusted proxy names another user.
    RemoteUserChanged,
    /// The outside system that vouched for the user now refuses them, for this reason; without one, it no longer
    /// knows them ([`AuthBuilder::confirm`](crate::AuthBuilder::confirm)). All sessions of the user ended with it.
    NotConfirmed(Option<DenyReason>),
}

/// Receives every event, synchronously and in order. It must be quick: move slow work to a queue.
///
/// A panic in an observer is caught and changes no decision.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use auth_core::event::{Event, EventKind, Observer};
///
/// #[derive(Default)]
/// struct Metrics { failed_logins: AtomicU64 }
///
/// impl Observer for Metrics {
///     fn on_event(&self, event: &Event<'_>) {
///         if matches!(event.kind, EventKind::LoginFailed(..)) {
///             self.failed_logins.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # struct Account;
/// # impl auth_core::User for Account {
/// #     fn id(&self) -> auth_core::UserId { 1.into() }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// let builder = auth_core::Auth::<Account>::builder().observer(Metrics::default());
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Called for each event.
    fn on_event(&self, event: &Event<'_>);

    /// Called when a backend answered an attempt, after this time. These calls trace a decision: one for each backend
    /// that was asked, in their order, before the event of the attempt.
    fn on_answer(&self, backend: &BackendName, answer: BackendAnswer, elapsed: Duration) {
        let _ = (backend, answer, elapsed);
    }
}

impl<T: Observer + ?Sized> Observer for std::sync::Arc<T> {
    fn on_event(&self, event: &Event<'_>) {
        (**self).on_event(event);
    }

    fn on_answer(&self, backend: &BackendName, answer: BackendAnswer, elapsed: Duration) {
        (**self).on_answer(backend, answer, elapsed);
    }
}

/// The default observer: one [`tracing`] record per event, with the target `auth`. It contains the client address,
/// and the peer address if that is a proxy.
///
/// Events that an operator should look at are warnings. Accepted credentials of a single request, which may occur
/// with each, have the level DEBUG; everything else has INFO.
///
/// If no subscriber is installed, the records go nowhere. Standard error then gets what would be a warning: each
/// problem once, without the client's name or address, and at most 16 different ones.
///
/// ```
/// # struct Account;
/// # impl auth_core::User for Account {
/// #     fn id(&self) -> auth_core::UserId { 1.into() }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// use auth_core::event::{Event, Observer, TracingObserver};
///
/// /// Logs as the default does, and sends mails.
/// struct LogAndMail;
///
/// impl Observer for LogAndMail {
///     fn on_event(&self, event: &Event<'_>) {
///         TracingObserver.on_event(event);
///         // … queue a mail
///     }
/// }
/// let builder = auth_core::Auth::<Account>::builder().observer(LogAndMail);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn on_event(&self, event: &Event<'_>) {
        let backend = event.backend.map(BackendName::as_str);
        let user = event.user.map(UserId::as_str);
        let client = event.facts.client().map(tracing::field::display);
        let peer = peer_of(event.facts).map(tracing::field::display);
        let what = &event.kind;
        if matches!(what, EventKind::LoginSucceeded(claim) if claim.per_request) {
            tracing::debug!(target: "auth", backend, user, client, peer, "{what}");
        } else if event.kind.is_fault() {
            tracing::warn!(target: "auth", backend, user, client, peer, "{what}");
            tell_if_unheard(event);
        } else {
            tracing::info!(target: "auth", backend, user, client, peer, "{what}");
        }
    }

    fn on_answer(&self, backend: &BackendName, answer: BackendAnswer, elapsed: Duration) {
        tracing::debug!(target: "auth", backend = backend.as_str(), ?elapsed, "backend answered: {answer:?}");
    }
}

/// The peer address, if the peer is a proxy and not the client.
fn peer_of(facts: &RequestFacts) -> Option<std::net::IpAddr> {
    facts.peer().filter(|peer| facts.client() != Some(peer.to_canonical()))
}

/// An undecided login is reported by what kept its backend from deciding, and by itself only if no backend is the
/// reason.
fn tell_if_unheard(event: &Event<'_>) {
    match (&event.kind, event.backend) {
        (EventKind::LoginUnavailable(_), Some(_)) => {}
        (EventKind::LoginUnavailable(_), None) => {
            unheard::tell(format_args!("a login was not decided in time, or no thread was free for hashing"));
        }
        // Without the page: somebody who controls pages could produce any number of lines.
        (EventKind::CrossOrigin(_), _) => {
            unheard::tell(format_args!("a request of another site's page was refused: {CROSS_ORIGIN_FIX}"));
        }
        (kind, Some(backend)) => unheard::tell(format_args!("backend {backend:?}: {kind}")),
        (kind, None) => unheard::tell(format_args!("{kind}")),
    }
}

impl EventKind<'_> {
    /// Whether an operator should look at it.
    fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::LoginUnavailable(_)
                | Self::BackendFailed(_)
                | Self::UserKept(_)
                | Self::PasskeyCounterFell(_)
                | Self::AmbiguousCookie
                | Self::CleartextCredentials
                | Self::ChallengeWithheld
                | Self::UnknownScheme
                | Self::CrossOrigin(_)
                | Self::UntrustedHeader
                | Self::AmbiguousHeader
                | Self::SeveralTokens
                | Self::GateFailed(_)
                | Self::ThrottleStoreFailed(_)
                | Self::StoreFailed(_)
                | Self::FactorsFailed(_)
        )
    }
}

impl EventKind<'_> {
    /// What happened to a request, and how to fix it.
    fn fix(&self) -> &'static str {
        match self {
            Self::CleartextCredentials => {
                "unencrypted credentials were not verified: serve over TLS, name the proxy that terminates it by \
                 `.trusted_proxy(…)`, or allow it by the scheme's `allow_cleartext`"
            }
            Self::ChallengeWithheld => {
                "clients could not be asked for unencrypted credentials: serve over TLS, name the proxy that terminates it by \
                 `.trusted_proxy(…)`, or allow it by the scheme's `allow_cleartext`"
            }
            Self::UnknownScheme => {
                "a request with an `Authorization` that no scheme accepts was refused: accept it by `.scheme(…)`, or let \
                 the proxy that adds it omit it"
            }
            Self::UntrustedHeader => {
                "a request with a user's name in a header came from a peer that is not trusted, and was refused: if it is \
                 the proxy, name it by `RemoteUserHeader::trusted_peer`"
            }
            Self::AmbiguousHeader => {
                "a trusted proxy sent a header with a user's name twice, under a look-alike name, or without a name: let \
                 it replace what clients send"
            }
            Self::SeveralTokens => {
                "a request came with more than one bearer token, and was refused: let the client send one, in one header"
            }
            _ => "",
        }
    }
}

impl fmt::Display for EventKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginSucceeded(claim) => write!(f, "login succeeded: {claim}"),
            Self::LoginFailed(claim, kind) => write!(f, "login failed: {claim}: {kind:?}"),
            Self::LoginUnavailable(claim) => write!(f, "login unavailable: {claim}"),
            Self::LoginThrottled(claim, wait) => throttled(claim, *wait, f),
            Self::LoginAborted(claim) => write!(f, "login aborted by the client: {claim}"),
            Self::BackendFailed(error) => write!(f, "{}", Chained(*error)),
            Self::UserCreated(changed) => write!(f, "user created{}", Listed(changed)),
            Self::UserUpdated(changed) => write!(f, "user updated{}", Listed(changed)),
            Self::UserKept(kept) => write!(f, "user not updated completely{}", Listed(kept)),
            Self::PasskeyCounterFell(fallen) => fallen.fmt(f),
            Self::SessionStarted => f.write_str("session started"),
            Self::LoginPending => f.write_str("a login is pending"),
            Self::ProofAdded(factor) => write!(f, "proof added: {factor:?}"),
            Self::CodeRefused(why) => write!(f, "code of a second factor refused: {why:?}"),
            Self::FactorChanged(change) => write!(f, "second factors changed: {change:?}"),
            Self::LoggedOut => f.write_str("logged out"),
            Self::SessionEnded(why) => write!(f, "session ended: {why:?}"),
            Self::SessionNotJudged(why) => write!(f, "session not judged: {why:?}"),
            Self::SessionRotated => f.write_str("session rotated"),
            Self::ActsAs => f.write_str("acts as a user without proof"),
            Self::AmbiguousCookie => f.write_str("two different session cookies in one request"),
            Self::CleartextCredentials
            | Self::ChallengeWithheld
            | Self::UnknownScheme
            | Self::UntrustedHeader
            | Self::AmbiguousHeader
            | Self::SeveralTokens => f.write_str(self.fix()),
            Self::CrossOrigin(origin) => cross_origin(*origin, f),
            Self::GateFailed(error) => write!(f, "the gate before the chain: {}", Chained(*error)),
            Self::ThrottleStoreFailed(error) => {
                write!(
                    f,
                    "attempts are counted by this instance alone, with half the limits: {}",
                    Chained(*error)
                )
            }
            Self::StoreFailed(error) => write!(f, "the session store failed: {}", Chained(*error)),
            Self::FactorsFailed(error) => write!(f, "{}", Chained(*error)),
        }
    }
}

fn throttled(claim: &Claim<'_>, wait: Option<Duration>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match wait {
        Some(time) => write!(f, "login throttled: {claim}: not before {} s are over", time.as_secs().max(1)),
        None => write!(f, "login throttled: {claim}: the account has no attempts left, nothing was compared"),
    }
}

fn cross_origin(origin: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let origin = origin.map_or("no origin".into(), |origin| printable(origin, MAX_ORIGIN_LEN));
    write!(f, "a request of a page at {origin} was refused: {CROSS_ORIGIN_FIX}")
}

impl fmt::Display for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Some(subject) => write!(f, "{} of {subject:?}", self.credentials),
            None => f.write_str(self.credentials),
        }
    }
}

/// A list after a colon, if it is not empty.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(n, thing)| {
            f.write_str(if n == 0 { ": " } else { ", " })?;
            thing.fmt(f)
        })
    }
}

/// An error with its sources in one line.
struct Chained<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {}", printable(&error.to_string(), 500))?;
            source = error.source();
        }
        Ok(())
    }
}

/// Passes an event to the observer, whose panic cannot affect the request.
pub(crate) fn emit(observer: &dyn Observer, event: &Event<'_>) {
    if caught(|| observer.on_event(event)).is_err() {
        unheard::log_error(&"the observer panicked");
    }
}

/// The same for a step of a decision.
pub(crate) fn trace(
    observer: &dyn Observer,
    backend: &BackendName,
    answer: BackendAnswer,
    elapsed: Duration,
) {
    if caught(|| observer.on_answer(backend, answer, elapsed)).is_err() {
        unheard::log_error(&"the observer panicked");
    }
}

/// The longest text of an origin, in bytes: a host has at most 255.
const MAX_ORIGIN_LEN: usize = 300;
const CROSS_ORIGIN_FIX: &str = "if it is one of yours, name it by `.trusted_origin(…)`; if it is this site behind a proxy that \
    changes `Host`, name that by `.origin(…)`";

/// The longest text of a claim.
pub(crate) const MAX_SUBJECT_LEN: usize = 255;

/// How long a client should wait, rounded up to whole seconds (RFC 9110 §10.2.3).
pub(crate) fn seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun).max(1)
}
