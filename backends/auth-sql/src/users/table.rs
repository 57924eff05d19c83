//! [`UserTable`]: the names of tables and columns.

use std::sync::Arc;

use auth_core::{ConfigError, UserId};
use uuid::Uuid;

use crate::driver::{Columns, Dialect, Value, number};
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
/// What a provisioning policy writes needs a place: [`with_identity`](Self::with_identity) for whom a user belongs to,
/// [`with_attribute`](Self::with_attribute), [`with_email`](Self::with_email), [`with_flag`](Self::with_flag) and
/// [`with_permissions`](Self::with_permissions) for the rest. Name these columns last: none may have two meanings.
///
/// Every setter refuses what is not a letter or `_` with at most 62 letters, digits or `_` behind it.
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
    /// Whether a user with an identity may have a password here as well.
    pub(super) linked_passwords: bool,
    pub(super) permissions: Option<Permissions>,
    /// The columns of the address and of whether it is verified.
    pub(super) email: Option<[Identifier; 2]>,
    pub(super) attributes: Vec<Identifier>,
    pub(super) flags: Vec<Identifier>,
    /// The table of what columns got from outside.
    pub(super) tracking: Option<Identifier>,
}

/// The column of who must change their password.
#[derive(Clone, Debug)]
pub(super) struct MustChange {
    pub(super) column: Identifier,
    /// Whether tables that were made here may lack it, since it is of a later version than they are.
    pub(super) may_be_missing: bool,
}

/// What ids are.
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
    /// `auth_users` and `auth_user_permissions`, with everything. Where they were made by an earlier version and
    /// [`migrate`](crate::SqlUsers::migrate) has not added `must_change_password` yet, nobody has to.
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
    /// The application's own table, with the columns `id`, `username`, `username_key`, `password`,
    /// `security_stamp` and `active` unless said otherwise, and neither identities nor permissions, nor
    /// [temporary passwords](Self::with_must_change_password).
    ///
    /// * `id`: integers of any width, unless [`with_text_ids`](Self::with_text_ids) or
    ///   [`with_uuid_ids`](Self::with_uuid_ids). Never given to a second user.
    /// * `username_key`: [`canonical`](crate::canonical)`(username)`, unique, comparing byte for byte.
    /// * `password`: what [`Passwords`](auth_core::Passwords) makes; NULL or `!…` fits no password.
    /// * `security_stamp`: random bytes. May be missing: [`without_security_stamp`](Self::without_security_stamp).
    /// * `active`: a truth value (on `PostgreSQL` a `BOOLEAN`). May be missing:
    ///   [`without_active`](Self::without_active).
    ///
    /// `PostgreSQL` knows a table that was made without quotes by its lower-case name.
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
        self.ids = IdType::Text;
        self
    }

    /// The ids are UUIDs: of type `UUID` on `PostgreSQL`, 16 bytes elsewhere. New users get theirs from the
    /// column's default. A column with the text of UUIDs, or of `MariaDB`'s type `UUID`, has
    /// [text ids](Self::with_text_ids).
    pub fn with_uuid_ids(mut self) -> Self {
        self.ids = IdType::Uuid;
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
        self.stamp = Some(Identifier::new(column)?);
        Ok(self)
    }

    /// There is no column of security stamps: a user's sessions end when the password changes, and cannot be
    /// ended otherwise. A hash that is outdated stays as it is, since renewing it would end them too.
    pub fn without_security_stamp(mut self) -> Self {
        self.stamp = None;
        self
    }

    /// The column that says who may sign in.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_active(mut self, column: &str) -> Result<Self, ConfigError> {
        self.active = Some(Identifier::new(column)?);
        Ok(self)
    }

    /// There is no column that says who may sign in: everybody may.
    pub fn without_active(mut self) -> Self {
        self.active = None;
        self
    }

    /// The column that says who must change their password, for
    /// [`set_temporary_password`](crate::SqlUsers::set_temporary_password): a truth value that is FALSE for new rows, by its
    /// default. Without it no password is temporary.
    ///
    /// It is for the application to ask for another password: [`SqlUser::must_change_password`](crate::SqlUser::must_change_password).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_must_change_password(mut self, column: &str) -> Result<Self, ConfigError> {
        self.must_change = Some(MustChange { column: Identifier::new(column)?, may_be_missing: false });
        Ok(self)
    }

    /// There is no column that says who must change their password: nobody has to.
    pub fn without_must_change_password(mut self) -> Self {
        self.must_change = None;
        self
    }

    /// The columns of issuer and subject, which together are unique. Without them nobody can be provisioned.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_identity(mut self, issuer: &str, subject: &str) -> Result<Self, ConfigError> {
        self.identity = Some([Identifier::new(issuer)?, Identifier::new(subject)?]);
        Ok(self)
    }

    /// Lets users who belong to an outside system sign in with a password of this table, too.
    ///
    /// By default none fits them: a password from before they were linked, or one that an administrator set, would
    /// otherwise let them in while the directory that locked them out is down or says no. Say this for users who
    /// link an outside account to their own and keep both ways in.
    pub fn with_passwords_of_linked_users(mut self) -> Self {
        self.linked_passwords = true;
        self
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

    /// The columns of the e-mail address (text, with an index) and of whether it is verified (a truth value), for
    /// [`ProvisioningBuilder::email`](auth_core::provisioning::ProvisioningBuilder::email) and for linking by address.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if a column is used already.
    pub fn with_email(mut self, address: &str, verified: &str) -> Result<Self, ConfigError> {
        self.email = Some([self.unused(address)?, self.unused(verified)?]);
        Ok(self)
    }

    /// A column of texts that a [`Provisioning`](auth_core::provisioning::Provisioning) may write as an attribute of
    /// the same name.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if the column is used already.
    pub fn with_attribute(mut self, column: &str) -> Result<Self, ConfigError> {
        self.attributes.push(self.unused(column)?);
        Ok(self)
    }

    /// A column of truth values that a [`Provisioning`](auth_core::provisioning::Provisioning) may write as a flag of
    /// the same name. With an index, the last who holds it is found quickly.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if the column is used already.
    pub fn with_flag(mut self, column: &str) -> Result<Self, ConfigError> {
        self.flags.push(self.unused(column)?);
        Ok(self)
    }

    /// A table with the columns `user_id`, `attribute` and `value`, which remembers what columns got from outside: it
    /// is needed for [`Owner::ExternalUntilEdited`](auth_core::provisioning::Owner::ExternalUntilEdited).
    /// [`SqlUsers::migrate`](crate::SqlUsers::migrate) makes it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_tracking(mut self, table: &str) -> Result<Self, ConfigError> {
        self.tracking = Some(Identifier::new(table)?);
        Ok(self)
    }

    /// The name of a column that has no other meaning: an attribute must not be somebody's password.
    fn unused(&self, column: &str) -> Result<Identifier, ConfigError> {
        let column = Identifier::new(column)?;
        let further = self.email.iter().flatten().chain(&self.attributes).chain(&self.flags);
        let is_used = self.own_columns().chain([&self.id]).chain(further).any(|used| used.is_same(&column));
        if is_used { Err(already_used(&column)) } else { Ok(column) }
    }

    /// The name of a column that a new user may be given a value for, beside these.
    pub(super) fn settable(&self, column: &str, beside: &[Identifier]) -> Result<Identifier, ConfigError> {
        let column = Identifier::new(column)?;
        let is_used = self.own_columns().chain(beside).any(|used| used.is_same(&column));
        if is_used { Err(already_used(&column)) } else { Ok(column) }
    }

    /// What this crate alone writes, but for the id.
    fn own_columns(&self) -> impl Iterator<Item = &Identifier> {
        let must_change = self.must_change.iter().map(|must_change| &must_change.column);
        let further = self.stamp.iter().chain(&self.active).chain(must_change);
        [&self.username, &self.key, &self.password]
            .into_iter()
            .chain(further)
            .chain(self.identity.iter().flatten())
    }

    /// Whether the name as it is shown has a column of its own.
    pub(super) fn has_display_name(&self) -> bool {
        self.username != self.key
    }

    /// An id as the column has it; `None` if the column cannot have it. "07" is no way to write 7.
    pub(super) fn id_value<'a>(&self, id: &'a UserId) -> Option<Value<'a>> {
        match self.ids {
            IdType::Integer => id.parse().filter(|_| is_plain(id.as_str())).map(|number: i64| number.into()),
            IdType::Uuid => id.parse().filter(|uuid: &Uuid| uuid.to_string() == id.as_str()).map(Value::from),
            // PostgreSQL has no texts with a NUL, and refuses to look for one.
            IdType::Text => Some(id.as_str()).filter(|id| !id.contains('\0')).map(Value::from),
        }
    }

    /// Whether two rows are of one user.
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
    id.ok_or_else(|| DbError::unreadable("a user's id is no id"))
}
