//! [`Registered`]: a user that a store has just created.

use std::fmt;

use crate::User;
use crate::grant::Factor;

/// A user that a store has just created, together with the secret that the user chose.
/// [`Session::login_registered`](crate::Session::login_registered) signs them in.
///
/// Choosing a password proves as much as typing it once more would, so the store vouches for the user and nothing is hashed twice.
#[must_use = "nobody is signed in until this is passed to `login_registered`"]
pub struct Registered<U> {
    pub(crate) user: U,
    pub(crate) factor: Factor,
    /// The name by which the user will sign in.
    pub(crate) name: Option<Box<str>>,
}

impl<U: User> Registered<U> {
    /// For a store to call at the one place where it has just inserted a user who did not exist before. `factor` is the kind of
    /// secret that the person chose in the same step.
    ///
    /// Only ever call this for a user that this very call created. For an existing user it would be a login without a password.
    ///
    /// ```
    /// use auth_core::backend::Registered;
    /// use auth_core::grant::Factor;
    /// # use auth_core::{Secret, User};
    /// # struct Table;
    /// # impl Table {
    /// #     fn insert<U>(&self, _: &str, _: &Secret) -> Result<U, std::io::Error> { Err(std::io::Error::other("no table")) }
    /// # }
    ///
    /// fn register<U: User>(table: &Table, name: &str, password: &Secret) -> Result<Registered<U>, std::io::Error> {
    ///     let user = table.insert(name, password)?;       // fails if the name is taken
    ///     Ok(Registered::by_store(user, Factor::Password).with_name(name))
    /// }
    /// ```
    pub fn by_store(user: U, factor: Factor) -> Self {
        Self { user, factor, name: None }
    }

    /// Adds the name that the user will sign in with, so that the [throttle](crate::throttle) knows this browser from now on.
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The new user.
    pub fn user(&self) -> &U {
        &self.user
    }

    /// The new user, where no session is wanted.
    pub fn into_user(self) -> U {
        self.user
    }
}

impl<U: User> fmt::Debug for Registered<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("user", &self.user.id())
            .field("factor", &self.factor)
            .finish_non_exhaustive()
    }
}
