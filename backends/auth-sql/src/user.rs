//! [`SqlUser`]: a row of the user table, and [`TableUser`]: the application's own type for such a row.

use std::fmt;
use std::sync::Arc;

use auth_core::{User, UserId};

use crate::driver::Columns;
use crate::error::DbError;
use crate::permissions::Permissions;

/// A user as the table holds it. Cheap to clone.
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
/// let alice = users.get_user(&alice).await?.ok_or("no alice")?;
/// assert_eq!(alice.username(), "alice");
/// assert!(alice.is_active() && !alice.has_permission("orders.refund"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlUser {
    pub(crate) id: UserId,
    pub(crate) username: Arc<str>,
    pub(crate) active: bool,
    pub(crate) must_change_password: bool,
    pub(crate) stamp: Arc<[u8]>,
    /// `None` if the user holds no permissions.
    pub(crate) permissions: Option<Arc<Permissions>>,
}

impl SqlUser {
    /// A user who is in no table, for tests of an application that takes a `SqlUser`: active, without permissions.
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

    /// The same user, holding exactly these permissions.
    ///
    /// ```
    /// use auth_sql::SqlUser;
    ///
    /// let alice = SqlUser::new(1, "alice").with_permissions(["orders.read", "orders.refund"]);
    /// assert_eq!(alice.permissions().count(), 2);
    /// ```
    #[must_use]
    pub fn with_permissions<P: AsRef<str>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        let mut held = Permissions::default();
        // Refuses only more than fits into memory.
        permissions.into_iter().all(|permission| held.push(permission.as_ref()).is_ok());
        self.permissions = Some(Arc::new(held));
        self
    }

    /// The same user, [active](User::is_active) or not.
    ///
    /// ```
    /// use auth_core::User;
    /// use auth_sql::SqlUser;
    ///
    /// assert!(!SqlUser::new(1, "alice").with_active(false).is_active());
    /// ```
    #[must_use]
    pub fn with_active(mut self, active: bool) -> Self {
        self.active = active;
        self
    }

    /// The name as it was given when the user was created.
    ///
    /// ```
    /// assert_eq!(auth_sql::SqlUser::new(1, "Alice").username(), "Alice");
    /// ```
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether somebody else set the password by [`set_temporary_password`](crate::SqlUsers::set_temporary_password)
    /// and so knows it: the user has to choose another one before anything else. The application has to ask for it.
    ///
    /// Always `false` if the table [has no column](crate::UserTable::with_must_change_password) for it.
    ///
    /// ```
    /// # use auth_sql::SqlUser;
    /// /// Where to go after the login.
    /// fn next(user: &SqlUser) -> &'static str {
    ///     if user.must_change_password() { "/account/password" } else { "/" }
    /// }
    /// # assert_eq!(next(&SqlUser::new(1, "alice")), "/");
    /// ```
    pub fn must_change_password(&self) -> bool {
        self.must_change_password
    }

    /// The permissions, sorted.
    ///
    /// ```
    /// use auth_sql::SqlUser;
    ///
    /// let alice = SqlUser::new(1, "alice").with_permissions(["orders.refund", "members"]);
    /// assert!(alice.permissions().eq(["members", "orders.refund"]));
    /// ```
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

/// The application's own user type, built from a row. [`SqlUsers::with_user`](crate::SqlUsers::with_user) shows an
/// example.
///
/// ```
/// use auth_core::{User, UserId};
/// use auth_sql::{RowError, SqlUser, TableUser, UserRow};
///
/// struct Customer { user: SqlUser, newsletter: bool }
///
/// impl User for Customer {
///     fn id(&self) -> UserId { self.user.id() }
///     fn security_stamp(&self) -> &[u8] { self.user.security_stamp() }
///     fn is_active(&self) -> bool { self.user.is_active() }
/// }
///
/// impl TableUser for Customer {
///     const COLUMNS: &'static [&'static str] = &["newsletter"];
///
///     fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
///         Ok(Self { user, newsletter: row.truth("newsletter")?.unwrap_or(false) })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a table of users",
    label = "no `TableUser`",
    note = "without `with_user`, `SqlUsers` reads `SqlUser`; a type of your own implements `User` and `TableUser`"
)]
pub trait TableUser: User + Sized {
    /// The further columns of the user table that [`from_row`](Self::from_row) reads.
    const COLUMNS: &'static [&'static str];

    /// Builds the user from what every user has and from those columns.
    ///
    /// # Errors
    /// [`RowError`] if a column does not hold what it should. Requests that need this user then fail as in an outage.
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
/// Columns of other types, such as times, have to be offered as one of these: by a generated column or a view.
///
/// ```
/// use auth_sql::{RowError, UserRow};
///
/// struct Profile { email: String, orders: i64 }
///
/// fn profile(row: &UserRow<'_>) -> Result<Profile, RowError> {
///     let email = row.text("email")?.ok_or(RowError::new("a customer has no address"))?;
///     Ok(Profile { email: email.into(), orders: row.int("orders")?.unwrap_or(0) })
/// }
/// ```
pub struct UserRow<'a> {
    row: &'a dyn Columns,
    columns: &'static [&'static str],
    first: usize,
}

impl<'a> UserRow<'a> {
    /// The columns of `U`, which begin at this position.
    pub(crate) fn of<U: TableUser>(row: &'a dyn Columns, first: usize) -> Self {
        Self { row, columns: U::COLUMNS, first }
    }

    /// Reads an integer of any width.
    ///
    /// # Errors
    /// [`RowError`] if the column has another type, or is not among [`TableUser::COLUMNS`].
    pub fn int(&self, column: &str) -> Result<Option<i64>, RowError> {
        Ok(self.row.int(self.at(column)?)?)
    }

    /// Reads a floating-point number.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn real(&self, column: &str) -> Result<Option<f64>, RowError> {
        Ok(self.row.real(self.at(column)?)?)
    }

    /// Reads a truth value.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn truth(&self, column: &str) -> Result<Option<bool>, RowError> {
        Ok(self.row.truth(self.at(column)?)?)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn text(&self, column: &str) -> Result<Option<&'a str>, RowError> {
        Ok(self.row.text(self.at(column)?)?)
    }

    /// Reads bytes.
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

/// Says why a row is not a valid user: [`SqlUsers::with_user`](crate::SqlUsers::with_user) shows an example.
///
/// ```
/// use auth_sql::{RowError, UserRow};
///
/// fn email(row: &UserRow<'_>) -> Result<String, RowError> {
///     Ok(row.text("email")?.ok_or(RowError::new("a customer has no address"))?.to_owned())
/// }
/// ```
#[derive(Debug)]
pub struct RowError(pub(crate) DbError);

impl RowError {
    /// An error that the application finds. `why` reaches the log: it must not contain a secret.
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
