//! [`SqlOnce`]: used ids, in a table.

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
/// Each used id is a row with the id's hash as primary key, written by one `INSERT`: of several concurrent uses the
/// database accepts one. Rows that are no longer needed stay until they are purged: spawn
/// [`purge_every`](Self::purge_every).
///
/// All instances must write to one server. An id that a replica has not received yet, or that a primary lost in a
/// failover, can be used again.
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
    /// Keeps used ids in the table `auth_once`.
    ///
    /// ```
    /// # use auth_sql::SqlOnce;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let used = SqlOnce::new(pool);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(database: impl Into<Database>) -> Self {
        let database = database.into();
        let sql = Arc::new(Statements::new(&Statements::default_table(), database.dialect()));
        Self { database, sql }
    }

    /// Keeps used ids in another table.
    ///
    /// ```
    /// use auth_sql::SqlOnce;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// let used = SqlOnce::new(pool).with_table("shop_used")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] unless `table` is a letter or `_`, followed by at most 62 letters, digits or `_`.
    pub fn with_table(mut self, table: &str) -> Result<Self, ConfigError> {
        self.sql = Arc::new(Statements::new(&Identifier::new(table)?, self.database.dialect()));
        Ok(self)
    }

    /// Creates the table and its index where they are missing.
    ///
    /// ```
    /// # use auth_sql::SqlOnce;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let used = SqlOnce::new(pool);
    /// used.migrate().await?; // when the program starts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(self.database.migrate(&self.sql.migrate).await?)
    }

    /// Tries all that will be needed: see [`check_store`]. Call it when the program starts, after
    /// [`migrate`](Self::migrate).
    ///
    /// ```
    /// # use auth_sql::SqlOnce;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let used = SqlOnce::new(pool);
    /// # used.migrate().await?;
    /// used.check().await?; // after `migrate`, before the first request
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] of what failed first. Its sources name the table, the permission or the setting that is missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await?;
        check_store(self).await
    }

    /// Removes rows that are no longer needed now and then, for as long as it is polled: run it in a separate task.
    /// It works as [`SqlSessions::purge_every`](crate::SqlSessions::purge_every).
    ///
    /// ```
    /// # use auth_sql::SqlOnce;
    /// # use sqlx::sqlite::SqlitePoolOptions;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    /// # let used = SqlOnce::new(pool);
    /// tokio::spawn(used.clone().purge_every(std::time::Duration::from_mins(10)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn purge_every(self, about: Duration) {
        purge_every(&SystemClock, about, "used ids", |now, limit| self.purge(now, limit)).await;
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
