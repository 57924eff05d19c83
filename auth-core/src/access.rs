//! Who is calling, and how that is known.

use std::fmt;
use std::sync::Arc;

use crate::{BackendName, Timestamp, User};

/// A caller that was resolved.
pub struct Access<U> {
    user: Arc<U>,
    backend: BackendName,
    how: How,
    authenticated: Timestamp,
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// By the session in a cookie.
    Session,
    /// By credentials that came with this request, of the named HTTP authentication scheme.
    Scheme(&'static str),
    /// By the application's word alone, without any proof (`dangerous_acts_as` of the adapters).
    ActsAs,
}

impl<U> Access<U> {
    pub(crate) fn new(user: Arc<U>, backend: BackendName, how: How, authenticated: Timestamp) -> Self {
        Self { user, backend, how, authenticated }
    }

    /// The same access of the same user, loaded anew.
    pub(crate) fn of(self, user: Arc<U>) -> Self {
        Self { user, ..self }
    }

    /// The user.
    pub fn user(&self) -> &Arc<U> {
        &self.user
    }

    /// The backend that vouches.
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// How the caller is known.
    pub fn how(&self) -> How {
        self.how
    }

    /// When the user last proved who they are.
    pub fn authenticated(&self) -> Timestamp {
        self.authenticated
    }
}

impl<U> Clone for Access<U> {
    fn clone(&self) -> Self {
        Self { user: Arc::clone(&self.user), backend: self.backend.clone(), ..*self }
    }
}

impl<U: User> fmt::Debug for Access<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.user.id())
            .field("backend", &self.backend)
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}

/// Proof that a backend of one [`Auth`](crate::Auth) accepted credentials just now: what
/// [`Session::login`](crate::session::Session::login) asks for.
///
/// Only a chain makes one, so a user that was merely looked up cannot be logged in:
///
/// ```compile_fail
/// # use auth_core::{Authenticated, User};
/// fn forged<U: User>(user: U) -> Authenticated<U> {
///     Authenticated { user, backend: "local" }
/// }
/// ```
#[must_use = "nobody is logged in until this is passed to `login`"]
pub struct Authenticated<U> {
    pub(crate) user: Arc<U>,
    pub(crate) backend: BackendName,
    pub(crate) at: Timestamp,
    /// The `Auth` whose chain made it.
    pub(crate) by: u64,
}

impl<U> Authenticated<U> {
    /// The user.
    pub fn user(&self) -> &U {
        &self.user
    }

    /// The backend that vouches.
    pub fn backend(&self) -> &BackendName {
        &self.backend
    }

    /// When the credentials were accepted.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

impl<U: User> fmt::Debug for Authenticated<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("user", &self.user.id())
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
