//! Why a user could not be signed in.

use std::error::Error;
use std::fmt;

/// Why [`sign_in`](crate::sign_in) could not sign a user in.
///
/// What a failed test shows of it (`Debug`) is its text, and the causes behind it.
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

    fn write_unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backend = self.backend.as_deref().unwrap_or_default();
        write!(
            f,
            "the backend {backend:?} finds no such user: it must know the id, with the same security stamp, and the login must \
             not be longer ago than a session lasts"
        )
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
        f.write_str(match self.kind {
            SignInErrorKind::NoSuchBackend => "the backend does not exist",
            SignInErrorKind::Scopes => {
                "a session is good for all that its user may do, and has no scopes: use a layer, or send a token"
            }
            SignInErrorKind::NotBegun => "the session could not begin",
            SignInErrorKind::Disabled => "the user is not active, and may not sign in",
            SignInErrorKind::Unknown => return self.write_unknown(f),
        })
    }
}

impl fmt::Debug for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for SignInError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
