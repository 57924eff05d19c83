//! Errors: what could not be decided, and what cannot be configured.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::cause::Cause;

type Source = Box<dyn Error + Send + Sync>;

/// A backend could not decide. This is neither a yes nor a no: the client hears 503, and never that a password is wrong.
///
/// **An error that the input causes is no outage.** Whoever implements a [`Backend`](crate::backend::Backend) or a
/// [`Verifier`](crate::backend::Verifier) says by the kind whether others are concerned, too:
///
/// | what happened | kind | the circuit breaker | [`Continue`](crate::OutagePolicy::Continue) |
/// |---|---|---|---|
/// | no connection, or none in time: nothing of the attempt was sent | [`unavailable`](Self::unavailable) | counts it | goes on |
/// | it was asked, and refuses to judge this attempt: HTTP 400 or 422, a syntax error, a constraint, an account that it contradicts itself about | [`undecided`](Self::undecided) | ignores it | stops |
/// | too much is under way | [`overloaded`](Self::overloaded) | ignores it | goes on, unless it is authoritative |
/// | it was asked, and there is no answer in time, or none that can be understood; or it panicked | [`timed_out`](Self::timed_out), [`invalid_data`](Self::invalid_data) | asks for its [`Health`](crate::backend::Health) | goes on if that is down; if nobody knows, unless it is authoritative |
///
/// The last row is about faults that an odd name or password may have caused, or a system that fails everybody. If
/// they counted as they are, five odd attempts would keep everybody out; if the chain went on after them as it is, an
/// odd attempt would get past a backend to one that accepts more.
#[derive(Clone, Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    source: Cause,
    retry_after: Option<Duration>,
}

/// What kept a backend from deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// It cannot be reached, whatever it would be asked.
    Unavailable,
    /// It was asked, and did not answer in time.
    TimedOut,
    /// Too much of the same work is queued already, in this process or there. That is no outage: it does not open the
    /// backend's circuit breaker.
    Overloaded,
    /// It answered something that cannot be understood.
    InvalidData,
    /// It panicked.
    Panicked,
    /// It does not judge this attempt, or this account: what it was sent, or what it holds, is not as it can be. That
    /// says nothing about other attempts.
    Undecided,
}

impl BackendError {
    /// It cannot be reached, whatever it would be asked: never what an odd name, password or token may cause.
    ///
    /// `source` reaches the log: it must carry no secret (no URL with a password), here and below.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Unavailable, source: Cause::of(source), retry_after: None }
    }

    /// It was asked, and did not answer in time.
    pub fn timed_out(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::TimedOut, source: Cause::of(source), retry_after: None }
    }

    /// It was asked, and answered something that cannot be understood, or broke off.
    pub fn invalid_data(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::InvalidData, source: Cause::of(source), retry_after: None }
    }

    /// It has too much to do for this attempt, and says so.
    pub fn overloaded(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Overloaded, source: Cause::of(source), retry_after: None }
    }

    /// It does not judge this attempt, or this account; others are not concerned.
    pub fn undecided(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Undecided, source: Cause::of(source), retry_after: None }
    }

    pub(crate) fn of(kind: BackendErrorKind) -> Self {
        Self { kind, source: Cause::NONE, retry_after: None }
    }

    /// When it may be asked again, where it knows: the client is told so.
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// When it may be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
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
            BackendErrorKind::Undecided => "the backend does not judge this attempt",
        })
    }
}

impl Error for BackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
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
