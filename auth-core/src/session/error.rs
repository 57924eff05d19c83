//! What can go wrong with a session, and with finding out whose it is.

use std::fmt;

/// Why a request's caller cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A store or a backend could not decide.
    Unavailable,
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
}

/// What went wrong with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The store, or a backend, could not do its work now (503).
    Unavailable,
    /// The request comes from another site (403).
    CrossOrigin,
    /// Nobody is logged in by a session, or the session ended meanwhile (401).
    NoSession,
    /// The session was deleted, by a logout elsewhere, before this request's values were written (400).
    Gone,
    /// The proof of identity was made by another [`Auth`](crate::Auth) (500).
    ForeignProof,
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
}

impl From<SessionErrorKind> for SessionError {
    fn from(kind: SessionErrorKind) -> Self {
        Self { kind }
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable => SessionErrorKind::Unavailable.into(),
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
            SessionErrorKind::CrossOrigin => "the request comes from another site",
            SessionErrorKind::NoSession => "nobody is logged in by a session",
            SessionErrorKind::Gone => "the session ended before the request was completed",
            SessionErrorKind::ForeignProof => {
                "the user was authenticated by another `Auth` than this session's"
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
