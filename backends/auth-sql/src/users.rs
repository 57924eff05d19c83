//! [`SqlUsers`]: users in a table.

mod error;
mod found;
mod judge;
mod manage;
mod provision;
mod statements;
mod table;

use std::fmt;
use std::sync::Arc;

use auth_core::{BackendError, Passwords, UserId, UserSource};
use sqlx::SqlStr;

use crate::driver::{Columns, Value};
use crate::error::DbError;
use crate::{Database, SqlUser, canonical};
pub use error::{UserError, UserErrorKind};
use found::Found;
use statements::Statements;
pub use table::UserTable;

/// Users in a table: a [`Backend`](auth_core::Backend) for passwords, and a
/// [`Provisioner`](auth_core::Provisioner). Cheap to clone.
///
/// What changes a user is written so that it holds from their next request on: sessions reload their user, and
/// a change of the password or [`end_sessions`](Self::end_sessions) draws a new security stamp.
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
#[derive(Clone)]
pub struct SqlUsers {
    database: Database,
    passwords: Passwords,
    table: Arc<UserTable>,
    sql: Arc<Statements>,
    creates: bool,
}

impl SqlUsers {
    /// Users in the tables that [`migrate`](Self::migrate) makes.
    pub fn new(database: impl Into<Database>, passwords: Passwords) -> Self {
        let (database, table) = (database.into(), Arc::new(UserTable::default()));
        let sql = Arc::new(Statements::new(&table, database.dialect()));
        Self { database, passwords, table, sql, creates: true }
    }

    /// Users in other tables, such as the application's own.
    #[must_use]
    pub fn with_table(mut self, table: UserTable) -> Self {
        self.sql = Arc::new(Statements::new(&table, self.database.dialect()));
        self.table = Arc::new(table);
        self
    }

    /// Provisions only people who have a row: others are denied.
    #[must_use]
    pub fn without_creation(mut self) -> Self {
        self.creates = false;
        self
    }

    /// Makes the tables that are missing. One that is there is left as it is.
    ///
    /// # Errors
    /// [`BackendError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), BackendError> {
        for statement in &self.sql.migrate {
            self.database.execute(statement, &[]).await?;
        }
        Ok(())
    }

    /// The user with this name, in whatever case or width it is written. `None` also for what cannot be a name.
    ///
    /// # Errors
    /// [`BackendError`] if the database could not answer.
    pub async fn find(&self, username: &str) -> Result<Option<SqlUser>, BackendError> {
        Ok(self.by_name(username).await?.map(|(user, _)| user))
    }

    /// The user with this name and the stored hash.
    async fn by_name(&self, username: &str) -> Result<Option<(SqlUser, Option<Box<str>>)>, DbError> {
        let Ok(key) = canonical(username) else { return Ok(None) };
        let mut hash = None;
        let exact = |row: &dyn Columns| {
            hash = row.text(found::EXTRA)?.map(Into::into);
            // A column that compares without regard to accents would find somebody else.
            Ok(row.text(found::EXTRA + 1)? == Some(&key))
        };
        let user = self.fetch(&self.sql.by_name, &[key.as_str().into()], exact).await?;
        Ok(user.map(|user| (user, hash)))
    }

    /// The one user that a query finds, from those of its rows that `exact` says are what was asked for.
    async fn fetch(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
        mut exact: impl FnMut(&dyn Columns) -> Result<bool, DbError>,
    ) -> Result<Option<SqlUser>, DbError> {
        let mut found = None;
        let read = |row: &dyn Columns| {
            if exact(row)? { Found::add(&mut found, row, &self.table) } else { Ok(()) }
        };
        self.database.fetch(sql, values, read).await?;
        Ok(found.map(Found::into_user))
    }
}

impl UserSource for SqlUsers {
    type User = SqlUser;

    async fn get_user(&self, id: &UserId) -> Result<Option<SqlUser>, BackendError> {
        let Some(value) = self.table.id_value(id) else { return Ok(None) };
        let user = self.fetch(&self.sql.by_id, &[value], |_| Ok(true)).await?;
        Ok(user.filter(|user| user.id == *id))
    }
}

impl fmt::Debug for SqlUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, table, creates, .. } = self;
        f.debug_struct("SqlUsers")
            .field("database", database)
            .field("table", table)
            .field("creates", creates)
            .finish_non_exhaustive()
    }
}
