//! [`SqlUsers`]: users in a table.

mod accounts;
mod check;
mod create;
mod earlier;
mod error;
mod found;
mod import;
mod judge;
mod manage;
mod migrate;
mod new_user;
#[cfg(test)]
mod plans;
mod provision;
mod statements;
mod table;
mod write;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use auth_core::backend::{BackendError, Health, UserSource};
use auth_core::{ConfigError, Passwords, UserId};

use crate::driver::{Columns, Rows};
use crate::error::DbError;
use crate::identifier::Identifier;
use crate::{Database, SqlUser, TableUser, canonical};
use earlier::CurrentStatements;
pub use error::{UserError, UserErrorKind};
pub use import::{Existing, ImportedUser};
pub use new_user::{ColumnValue, NewUser};
pub use table::UserTable;

/// Users in a table: a [`Backend`](auth_core::backend::Backend) for passwords, and a
/// [`ProvisionStore`](auth_core::provisioning::ProvisionStore) for people vouched for by an outside system. Cheap to
/// clone.
///
/// Changes to a user take effect at their next request: sessions reload their user, and a change of the password or
/// [`end_sessions`](Self::end_sessions) draws a new security stamp.
///
/// ```
/// use auth_core::{Passwords, Secret, User};
/// use auth_sql::{SqlUsers, UserErrorKind};
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let users = SqlUsers::new(pool, Passwords::new()?);
/// users.migrate().await?;
///
/// let alice = users.create_user("alice", Some(&Secret::new("correct horse"))).await?;
/// users.grant(&alice.id(), "orders.refund").await?;
/// let alice = users.find("ALICE").await?.ok_or("no alice")?;
/// assert!(alice.has_permission("orders.refund"));
///
/// let taken = users.create_user("Alice", None).await.unwrap_err();
/// assert_eq!(taken.kind(), UserErrorKind::NameTaken);
/// # Ok(())
/// # }
/// ```
pub struct SqlUsers<U = SqlUser> {
    database: Database,
    passwords: Passwords,
    table: Arc<UserTable>,
    further: Arc<[Identifier]>,
    sql: Arc<CurrentStatements>,
    user: PhantomData<fn() -> U>,
}

impl SqlUsers {
    /// Keeps users in the tables that [`migrate`](Self::migrate) creates.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let users: SqlUsers = SqlUsers::new(pool, Passwords::new()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>, passwords: Passwords) -> Self {
        let (database, table) = (database.into(), Arc::new(UserTable::default()));
        let sql = Arc::new(CurrentStatements::new(&table, &[], database.dialect()));
        Self { database, passwords, table, further: Arc::default(), sql, user: PhantomData }
    }
}

impl<U: TableUser> SqlUsers<U> {
    /// Keeps users in other tables, such as the application's: [`UserTable::new`] shows an example.
    ///
    /// ```
    /// # use auth_core::Passwords;
    /// # use auth_sql::{SqlUsers, UserTable};
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let table = UserTable::new("people")?.with_username("login", "login_key")?;
    /// let users: SqlUsers = SqlUsers::new(pool, Passwords::new()?).with_table(table);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_table(mut self, table: UserTable) -> Self {
        self.sql = Arc::new(CurrentStatements::new(&table, &self.further, self.database.dialect()));
        self.table = Arc::new(table);
        self
    }

    /// Reads users as the application's own type, with further columns of its table.
    ///
    /// ```
    /// use auth_core::{User, UserId};
    /// use auth_sql::{RowError, SqlUser, TableUser, UserRow};
    ///
    /// struct Customer { user: SqlUser, email: String }
    ///
    /// impl User for Customer {
    ///     fn id(&self) -> UserId { self.user.id() }
    ///     fn security_stamp(&self) -> &[u8] { self.user.security_stamp() }
    ///     fn is_active(&self) -> bool { self.user.is_active() }
    ///     fn has_permission(&self, permission: &str) -> bool { self.user.has_permission(permission) }
    /// }
    ///
    /// impl TableUser for Customer {
    ///     const COLUMNS: &'static [&'static str] = &["email"];
    ///
    ///     fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
    ///         let email = row.text("email")?.ok_or(RowError::new("a customer has no address"))?;
    ///         Ok(Self { user, email: email.into() })
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if one of [`TableUser::COLUMNS`] is not a valid name of a column.
    pub fn with_user<V: TableUser>(self) -> Result<SqlUsers<V>, ConfigError> {
        let further = V::COLUMNS.iter().map(|name| Identifier::new(name)).collect::<Result<Arc<[_]>, _>>()?;
        let sql = Arc::new(CurrentStatements::new(&self.table, &further, self.database.dialect()));
        let Self { database, passwords, table, .. } = self;
        Ok(SqlUsers { database, passwords, table, further, sql, user: PhantomData })
    }

    /// The formats that new passwords get and that stored hashes may have.
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
    /// assert!(users.passwords().recognise("md5$plainly$no").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// The user with this name, in any case or width. `None` also for what cannot be a name.
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
    /// assert_eq!(users.find("ALICE").await?.ok_or("no alice")?.username(), "alice");
    /// assert!(users.find("mallory").await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the database could not answer.
    pub async fn find(&self, username: &str) -> Result<Option<U>, BackendError> {
        Ok(self.by_name(username).await?.map(|(user, _)| user))
    }

    async fn by_id(&self, id: &UserId) -> Result<Option<U>, DbError> {
        match self.try_by_id(id).await {
            Err(error) if self.turns_out_earlier(&error).await => self.try_by_id(id).await,
            found => found,
        }
    }

    async fn try_by_id(&self, id: &UserId) -> Result<Option<U>, DbError> {
        let Some(value) = self.table.id_value(id) else { return Ok(None) };
        let (sql, on) = (&self.sql.by_id, &self.database);
        let user: Option<U> = if self.sql.by_id_finds_one {
            on.first(sql, &[value], |row| self.user([row])).await?
        } else {
            on.fetch(sql, &[value], |rows| self.user(rows)).await?
        };
        // A column that compares without regard to case would find another user.
        Ok(user.filter(|user| user.id() == *id))
    }

    /// The user with this name, and their stored hash.
    async fn by_name(&self, username: &str) -> Result<Option<(U, Option<Box<str>>)>, DbError> {
        let Ok(key) = canonical(username) else { return Ok(None) };
        self.look_again().await;
        match self.try_by_name(&key).await {
            Err(error) if self.turns_out_earlier(&error).await => self.try_by_name(&key).await,
            found => found,
        }
    }

    async fn try_by_name(&self, key: &str) -> Result<Option<(U, Option<Box<str>>)>, DbError> {
        let (hash, found_key) = (found::own::<U>(), found::own::<U>() + 1);
        let read = |rows: &mut Rows<'_>| {
            // A column that compares without regard to accents would find another user.
            let rows = exact(rows, |row| Ok(row.text(found_key)? == Some(key)))?;
            let hash = rows.first().map_or(Ok(None), |row| row.text(hash))?.map(Into::into);
            Ok(self.user(rows)?.map(|user| (user, hash)))
        };
        self.database.fetch(&self.sql.by_name, &[key.into()], read).await
    }

    fn user<'r>(&self, rows: impl IntoIterator<Item = &'r dyn Columns>) -> Result<Option<U>, DbError> {
        found::user(rows, &self.table, self.database.dialect())
    }
}

/// The rows that match exactly.
fn exact<'r>(
    rows: &mut Rows<'r>,
    is_exact: impl Fn(&dyn Columns) -> Result<bool, DbError>,
) -> Result<Vec<&'r dyn Columns>, DbError> {
    rows.filter_map(|row| is_exact(row).map(|exact| exact.then_some(row)).transpose()).collect()
}

impl<U: TableUser> UserSource for SqlUsers<U> {
    type User = U;

    async fn get_user(&self, id: &UserId) -> Result<Option<U>, BackendError> {
        Ok(self.by_id(id).await?)
    }

    async fn health(&self) -> Health {
        self.database.health().await
    }
}

/// Whether or not `U` can be cloned.
impl<U> Clone for SqlUsers<U> {
    fn clone(&self) -> Self {
        Self {
            database: self.database.clone(),
            passwords: self.passwords.clone(),
            table: self.table.clone(),
            further: self.further.clone(),
            sql: self.sql.clone(),
            user: PhantomData,
        }
    }
}

impl<U> fmt::Debug for SqlUsers<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, table, .. } = self;
        f.debug_struct("SqlUsers").field("database", database).field("table", table).finish_non_exhaustive()
    }
}
