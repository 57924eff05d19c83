//! [`UserTable`]: the names of tables and columns.

use auth_core::{ConfigError, UserId};

use crate::driver::{Columns, Dialect, Value};
use crate::error::DbError;
use crate::identifier::Identifier;

/// The names of the tables and columns that hold users.
///
/// [`Default`] is what [`SqlUsers::migrate`](crate::SqlUsers::migrate) makes. For the application's own table,
/// begin with [`UserTable::new`] and say what is called otherwise:
///
/// ```
/// use auth_sql::UserTable;
///
/// let table = UserTable::new("people")?
///     .with_username("email", "email_key")?
///     .with_password("password_hash")?
///     .with_permissions("people_rights", "person", "right_name")?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
///
/// Every setter refuses what is not a letter or `_` with at most 62 letters, digits or `_` behind it.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserTable {
    pub(super) table: Identifier,
    pub(super) id: Identifier,
    pub(super) text_ids: bool,
    pub(super) username: Identifier,
    pub(super) key: Identifier,
    pub(super) password: Identifier,
    pub(super) stamp: Identifier,
    pub(super) active: Identifier,
    pub(super) identity: Option<[Identifier; 2]>,
    pub(super) permissions: Option<Permissions>,
}

/// A table with one row for each permission of each user.
#[derive(Clone, Debug)]
pub(super) struct Permissions {
    pub(super) table: Identifier,
    pub(super) user: Identifier,
    pub(super) permission: Identifier,
}

impl Permissions {
    /// The quoted names of the table and its two columns.
    pub(super) fn quoted(&self, dialect: &Dialect) -> [String; 3] {
        [&self.table, &self.user, &self.permission].map(|name| name.quoted(dialect))
    }
}

impl Default for UserTable {
    /// `auth_users` and `auth_user_permissions`, with everything.
    fn default() -> Self {
        let fixed = Identifier::fixed;
        let permissions = Permissions {
            table: fixed("auth_user_permissions"),
            user: fixed("user_id"),
            permission: fixed("permission"),
        };
        Self {
            identity: Some([fixed("issuer"), fixed("subject")]),
            permissions: Some(permissions),
            ..Self::plain(fixed("auth_users"))
        }
    }
}

impl UserTable {
    /// The application's own table, with the columns `id`, `username`, `username_key`, `password`,
    /// `security_stamp` and `active` unless said otherwise, and neither identities nor permissions.
    ///
    /// * `id`: integers, unless [`with_text_ids`](Self::with_text_ids). Never given to a second user.
    /// * `username_key`: [`canonical`](crate::canonical)`(username)`, unique, comparing byte for byte.
    /// * `password`: what [`Passwords`](auth_core::Passwords) makes; NULL or `!…` fits no password.
    /// * `security_stamp`: random bytes.
    /// * `active`: a truth value.
    ///
    /// # Errors
    /// [`ConfigError`] that says which name is none.
    pub fn new(table: &str) -> Result<Self, ConfigError> {
        Ok(Self::plain(Identifier::new(table)?))
    }

    fn plain(table: Identifier) -> Self {
        let fixed = Identifier::fixed;
        Self {
            table,
            id: fixed("id"),
            text_ids: false,
            username: fixed("username"),
            key: fixed("username_key"),
            password: fixed("password"),
            stamp: fixed("security_stamp"),
            active: fixed("active"),
            identity: None,
            permissions: None,
        }
    }

    /// The column of the ids.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_id(mut self, column: &str) -> Result<Self, ConfigError> {
        self.id = Identifier::new(column)?;
        Ok(self)
    }

    /// The ids are texts. New users get theirs from the column's default.
    pub fn with_text_ids(mut self) -> Self {
        self.text_ids = true;
        self
    }

    /// The columns of the name as it is shown and of its key. They may be one: the shown name is then the key.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_username(mut self, column: &str, key: &str) -> Result<Self, ConfigError> {
        (self.username, self.key) = (Identifier::new(column)?, Identifier::new(key)?);
        Ok(self)
    }

    /// The column of the password hashes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_password(mut self, column: &str) -> Result<Self, ConfigError> {
        self.password = Identifier::new(column)?;
        Ok(self)
    }

    /// The column of the security stamps.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_security_stamp(mut self, column: &str) -> Result<Self, ConfigError> {
        self.stamp = Identifier::new(column)?;
        Ok(self)
    }

    /// The column that says who may sign in.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_active(mut self, column: &str) -> Result<Self, ConfigError> {
        self.active = Identifier::new(column)?;
        Ok(self)
    }

    /// The columns of issuer and subject, which together are unique. Without them nobody can be provisioned.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_identity(mut self, issuer: &str, subject: &str) -> Result<Self, ConfigError> {
        self.identity = Some([Identifier::new(issuer)?, Identifier::new(subject)?]);
        Ok(self)
    }

    /// A table or view with one row for each permission of each user. Without it nobody holds any.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_permissions(
        mut self,
        table: &str,
        user_id: &str,
        permission: &str,
    ) -> Result<Self, ConfigError> {
        self.permissions = Some(Permissions {
            table: Identifier::new(table)?,
            user: Identifier::new(user_id)?,
            permission: Identifier::new(permission)?,
        });
        Ok(self)
    }

    /// Whether the name as it is shown has a column of its own.
    pub(super) fn has_display_name(&self) -> bool {
        self.username != self.key
    }

    /// An id as the column has it; `None` if the column cannot have it.
    pub(super) fn id_value<'a>(&self, id: &'a UserId) -> Option<Value<'a>> {
        if self.text_ids {
            return Some(id.as_str().into());
        }
        // "07" is no way to write 7.
        id.parse::<i64>().filter(|number| UserId::from(*number) == *id).map(Value::from)
    }

    pub(super) fn read_id(&self, row: &dyn Columns, at: usize) -> Result<UserId, DbError> {
        if !self.text_ids {
            return Ok(row.int(at)?.into());
        }
        UserId::new(row.text(at)?.unwrap_or_default())
            .map_err(|_| DbError::unreadable("a user's id is no id"))
    }
}
