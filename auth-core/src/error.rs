//! Errors: of backends that cannot decide, and of configurations.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::cause::Cause;

type Source = Box<dyn Error + Send + Sync>;

/// A backend could not decide. This is neither a yes nor a no: the client gets a 503, and is never told that a
/// password is wrong.
///
/// **An error that the input causes is not an outage.** A [`Backend`](crate::backend::Backend) or a
/// [`Verifier`](crate::backend::Verifier) says by the kind whether other attempts are affected:
///
/// | what happened | kind | the circuit breaker | [`Continue`](crate::OutagePolicy::Continue) |
/// |---|---|---|---|
/// | no connection, or none in time: nothing of the attempt was sent | [`unavailable`](Self::unavailable) | counts it | goes on |
/// | it was asked, and refuses to judge this attempt: HTTP 400 or 422, a syntax error, a constraint, contradictory data about the account | [`undecided`](Self::undecided) | ignores it | stops |
/// | it has too much to do | [`overloaded`](Self::overloaded) | ignores it | goes on, unless it is authoritative |
/// | it was asked, and did not answer in time or not understandably; or it panicked | [`timed_out`](Self::timed_out), [`invalid_data`](Self::invalid_data) | asks for its [`Health`](crate::backend::Health) | goes on if that is down; if it is unknown, unless the backend is authoritative |
///
/// The last row is about errors that either an odd name or password causes, or a system that fails for everybody. If
/// they always counted, five odd attempts would keep everybody out. If the chain always went on, an odd attempt would
/// get past a backend to a less strict one.
///
/// ```
/// use auth_core::backend::{BackendError, BackendErrorKind};
///
/// /// The answer of a service about one login.
/// fn judged(status: u16) -> Result<bool, BackendError> {
///     match status {
///         200 => Ok(true),
///         401 => Ok(false),
///         400 | 422 => Err(BackendError::undecided("the service does not accept this login")),
///         status => Err(BackendError::invalid_data(format!("the service answered {status}"))),
///     }
/// }
/// assert_eq!(judged(500).unwrap_err().kind(), BackendErrorKind::InvalidData);
/// ```
#[derive(Clone, Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    source: Cause,
    retry_after: Option<Duration>,
}

/// Why a backend could not decide.
///
/// ```
/// use auth_core::backend::{BackendError, BackendErrorKind};
///
/// assert_eq!(BackendError::timed_out("2 s").kind(), BackendErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// It cannot be reached, whatever the request.
    Unavailable,
    /// It was asked, and did not answer in time.
    TimedOut,
    /// Too much work of this kind is queued already, in this process or there. That is not an outage: it does not
    /// open the backend's circuit breaker.
    Overloaded,
    /// Its answer cannot be understood.
    InvalidData,
    /// It panicked.
    Panicked,
    /// It cannot judge this attempt, or this account, because its input or its data are invalid. That says nothing
    /// about other attempts.
    Undecided,
}

impl BackendError {
    /// It cannot be reached, whatever the request: never the result of an odd name, password or token.
    ///
    /// `source` reaches the log: it must not contain a secret (such as a URL with a password), here and below.
    ///
    /// ```
    /// use auth_core::backend::BackendError;
    ///
    /// /// Before anything was sent.
    /// async fn connect(address: &str) -> Result<std::net::TcpStream, BackendError> {
    ///     std::net::TcpStream::connect(address).map_err(BackendError::unavailable)
    /// }
    /// ```
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Unavailable, source: Cause::of(source), retry_after: None }
    }

    /// It was asked, and did not answer in time.
    ///
    /// ```
    /// use auth_core::backend::BackendError;
    ///
    /// let error = BackendError::timed_out("no answer within 2 s");
    /// ```
    pub fn timed_out(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::TimedOut, source: Cause::of(source), retry_after: None }
    }

    /// It was asked, and gave an answer that cannot be understood, or broke the connection.
    ///
    /// ```
    /// use auth_core::backend::BackendError;
    ///
    /// fn user_id(answer: &str) -> Result<i64, BackendError> {
    ///     answer.parse().map_err(BackendError::invalid_data)
    /// }
    /// assert!(user_id("seven").is_err());
    /// ```
    pub fn invalid_data(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::InvalidData, source: Cause::of(source), retry_after: None }
    }

    /// It has too much to do for this attempt, and says so.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::backend::BackendError;
    ///
    /// let error = BackendError::overloaded("429").with_retry_after(Duration::from_secs(10));
    /// ```
    pub fn overloaded(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Overloaded, source: Cause::of(source), retry_after: None }
    }

    /// It cannot judge this attempt, or this account; others are not affected.
    ///
    /// ```
    /// use auth_core::backend::{BackendError, BackendErrorKind};
    ///
    /// let error = BackendError::undecided("two accounts have this card");
    /// assert_eq!(error.kind(), BackendErrorKind::Undecided);
    /// ```
    pub fn undecided(source: impl Into<Source>) -> Self {
        Self { kind: BackendErrorKind::Undecided, source: Cause::of(source), retry_after: None }
    }

    pub(crate) fn of(kind: BackendErrorKind) -> Self {
        Self { kind, source: Cause::NONE, retry_after: None }
    }

    /// Sets when it may be asked again, if it says so: the client is told.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::backend::BackendError;
    ///
    /// let error = BackendError::overloaded("429").with_retry_after(Duration::from_secs(30));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    /// ```
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// When it may be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Why it could not decide.
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
///
/// ```
/// use auth_core::ConfigError;
///
/// fn prefix(text: &str) -> Result<&str, ConfigError> {
///     if text.is_empty() { Err(ConfigError::new("the prefix is empty: set SHOP_PREFIX")) } else { Ok(text) }
/// }
/// assert_eq!(prefix("").unwrap_err().to_string(), "the prefix is empty: set SHOP_PREFIX");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// An error whose text names the mistake and the fix, for backends with settings.
    ///
    /// ```
    /// use auth_core::ConfigError;
    ///
    /// let error = ConfigError::new("the base is not a DN: write `dc=example,dc=org`");
    /// ```
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
