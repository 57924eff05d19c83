//! What can go wrong with a session, and with finding out whose it is.

use std::fmt;
use std::time::Duration;

use crate::Denied;

/// Why a request's caller cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A store or a backend could not decide.
    Unavailable,
    /// A [gate](crate::Gate) lets no more attempts through before this time is over.
    Throttled(Duration),
    /// Credentials were presented and not accepted.
    BadCredentials,
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

/// Something could not be done with the session.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    retry_after: Option<Duration>,
}

/// What went wrong with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The store, or a backend, could not do its work now (503).
    Unavailable,
    /// The request's credentials may not be judged now: see [`Gate`](crate::Gate) (429).
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
    /// The response is on its way: the browser cannot be told of a new session any more (500).
    Answered,
    /// The value is not JSON, or the values are too long together (500).
    InvalidValue,
}

impl SessionError {
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
        Self { kind, retry_after: None }
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable => SessionErrorKind::Unavailable.into(),
            Failure::Throttled(time) => Self { kind: SessionErrorKind::Throttled, retry_after: Some(time) },
            Failure::CrossOrigin => SessionErrorKind::CrossOrigin.into(),
            Failure::BadCredentials | Failure::Malformed | Failure::Contradiction | Failure::Cleartext => {
                SessionErrorKind::NoSession.into()
            }
        }
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
            SessionErrorKind::Answered => {
                "the response is on its way: log in, rotate and rebind before the handler answers"
            }
            SessionErrorKind::InvalidValue => "a session value must be JSON, and all together at most 64 KiB",
        })
    }
}

impl std::error::Error for SessionError {}
