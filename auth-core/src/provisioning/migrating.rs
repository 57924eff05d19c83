//! [`Migrating`]: takes over users with their passwords from a previous system, one at a time.

use std::fmt;
use std::future::Future;

use super::{Changed, Report};
use crate::backend::verify;
use crate::backend::{
    Accepted, Attempt, Backend, BackendError, Health, Identity, Outcome, UserSource, Verifier,
};
use crate::{Password, Passwords, Secret, User, UserId};

/// A table of passwords that takes over those of a previous system: each at the first login that the previous system
/// accepts.
///
/// From then on only the table judges the user. The previous system is asked only about names that the table does not
/// know, and about users whom the table marks as waiting ([`PasswordHash::awaiting_migration`]): a user whose
/// password was changed or removed here never signs in with the old one again, by any name.
///
/// If the previous system cannot answer, that is an outage, and not a wrong password. If the password cannot be
/// stored, the login fails as in an outage: every user who signs in has migrated.
///
/// ```
/// # use auth_core::provisioning::{Migrating, MigrationStore};
/// # use auth_core::Password;
/// # use auth_core::backend::{Backend, Verifier};
/// fn backend(old: impl Verifier<Password>, users: impl MigrationStore) -> impl Backend<Password> {
///     Migrating::new(old, users)
/// }
/// ```
///
/// [`PasswordHash::awaiting_migration`]: crate::password::PasswordHash::awaiting_migration
#[derive(Clone)]
pub struct Migrating<V, S> {
    old: V,
    users: S,
    creates: bool,
}

/// A store of passwords that takes over those of a previous system. `SqlUsers` of auth-sql is one.
///
/// ```
/// use auth_core::backend::Verifier;
/// use auth_core::provisioning::{Migrating, MigrationStore};
/// use auth_core::{AuthBuilder, Password};
///
/// fn chain<S: MigrationStore>(users: S, old: impl Verifier<Password>) -> AuthBuilder<S::User> {
///     auth_core::Auth::builder().backend::<Password>("local", Migrating::new(old, users))
/// }
/// ```
pub trait MigrationStore: Backend<Password> {
    /// Whether the previous system still judges the user of this name.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out.
    fn awaits(&self, username: &str) -> impl Future<Output = Result<Awaits, BackendError>> + Send;

    /// Stores the password of a waiting user; false if the user does not wait (any more), decided in the same step.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be kept.
    fn adopt(
        &self,
        id: &UserId,
        password: &Secret,
    ) -> impl Future<Output = Result<bool, BackendError>> + Send;

    /// Creates a user with this name and password; `None` if the name is taken or invalid.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be created.
    fn enroll(
        &self,
        username: &str,
        password: &Secret,
    ) -> impl Future<Output = Result<Option<Self::User>, BackendError>> + Send;
}

/// Which system judges a user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// The previous system, until it accepts once.
    Migration(UserId),
    /// Only this store.
    Nothing,
    /// No user has the name.
    Unknown,
}

impl<V, S> Migrating<V, S> {
    /// Moves the users of `old` into `users`, including those whom `users` does not know yet.
    pub fn new(old: V, users: S) -> Self {
        Self { old, users, creates: true }
    }

    /// Moves only waiting users. The previous system is not asked about other names.
    ///
    /// ```
    /// # use auth_core::provisioning::{Migrating, MigrationStore};
    /// # use auth_core::Password;
    /// # use auth_core::backend::{Backend, Verifier};
    /// fn backend(old: impl Verifier<Password>, users: impl MigrationStore) -> impl Backend<Password> {
    ///     // The users were imported before, with `PasswordHash::awaiting_migration`.
    ///     Migrating::new(old, users).without_creation()
    /// }
    /// ```
    #[must_use]
    pub fn without_creation(mut self) -> Self {
        self.creates = false;
        self
    }

    fn is_for_old(&self, awaits: &Awaits) -> bool {
        match awaits {
            Awaits::Migration(_) => true,
            Awaits::Unknown => self.creates,
            Awaits::Nothing => false,
        }
    }
}

impl<V: Verifier<Password>, S: MigrationStore> UserSource for Migrating<V, S> {
    type User = S::User;

    async fn get_user(&self, id: &UserId) -> Result<Option<S::User>, BackendError> {
        self.users.get_user(id).await
    }

    async fn health(&self) -> Health {
        UserSource::health(&self.users).await
    }
}

impl<V: Verifier<Password>, S: MigrationStore> Backend<Password> for Migrating<V, S> {
    fn supports(&self, attempt: &Attempt<'_, Password>) -> bool {
        self.users.supports(attempt)
    }

    fn passwords(&self) -> Option<&Passwords> {
        self.users.passwords()
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<S::User>>, BackendError> {
        // Read before the password is judged here: a user who no longer waits is judged by the stored password, even
        // if another login stored it just now.
        let awaits = self.users.awaits(attempt.credentials().username()).await?;
        // Always, so that every attempt owes its hash, whichever system judges it.
        let declined = match self.users.authenticate(attempt).await? {
            Outcome::Decline(reason) => reason,
            answer => return Ok(answer),
        };
        // If no attempts are left here, the password is not tried there either.
        if attempt.is_exhausted() || !self.is_for_old(&awaits) || !self.old.supports(attempt) {
            return Ok(Outcome::Decline(declined));
        }
        match verify(&self.old, attempt).await? {
            Outcome::Accept(identity) => self.take_over(attempt, &identity).await,
            Outcome::Decline(reason) => Ok(Outcome::Decline(reason)),
            Outcome::Deny(reason) => Ok(Outcome::Deny(reason)),
        }
    }

    async fn health(&self) -> Health {
        self.old.health().await.and(Backend::health(&self.users).await)
    }
}

impl<V: Verifier<Password>, S: MigrationStore> Migrating<V, S> {
    /// Stores a proven password. The previous system says whose it is: the typed name may be another name of a user
    /// who has migrated already.
    async fn take_over(
        &self,
        attempt: &Attempt<'_, Password>,
        identity: &Identity,
    ) -> Result<Outcome<Accepted<S::User>>, BackendError> {
        let (username, password) = (identity.username(), attempt.credentials().password());
        match self.users.awaits(username).await? {
            Awaits::Migration(id) if self.users.adopt(&id, password).await? => {
                let changed = vec![Changed::Password];
                attempt.reports().add(Report { changed, ..Report::new(id.clone()) });
                let user = self.users.get_user(&id).await?;
                user.map(Outcome::accept).ok_or_else(|| BackendError::undecided("the user has disappeared"))
            }
            Awaits::Unknown if self.creates => match self.users.enroll(username, password).await? {
                Some(user) => {
                    attempt.reports().add(Report { created: true, ..Report::new(user.id()) });
                    Ok(Outcome::accept(user))
                }
                None => self.users.authenticate(attempt).await,
            },
            // A user who has migrated is judged here, even if another login moved the password just now.
            _ => self.users.authenticate(attempt).await,
        }
    }
}

impl<V, S: fmt::Debug> fmt::Debug for Migrating<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrating").field("users", &self.users).finish_non_exhaustive()
    }
}
