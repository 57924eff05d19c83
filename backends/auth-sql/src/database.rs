//! [`Database`]: the one place that knows which databases there are.

use std::fmt;
use std::time::Duration;

use sqlx::SqlStr;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlPool;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

use crate::driver::{Columns, Dialect, Driver, Rows, Value};
use crate::error::{DbError, DbErrorKind};

/// How often a statement is tried that the database undoes in favour of others.
const ATTEMPTS: u32 = 10;
/// How much longer it waits before each.
const PAUSE: Duration = Duration::from_millis(2);

/// A pool of connections to one of the databases that this crate speaks to. Made from sqlx's own pools.
#[derive(Clone)]
pub struct Database(Pool);

#[derive(Clone)]
enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    #[cfg(feature = "mysql")]
    MySql(MySqlPool),
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self(Pool::Sqlite(pool))
    }
}

#[cfg(feature = "postgres")]
impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self(Pool::Postgres(pool))
    }
}

/// `MySQL` or `MariaDB`.
#[cfg(feature = "mysql")]
impl From<MySqlPool> for Database {
    fn from(pool: MySqlPool) -> Self {
        Self(Pool::MySql(pool))
    }
}

/// The same expression for the pool of whichever database it is.
macro_rules! with_pool {
    ($database:expr, $pool:ident => $answer:expr) => {
        match &$database.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite($pool) => $answer,
            #[cfg(feature = "postgres")]
            Pool::Postgres($pool) => $answer,
            #[cfg(feature = "mysql")]
            Pool::MySql($pool) => $answer,
        }
    };
}

impl Database {
    /// How this database wants its SQL.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        fn of<D: Driver>(_: &D) -> &'static Dialect {
            D::DIALECT
        }
        with_pool!(self, pool => of(pool))
    }

    /// Makes what is missing. Several instances may do so at once.
    pub(crate) async fn migrate(&self, statements: &[SqlStr]) -> Result<(), DbError> {
        with_pool!(self, pool => pool.migrate(statements).await)
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        for attempt in 1..ATTEMPTS {
            match with_pool!(self, pool => pool.execute(sql, values).await) {
                // It was undone as a whole, and stands alone: nothing else was done that could be done twice.
                Err(error) if error.kind() == DbErrorKind::Undone => {
                    tokio::time::sleep(PAUSE * attempt).await;
                }
                answer => return answer,
            }
        }
        with_pool!(self, pool => pool.execute(sql, values).await)
    }

    /// Inserts at most one row; `false` if there was nothing to insert, or a unique column has a value already.
    pub(crate) async fn insert(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<bool, DbError> {
        match self.execute(sql, values).await {
            Ok(rows) => Ok(rows > 0),
            Err(error) if error.kind() == DbErrorKind::Taken => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Inserts a row for each of these, all of them or none; `false` where the statement finds that there is
    /// nothing to insert.
    ///
    /// Where somebody else inserts the same meanwhile, it is tried again, and finds theirs.
    pub(crate) async fn insert_all(
        &self,
        sql: &SqlStr,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<bool>, DbError> {
        let mut attempt = 1;
        loop {
            match with_pool!(self, pool => pool.execute_all(sql, rows).await) {
                Ok(changed) => return Ok(changed.into_iter().map(|rows| rows > 0).collect()),
                Err(error) if attempt < ATTEMPTS && error.is_of_others() => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a query and makes something of the rows.
    pub(crate) async fn fetch<T>(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        with_pool!(self, pool => {
            let rows = pool.fetch(sql, values).await?;
            read(&mut rows.iter().map(|row| row as &dyn Columns))
        })
    }
}

/// Without the pool's options: they hold the address.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dialect().name)
    }
}
