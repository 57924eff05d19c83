//! [`Migrating`]: users who bring their passwords from an old authority, one at a time.

use std::fmt;
use std::future::Future;

use super::{Changed, Report};
use crate::backend::verify;
use crate::backend::{
    Accepted, Attempt, Backend, BackendError, Health, Identity, Outcome, UserSource, Verifier,
};
use crate::{Password, Passwords, Secret, User, UserId};

/// A table of passwords into which those of an old authority move: each at the first login that the old one accepts.
///
/// From then on the table alone judges the user. The old authority is asked only about names that the table does not
/// know, and about users whom it marks as waiting ([`PasswordHash::awaiting_migration`]): somebody whose password was
/// changed or removed here never signs in with the old one again, by whatever name.
///
/// If the old authority cannot answer, that is an outage, and no wrong password. If the password cannot be kept, the
/// login fails as in an outage: who is in has migrated.
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

/// A store of passwords that takes over those of another.
pub trait MigrationStore: Backend<Password> {
    /// Whether the old authority still judges the user of this name.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out.
    fn awaits(&self, username: &str) -> impl Future<Output = Result<Awaits, BackendError>> + Send;

    /// Keeps the password of a user who waits; false if the user does not (any more), decided in the same step.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be kept.
    fn adopt(
        &self,
        id: &UserId,
        password: &Secret,
    ) -> impl Future<Output = Result<bool, BackendError>> + Send;

    /// Creates a user with this name and password; `None` if the name is taken, or can be nobody's.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be created.
    fn enroll(
        &self,
        username: &str,
        password: &Secret,
    ) -> impl Future<Output = Result<Option<Self::User>, BackendError>> + Send;
}

/// Who judges a user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// The old authority, until it accepts once.
    Migration(UserId),
    /// This store, and nobody else.
    Nothing,
    /// Nobody has the name.
    Unknown,
}

impl<V, S> Migrating<V, S> {
    /// Moves the users of `old` into `users`, also those whom `users` does not know yet.
    pub fn new(old: V, users: S) -> Self {
        Self { old, users, creates: true }
    }

    /// Moves only users who wait. Nobody else is asked for at the old authority.
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
        // Before the password is judged here: whoever does not wait by then is judged by what was kept for them, also if
        // another login kept it just now.
        let awaits = self.users.awaits(attempt.credentials().username()).await?;
        // In any case, so that every attempt owes its hash, whoever judges it.
        let declined = match self.users.authenticate(attempt).await? {
            Outcome::Decline(reason) => reason,
            answer => return Ok(answer),
        };
        // Whose tries are used up here is not tried there either.
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
    /// Keeps a proven password. Whose it is, the old authority says: what was typed may be another name of somebody who
    /// has migrated already.
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
                user.map(Outcome::accept).ok_or_else(|| BackendError::undecided("the user is gone again"))
            }
            Awaits::Unknown if self.creates => match self.users.enroll(username, password).await? {
                Some(user) => {
                    attempt.reports().add(Report { created: true, ..Report::new(user.id()) });
                    Ok(Outcome::accept(user))
                }
                None => self.users.authenticate(attempt).await,
            },
            // Who has migrated is judged here, also if another login moved the password just now.
            _ => self.users.authenticate(attempt).await,
        }
    }
}

impl<V, S: fmt::Debug> fmt::Debug for Migrating<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrating").field("users", &self.users).finish_non_exhaustive()
    }
}
