//! [`SqlOnce`]: what was used, in a table.

#[cfg(test)]
mod plans;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::once::{OnceId, OnceStore, check_store, kept_until};
use auth_core::session::StoreError;
use auth_core::time::{SystemClock, Timestamp};

use crate::Database;
use crate::identifier::Identifier;
use crate::purge::purge_every;
use crate::sessions::{millis, number};
use statements::Statements;

/// An [`OnceStore`] in a table, for all instances that share the database. Cheap to clone.
///
/// What is used is a row, by its hash, and one `INSERT`: the database lets one of a crowd have it, as it is the primary key.
/// Rows of what is over stay until they are purged: spawn [`purge_every`](Self::purge_every).
///
/// All instances must write to one server: what a replica has not heard of, or a primary forgot in a failover, may be used
/// again.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::once::{OnceId, OnceStore};
/// use auth_core::session::Purpose;
/// use auth_core::time::{Clock, SystemClock};
/// use auth_sql::SqlOnce;
/// # use sqlx::sqlite::SqlitePoolOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let used = SqlOnce::new(pool);
/// used.migrate().await?;
/// used.check().await?;
/// tokio::spawn(used.clone().purge_every(Duration::from_secs(600)));
///
/// let (invites, now) = (Purpose::new("shop.invites")?, SystemClock.now());
/// let is_first = used.use_once(OnceId::new(&invites, b"9f1c6a")?, now.plus(Duration::from_secs(600)), now).await?;
/// assert!(is_first);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlOnce {
    database: Database,
    sql: Arc<Statements>,
}

impl SqlOnce {
    /// In the table `auth_once`.
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// In another table.
    ///
    /// # Errors
    /// [`ConfigError`] if `table` is not a letter or `_` with at most 62 letters, digits or `_` behind it.
    pub fn with_table(mut self, table: &str) -> Result<Self, ConfigError> {
        self.sql = Arc::new(Statements::new(&Identifier::new(table)?, self.database.dialect()));
        Ok(self)
    }

    /// Makes the table and its index where they are missing.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }

    /// Tries all that will be needed: see [`check_store`]. To be called when the program starts, after
    /// [`migrate`](Self::migrate).
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the table, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await?;
        check_store(self).await
    }

    /// Removes rows now and then that need be kept no longer, for as long as it is polled: give it to a task of its own. As
    /// [`SqlSessions::purge_every`](crate::SqlSessions::purge_every).
    pub async fn purge_every(self, about: Duration) {
        purge_every(&SystemClock, about, "what was used once", |now, limit| self.purge(now, limit)).await;
    }
}

impl OnceStore for SqlOnce {
    async fn use_once(&self, id: OnceId<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let Some(kept) = kept_until(until, now) else { return Ok(false) };
        let key = id.key();
        Ok(self.database.insert(&self.sql.insert, &[key[..].into(), millis(kept).into()]).await?)
    }

    async fn purge(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError> {
        Ok(self.database.execute(&self.sql.purge, &[millis(before).into(), number(limit)]).await?)
    }
}

impl fmt::Debug for SqlOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlOnce").field("database", &self.database).finish_non_exhaustive()
    }
}
