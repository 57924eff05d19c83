//! Users in memory: dictionaries of names and password hashes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, Health, Identity, Outcome, UserSource, Verifier,
};
use crate::password::{PasswordHash, Verdict};
use crate::{Password, Passwords, RemoteUser, Secret, User, UserId};

/// Names, password hashes, and what stands behind them.
struct Table<T> {
    passwords: Passwords,
    rows: RwLock<HashMap<String, Row<T>>>,
}

struct Row<T> {
    hash: PasswordHash,
    value: T,
}

impl<T: Clone> Table<T> {
    fn new(passwords: Passwords) -> Self {
        Self { passwords, rows: RwLock::default() }
    }

    // Each lock is held for one operation of the map, which leaves it whole.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Row<T>>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Row<T>>> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn insert(&self, username: String, password: &Secret, value: T) -> Result<(), BackendError> {
        let hash = self.passwords.hash(password).await?;
        self.write().insert(username, Row { hash, value });
        Ok(())
    }

    async fn judge(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<T>, BackendError> {
        let row =
            self.read().get(attempt.credentials().username()).map(|r| (r.hash.clone(), r.value.clone()));
        let hash = row.as_ref().map(|(hash, _)| hash.as_str());
        let verdict = attempt.verify(&self.passwords, hash).await?;
        Ok(match (verdict, row) {
            (Verdict::Match { .. }, Some((_, value))) => Outcome::Accept(value),
            (_, Some(_)) => Outcome::Decline(DeclineReason::WrongSecret),
            (_, None) => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

/// A dictionary of users with passwords, for tests and small tools. Names are compared as they are.
///
/// ```
/// # use auth_core::{MemoryBackend, Passwords, Secret, User, UserId};
/// # #[derive(Clone)]
/// # struct Member;
/// # impl User for Member {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let users = MemoryBackend::new(Passwords::new()?);
/// users.insert("alice", &Secret::new("wonderland"), Member).await?;
/// # Ok(())
/// # }
/// ```
pub struct MemoryBackend<U>(Table<U>);

impl<U: User + Clone> MemoryBackend<U> {
    /// An empty dictionary.
    pub fn new(passwords: Passwords) -> Self {
        Self(Table::new(passwords))
    }

    /// Adds a user, or replaces the one of this name.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn insert(
        &self,
        username: impl Into<String>,
        password: &Secret,
        user: U,
    ) -> Result<(), BackendError> {
        self.0.insert(username.into(), password, user).await
    }

    /// Adds a user without a password, or takes it away from the one of this name.
    pub fn insert_without_password(&self, username: impl Into<String>, user: U) {
        self.0.write().insert(username.into(), Row { hash: PasswordHash::unusable(), value: user });
    }

    /// Changes a user; false if there is none of this name.
    pub fn change(&self, username: &str, change: impl FnOnce(&mut U)) -> bool {
        self.0.write().get_mut(username).map(|row| change(&mut row.value)).is_some()
    }

    /// Removes a user.
    pub fn remove(&self, username: &str) {
        self.0.write().remove(username);
    }
}

impl<U: User + Clone> UserSource for MemoryBackend<U> {
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        Ok(self.0.read().values().find(|row| row.value.id() == *id).map(|row| row.value.clone()))
    }

    async fn health(&self) -> Health {
        Health::Serving
    }
}

impl<U: User + Clone> Backend<Password> for MemoryBackend<U> {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.0.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        Ok(self.0.judge(attempt).await?.map(Accepted::from))
    }
}

/// The users by the names that a trusted proxy sends.
impl<U: User + Clone> Backend<RemoteUser> for MemoryBackend<U> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, RemoteUser>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        let user = self.0.read().get(attempt.credentials().username()).map(|row| row.value.clone());
        Ok(user.map_or(Outcome::Decline(DeclineReason::UnknownUser), Outcome::accept))
    }
}

impl<U> fmt::Debug for MemoryBackend<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").finish_non_exhaustive()
    }
}

/// A dictionary that stands for an outside directory: it proves an [`Identity`] and holds no user.
///
/// Join it with the application's users by [`Provisioned`](crate::backend::Provisioned).
pub struct MemoryDirectory(Table<Identity>);

impl MemoryDirectory {
    /// An empty directory.
    pub fn new(passwords: Passwords) -> Self {
        Self(Table::new(passwords))
    }

    /// Adds a person under the identity's user name, or replaces the one of this name.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn insert(&self, identity: Identity, password: &Secret) -> Result<(), BackendError> {
        self.0.insert(identity.username().to_owned(), password, identity).await
    }
}

impl Verifier<Password> for MemoryDirectory {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.0.passwords)
    }

    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        self.0.judge(attempt).await
    }

    async fn health(&self) -> Health {
        Health::Serving
    }

    fn hands_on(&self) -> bool {
        false
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDirectory").finish_non_exhaustive()
    }
}
