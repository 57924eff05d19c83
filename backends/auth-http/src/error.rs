//! What kept the other side from deciding, without anything secret.

use std::error::Error;
use std::fmt;

use auth_core::BackendError;

/// A fixed text, with a status code at most. It never holds what was sent or answered.
#[derive(Debug)]
struct Failure(&'static str, Option<u16>);

/// The other side cannot be reached, did not answer in time, or broke off. The address is left out: its query may hold
/// a secret.
pub(crate) fn unreachable(error: reqwest::Error) -> BackendError {
    BackendError::unavailable(error.without_url())
}

/// It answered something that is no answer to what was asked.
pub(crate) fn unexpected(status: u16) -> BackendError {
    match status {
        // Says nothing about the other side's health, and may be about one user only.
        429 => BackendError::overloaded(Failure("it has had too many requests", None)),
        status => BackendError::unavailable(Failure("it answered with the status", Some(status))),
    }
}

/// This process asks it as much as it may already.
pub(crate) fn crowded() -> BackendError {
    BackendError::overloaded(Failure("as many requests as allowed are under way", None))
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
