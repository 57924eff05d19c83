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
    /// It answered, and that it would not.
    Refused,
    /// What it answered makes no sense.
    Nonsense,
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
        let kind = if is_down { FailureKind::Down } else { FailureKind::Refused };
        Self { kind, text: format!("the directory answered {operation} with result code {code}").into() }
    }

    /// Whether another server should be asked for a while.
    pub(crate) fn is_of_server(&self) -> bool {
        self.kind != FailureKind::Refused
    }
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Nonsense => Self::invalid_data(failure),
            FailureKind::Down | FailureKind::Refused => Self::unavailable(failure),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}
