//! Errors when a passkey is registered or requested.

use std::error::Error;
use std::fmt;

use auth_core::factors::{FactorError, FactorErrorKind};
use auth_core::http::sealed::SealError;
use auth_core::random::RandomError;
use auth_core::session::StoreError;

/// Why a passkey could not be registered or requested. A refused login is not such an error, but a
/// [`Denied`](auth_core::Denied) of the chain.
///
/// ```
/// use auth_passkeys::{PasskeyError, PasskeyErrorKind};
///
/// fn shown(error: &PasskeyError) -> &'static str {
///     match error.kind() {
///         PasskeyErrorKind::AlreadyRegistered => "You can sign in with it already.",
///         PasskeyErrorKind::NoChallenge => "That took too long. Please begin again.",
///         _ => "That did not work.",
///     }
/// }
/// ```
#[derive(Debug)]
pub struct PasskeyError {
    kind: PasskeyErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The reasons of a [`PasskeyError`], which shows an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasskeyErrorKind {
    /// The passkey is registered already. The user did nothing wrong: tell them that they can sign in with it.
    AlreadyRegistered,
    /// The browser has no open challenge of this user that this answers: it expired, was answered, or was for another
    /// user. Begin again.
    NoChallenge,
    /// The browser's answer does not match the challenge: it is from another site, of another kind, modified, or
    /// signed by another key.
    Refused,
    /// The user has no passkey to ask for.
    NoPasskey,
    /// The name of the passkey or of the user is blank, too long, or contains control characters.
    InvalidName,
    /// The user has as many factors as they may have.
    TooMany,
    /// Users of this backend are not among those who [may have passkeys](crate::Passkeys::owners).
    UnknownOwner,
    /// None of the user's passkeys can be opened with the keys of this site.
    Unreadable,
    /// A store or the random source failed.
    Unavailable,
}

impl PasskeyError {
    /// The reason.
    ///
    /// ```
    /// use auth_passkeys::{PasskeyError, PasskeyErrorKind};
    ///
    /// fn is_outage(error: &PasskeyError) -> bool {
    ///     error.kind() == PasskeyErrorKind::Unavailable
    /// }
    /// ```
    pub fn kind(&self) -> PasskeyErrorKind {
        self.kind
    }

    pub(crate) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: PasskeyErrorKind::Unavailable, source: Some(source.into()) }
    }
}

impl From<PasskeyErrorKind> for PasskeyError {
    fn from(kind: PasskeyErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<FactorError> for PasskeyError {
    fn from(error: FactorError) -> Self {
        let kind = match error.kind() {
            FactorErrorKind::Exists => PasskeyErrorKind::AlreadyRegistered,
            FactorErrorKind::TooMany => PasskeyErrorKind::TooMany,
            FactorErrorKind::InvalidName => PasskeyErrorKind::InvalidName,
            FactorErrorKind::Unreadable => PasskeyErrorKind::Unreadable,
            _ => PasskeyErrorKind::Unavailable,
        };
        Self { kind, source: Some(error.into()) }
    }
}

impl From<StoreError> for PasskeyError {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error)
    }
}

impl From<RandomError> for PasskeyError {
    fn from(error: RandomError) -> Self {
        Self::unavailable(error)
    }
}

impl From<SealError> for PasskeyError {
    fn from(error: SealError) -> Self {
        Self::unavailable(error)
    }
}

impl fmt::Display for PasskeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PasskeyErrorKind::AlreadyRegistered => "the passkey is registered already",
            PasskeyErrorKind::NoChallenge => "this answers no open challenge",
            PasskeyErrorKind::Refused => "the answer does not match the challenge",
            PasskeyErrorKind::NoPasskey => "the user has no passkey",
            PasskeyErrorKind::InvalidName => "the name is not valid for a passkey or its user",
            PasskeyErrorKind::TooMany => "the user has as many factors as they may have",
            PasskeyErrorKind::UnknownOwner => "users of this backend may have no passkeys",
            PasskeyErrorKind::Unreadable => "a passkey cannot be opened",
            PasskeyErrorKind::Unavailable => "passkeys are unavailable",
        })
    }
}

impl Error for PasskeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}
