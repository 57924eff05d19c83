//! [`Registered`]: a user whom a store has just created.

use std::fmt;

use crate::User;
use crate::grant::Factor;

/// A user whom a store created in this request, with the secret that they chose:
/// [`Session::login_registered`](crate::Session::login_registered) signs them in by it.
///
/// Choosing a secret proves as much as typing it a second time, so the store vouches for it, and no second hash is computed.
#[must_use = "nobody is signed in until this is passed to `login_registered`"]
pub struct Registered<U> {
    pub(crate) user: U,
    pub(crate) factor: Factor,
    /// The name by which the user will sign in.
    pub(crate) name: Option<Box<str>>,
}

impl<U: User> Registered<U> {
    /// For a store, at the one place where it has just inserted a user who did not exist before: `factor` is what the person
    /// chose in the same step.
    ///
    /// A store that says this of a user who was there already lets anybody in, as a backend does that accepts any password.
    ///
    /// ```
    /// use auth_core::backend::Registered;
    /// use auth_core::grant::Factor;
    /// # use auth_core::{Secret, User};
    /// # struct Table;
    /// # impl Table {
    /// #     fn insert<U>(&self, _: &str, _: &Secret) -> Result<U, std::io::Error> { unimplemented!() }
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

    /// The name by which the user will sign in: the browser counts as known to the [throttle](crate::throttle) from here on.
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The user.
    pub fn user(&self) -> &U {
        &self.user
    }

    /// The user, where nobody is to be signed in.
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
