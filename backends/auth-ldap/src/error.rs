//! Why a directory could not decide, without secrets.

use std::error::Error;
use std::fmt;

use auth_core::backend::BackendError;

/// Why an operation has no answer. Never the directory's own message, which may repeat what it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: FailureKind,
    text: Box<str>,
}

/// What a failure says about the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// This server does not work now, whatever the request. Another one may.
    Down,
    /// It did not answer a request about a user in time: it may be down, or the request may be the reason.
    Late,
    /// It closed the connection at a request about a user, or said that it cannot serve: the same.
    Broken,
    /// No server of the directory accepts the request: the settings are wrong.
    Refused,
    /// This one attempt cannot be decided, which says nothing about others. It must not open a circuit breaker:
    /// anybody could do that with an account that a server answers oddly about.
    Unclear,
    /// There is more than it returned, or than this crate accepts: the result is incomplete, and nothing is concluded
    /// from it.
    Limit,
    /// Its answer is malformed.
    Nonsense,
    /// It got no request: too many are waiting.
    Crowded,
}

/// Added to the result code referral (RFC 4511 §4.1.10).
const REFERRAL: &str = "the directory refers to another server (referral), which is never followed: name a `server` \
                        that holds the base itself";

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

    /// A result code that does not answer the request (RFC 4511 §4.1.9).
    pub(crate) fn code(operation: &str, code: u32) -> Self {
        // busy, unavailable, other; and the codes by which libraries report a lost server, a timeout, a failed
        // connection.
        let is_broken = matches!(code, 51 | 52 | 80 | 81 | 85 | 91);
        let kind = if is_broken { FailureKind::Broken } else { FailureKind::Unclear };
        Self { kind, text: format!("the directory answered {operation} with result code {code}").into() }
    }

    /// A result code that ended a search after this many entries. Those of limits have names, and each has a remedy.
    pub(crate) fn search(code: u32, entries: usize) -> Self {
        let (name, remedy) = match code {
            3 => (
                "timeLimitExceeded",
                "raise its time limit for the account that searches, or index what the filter names",
            ),
            4 => (
                "sizeLimitExceeded",
                "raise its size limit for the account that searches, that for all pages included",
            ),
            11 => (
                "adminLimitExceeded",
                "raise its limits for the account that searches, index what the filter names, or ask for smaller pages \
                 with `page_size`",
            ),
            10 => return Self::unclear(REFERRAL),
            _ => return Self::code("a search", code),
        };
        Self::limit(format!("the directory gave {entries} entries and no more ({name}): {remedy}"))
    }

    pub(crate) fn limit(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Limit, text: text.into() }
    }

    pub(crate) fn late(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Late, text: text.into() }
    }

    pub(crate) fn broken(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Broken, text: text.into() }
    }

    pub(crate) fn unclear(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Unclear, text: text.into() }
    }

    pub(crate) fn crowded(text: impl Into<Box<str>>) -> Self {
        Self { kind: FailureKind::Crowded, text: text.into() }
    }

    /// Whether it says that the result is incomplete.
    pub(crate) fn is_limit(&self) -> bool {
        self.kind == FailureKind::Limit
    }

    /// Whether another server should be used for a while.
    pub(crate) fn is_of_server(&self) -> bool {
        use FailureKind::{Broken, Down, Late, Nonsense};
        matches!(self.kind, Down | Late | Broken | Nonsense)
    }

    /// The same failure before any request about a user: no input can have caused it.
    pub(crate) fn before_any_question(self) -> Self {
        if self.is_of_server() { Self { kind: FailureKind::Down, ..self } } else { self }
    }

    /// Whether it affects every user.
    pub(crate) fn is_of_everybody(&self) -> bool {
        self.is_of_server() || self.kind == FailureKind::Refused
    }
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Nonsense | FailureKind::Broken => Self::invalid_data(failure),
            FailureKind::Late => Self::timed_out(failure),
            FailureKind::Unclear | FailureKind::Limit => Self::undecided(failure),
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
    use auth_core::backend::BackendErrorKind;

    use super::*;

    /// No code is an outage by itself: input may cause each. Some give reason to ask for the directory's health.
    #[test]
    fn codes_about_one_attempt_are_no_outage_of_the_directory() {
        for code in 0..=123 {
            let kind = BackendError::from(Failure::code("a bind", code)).kind();
            let doubtful = [51, 52, 80, 81, 85, 91].contains(&code);
            let expected = if doubtful { BackendErrorKind::InvalidData } else { BackendErrorKind::Undecided };
            assert_eq!(kind, expected, "{code}");
            let search = Failure::search(code, 7);
            assert_eq!(search.is_limit(), [3, 4, 11].contains(&code), "{code}");
            assert_eq!(BackendError::from(search).kind(), expected, "{code}");
        }
    }

    /// Whoever reads the log knows which limit it is, and what to do about it.
    #[test]
    fn limits_have_names() {
        let table = [
            (3, "7 entries and no more (timeLimitExceeded): raise its time limit"),
            (4, "7 entries and no more (sizeLimitExceeded): raise its size limit"),
            (11, "7 entries and no more (adminLimitExceeded): raise its limits"),
            (10, "referral"),
            (50, "answered a search with result code 50"),
        ];
        for (code, expected) in table {
            let text = Failure::search(code, 7).to_string();
            assert!(text.contains(expected), "{code}: {text}");
        }
    }
}
