//! [`UserTable`]: the names of tables and columns.

use std::sync::Arc;

use auth_core::{ConfigError, UserId};
use uuid::Uuid;

use crate::driver::{Columns, Dialect, Value, number};
use crate::error::DbError;
use crate::identifier::Identifier;

/// The names of the tables and columns that hold users.
///
/// [`Default`] describes what [`SqlUsers::migrate`](crate::SqlUsers::migrate) creates. For the application's own
/// table, begin with [`UserTable::new`] and name what differs:
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
/// A provisioning policy needs columns for what it writes: [`with_identity`](Self::with_identity) for the identity of
/// a user, [`with_attribute`](Self::with_attribute), [`with_email`](Self::with_email), [`with_flag`](Self::with_flag)
/// and [`with_permissions`](Self::with_permissions) for the rest. Name these columns last: no column may have two
/// meanings.
///
/// Every setter accepts a letter or `_`, followed by at most 62 letters, digits or `_`, and refuses everything else.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserTable {
    pub(super) table: Identifier,
    pub(super) id: Identifier,
    pub(super) ids: IdType,
    pub(super) username: Identifier,
    pub(super) key: Identifier,
    pub(super) password: Identifier,
    pub(super) stamp: Option<Identifier>,
    pub(super) active: Option<Identifier>,
    pub(super) must_change: Option<MustChange>,
    pub(super) identity: Option<[Identifier; 2]>,
    /// Whether a user with an identity may also have a password here.
    pub(super) linked_passwords: bool,
    pub(super) permissions: Option<Permissions>,
    /// The columns of the e-mail address and of whether it is verified.
    pub(super) email: Option<[Identifier; 2]>,
    pub(super) attributes: Vec<Identifier>,
    pub(super) flags: Vec<Identifier>,
    /// The table that remembers what an outside system wrote.
    pub(super) tracking: Option<Identifier>,
}

/// The column that says who must change their password.
#[derive(Clone, Debug)]
pub(super) struct MustChange {
    pub(super) column: Identifier,
    /// Whether a table that this crate created may lack the column because an earlier version created it.
    pub(super) may_be_missing: bool,
}

/// The type of the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdType {
    Integer,
    Text,
    Uuid,
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
    /// The tables `auth_users` and `auth_user_permissions`, with every column. If an earlier version created them and
    /// [`migrate`](crate::SqlUsers::migrate) has not added `must_change_password` yet, nobody has to change their
    /// password.
    fn default() -> Self {
        let fixed = Identifier::fixed;
        let permissions = Permissions {
            table: fixed("auth_user_permissions"),
            user: fixed("user_id"),
            permission: fixed("permission"),
        };
        Self {
            must_change: Some(MustChange { column: fixed("must_change_password"), may_be_missing: true }),
            identity: Some([fixed("issuer"), fixed("subject")]),
            permissions: Some(permissions),
            ..Self::plain(fixed("auth_users"))
        }
    }
}

impl UserTable {
    /// The application's own table. Unless you say otherwise, its columns are `id`, `username`, `username_key`,
    /// `password`, `security_stamp` and `active`, and it has neither identities nor permissions nor [temporary
    /// passwords](Self::with_must_change_password).
    ///
    /// * `id`: integers of any width, unless [`with_text_ids`](Self::with_text_ids) or
    ///   [`with_uuid_ids`](Self::with_uuid_ids) says otherwise. An id is never given to a second user.
    /// * `username_key`: [`canonical`](crate::canonical)`(username)`, unique, comparing byte for byte.
    /// * `password`: what [`Passwords`](auth_core::Passwords) creates. No password matches NULL or `!…`.
    /// * `security_stamp`: random bytes. May be missing: [`without_security_stamp`](Self::without_security_stamp).
    /// * `active`: a truth value (on `PostgreSQL` a `BOOLEAN`). May be missing:
    ///   [`without_active`](Self::without_active).
    ///
    /// `PostgreSQL` folds the name of a table that was created without quotes to lower case: write it in lower case
    /// here.
    ///
    /// ```
    /// use auth_core::Passwords;
    /// use auth_sql::{SqlUsers, UserTable};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let table = UserTable::new("people")?.with_username("login", "login_key")?;
    /// let users = SqlUsers::new(pool, Passwords::new()?).with_table(table);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] that names the invalid name.
    pub fn new(table: &str) -> Result<Self, ConfigError> {
        Ok(Self::plain(Identifier::new(table)?))
    }

    fn plain(table: Identifier) -> Self {
        let fixed = Identifier::fixed;
        Self {
            table,
            id: fixed("id"),
            ids: IdType::Integer,
            username: fixed("username"),
            key: fixed("username_key"),
            password: fixed("password"),
            stamp: Some(fixed("security_stamp")),
            active: Some(fixed("active")),
            must_change: None,
            identity: None,
            linked_passwords: false,
            permissions: None,
            email: None,
            attributes: Vec::new(),
            flags: Vec::new(),
            tracking: None,
        }
    }

    /// Sets the column of the ids.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_id("person_id")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_id(mut self, column: &str) -> Result<Self, ConfigError> {
        self.id = Identifier::new(column)?;
        Ok(self)
    }

    /// Says that ids are texts. The column's default gives new users their id.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_text_ids();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn with_text_ids(mut self) -> Self {
        self.ids = IdType::Text;
        self
    }

    /// Says that ids are UUIDs: of type `UUID` on `PostgreSQL`, 16 bytes elsewhere. The column's default gives new
    /// users their id. A column that holds UUIDs as text, or is of `MariaDB`'s type `UUID`, has [text
    /// ids](Self::with_text_ids).
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_uuid_ids();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn with_uuid_ids(mut self) -> Self {
        self.ids = IdType::Uuid;
        self
    }

    /// Sets the columns of the displayed name and of its key. They may be the same column, which then holds the key.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_username("email", "email_key")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_username(mut self, column: &str, key: &str) -> Result<Self, ConfigError> {
        (self.username, self.key) = (Identifier::new(column)?, Identifier::new(key)?);
        Ok(self)
    }

    /// Sets the column of the password hashes.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_password("password_hash")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_password(mut self, column: &str) -> Result<Self, ConfigError> {
        self.password = Identifier::new(column)?;
        Ok(self)
    }

    /// Sets the column of the security stamps.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_security_stamp("stamp")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_security_stamp(mut self, column: &str) -> Result<Self, ConfigError> {
        self.stamp = Some(Identifier::new(column)?);
        Ok(self)
    }

    /// Says that the table has no security stamps: a user's sessions end when the password changes, and nothing else
    /// can end them all. Outdated hashes are not renewed, since that would end the sessions, too.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.without_security_stamp();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn without_security_stamp(mut self) -> Self {
        self.stamp = None;
        self
    }

    /// Sets the column that says who may sign in.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_active("enabled")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_active(mut self, column: &str) -> Result<Self, ConfigError> {
        self.active = Some(Identifier::new(column)?);
        Ok(self)
    }

    /// Says that every user may sign in: the table has no column for it.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.without_active();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn without_active(mut self) -> Self {
        self.active = None;
        self
    }

    /// Sets the column that says who must change their password, for
    /// [`set_temporary_password`](crate::SqlUsers::set_temporary_password): a truth value whose default is FALSE.
    /// Without it no password is temporary.
    ///
    /// The application has to ask for the new password:
    /// [`SqlUser::must_change_password`](crate::SqlUser::must_change_password).
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_must_change_password("password_is_temporary")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_must_change_password(mut self, column: &str) -> Result<Self, ConfigError> {
        self.must_change = Some(MustChange { column: Identifier::new(column)?, may_be_missing: false });
        Ok(self)
    }

    /// Says that no password is temporary: the table has no column for it.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::default().without_must_change_password();
    /// ```
    pub fn without_must_change_password(mut self) -> Self {
        self.must_change = None;
        self
    }

    /// Sets the columns of issuer and subject, which together are unique. Provisioning needs them.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_identity("issuer", "subject")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_identity(mut self, issuer: &str, subject: &str) -> Result<Self, ConfigError> {
        self.identity = Some([Identifier::new(issuer)?, Identifier::new(subject)?]);
        Ok(self)
    }

    /// Lets users who belong to an outside system also sign in with a password of this table.
    ///
    /// By default they cannot. Otherwise a password from before they were linked, or one that an administrator set,
    /// would let them in although the directory has locked them out or is down. Call this if users link an outside
    /// account to their own and keep both ways to sign in.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::default().with_passwords_of_linked_users();
    /// ```
    pub fn with_passwords_of_linked_users(mut self) -> Self {
        self.linked_passwords = true;
        self
    }

    /// Sets a table or view with one row for each permission of each user. Without it users hold no permissions.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_permissions("people_rights", "person_id", "right_name")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
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

    /// Sets the columns of the e-mail address (text, with an index) and of whether it is verified (a truth value),
    /// for [`ProvisioningBuilder::email`](auth_core::provisioning::ProvisioningBuilder::email) and for linking by
    /// address.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_email("email", "email_verified")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), or if a column is used already.
    pub fn with_email(mut self, address: &str, verified: &str) -> Result<Self, ConfigError> {
        self.email = Some([self.unused(address)?, self.unused(verified)?]);
        Ok(self)
    }

    /// Adds a text column that a [`Provisioning`](auth_core::provisioning::Provisioning) may write as an attribute of
    /// the same name.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_attribute("display_name")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), or if the column is used already.
    pub fn with_attribute(mut self, column: &str) -> Result<Self, ConfigError> {
        self.attributes.push(self.unused(column)?);
        Ok(self)
    }

    /// Adds a truth-value column that a [`Provisioning`](auth_core::provisioning::Provisioning) may write as a flag
    /// of the same name. An index makes it fast to find the last user who has the flag.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_flag("is_staff")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), or if the column is used already.
    pub fn with_flag(mut self, column: &str) -> Result<Self, ConfigError> {
        self.flags.push(self.unused(column)?);
        Ok(self)
    }

    /// Sets a table with the columns `user_id`, `attribute` and `value`, which remembers what an outside system
    /// wrote. [`Owner::ExternalUntilEdited`](auth_core::provisioning::Owner::ExternalUntilEdited) needs it.
    /// [`SqlUsers::migrate`](crate::SqlUsers::migrate) creates it.
    ///
    /// ```
    /// use auth_sql::UserTable;
    ///
    /// let table = UserTable::new("people")?.with_tracking("people_external")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_tracking(mut self, table: &str) -> Result<Self, ConfigError> {
        self.tracking = Some(Identifier::new(table)?);
        Ok(self)
    }

    /// The name of a column without another meaning: an attribute must not overwrite somebody's password.
    fn unused(&self, column: &str) -> Result<Identifier, ConfigError> {
        let column = Identifier::new(column)?;
        let further = self.email.iter().flatten().chain(&self.attributes).chain(&self.flags);
        let is_used = self.own_columns().chain([&self.id]).chain(further).any(|used| used.is_same(&column));
        if is_used { Err(already_used(&column)) } else { Ok(column) }
    }

    /// The name of a column that a new user may be given a value for, in addition to these.
    pub(super) fn settable(&self, column: &str, beside: &[Identifier]) -> Result<Identifier, ConfigError> {
        let column = Identifier::new(column)?;
        let is_used = self.own_columns().chain(beside).any(|used| used.is_same(&column));
        if is_used { Err(already_used(&column)) } else { Ok(column) }
    }

    /// The columns that only this crate writes, except the id.
    fn own_columns(&self) -> impl Iterator<Item = &Identifier> {
        let must_change = self.must_change.iter().map(|must_change| &must_change.column);
        let further = self.stamp.iter().chain(&self.active).chain(must_change);
        [&self.username, &self.key, &self.password]
            .into_iter()
            .chain(further)
            .chain(self.identity.iter().flatten())
    }

    /// Whether the displayed name has a separate column.
    pub(super) fn has_display_name(&self) -> bool {
        self.username != self.key
    }

    /// An id as the column stores it; `None` if the column cannot hold it. "07" is not a valid way to write 7.
    pub(super) fn id_value<'a>(&self, id: &'a UserId) -> Option<Value<'a>> {
        match self.ids {
            IdType::Integer => id.parse().filter(|_| is_plain(id.as_str())).map(|number: i64| number.into()),
            IdType::Uuid => id.parse().filter(|uuid: &Uuid| uuid.to_string() == id.as_str()).map(Value::from),
            // PostgreSQL texts contain no NUL, and looking for one is an error.
            IdType::Text => Some(id.as_str()).filter(|id| !id.contains('\0')).map(Value::from),
        }
    }

    /// Whether two rows belong to the same user.
    pub(super) fn is_same_id(
        &self,
        one: &dyn Columns,
        other: &dyn Columns,
        at: usize,
    ) -> Result<bool, DbError> {
        Ok(match self.ids {
            IdType::Integer => one.int(at)? == other.int(at)?,
            IdType::Uuid => one.uuid(at)? == other.uuid(at)?,
            IdType::Text => one.text(at)? == other.text(at)?,
        })
    }

    pub(super) fn read_id(&self, row: &dyn Columns, at: usize) -> Result<UserId, DbError> {
        match self.ids {
            IdType::Integer => Ok(number(row, at)?.into()),
            IdType::Uuid => id(row.uuid(at)?.map(|uuid| uuid.to_string())),
            IdType::Text => id(row.text(at)?),
        }
    }
}

fn already_used(column: &Identifier) -> ConfigError {
    ConfigError::new(format!(
        "the column {:?} is used already: give each column one meaning",
        column.as_str()
    ))
}

/// Whether a number is written as [`UserId`] writes it.
fn is_plain(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    number == "0" || !digits.starts_with(['0', '+'])
}

fn id(text: Option<impl Into<Arc<str>>>) -> Result<UserId, DbError> {
    let id = text.and_then(|text| UserId::new(text).ok());
    id.ok_or_else(|| DbError::unreadable("a user's id is not valid"))
}
