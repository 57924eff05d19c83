//! [`Database`]: the one place that knows which databases there are.

use std::fmt;

use sqlx::SqlStr;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

use crate::driver::{Columns, Dialect, Driver, Value};
use crate::error::DbError;

/// A pool of connections to one of the databases that this crate speaks to. Made from sqlx's own pools.
#[derive(Clone)]
pub struct Database(Pool);

#[derive(Clone)]
enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self(Pool::Sqlite(pool))
    }
}

impl Database {
    /// How this database wants its SQL.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        match self.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => SqlitePool::DIALECT,
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        match &self.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => pool.execute(sql, values).await,
        }
    }

    /// Runs a query and shows each row to `read`.
    pub(crate) async fn fetch(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
        mut read: impl FnMut(&dyn Columns) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        match &self.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => pool.fetch(sql, values).await?.iter().try_for_each(|row| read(row)),
        }
    }
}

/// Without the pool's options: they hold the address.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => "Sqlite",
        })
    }
}
