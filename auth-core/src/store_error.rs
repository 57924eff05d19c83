//! What keeps a store from its work.

use std::error::Error;
use std::fmt;

use crate::cause::Cause;
use crate::guard::Interrupted;

/// A store could not do its work.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Cause,
}

/// What kept a store from its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached or written now: connection, lock, disk.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
    /// It holds as much as it may.
    Full,
    /// The new key is in use.
    Exists,
    /// It panicked.
    Panicked,
    /// It answered, with a record that a newer version of this library wrote and that cannot be judged here: neither an
    /// outage nor "absent". Nobody is signed in by it, and nothing writes it.
    Newer,
}

impl StoreError {
    /// An error of this kind.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: Cause::NONE }
    }

    /// An error of this kind, and what lies behind it. `source` reaches the log: it must carry no secret.
    pub fn because(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Cause::of(source) }
    }

    /// It cannot be reached or written now. `source` reaches the log: it must carry no secret.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(StoreErrorKind::Unavailable, source)
    }

    /// What kept it from its work.
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
