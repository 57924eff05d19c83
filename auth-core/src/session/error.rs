//! What can go wrong with a session, and with finding out whose it is.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Denied;
use crate::cause::Cause;
use crate::factors::{FactorError, FactorErrorKind};
use crate::store_error::StoreError;

/// A request's caller cannot be found out.
///
/// That is no "nobody": answer by [`Session::refuse`](crate::Session::refuse). What lies behind an outage, down to the
/// driver's error, [`source`](Error::source) leads to; nothing of it is in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveError {
    kind: ResolveErrorKind,
    cause: Cause,
    retry_after: Option<Duration>,
}

/// Why a request's caller cannot be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResolveErrorKind {
    /// A store or a backend could not decide.
    Unavailable,
    /// A [gate](crate::gate::Gate) lets no more attempts through before this time is over.
    Throttled(Duration),
    /// Credentials were presented and not accepted.
    BadCredentials,
    /// They were accepted, and are not [enough](crate::second_factor) for this user: a second factor is missing, or something else
    /// that a person has to do on the site.
    NotEnough,
    /// There are several `Authorization` headers; or the header in which a trusted proxy names the user is there twice,
    /// under a look-alike name, or holds no name.
    Malformed,
    /// A session and credentials name different users; or a trusted proxy names one, and there are credentials too.
    Contradiction,
    /// Credentials were presented over a connection that is not known to be encrypted.
    Cleartext,
    /// The request changes something, relies on the cookie, and comes from another site.
    CrossOrigin,
}

impl ResolveError {
    pub(crate) fn unavailable(cause: Cause) -> Self {
        Self { kind: ResolveErrorKind::Unavailable, cause, retry_after: None }
    }

    /// The same, and when to come back.
    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// When to come back, if that would help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ResolveErrorKind::Unavailable => Some(self.retry_after.unwrap_or(Denied::RETRY_AFTER)),
            ResolveErrorKind::Throttled(time) => Some(time),
            _ => None,
        }
    }

    /// Why the caller cannot be found out.
    pub fn kind(&self) -> ResolveErrorKind {
        self.kind
    }
}

impl From<ResolveErrorKind> for ResolveError {
    fn from(kind: ResolveErrorKind) -> Self {
        Self { kind, cause: Cause::NONE, retry_after: None }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ResolveErrorKind::Unavailable => "it cannot be found out now who is calling",
            ResolveErrorKind::Throttled(_) => "too many attempts",
            ResolveErrorKind::BadCredentials => "the request's credentials were not accepted",
            ResolveErrorKind::NotEnough => "the request's credentials are not enough for this user",
            ResolveErrorKind::Malformed => "the request's credentials cannot be read without doubt",
            ResolveErrorKind::Contradiction => "the request names different users",
            ResolveErrorKind::Cleartext => "the request's credentials were not encrypted on their way",
            ResolveErrorKind::CrossOrigin => "the request comes from another site",
        })
    }
}

impl Error for ResolveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// Something could not be done with the session.
///
/// What lies behind an outage, down to the driver's error, [`source`](Error::source) leads to.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    retry_after: Option<Duration>,
    cause: Cause,
}

/// What went wrong with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The store, or a backend, could not do its work now (503).
    Unavailable,
    /// The request's credentials may not be judged now: see [`Gate`](crate::gate::Gate) (429).
    Throttled,
    /// The request comes from another site (403).
    CrossOrigin,
    /// Nobody is logged in by a session, or the session ended meanwhile (401).
    NoSession,
    /// The session was deleted, by a logout elsewhere, before this request's values were written (400).
    Gone,
    /// The proof of identity was made by another [`Auth`](crate::Auth) (500).
    ForeignProof,
    /// What was accepted is a token, or not good for everything that the user may do: no session begins with it (500).
    NotAPerson,
    /// This [`Auth`](crate::Auth) was built without sessions (500).
    NotConfigured,
    /// It was built without second factors (500).
    NoSecondFactor,
    /// The response is on its way: the browser cannot be told of a new session any more (500).
    Answered,
    /// The value is not JSON, or the values are too long together (500).
    InvalidValue,
    /// The person proved who they are too long ago for this (401).
    NotFresh,
    /// The code, or the answer of a device, is wrong or was used before (401).
    WrongCode,
    /// The user has no second factor of this kind, or with this id (404).
    NoSuchFactor,
    /// The proof is another user's than the session (403).
    OtherUser,
    /// The policy asks for a second factor, and this is the last one (409).
    LastFactor,
    /// The user has as many second factors as one may have (409).
    TooManyFactors,
    /// Somebody has this very passkey already: usually the user, who wants to enrol it twice (409).
    AlreadyEnrolled,
    /// That is no name for a second factor (400).
    InvalidName,
    /// The login that the session is of has to be finished first (401).
    NotFinished,
    /// The user has as many API keys as one may have (403).
    TooManyKeys,
    /// The backend's users own no API keys or passkeys, or it knows nobody of this id (500).
    NoSuchOwner,
    /// No backend has this name, or it does not know the user who was registered, or only as inactive (500).
    NotRegistered,
}

impl SessionError {
    pub(crate) fn unavailable(cause: Cause) -> Self {
        Self { cause, ..SessionErrorKind::Unavailable.into() }
    }

    /// Too many codes were wrong.
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..SessionErrorKind::Throttled.into() }
    }

    /// The same where it keeps a request's caller from being found out.
    pub(crate) fn into_unresolved(self) -> ResolveError {
        ResolveError::unavailable(self.into_cause())
    }

    /// What lies behind it, without its own words.
    pub(crate) fn into_cause(self) -> Cause {
        self.cause
    }

    /// What went wrong.
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// When to come back, if that would help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            SessionErrorKind::Unavailable => Some(Denied::RETRY_AFTER),
            _ => self.retry_after,
        }
    }
}

impl From<SessionErrorKind> for SessionError {
    fn from(kind: SessionErrorKind) -> Self {
        Self { kind, retry_after: None, cause: Cause::NONE }
    }
}

/// What a store of factors, or another that a session needs, could not do.
impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::unavailable(Cause::of(error))
    }
}

impl From<FactorError> for SessionError {
    fn from(error: FactorError) -> Self {
        match error.kind() {
            FactorErrorKind::InvalidName => SessionErrorKind::InvalidName.into(),
            FactorErrorKind::TooMany => SessionErrorKind::TooManyFactors.into(),
            FactorErrorKind::Exists => SessionErrorKind::AlreadyEnrolled.into(),
            FactorErrorKind::Unavailable | FactorErrorKind::Unreadable => Self::unavailable(Cause::of(error)),
        }
    }
}

impl From<ResolveError> for SessionError {
    fn from(error: ResolveError) -> Self {
        let (kind, retry_after) = match error.kind {
            ResolveErrorKind::Unavailable => (SessionErrorKind::Unavailable, None),
            ResolveErrorKind::Throttled(time) => (SessionErrorKind::Throttled, Some(time)),
            ResolveErrorKind::CrossOrigin => (SessionErrorKind::CrossOrigin, None),
            ResolveErrorKind::BadCredentials
            | ResolveErrorKind::NotEnough
            | ResolveErrorKind::Malformed
            | ResolveErrorKind::Contradiction
            | ResolveErrorKind::Cleartext => (SessionErrorKind::NoSession, None),
        };
        Self { kind, retry_after, cause: error.cause }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SessionErrorKind::Unavailable => "sessions are unavailable",
            SessionErrorKind::Throttled => "too many attempts",
            SessionErrorKind::CrossOrigin => "the request comes from another site",
            SessionErrorKind::NoSession => "nobody is logged in by a session",
            SessionErrorKind::Gone => "the session ended before the request was completed",
            SessionErrorKind::ForeignProof => {
                "the user was authenticated by another `Auth` than this session's"
            }
            SessionErrorKind::NotAPerson => {
                "a session begins with a person's proof, and not with a token: send the token with each request, by \
                 `.scheme(Bearer::new(…)?)`"
            }
            SessionErrorKind::NotConfigured => "sessions are not configured: add `.sessions(store, config)`",
            SessionErrorKind::NoSecondFactor => "second factors are not configured: add `.second_factor(…)`",
            SessionErrorKind::Answered => {
                "the response is on its way: log in, rotate and rebind before the handler answers"
            }
            SessionErrorKind::InvalidValue => "a session value must be JSON, and all together at most 64 KiB",
            SessionErrorKind::NotFresh => "the person proved who they are too long ago",
            SessionErrorKind::WrongCode => "the code, or the answer of a device, is wrong or was used before",
            SessionErrorKind::NoSuchFactor => "the user has no such second factor",
            SessionErrorKind::OtherUser => "the proof is another user's than the session",
            SessionErrorKind::LastFactor => "the last second factor stays: the user needs one",
            SessionErrorKind::TooManyFactors => "the user has as many second factors as one may have",
            SessionErrorKind::AlreadyEnrolled => "this passkey is enrolled already",
            SessionErrorKind::InvalidName => {
                "the name of a second factor has 1 to 100 bytes, not all of them blank, and no control characters"
            }
            SessionErrorKind::NotFinished => "the login has to be finished first",
            SessionErrorKind::TooManyKeys => "the user has as many API keys as one may have",
            SessionErrorKind::NoSuchOwner => {
                "users of this backend own no API keys or passkeys here: name it with `owners(…)`"
            }
            SessionErrorKind::NotRegistered => {
                "the backend of this name does not know the user who was registered: pass the name under which the store is in the \
                 chain; a user who is not active yet cannot sign in"
            }
        })
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;

    fn outage() -> SessionError {
        SessionError::unavailable(Cause::of(StoreError::unavailable("connection refused")))
    }

    const STORE: [&str; 2] = ["the store is unavailable", "connection refused"];

    #[test]
    fn an_outage_leads_to_what_caused_it() {
        let error = outage();
        assert_eq!(
            (chain(&error)[0].as_str(), &chain(&error)[1..]),
            ("sessions are unavailable", &STORE.map(String::from)[..])
        );
        assert!(error.source().unwrap().is::<StoreError>());
        assert_eq!(chain(&SessionError::from(SessionErrorKind::Gone)).len(), 1);
    }

    /// The same cause, on its way from what asks for the caller to what uses the session, and back; each adds its own words
    /// only.
    #[test]
    fn the_cause_goes_along() {
        let unresolved = outage().into_unresolved();
        let said = ["it cannot be found out now who is calling", STORE[0], STORE[1]];
        assert_eq!(chain(&unresolved), said);
        assert_eq!(chain(&unresolved.clone()), said);
        let session = SessionError::from(unresolved);
        assert_eq!(chain(&session), ["sessions are unavailable", STORE[0], STORE[1]]);
        assert_eq!(session.retry_after(), Some(Denied::RETRY_AFTER));
    }

    #[test]
    fn what_is_no_outage_has_no_cause() {
        let time = Duration::from_secs(7);
        let table = [
            (ResolveErrorKind::Throttled(time), SessionErrorKind::Throttled, Some(time)),
            (ResolveErrorKind::CrossOrigin, SessionErrorKind::CrossOrigin, None),
            (ResolveErrorKind::BadCredentials, SessionErrorKind::NoSession, None),
            (ResolveErrorKind::NotEnough, SessionErrorKind::NoSession, None),
            (ResolveErrorKind::Malformed, SessionErrorKind::NoSession, None),
            (ResolveErrorKind::Contradiction, SessionErrorKind::NoSession, None),
            (ResolveErrorKind::Cleartext, SessionErrorKind::NoSession, None),
        ];
        for (kind, becomes, retry_after) in table {
            let error = ResolveError::from(kind);
            assert_eq!((error.kind(), chain(&error).len()), (kind, 1));
            let error = SessionError::from(error);
            assert_eq!((error.kind(), error.retry_after(), chain(&error).len()), (becomes, retry_after, 1));
        }
    }
}
