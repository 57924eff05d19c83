//! What can go wrong with sealing.

use std::error::Error;
use std::fmt;

use crate::random::RandomError;

/// Nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError(SealErrorKind);

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealErrorKind {
    /// The payload is longer than [`MAX_PAYLOAD`](super::SealedCookies::MAX_PAYLOAD).
    TooLarge,
    /// The random source failed.
    Random,
}

impl SealError {
    /// Why nothing was sealed.
    pub fn kind(&self) -> SealErrorKind {
        self.0
    }
}

impl From<SealErrorKind> for SealError {
    fn from(kind: SealErrorKind) -> Self {
        Self(kind)
    }
}

impl From<RandomError> for SealError {
    fn from(_: RandomError) -> Self {
        Self(SealErrorKind::Random)
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            SealErrorKind::TooLarge => "a sealed cookie holds at most 2048 bytes",
            SealErrorKind::Random => "nothing can be sealed without random numbers",
        })
    }
}

impl Error for SealError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0 {
            SealErrorKind::TooLarge => None,
            SealErrorKind::Random => Some(&RandomError),
        }
    }
}
