//! [`SqlUser`]: a row of the user table, and [`TableUser`]: what else may be made of it.

use std::fmt;
use std::sync::Arc;

use auth_core::{User, UserId};

use crate::driver::Columns;
use crate::error::DbError;
use crate::permissions::Permissions;

/// A user as the table holds it. Cheap to clone.
#[derive(Clone)]
pub struct SqlUser {
    pub(crate) id: UserId,
    pub(crate) username: Arc<str>,
    pub(crate) active: bool,
    pub(crate) must_change_password: bool,
    pub(crate) stamp: Arc<[u8]>,
    /// `None` for none at all.
    pub(crate) permissions: Option<Arc<Permissions>>,
}

impl SqlUser {
    /// A user who is in no table: for tests of an application that takes a `SqlUser`. They are active, and hold no permissions.
    ///
    /// It proves nothing: only a chain makes the [`Authenticated`](auth_core::Authenticated) that a login asks for.
    ///
    /// ```
    /// use auth_sql::SqlUser;
    /// use auth_core::User;
    ///
    /// let alice = SqlUser::new(1, "alice").with_permissions(["members"]);
    /// assert!(alice.has_permission("members") && alice.is_active());
    /// ```
    #[must_use]
    pub fn new(id: impl Into<UserId>, username: impl Into<Arc<str>>) -> Self {
        let (id, username) = (id.into(), username.into());
        let stamp = id.as_str().as_bytes().into();
        Self { id, username, active: true, must_change_password: false, stamp, permissions: None }
    }

    /// The same user, who holds these permissions and no others.
    #[must_use]
    pub fn with_permissions<P: AsRef<str>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        let mut held = Permissions::default();
        // Only more than fit into memory are refused.
        permissions.into_iter().all(|permission| held.push(permission.as_ref()).is_ok());
        self.permissions = Some(Arc::new(held));
        self
    }

    /// The same user, who is or is not [active](User::is_active).
    #[must_use]
    pub fn with_active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }

    /// The name as it was given when the user was created.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether somebody else knows the password, who set it by
    /// [`set_temporary_password`](crate::SqlUsers::set_temporary_password): the user is to choose another one before anything
    /// else. It is for the application to ask for it.
    ///
    /// Never where the table [has no column](crate::UserTable::with_must_change_password) for that.
    pub fn must_change_password(&self) -> bool {
        self.must_change_password
    }

    /// The permissions, sorted.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.iter().flat_map(|held| held.iter())
    }
}

impl User for SqlUser {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.as_ref().is_some_and(|held| held.contains(permission))
    }
}

impl fmt::Debug for SqlUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlUser")
            .field("id", &self.id)
            .field("username", &format_args!("({} bytes)", self.username.len()))
            .field("active", &self.active)
            .field("must_change_password", &self.must_change_password)
            .field("permissions", &self.permissions.as_deref().unwrap_or(&Permissions::default()))
            .finish_non_exhaustive()
    }
}

/// The application's own user, made from its row: see [`SqlUsers::with_user`](crate::SqlUsers::with_user).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a table of users",
    label = "no `TableUser`",
    note = "without `with_user`, `SqlUsers` reads `SqlUser`; a type of your own implements `User` and `TableUser`"
)]
pub trait TableUser: User + Sized {
    /// The further columns of the user table that [`from_row`](Self::from_row) reads.
    const COLUMNS: &'static [&'static str];

    /// Makes the user of what every user has, and of those columns.
    ///
    /// # Errors
    /// [`RowError`] if a column does not hold what it should. It is an outage for whoever asks for this user.
    fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError>;
}

impl TableUser for SqlUser {
    const COLUMNS: &'static [&'static str] = &[];

    fn from_row(user: SqlUser, _: &UserRow<'_>) -> Result<Self, RowError> {
        Ok(user)
    }
}

/// The columns that a [`TableUser`] asks for. `None` is NULL.
///
/// Other types, such as times, are for the application to offer as one of these: in a generated column or a view.
pub struct UserRow<'a> {
    row: &'a dyn Columns,
    columns: &'static [&'static str],
    first: usize,
}

impl<'a> UserRow<'a> {
    /// The columns of `U`, of which the first is at this position.
    pub(crate) fn of<U: TableUser>(row: &'a dyn Columns, first: usize) -> Self {
        Self { row, columns: U::COLUMNS, first }
    }

    /// A whole number, of any width.
    ///
    /// # Errors
    /// [`RowError`] if the column is none, or not among [`TableUser::COLUMNS`].
    pub fn int(&self, column: &str) -> Result<Option<i64>, RowError> {
        Ok(self.row.int(self.at(column)?)?)
    }

    /// A floating-point number.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn real(&self, column: &str) -> Result<Option<f64>, RowError> {
        Ok(self.row.real(self.at(column)?)?)
    }

    /// A truth value.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn truth(&self, column: &str) -> Result<Option<bool>, RowError> {
        Ok(self.row.truth(self.at(column)?)?)
    }

    /// A text.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn text(&self, column: &str) -> Result<Option<&'a str>, RowError> {
        Ok(self.row.text(self.at(column)?)?)
    }

    /// Bytes.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn bytes(&self, column: &str) -> Result<Option<&'a [u8]>, RowError> {
        Ok(self.row.bytes(self.at(column)?)?)
    }

    fn at(&self, column: &str) -> Result<usize, RowError> {
        let place = self.columns.iter().position(|asked| *asked == column);
        place.map(|place| self.first + place).ok_or_else(|| RowError::new("a column that was not asked for"))
    }
}

impl fmt::Debug for UserRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRow").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A row that makes no user.
#[derive(Debug)]
pub struct RowError(pub(crate) DbError);

impl RowError {
    /// For what the application itself finds wrong. `why` reaches the log: it must carry no secret.
    pub fn new(why: &str) -> Self {
        Self(DbError::unreadable(why))
    }
}

impl From<DbError> for RowError {
    fn from(error: DbError) -> Self {
        Self(error)
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for RowError {}
