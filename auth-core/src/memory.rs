//! Users in memory: dictionaries of names and password hashes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, Health, Identity, Outcome, UserSource, Verifier,
};
use crate::password::{PasswordHash, Verdict};
use crate::{Password, Passwords, RemoteUser, Secret, User, UserId};

/// Names, password hashes, and their values.
struct Table<T> {
    passwords: Passwords,
    rows: RwLock<Rows<T>>,
}

/// By name, and by id if rows have one.
struct Rows<T> {
    by_name: HashMap<Arc<str>, Arc<Row<T>>>,
    /// The rows with this id: one, unless the application uses an id twice.
    by_id: HashMap<UserId, Vec<Arc<Row<T>>>>,
}

#[derive(Clone)]
struct Row<T> {
    hash: PasswordHash,
    id: Option<UserId>,
    value: T,
}

impl<T> Rows<T> {
    fn get(&self, name: &str) -> Option<&Row<T>> {
        self.by_name.get(name).map(Arc::as_ref)
    }

    fn with_id(&self, id: &UserId) -> Option<&T> {
        Some(&self.by_id.get(id)?.first()?.value)
    }

    fn insert(&mut self, name: &str, row: Row<T>) {
        self.remove(name);
        let row = Arc::new(row);
        if let Some(id) = &row.id {
            self.by_id.entry(id.clone()).or_default().push(Arc::clone(&row));
        }
        self.by_name.insert(name.into(), row);
    }

    fn remove(&mut self, name: &str) {
        let Some(row) = self.by_name.remove(name) else { return };
        if let Some(Entry::Occupied(mut rows)) = row.id.clone().map(|id| self.by_id.entry(id)) {
            rows.get_mut().retain(|other| !Arc::ptr_eq(other, &row));
            if rows.get().is_empty() {
                rows.remove();
            }
        }
    }
}

impl<U: User + Clone> Rows<U> {
    /// Changes a user, whose id may differ afterwards; false if there is no user with this name.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut U)) -> bool {
        let Some(mut row) = self.get(name).cloned() else { return false };
        change(&mut row.value);
        row.id = Some(row.value.id());
        self.insert(name, row);
        true
    }
}

impl<T: Clone> Table<T> {
    fn new(passwords: Passwords) -> Self {
        let rows = Rows { by_name: HashMap::new(), by_id: HashMap::new() };
        Self { passwords, rows: RwLock::new(rows) }
    }

    // Nothing that may panic is called between two changes of the maps.
    fn read(&self) -> RwLockReadGuard<'_, Rows<T>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows<T>> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn insert(
        &self,
        name: &str,
        id: Option<UserId>,
        password: &Secret,
        value: T,
    ) -> Result<(), BackendError> {
        let hash = self.passwords.hash(password).await?;
        self.write().insert(name, Row { hash, id, value });
        Ok(())
    }

    async fn judge(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<T>, BackendError> {
        let name = attempt.credentials().username();
        let row = self.read().get(name).cloned();
        if let Some(row) = &row {
            // A row without an id is known by its name.
            attempt.account(row.id.as_ref().map_or(name, UserId::as_str)).await?;
        }
        let hash = row.as_ref().map(|row| row.hash.as_str());
        let verdict = attempt.verify(&self.passwords, hash).await?;
        Ok(match (verdict, row) {
            (Verdict::Match { .. }, Some(row)) => Outcome::Accept(row.value),
            (_, Some(_)) => Outcome::Decline(DeclineReason::WrongSecret),
            (_, None) => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

/// Users with passwords in memory, for tests and small tools. Names are compared as they are.
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
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = MemoryBackend::new(Passwords::new()?);
/// users.insert("alice", &Secret::new("wonderland"), Member).await?;
/// # Ok(())
/// # }
/// ```
pub struct MemoryBackend<U>(Table<U>);

impl<U: User + Clone> MemoryBackend<U> {
    /// An empty collection.
    ///
    /// ```
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// let users = MemoryBackend::<Account>::new(Passwords::new()?);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn new(passwords: Passwords) -> Self {
        Self(Table::new(passwords))
    }

    /// Adds a user, or replaces the one with this name.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// users.insert("bob", &Secret::new("correct horse"), Account).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn insert(
        &self,
        username: impl Into<String>,
        password: &Secret,
        user: U,
    ) -> Result<(), BackendError> {
        let id = Some(user.id());
        self.0.insert(&username.into(), id, password, user).await
    }

    /// Adds a user without a password, or removes the password of the one with this name.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// users.insert_without_password("robot", Account);
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_without_password(&self, username: impl Into<String>, user: U) {
        let row = Row { hash: PasswordHash::unusable(), id: Some(user.id()), value: user };
        self.0.write().insert(&username.into(), row);
    }

    /// Changes a user; false if there is no user with this name.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// let mut seen = 0;
    /// assert!(users.change("alice", |_account| seen += 1));
    /// assert!(!users.change("mallory", |_account| seen += 1));
    /// assert_eq!(seen, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn change(&self, username: &str, change: impl FnOnce(&mut U)) -> bool {
        self.0.write().change(username, change)
    }

    /// Removes a user.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// # use auth_core::backend::UserSource;
    /// users.remove("alice");
    /// assert!(users.get_user(&UserId::from(1)).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, username: &str) {
        self.0.write().remove(username);
    }
}

impl<U: User + Clone> UserSource for MemoryBackend<U> {
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        Ok(self.0.read().with_id(id).cloned())
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

/// Finds users by the names that a trusted proxy sends.
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

/// A directory in memory, in place of an outside one: it proves an [`Identity`] and has no users.
///
/// Combine it with the application's users by [`Provisioned`](crate::backend::Provisioned).
///
/// ```
/// use auth_core::backend::{Identity, MemoryDirectory};
/// use auth_core::{Passwords, Secret};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = MemoryDirectory::new(Passwords::new()?);
/// let alice = Identity::new("example.org", "1").with_username("alice").with_groups(["staff"]);
/// directory.insert(alice, &Secret::new("wonderland")).await?;
/// # Ok(())
/// # }
/// ```
pub struct MemoryDirectory(Table<Identity>);

impl MemoryDirectory {
    /// An empty directory.
    pub fn new(passwords: Passwords) -> Self {
        Self(Table::new(passwords))
    }

    /// Adds a person under the identity's user name, or replaces the one with this name.
    ///
    /// ```
    /// use auth_core::backend::{Identity, MemoryDirectory};
    /// use auth_core::{Passwords, Secret};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let directory = MemoryDirectory::new(Passwords::new()?);
    /// directory.insert(Identity::new("example.org", "alice"), &Secret::new("wonderland")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn insert(&self, identity: Identity, password: &Secret) -> Result<(), BackendError> {
        let name = identity.username().to_owned();
        self.0.insert(&name, None, password, identity).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Argon2Cost;

    #[derive(Clone, Debug, PartialEq)]
    struct Member(i64);

    impl User for Member {
        fn id(&self) -> UserId {
            UserId::from(self.0)
        }

        fn security_stamp(&self) -> &[u8] {
            b""
        }

        fn is_active(&self) -> bool {
            true
        }
    }

    fn users() -> MemoryBackend<Member> {
        let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
        MemoryBackend::new(Passwords::builder().cost(cost).threads(1).build().unwrap())
    }

    async fn find(users: &MemoryBackend<Member>, id: i64) -> Option<Member> {
        users.get_user(&UserId::from(id)).await.unwrap()
    }

    /// Whatever was done to names and ids, each id finds who has it, and nothing is kept of those that nobody has.
    #[tokio::test]
    async fn ids_follow_their_users() {
        let users = users();
        users.insert_without_password("alice", Member(1));
        users.insert("bob", &Secret::new("builder"), Member(2)).await.unwrap();
        assert_eq!(find(&users, 1).await, Some(Member(1)));
        users.insert_without_password("alice", Member(3));
        assert_eq!((find(&users, 1).await, find(&users, 3).await), (None, Some(Member(3))));
        assert!(users.change("alice", |alice| alice.0 = 4));
        assert_eq!((find(&users, 3).await, find(&users, 4).await), (None, Some(Member(4))));
        users.insert_without_password("also bob", Member(2));
        users.remove("bob");
        assert_eq!(find(&users, 2).await, Some(Member(2)), "under the other name");
        for name in ["also bob", "alice", "nobody"] {
            users.remove(name);
        }
        assert!(find(&users, 2).await.is_none() && !users.change("alice", |_| ()));
        let rows = users.0.read();
        assert!(rows.by_name.is_empty() && rows.by_id.is_empty());
    }

    #[tokio::test]
    async fn a_change_that_panics_leaves_the_others() {
        let users = users();
        users.insert_without_password("alice", Member(1));
        users.insert_without_password("bob", Member(2));
        let change = std::panic::AssertUnwindSafe(|| users.change("alice", |_| panic!("on purpose")));
        assert!(std::panic::catch_unwind(change).is_err());
        assert!(find(&users, 1).await.is_some() && find(&users, 2).await.is_some());
    }
}
