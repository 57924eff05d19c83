//! Why a user could not be signed in.

use std::error::Error;
use std::fmt;

/// Why [`sign_in`](crate::sign_in) could not sign a user in.
#[derive(Debug)]
pub struct SignInError {
    kind: SignInErrorKind,
    backend: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The reasons for a [`SignInError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignInErrorKind {
    /// No backend has this name.
    NoSuchBackend,
    /// Scopes were named, and a session is good for everything.
    Scopes,
    /// The session could not begin: there are none, or the store or the backend failed.
    NotBegun,
    /// The user [is not active](auth_core::User::is_active).
    Disabled,
    /// The backend does not find the user by the id, or finds another security stamp; or the login is longer ago than a
    /// session lasts.
    Unknown,
}

impl SignInError {
    pub(crate) fn because(kind: SignInErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, backend: None, source: Some(Box::new(source)) }
    }

    pub(crate) fn not_begun(source: impl Error + Send + Sync + 'static) -> Self {
        Self::because(SignInErrorKind::NotBegun, source)
    }

    pub(crate) fn unknown(backend: &str) -> Self {
        Self { kind: SignInErrorKind::Unknown, backend: Some(backend.to_owned()), source: None }
    }

    /// The reason.
    pub fn kind(&self) -> SignInErrorKind {
        self.kind
    }
}

impl From<SignInErrorKind> for SignInError {
    fn from(kind: SignInErrorKind) -> Self {
        Self { kind, backend: None, source: None }
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            SignInErrorKind::NoSuchBackend => f.write_str("no backend has this name")?,
            SignInErrorKind::Scopes => f.write_str(
                "a session is good for all that its user may do, and has no scopes: use a layer, or send a token",
            )?,
            SignInErrorKind::NotBegun => f.write_str("the session could not begin")?,
            SignInErrorKind::Disabled => f.write_str("the user is not active, and may not sign in")?,
            SignInErrorKind::Unknown => write!(
                f,
                "the backend {:?} finds no such user: it must know the id, with the same security stamp, and the login \
                 must not be longer ago than a session lasts",
                self.backend.as_deref().unwrap_or_default()
            )?,
        }
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl Error for SignInError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
