//! Events: what an audit log, a throttle or a metric wants to know.

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

/// Something that happened. It never carries a secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind<'a>,
    /// When.
    pub at: Timestamp,
    /// The backend concerned.
    pub backend: Option<&'a BackendName>,
    /// The user, where one is known.
    pub user: Option<&'a UserId>,
    /// The request behind it; [`RequestFacts::none`] where there is none.
    pub facts: &'a RequestFacts,
}

/// What happened.
///
/// Every attempt to authenticate ends in exactly one of the first five.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// A backend accepted the credentials.
    LoginSucceeded(Claim<'a>),
    /// Nobody accepted them, for this reason.
    LoginFailed(Claim<'a>, DeniedKind),
    /// Nobody accepted them, and a backend could not decide.
    LoginUnavailable(Claim<'a>),
    /// Too many attempts failed: this one was not made, and may be after this time; or, without one, a backend found that the
    /// account has no tries left, and compared nothing, which was answered as a wrong secret is.
    LoginThrottled(Claim<'a>, Option<Duration>),
    /// The client went away before there was an answer.
    LoginAborted(Claim<'a>),
    /// A backend could not decide. It may not be the last word on the attempt.
    BackendFailed(&'a BackendError),
    /// A login created its user, with these fields and rights. Of many first logins at once, one did.
    UserCreated(&'a [Changed]),
    /// A login, or a confirmation, changed its user: what, without the values.
    UserUpdated(&'a [Changed]),
    /// One of the two left something as it was, though an outside system says otherwise.
    UserKept(&'a [Kept]),
    /// A passkey signed with a counter that is not above the one before: somebody may have a copy of it.
    PasskeyCounterFell(&'a FallenCounter),
    /// A session began.
    SessionStarted,
    /// A login was right as far as it went, and lacks something: its session is [pending](crate::second_factor).
    LoginPending,
    /// A person proved by this factor, too, who they are: a pending login's, or a session's.
    ProofAdded(Factor),
    /// A code of a second factor was not accepted.
    CodeRefused(CodeRefusal),
    /// What somebody can prove themselves by was changed: tell them, by mail.
    FactorChanged(FactorChange),
    /// The user, if there is one, asked to log out. Sent before the session is deleted.
    LoggedOut,
    /// A session ended without being asked to.
    SessionEnded(SessionEnd),
    /// A session's id was replaced.
    SessionRotated,
    /// The application made somebody the caller of a request without any proof (`dangerous_acts_as` of the adapters).
    ActsAs,
    /// A request's session is kept in the store, and nobody's here, for this reason. Record and cookie stay.
    SessionNotJudged(NotJudged),
    /// A request carried two different session cookies, and got no session.
    AmbiguousCookie,
    /// A request carried credentials over a connection that is not known to be encrypted: they were not judged.
    CleartextCredentials,
    /// A 401 named no way in, since every scheme would have the client send credentials over a connection that is not
    /// known to be encrypted: it became a 403.
    ChallengeWithheld,
    /// A request carried an `Authorization` that no scheme takes: it was refused.
    UnknownScheme,
    /// A page of another site, of this origin if it has one, sent a request that changes something, or would sign somebody
    /// in or out: it was refused.
    CrossOrigin(Option<&'a str>),
    /// Somebody who is not trusted sent the header in which a
    /// [trusted proxy](crate::remote_user) names the user: the request was refused.
    UntrustedHeader,
    /// A trusted proxy sent that header twice, under a look-alike name, or without a name in it: the request was refused.
    AmbiguousHeader,
    /// A request came with more than one bearer token: it was refused.
    SeveralTokens,
    /// The gate could not decide whether an attempt may be made.
    GateFailed(&'a BackendError),
    /// What the throttle counts could not be kept where it is kept for all instances: this one counts for itself, at half the
    /// limits.
    ThrottleStoreFailed(&'a StoreError),
    /// The session store could not do its work.
    StoreFailed(&'a StoreError),
    /// What users have enrolled could not be looked up or changed.
    FactorsFailed(&'a FactorError),
}

/// Why a code of a second factor was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// It was wrong, or used before.
    Wrong,
    /// Too many were: it was not compared.
    TooMany,
    /// The user has no factor that codes are of.
    NoFactor,
}

/// A change of what somebody can prove themselves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorChange {
    /// A factor of this kind was enrolled; of recovery codes, a new set.
    Enrolled(FactorKind),
    /// One was removed.
    Removed(FactorKind),
    /// One was given another name.
    Renamed(FactorKind),
}

/// Who the client claimed to be, and with what kind of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim<'a> {
    /// The kind of credentials, as [`Credentials::KIND`](crate::Credentials::KIND).
    pub credentials: &'static str,
    /// The claimed name as it was typed, without control characters and cut at 255 bytes.
    pub subject: Option<&'a str>,
    /// Whether they came with a request that they are for, as a token does: there may be some with each.
    pub per_request: bool,
}

/// Why a session that a store keeps is not judged here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotJudged {
    /// It is of another site that keeps its sessions in the same store
    /// ([`SessionConfig::realm`](crate::SessionConfig::realm)).
    OtherRealm,
    /// A newer version of this library wrote something into it that must be known to judge it.
    Newer,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// It was unused for too long, or too old.
    Expired,
    /// Its user's security stamp changed.
    StampChanged,
    /// Its user no longer exists.
    UserGone,
    /// Its user is disabled.
    UserDisabled,
    /// The backend that vouched is no longer configured. The record is kept.
    BackendGone,
    /// It dates from the future: a clock went back. The record is kept.
    ClockWentBack,
    /// Another session of the same user pushed it out: it was longest not used
    /// ([`max_per_user`](crate::SessionConfig::max_per_user),
    /// [`max_per_remote_user`](crate::SessionConfig::max_per_remote_user)).
    TooMany,
    /// Another of the user's sessions revoked it.
    Revoked,
    /// The trusted proxy that named its user did not do so any more.
    RemoteUserGone,
    /// The trusted proxy names another user.
    RemoteUserChanged,
    /// The outside system that vouched for the user refuses them by now, for this reason; without one, it does not know
    /// them any more ([`AuthBuilder::confirm`](crate::AuthBuilder::confirm)). All sessions of the user ended with it.
    NotConfirmed(Option<DenyReason>),
}

/// Receives every event, synchronously and in order. It must be quick: hand slow work to a queue.
///
/// A panic in an observer is caught and changes no decision.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn on_event(&self, event: &Event<'_>);

    /// A backend answered to an attempt, after this time: the trace of a decision, one step for each backend that was asked
    /// and in their order, before the event of the attempt.
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

/// The default observer: one [`tracing`] record per event, target `auth`. It names the client's address, and the
/// peer's where that is a proxy.
///
/// What an operator should look at is a warning; that credentials of a single request were accepted, which may happen with
/// each, is told at the level DEBUG; all else at INFO.
///
/// Where no subscriber was ever installed, the records go nowhere. Standard error then gets what would be a warning:
/// each fault once, without the client's name or address, and 16 different ones at most.
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

/// The socket's other end, where it is not the client: a proxy.
fn peer_of(facts: &RequestFacts) -> Option<std::net::IpAddr> {
    facts.peer().filter(|peer| facts.client() != Some(peer.to_canonical()))
}

/// A login that is not decided is told by what kept its backend from deciding, and by itself only where no backend did.
fn tell_if_unheard(event: &Event<'_>) {
    match (&event.kind, event.backend) {
        (EventKind::LoginUnavailable(_), Some(_)) => {}
        (EventKind::LoginUnavailable(_), None) => {
            unheard::tell(format_args!(
                "a login was not decided in time, or for want of a thread to hash on"
            ));
        }
        // Not by whose page: whoever makes pages could make any number of lines.
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
    /// What happened to a request, and how that is mended.
    fn fix(&self) -> &'static str {
        match self {
            Self::CleartextCredentials => {
                "credentials in the clear were not judged: serve over TLS, name the proxy that ends it by \
                 `.trusted_proxy(…)`, or allow it by the scheme's `allow_cleartext`"
            }
            Self::ChallengeWithheld => {
                "nobody could be asked for credentials in the clear: serve over TLS, name the proxy that ends it by \
                 `.trusted_proxy(…)`, or allow it by the scheme's `allow_cleartext`"
            }
            Self::UnknownScheme => {
                "a request with an `Authorization` that no scheme takes was refused: accept it by `.scheme(…)`, or have \
                 the proxy that adds it leave it out"
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
            Self::UserKept(kept) => write!(f, "user not updated in all{}", Listed(kept)),
            Self::PasskeyCounterFell(fallen) => fallen.fmt(f),
            Self::SessionStarted => f.write_str("session started"),
            Self::LoginPending => f.write_str("a login waits for what it lacks"),
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
                write!(f, "attempts are counted here alone, at half the limits: {}", Chained(*error))
            }
            Self::StoreFailed(error) => write!(f, "sessions cannot be kept: {}", Chained(*error)),
            Self::FactorsFailed(error) => write!(f, "{}", Chained(*error)),
        }
    }
}

fn throttled(claim: &Claim<'_>, wait: Option<Duration>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match wait {
        Some(time) => write!(f, "login throttled: {claim}: not before {} s are over", time.as_secs().max(1)),
        None => write!(f, "login throttled: {claim}: the account has no tries left, nothing was compared"),
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

/// Things behind a colon, if there are any.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(n, thing)| {
            f.write_str(if n == 0 { ": " } else { ", " })?;
            thing.fmt(f)
        })
    }
}

/// An error with its sources on one line.
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

/// Hands an event to the observer; what it does cannot hurt the request.
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

/// How long the text of an origin may be, in bytes: a host has 255 at most.
const MAX_ORIGIN_LEN: usize = 300;
const CROSS_ORIGIN_FIX: &str = "if it is one of yours, name it by `.trusted_origin(…)`; if it is this site behind a proxy that \
    changes `Host`, name that by `.origin(…)`";

/// How long the text of a claim may be.
pub(crate) const MAX_SUBJECT_LEN: usize = 255;

/// How long a client should wait, as whole seconds: never less than that (RFC 9110 §10.2.3).
pub(crate) fn seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun).max(1)
}
