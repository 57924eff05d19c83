//! Errors: what could not be decided, and what cannot be configured.

use std::error::Error;
use std::fmt;

type Source = Box<dyn Error + Send + Sync>;

/// A backend could not decide. This is neither a yes nor a no; what the chain makes of it is the backend's
/// [`OutagePolicy`](crate::OutagePolicy).
#[derive(Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    source: Option<Source>,
}

/// What kept a backend from deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// It cannot be reached, or it answered that it cannot serve now.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
    /// Too much of the same work is queued already, in this process or there. That is no outage: it does not open the
    /// backend's circuit breaker.
    Overloaded,
    /// It answered something that cannot be understood.
    InvalidData,
    /// It panicked.
    Panicked,
}

impl BackendError {
    /// It cannot be reached. `source` reaches the log: it must carry no secret (no URL with a password).
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// It answered something that cannot be understood. The same holds for `source`.
    pub fn invalid_data(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::InvalidData, source: Some(source.into()) }
    }

    /// It has too much to do for this attempt, and says so. The same holds for `source`.
    pub fn overloaded(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Overloaded, source: Some(source.into()) }
    }

    pub(crate) fn of(kind: BackendErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// What kept it from deciding.
    pub fn kind(&self) -> BackendErrorKind {
        self.kind
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BackendErrorKind::Unavailable => "the backend is unavailable",
            BackendErrorKind::TimedOut => "the backend did not answer in time",
            BackendErrorKind::Overloaded => "too much work is queued",
            BackendErrorKind::InvalidData => "the backend's answer cannot be understood",
            BackendErrorKind::Panicked => "the backend panicked",
        })
    }
}

impl Error for BackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// A configuration that cannot be right. Its text says in one line what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// An error whose text names the mistake and the fix. For backends that refuse a configuration of their own.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConfigError {}
