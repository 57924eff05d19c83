//! Tables that an earlier version made, before they are migrated: without the column of who must change their password.

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

/// The statements for a table, and those that do without the column, as soon as it turns out to be missing.
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
    /// Makes the tables that are missing. One that is there is left as it is, but that the default one of an earlier version
    /// gets the column `must_change_password`; instances of that version may go on using it.
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

    /// Whether a statement failed since the table is of an earlier version: from here on statements do without the column, and
    /// may be tried again.
    pub(super) async fn turns_out_earlier(&self, error: &DbError) -> bool {
        if error.kind() != DbErrorKind::Lacking || self.sql.earlier.is_none() {
            return false;
        }
        // Whatever else is missing stays an error.
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
        // Migrated between the two: what `migrate` wrote must not be overwritten.
        self.look_again().await;
        true
    }

    /// Looks whether a table of an earlier version was migrated meanwhile, for logins and whatever else is done rarely.
    pub(super) async fn look_again(&self) {
        if self.sql.is_earlier.load(Ordering::Relaxed) && self.has_column().await == Some(true) {
            self.sql.is_earlier.store(false, Ordering::Relaxed);
        }
    }

    /// `None` if that is not known.
    async fn has_column(&self) -> Option<bool> {
        self.database.has(self.sql.later()?).await.ok()
    }

    /// Runs one of the statements that name the column, also on a table of an earlier version. `None` if there it has none.
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
