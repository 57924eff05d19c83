//! What kept the other side from deciding, without anything secret.

use std::error::Error;
use std::fmt;

use auth_core::backend::BackendError;

/// A fixed text, with a status code at most. It never holds what was sent or answered.
#[derive(Debug)]
struct Failure(&'static str, Option<u16>);

/// The other side cannot be reached; or it was asked, and did not answer in time, or broke off: then what it was asked
/// may be why. The address is left out: its query may hold a secret.
pub(crate) fn unanswered(error: reqwest::Error) -> BackendError {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let error = error.without_url();
    match (is_connect, is_timeout) {
        (true, _) => BackendError::unavailable(error),
        (false, true) => BackendError::timed_out(error),
        (false, false) => BackendError::invalid_data(error),
    }
}

/// It answered something that is no answer to what was asked.
pub(crate) fn unexpected(status: u16) -> BackendError {
    let failure = Failure("it answered with the status", Some(status));
    match status {
        // Says nothing about the other side's health, and may be about one user only.
        429 => BackendError::overloaded(Failure("it has had too many requests", None)),
        // About who asks, or about the address: a gateway says so to everybody where it has lost the service.
        401 | 403..=405 | 407 | 410 | 421 => BackendError::invalid_data(failure),
        // About what was asked (RFC 9110 §15.5).
        400..=499 => BackendError::undecided(failure),
        status => BackendError::invalid_data(Failure("it answered with the status", Some(status))),
    }
}

/// This process asks it as much as it may already.
pub(crate) fn crowded() -> BackendError {
    BackendError::overloaded(Failure("as many requests as allowed are under way", None))
}

/// It says nothing of this one user.
pub(crate) fn foreign(what: &'static str) -> BackendError {
    BackendError::undecided(Failure(what, None))
}

/// Its answer cannot be understood.
pub(crate) fn invalid(what: &'static str) -> BackendError {
    BackendError::invalid_data(Failure(what, None))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        self.1.map_or(Ok(()), |status| write!(f, " {status}"))
    }
}

impl Error for Failure {}
