//! Errors of stores.

use std::error::Error;
use std::fmt;

use crate::cause::Cause;
use crate::guard::Interrupted;

/// A store failed: the error of every store of sessions, counters, keys, factors and used ids.
///
/// ```
/// use auth_core::session::{StoreError, StoreErrorKind};
///
/// let error = StoreError::because(StoreErrorKind::TimedOut, "no answer within 1 s");
/// assert_eq!(error.to_string(), "the store did not answer in time");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Cause,
}

/// Why a store failed.
///
/// ```
/// use auth_core::session::{StoreError, StoreErrorKind};
///
/// assert_eq!(StoreError::new(StoreErrorKind::Full).kind(), StoreErrorKind::Full);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached or written now: connection, lock, disk.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
    /// It has no room for more.
    Full,
    /// The new key is in use.
    Exists,
    /// It panicked.
    Panicked,
    /// It returned a record that a newer version of this library wrote and that this one cannot interpret: neither an
    /// outage nor "absent". It signs nobody in, and is never overwritten.
    Newer,
}

impl StoreError {
    /// An error of this kind.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: Cause::NONE }
    }

    /// An error of this kind with its cause. `source` reaches the log: it must not contain a secret.
    ///
    /// ```
    /// use auth_core::session::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::because(StoreErrorKind::Full, "10,000 of 10,000 sessions");
    /// assert_eq!(error.kind(), StoreErrorKind::Full);
    /// ```
    pub fn because(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Cause::of(source) }
    }

    /// The store cannot be reached or written now. `source` reaches the log: it must not contain a secret.
    ///
    /// ```
    /// use auth_core::session::StoreError;
    ///
    /// fn read(path: &str) -> Result<Vec<u8>, StoreError> {
    ///     std::fs::read(path).map_err(StoreError::unavailable)
    /// }
    /// ```
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(StoreErrorKind::Unavailable, source)
    }

    /// Why it failed.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl From<Interrupted> for StoreError {
    fn from(why: Interrupted) -> Self {
        Self::new(match why {
            Interrupted::TimedOut => StoreErrorKind::TimedOut,
            Interrupted::Panicked => StoreErrorKind::Panicked,
        })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the store is unavailable",
            StoreErrorKind::TimedOut => "the store did not answer in time",
            StoreErrorKind::Full => "the store is full",
            StoreErrorKind::Exists => "the key is in use",
            StoreErrorKind::Panicked => "the store panicked",
            StoreErrorKind::Newer => "a newer version wrote the stored record",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// The answer of a step, and whether it matches the previous steps.
pub(crate) fn step<T>(
    failed: &'static str,
    answer: Result<T, StoreError>,
    is_right: impl FnOnce(T) -> bool,
) -> Result<(), StoreError> {
    let why = match answer.map(is_right) {
        Ok(true) => return Ok(()),
        Ok(false) => StoreError::unavailable(
            "the answer is not what was just written: all instances must use one server, and no replica",
        ),
        Err(error) => error,
    };
    Err(StoreError::because(why.kind(), Failed { failed, why }))
}

/// A step, and why it failed.
#[derive(Debug)]
struct Failed {
    failed: &'static str,
    why: StoreError,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.failed)
    }
}

impl Error for Failed {
    /// If an error says no more than its kind, which the reader knows already, its cause.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;

    #[test]
    fn an_answer_from_elsewhere_is_a_failure() {
        let error = step("a session cannot be read", Ok(None::<()>), |found| found.is_some()).unwrap_err();
        let told = chain(&error);
        assert_eq!(told[1], "a session cannot be read");
        assert!(told[2].contains("no replica"), "{told:?}");
    }
}
