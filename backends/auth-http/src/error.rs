//! Why the service could not decide, without secrets.

use std::error::Error;
use std::fmt;

use auth_core::backend::BackendError;

/// A fixed text and at most a status code. It never contains what was sent or answered.
#[derive(Debug)]
struct Failure(&'static str, Option<u16>);

/// The service cannot be reached, did not answer in time, or broke the connection. In the latter cases the request
/// itself may be the reason. The address is left out: its query may contain a secret.
pub(crate) fn unanswered(error: reqwest::Error) -> BackendError {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let error = error.without_url();
    match (is_connect, is_timeout) {
        (true, _) => BackendError::unavailable(error),
        (false, true) => BackendError::timed_out(error),
        (false, false) => BackendError::invalid_data(error),
    }
}

/// The service returned a status that is not an answer to the request.
pub(crate) fn unexpected(status: u16) -> BackendError {
    let failure = Failure("it answered with the status", Some(status));
    match status {
        // Says nothing about the service's health, and may concern one user only.
        429 => BackendError::overloaded(Failure("it answered 429 (too many requests)", None)),
        // Concerns this service's credentials, or the address: a gateway that has lost the service answers so to
        // everybody.
        401 | 403..=405 | 407 | 410 | 421 => BackendError::invalid_data(failure),
        // Concerns the request (RFC 9110 §15.5).
        400..=499 => BackendError::undecided(failure),
        status => BackendError::invalid_data(Failure("it answered with the status", Some(status))),
    }
}

/// This process already has as many requests under way as it may.
pub(crate) fn crowded() -> BackendError {
    BackendError::overloaded(Failure("as many requests as allowed are under way", None))
}

/// The answer does not concern this user.
pub(crate) fn foreign(what: &'static str) -> BackendError {
    BackendError::undecided(Failure(what, None))
}

/// The answer cannot be understood.
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
