//! Tables that an earlier version created and that are not migrated yet: they lack the column that says who must
//! change their password.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::backend::BackendError;
use sqlx::SqlStr;

use super::SqlUsers;
use super::statements::Statements;
use super::table::{MustChange, UserTable};
use crate::TableUser;
use crate::driver::{Dialect, LaterColumn, Value};
use crate::error::{DbError, DbErrorKind};
use crate::identifier::Identifier;

/// The statements for a table, and those that do without the column, used once it turns out to be missing.
pub(super) struct CurrentStatements {
    whole: Statements,
    earlier: Option<Statements>,
    is_earlier: AtomicBool,
}

impl CurrentStatements {
    pub(super) fn new(table: &UserTable, further: &[Identifier], dialect: &Dialect) -> Self {
        let may_be_earlier =
            table.must_change.as_ref().is_some_and(|MustChange { may_be_missing, .. }| *may_be_missing);
        let earlier = may_be_earlier
            .then(|| Statements::new(&table.clone().without_must_change_password(), further, dialect));
        Self { whole: Statements::new(table, further, dialect), earlier, is_earlier: AtomicBool::new(false) }
    }

    fn later(&self) -> Option<&LaterColumn> {
        self.whole.temporary.as_ref()?.later.as_ref()
    }
}

impl Deref for CurrentStatements {
    type Target = Statements;

    fn deref(&self) -> &Statements {
        match &self.earlier {
            Some(earlier) if self.is_earlier.load(Ordering::Relaxed) => earlier,
            _ => &self.whole,
        }
    }
}

impl<U: TableUser> SqlUsers<U> {
    /// Creates the tables that are missing. Existing tables stay as they are, with one exception: a default table of
    /// an earlier version gets the column `must_change_password`. Instances of that version may go on using it.
    ///
    /// ```
    /// use auth_core::Passwords;
    /// use auth_sql::SqlUsers;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let users = SqlUsers::new(pool, Passwords::new()?);
    /// users.migrate().await?;
    /// users.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), BackendError> {
        self.database.migrate(&self.sql.whole.migrate).await?;
        if let Some(column) = self.sql.later() {
            self.database.add_column(column).await?;
            self.sql.is_earlier.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether a statement failed because the table is of an earlier version. If so, statements do without the column
    /// from here on, and may be tried again.
    pub(super) async fn turns_out_earlier(&self, error: &DbError) -> bool {
        if error.kind() != DbErrorKind::Lacking || self.sql.earlier.is_none() {
            return false;
        }
        // Anything else that is missing stays an error.
        if self.has_column().await != Some(false) {
            return false;
        }
        if !self.sql.is_earlier.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "auth",
                "the user table lacks the column `must_change_password`: until `migrate()` adds it, nobody is asked to change a \
                 temporary password"
            );
        }
        // Another instance migrated in between: what `migrate` wrote must not be overwritten.
        self.look_again().await;
        true
    }

    /// Looks whether the table was migrated meanwhile, at logins and other rare operations.
    pub(super) async fn look_again(&self) {
        if self.sql.is_earlier.load(Ordering::Relaxed) && self.has_column().await == Some(true) {
            self.sql.is_earlier.store(false, Ordering::Relaxed);
        }
    }

    /// `None` if that is not known.
    async fn has_column(&self) -> Option<bool> {
        self.database.has(self.sql.later()?).await.ok()
    }

    /// Runs one of the statements that name the column. Returns `None` if the table does not have it.
    pub(super) async fn execute(
        &self,
        sql: fn(&Statements) -> Option<&SqlStr>,
        values: &[Value<'_>],
    ) -> Result<Option<u64>, DbError> {
        let Some(whole) = sql(&self.sql) else { return Ok(None) };
        match self.database.execute(whole, values).await {
            Err(error) if self.turns_out_earlier(&error).await => match sql(&self.sql) {
                Some(earlier) => self.database.execute(earlier, values).await.map(Some),
                None => Ok(None),
            },
            done => done.map(Some),
        }
    }
}
