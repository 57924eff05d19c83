//! What kept a directory from deciding, without anything secret.

use std::error::Error;
use std::fmt;

use auth_core::BackendError;

/// Why an operation has no answer. Never the directory's own words: they may repeat what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: FailureKind,
    text: Box<str>,
}

/// What that says about the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// This server does not serve now. Another one may.
    Down,
    /// No server of the directory does what it was asked: the settings are wrong.
    Refused,
    /// It cannot be decided about this one attempt, which says nothing about others. It must not open a circuit
    /// breaker: anybody could do that with an account that a server answers oddly about.
    Unclear,
    /// What it answered makes no sense.
    Nonsense,
    /// It was not asked: too many wait to ask.
    Crowded,
}

impl Failure {
    pub(crate) fn down(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Down, text: text.into() }
    }

    pub(crate) fn refused(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Refused, text: text.into() }
    }

    pub(crate) fn nonsense(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Nonsense, text: text.into() }
    }

    /// A result code that is no answer to what was asked (RFC 4511 §4.1.9).
    pub(crate) fn code(operation: &str, code: u32) -> Self {
        // busy, unavailable, other; and what libraries call a lost server, a timeout, a failed connection.
        let is_down = matches!(code, 51 | 52 | 80 | 81 | 85 | 91);
        let kind = if is_down { FailureKind::Down } else { FailureKind::Unclear };
        Self { kind, text: format!("the directory answered {operation} with result code {code}").into() }
    }

    pub(crate) fn unclear(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Unclear, text: text.into() }
    }

    pub(crate) fn crowded(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Crowded, text: text.into() }
    }

    /// Whether another server should be asked for a while.
    pub(crate) fn is_of_server(&self) -> bool {
        matches!(self.kind, FailureKind::Down | FailureKind::Nonsense)
    }
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Nonsense | FailureKind::Unclear => Self::invalid_data(failure),
            FailureKind::Down | FailureKind::Refused => Self::unavailable(failure),
            FailureKind::Crowded => Self::overloaded(failure),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use auth_core::BackendErrorKind;

    use super::*;

    /// RL-2, LD-9: only what says that a server does not serve is an outage that a circuit breaker counts.
    #[test]
    fn codes_about_one_attempt_are_no_outage_of_the_directory() {
        for code in 0..=123 {
            let kind = BackendError::from(Failure::code("a bind", code)).kind();
            let is_outage = kind == BackendErrorKind::Unavailable;
            assert_eq!(is_outage, [51, 52, 80, 81, 85, 91].contains(&code), "{code}");
        }
    }
}
