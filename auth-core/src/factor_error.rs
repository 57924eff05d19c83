//! Errors about factors.

use std::error::Error;
use std::fmt;

use crate::cause::Cause;
use crate::random::RandomError;
use crate::store_error::{StoreError, StoreErrorKind};

/// A factor could not be used or changed. This never means that a code was wrong.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// use auth_core::factors::FactorErrorKind;
///
/// let error = factors.enrol_totp(&alice, "alice@example.com", " ").await.err().ok_or("accepted")?;
/// assert_eq!(error.kind(), FactorErrorKind::InvalidName);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FactorError {
    kind: FactorErrorKind,
    source: Cause,
}

/// The reasons of a [`FactorError`], which shows an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorErrorKind {
    /// The store or the random source failed.
    Unavailable,
    /// The secret was sealed for another owner or with a lost key, or was modified.
    Unreadable,
    /// The name is blank, too long, or contains control characters.
    InvalidName,
    /// The user has as many factors as they may have.
    TooMany,
    /// A factor with this id exists already, of this user or of another.
    Exists,
}

impl FactorError {
    /// The reason.
    pub fn kind(&self) -> FactorErrorKind {
        self.kind
    }
}

impl From<FactorErrorKind> for FactorError {
    fn from(kind: FactorErrorKind) -> Self {
        Self { kind, source: Cause::NONE }
    }
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Exists => FactorErrorKind::Exists.into(),
            _ => Self { kind: FactorErrorKind::Unavailable, source: Cause::of(error) },
        }
    }
}

impl From<RandomError> for FactorError {
    fn from(error: RandomError) -> Self {
        Self { kind: FactorErrorKind::Unavailable, source: Cause::of(error) }
    }
}

impl From<InvalidFactor> for FactorError {
    fn from(error: InvalidFactor) -> Self {
        Self { kind: FactorErrorKind::InvalidName, source: Cause::of(error) }
    }
}

impl fmt::Display for FactorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FactorErrorKind::Unavailable => "second factors are unavailable",
            FactorErrorKind::Unreadable => "the secret of a second factor cannot be opened",
            FactorErrorKind::InvalidName => "the name is not valid for a second factor",
            FactorErrorKind::TooMany => "the user has as many second factors as they may have",
            FactorErrorKind::Exists => "that factor is there already",
        })
    }
}

impl Error for FactorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// Says why a text is not a valid id, name or secret of a factor.
///
/// ```
/// use auth_core::factors::Totp;
///
/// let error = "too short".parse::<Totp>().unwrap_err();
/// assert_eq!(error.to_string(), "the secret of an app has 10 to 64 bytes, as base32");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFactor(&'static str);

impl InvalidFactor {
    pub(crate) const ID: Self = Self("the id of a factor has eleven letters and digits");
    pub(crate) const SECRET: Self = Self("the secret of an app has 10 to 64 bytes, as base32");
    pub(crate) const NAME: Self =
        Self("the name of a factor has 1 to 100 bytes, not all of them blank, and no control characters");
}

impl fmt::Display for InvalidFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for InvalidFactor {}
