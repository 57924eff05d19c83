//! [`UserError`]: a change to a user that was not made.

use std::error::Error;
use std::fmt;

use auth_core::backend::{BackendError, BackendErrorKind};
use auth_core::random::RandomError;

use crate::error::DbError;

/// A change to a user that was not made.
#[derive(Debug)]
pub struct UserError {
    kind: UserErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why it was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserErrorKind {
    /// Somebody has this name already, perhaps in another case or width.
    NameTaken,
    /// Another user has this value in a further column that is unique, such as an e-mail address.
    ValueTaken,
    /// The table does not take a value for a further column: it is too long, say, or against a constraint. The source says why.
    InvalidValue,
    /// The further column is none that may be set. The source says why.
    InvalidColumn,
    /// There is no password that the user chose, and by which they could be registered.
    NoPassword,
    /// It cannot be a user name. The source says why.
    InvalidName,
    /// It cannot be a password: empty, or longer than 4096 bytes.
    InvalidPassword,
    /// It is the [temporary password](crate::SqlUsers::set_temporary_password) that the user must change, and somebody else knows.
    SamePassword,
    /// There is no user with this id.
    UnknownUser,
    /// The user belongs to an outside system: their password is changed there
    /// ([`UserTable::with_passwords_of_linked_users`](crate::UserTable::with_passwords_of_linked_users)).
    Linked,
    /// The [`UserTable`](crate::UserTable) names no table for permissions.
    NoPermissions,
    /// The [`UserTable`](crate::UserTable) names no column for security stamps.
    NoStamps,
    /// The [`UserTable`](crate::UserTable) names no column that says who may sign in.
    AlwaysActive,
    /// The [`UserTable`](crate::UserTable) names no
    /// [column that says who must change their password](crate::UserTable::with_must_change_password), or is of an earlier
    /// version and [`migrate`](crate::SqlUsers::migrate) has not added it yet.
    NoTemporaryPasswords,
    /// The database, the hash pool or the random source cannot do it now.
    Unavailable,
}

impl UserError {
    pub(super) fn new(kind: UserErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn because(kind: UserErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Some(Box::new(source)) }
    }

    /// Why it was not made.
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

/// What hashing a new password answers.
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
