//! [`UserError`]: why a user was not created or changed.

use std::error::Error;
use std::fmt;

use auth_core::backend::{BackendError, BackendErrorKind};
use auth_core::random::RandomError;

use crate::error::DbError;

/// Why a user was not created or changed.
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
/// use auth_sql::UserErrorKind;
///
/// let error = users.create_user("Alice", None).await.unwrap_err();
/// let shown = match error.kind() {
///     UserErrorKind::NameTaken => "This name is taken.",
///     UserErrorKind::InvalidName | UserErrorKind::InvalidPassword => "Please choose another one.",
///     _ => return Err(error.into()),
/// };
/// assert_eq!(shown, "This name is taken.");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UserError {
    kind: UserErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The reasons why a user is not created or changed: see [`UserError`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserErrorKind {
    /// Another user has this name, perhaps in different case or width.
    NameTaken,
    /// Another user has this value in a further column that is unique, such as an e-mail address.
    ValueTaken,
    /// The table does not accept a value for a further column: it is too long, for instance, or violates a
    /// constraint. The source says why.
    InvalidValue,
    /// The further column may not be set. The source says why.
    InvalidColumn,
    /// Registering needs a password that the user chose.
    NoPassword,
    /// The user name is not valid. The source says why.
    InvalidName,
    /// The password is empty, or longer than 4096 bytes.
    InvalidPassword,
    /// It is the [temporary password](crate::SqlUsers::set_temporary_password), which somebody else knows and the
    /// user must change.
    SamePassword,
    /// There is no user with this id.
    UnknownUser,
    /// The user belongs to an outside system, where they change their password
    /// ([`UserTable::with_passwords_of_linked_users`](crate::UserTable::with_passwords_of_linked_users)).
    Linked,
    /// The [`UserTable`](crate::UserTable) names no table for permissions.
    NoPermissions,
    /// The [`UserTable`](crate::UserTable) names no column for security stamps.
    NoStamps,
    /// The [`UserTable`](crate::UserTable) names no column that says who may sign in.
    AlwaysActive,
    /// The [`UserTable`](crate::UserTable) names no [column that says who must change their
    /// password](crate::UserTable::with_must_change_password), or an earlier version created the table and
    /// [`migrate`](crate::SqlUsers::migrate) has not added it yet.
    NoTemporaryPasswords,
    /// The database, the hashing pool or the random source cannot do it now.
    Unavailable,
}

impl UserError {
    pub(super) fn new(kind: UserErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn because(kind: UserErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Some(Box::new(source)) }
    }

    /// The reason.
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
    /// # use auth_sql::UserErrorKind;
    /// let error = users.create_user("", None).await.unwrap_err();
    /// assert_eq!(error.kind(), UserErrorKind::InvalidName);
    /// # Ok(())
    /// # }
    /// ```
    pub fn kind(&self) -> UserErrorKind {
        self.kind
    }
}

impl From<DbError> for UserError {
    fn from(error: DbError) -> Self {
        Self::because(UserErrorKind::Unavailable, error)
    }
}

impl From<RandomError> for UserError {
    fn from(error: RandomError) -> Self {
        Self::because(UserErrorKind::Unavailable, error)
    }
}

/// What hashing a new password may return.
impl From<BackendError> for UserError {
    fn from(error: BackendError) -> Self {
        match error.kind() {
            BackendErrorKind::InvalidData => Self::because(UserErrorKind::InvalidPassword, error),
            _ => Self::because(UserErrorKind::Unavailable, error),
        }
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            UserErrorKind::NameTaken => "the user name is taken",
            UserErrorKind::ValueTaken => "another user has a value that must be unique",
            UserErrorKind::InvalidValue => "the user table does not take a value",
            UserErrorKind::InvalidColumn => "a further column may not be set",
            UserErrorKind::NoPassword => {
                "registering takes the password that the user chose: add `.with_password(…)` to the `NewUser`"
            }
            UserErrorKind::InvalidName => "the user name is not valid",
            UserErrorKind::InvalidPassword => "the password is not valid",
            UserErrorKind::SamePassword => "it is the temporary password, which is to be changed",
            UserErrorKind::UnknownUser => "there is no such user",
            UserErrorKind::Linked => "the user belongs to an outside system, where the password is changed",
            UserErrorKind::NoPermissions => "the user table has no permissions",
            UserErrorKind::NoStamps => "the user table has no security stamps",
            UserErrorKind::AlwaysActive => "the user table has no column that says who may sign in",
            UserErrorKind::NoTemporaryPasswords => {
                "the user table has no column that says who must change their password: add `must_change_password`, \
                 by `migrate()` or `auth-admin migrate`, or one of your own by `UserTable::with_must_change_password`"
            }
            UserErrorKind::Unavailable => "the change cannot be made now",
        })
    }
}

impl Error for UserError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
