//! Users whose password hashes come from another system.

use std::fmt;

use auth_core::backend::BackendError;
use auth_core::password::PasswordHash;

use super::manage::{new_stamp, text};
use super::{SqlUsers, UserError, UserErrorKind};
use crate::driver::Value;
use crate::{InvalidUsername, TableUser, canonical};

/// A user to be created with a password hash from another system, for [`SqlUsers::import`].
///
/// ```
/// use auth_sql::ImportedUser;
///
/// let bob = ImportedUser::new("Bob", None)?.disabled();
/// assert_eq!((bob.username(), bob.key()), ("Bob", "bob"));
/// # Ok::<(), auth_sql::InvalidUsername>(())
/// ```
#[derive(Clone)]
pub struct ImportedUser {
    username: String,
    key: String,
    hash: Option<PasswordHash>,
    active: bool,
}

impl ImportedUser {
    /// A user who may sign in, with a hash that [`Passwords::recognise`](auth_core::Passwords::recognise) accepted.
    /// With `None` no password is accepted.
    ///
    /// # Errors
    /// [`InvalidUsername`] if the user name is not valid.
    pub fn new(username: impl Into<String>, hash: Option<PasswordHash>) -> Result<Self, InvalidUsername> {
        let username = username.into();
        let key = canonical(&username)?;
        Ok(Self { username, key, hash, active: true })
    }

    /// Says that the user may not sign in.
    ///
    /// ```
    /// let bob = auth_sql::ImportedUser::new("bob", None)?.disabled();
    /// # Ok::<(), auth_sql::InvalidUsername>(())
    /// ```
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.active = false;
        self
    }

    /// The name as it was given.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The [`canonical`] name. Two users with the same key cannot both be created.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for ImportedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedUser")
            .field("username", &format_args!("({} bytes)", self.username.len()))
            .field("hash", &self.hash)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// Whether the name of an [`ImportedUser`] is taken: [`SqlUsers::existing`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The name is free.
    None,
    /// A user has this name and this very hash, as after an import.
    Same,
    /// A user has this name, and another hash or none.
    Other,
}

impl<U: TableUser> SqlUsers<U> {
    /// Creates users in one transaction, all of them or none. Users whose name is taken are skipped: the answer is
    /// `false` for each of these.
    ///
    /// Each batch is one transaction. An interrupted import continues when it is run again.
    ///
    /// ```
    /// use auth_core::Passwords;
    /// use auth_sql::{Existing, ImportedUser, SqlUsers};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let users = SqlUsers::new(pool, Passwords::new()?);
    /// users.migrate().await?;
    /// let hash = users.passwords().recognise("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$\
    ///     lgaRVAYNlyMDR0ekHwbcMN1mEwTRMpNyGt3l2y6Q8L8")?;
    /// let alice = ImportedUser::new("alice", Some(hash))?;
    /// let batch = [alice];
    /// assert_eq!(users.import(&batch).await?, [true]);
    /// assert_eq!(users.import(&batch).await?, [false]);
    /// assert_eq!(users.existing(&batch[0]).await?, Existing::Same);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UserError`] of kind [`AlwaysActive`](UserErrorKind::AlwaysActive) if a user is disabled and the table has no
    /// column for that, or [`Unavailable`](UserErrorKind::Unavailable).
    pub async fn import(&self, users: &[ImportedUser]) -> Result<Vec<bool>, UserError> {
        if self.table.active.is_none() && users.iter().any(|user| !user.active) {
            return Err(UserError::new(UserErrorKind::AlwaysActive));
        }
        let stamps = users.iter().map(|_| new_stamp()).collect::<Result<Vec<_>, _>>()?;
        let rows: Vec<_> = users.iter().zip(&stamps).map(|(user, stamp)| self.row(user, stamp)).collect();
        Ok(self.database.insert_all(&self.sql.import, &rows).await?)
    }

    /// Whether the name of a user is taken: [`import`](Self::import) shows an example.
    ///
    /// ```
    /// # use auth_core::{Passwords, Secret, User};
    /// # use auth_core::backend::UserSource;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let users = SqlUsers::new(pool, Passwords::new()?);
    /// # users.migrate().await?;
    /// # let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?.id();
    /// use auth_sql::{Existing, ImportedUser};
    ///
    /// assert_eq!(users.existing(&ImportedUser::new("bob", None)?).await?, Existing::None);
    /// assert_eq!(users.existing(&ImportedUser::new("alice", None)?).await?, Existing::Other);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the database could not answer.
    pub async fn existing(&self, user: &ImportedUser) -> Result<Existing, BackendError> {
        let found = self.by_name(&user.username).await?;
        Ok(match found {
            None => Existing::None,
            Some((_, hash)) if hash.as_deref() == user.hash.as_ref().map(PasswordHash::as_str) => {
                Existing::Same
            }
            Some(_) => Existing::Other,
        })
    }

    /// The values, in the order of the statement.
    fn row<'a>(&self, user: &'a ImportedUser, stamp: &'a [u8; 32]) -> Vec<Value<'a>> {
        let mut values = vec![user.key.as_str().into(), text(user.hash.as_ref())];
        values.extend(self.table.stamp.as_ref().map(|_| Value::from(&stamp[..])));
        if self.table.has_display_name() {
            values.push(user.username.as_str().into());
        }
        values.extend(self.table.active.as_ref().map(|_| Value::from(i64::from(user.active))));
        values.push(user.key.as_str().into());
        values
    }
}
