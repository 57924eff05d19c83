//! Random bytes, as a trait, so that failures can be tested.

use std::fmt;
use std::sync::Arc;

/// A source of cryptographically secure random bytes.
///
/// It fills the whole slice or fails. There is no fallback: a token from a weak generator would be a session that
/// others can guess.
///
/// ```
/// use auth_core::random::{OsRandom, Random};
///
/// let mut bytes = [0; 32];
/// OsRandom.fill(&mut bytes)?;
/// assert_ne!(bytes, [0; 32]);
/// # Ok::<(), auth_core::random::RandomError>(())
/// ```
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`RandomError`] if the source failed; do not use `bytes` then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator.
///
/// ```
/// use auth_core::random::{OsRandom, Random};
///
/// let mut nonce = [0; 16];
/// OsRandom.fill(&mut nonce)?;
/// # Ok::<(), auth_core::random::RandomError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

impl<T: Random + ?Sized> Random for Arc<T> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(bytes)
    }
}

/// The random source failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the random number generator failed")
    }
}

impl std::error::Error for RandomError {}
