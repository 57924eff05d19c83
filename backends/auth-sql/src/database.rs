//! [`Database`]: the one place that knows which databases there are.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use auth_core::backend::Health;
use auth_core::random::{OsRandom, Random as _};
use sqlx::SqlStr;
#[cfg(feature = "mysql")]
use sqlx::mysql::MySqlPool;
#[cfg(feature = "postgres")]
use sqlx::postgres::PgPool;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqlitePool;

#[cfg(feature = "postgres")]
use crate::driver::postgres;
#[cfg(feature = "sqlite")]
use crate::driver::sqlite::Connections;
use crate::driver::{self, Columns, Dialect, Driver, LaterColumn, Rows, Transaction as _, Value};
use crate::error::{DbError, DbErrorKind};

/// How long to retry a statement that the database rolls back in favour of others. It is a time and not a count: on a
/// busy machine the others take longer.
const TRIED_FOR: Duration = Duration::from_secs(30);
/// The longest pause between the first two tries. The limit doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The limit of all later pauses.
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// How often to insert rows whose unique values are taken: either by a concurrent writer, whose row the next try
/// finds, or by a constraint of the application, which stays.
const TAKEN: u32 = 10;

/// Retries of a statement that concurrent writers may overtake.
pub(crate) struct Tries {
    until: Instant,
    pause: Duration,
    taken: u32,
}

impl Tries {
    pub(crate) fn new() -> Self {
        Self { until: Instant::now() + TRIED_FOR, pause: FIRST_PAUSE, taken: 1 }
    }

    /// Waits before the next try; `false` if there is none. The pause is random, or the same two statements would
    /// collide again and again.
    pub(crate) async fn again_after(&mut self, error: &DbError) -> bool {
        let is_over = match error.kind() {
            DbErrorKind::Undone => Instant::now() >= self.until,
            DbErrorKind::Taken => self.taken >= TAKEN,
            _ => true,
        };
        if is_over {
            return false;
        }
        self.taken += u32::from(error.kind() == DbErrorKind::Taken);
        let mut random = [u8::MAX];
        // Without a random number it waits for the longest pause.
        let _ = OsRandom.fill(&mut random);
        tokio::time::sleep(self.pause * u32::from(random[0]) / u32::from(u8::MAX)).await;
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        true
    }
}

/// A pool of connections to one of the supported databases. It is made from sqlx's pools.
///
/// ```
/// use auth_core::Passwords;
/// use auth_sql::{Database, SqlSessions, SqlUsers};
/// # use sqlx::sqlite::SqlitePoolOptions;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
/// let database = Database::from(pool);
/// let users = SqlUsers::new(database.clone(), Passwords::new()?);
/// let sessions = SqlSessions::new(database);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database(Pool);

#[derive(Clone)]
enum Pool {
    #[cfg(feature = "sqlite")]
    Sqlite(Connections),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Connections),
    #[cfg(feature = "mysql")]
    MySql(MySqlPool),
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self(Pool::Sqlite(Connections::of(pool)))
    }
}

/// Put `statement-cache-capacity=0` into the URL for a pooler behind which clients share connections: see [the
/// crate](crate#behind-pgbouncer).
#[cfg(feature = "postgres")]
impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self(Pool::Postgres(postgres::Connections::of(pool)))
    }
}

/// `MySQL` or `MariaDB`.
#[cfg(feature = "mysql")]
impl From<MySqlPool> for Database {
    fn from(pool: MySqlPool) -> Self {
        Self(Pool::MySql(pool))
    }
}

/// Evaluates the same expression for the pool of any database.
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

    /// Creates what is missing. Several instances may do so at once.
    pub(crate) async fn migrate(&self, statements: &[SqlStr]) -> Result<(), DbError> {
        let made = with_pool!(self, pool => pool.migrate(statements).await);
        made.map_err(|error| match statements {
            [first, ..] => error.in_statement(first),
            [] => error,
        })
    }

    /// Adds a column to a table of an earlier version. Several instances may do so at once.
    ///
    /// It looks for the column first: adding one waits for every user of the table, such as a dump, while everybody
    /// else queues behind. A table should be locked like that only once, and not at each start of an instance.
    pub(crate) async fn add_column(&self, column: &LaterColumn) -> Result<(), DbError> {
        if self.has(column).await? {
            return Ok(());
        }
        match self.migrate(std::slice::from_ref(&column.add)).await {
            // Another instance was faster. Each database reports this differently, and MySQL has no IF NOT EXISTS.
            Err(_) if self.has(column).await? => Ok(()),
            answer => answer,
        }
    }

    /// Whether the table has the column.
    pub(crate) async fn has(&self, column: &LaterColumn) -> Result<bool, DbError> {
        self.is_any(&column.find, &[]).await
    }

    /// Whether a query finds a row.
    pub(crate) async fn is_any(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<bool, DbError> {
        Ok(self.first(sql, values, |_| Ok(Some(()))).await?.is_some())
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        let mut tries = Tries::new();
        loop {
            match with_pool!(self, pool => pool.execute(sql, values).await) {
                // It was rolled back as a whole, and was the only statement: nothing is done twice.
                Err(error) if error.kind() == DbErrorKind::Undone => {
                    if !tries.again_after(&error).await {
                        return Err(error);
                    }
                }
                answer => return answer.map_err(|error| error.in_statement(sql)),
            }
        }
    }

    /// Inserts at most one row; `false` if there was nothing to insert, or a unique column already has the value.
    pub(crate) async fn insert(&self, sql: &SqlStr, values: &[Value<'_>]) -> Result<bool, DbError> {
        match self.execute(sql, values).await {
            Ok(rows) => Ok(rows > 0),
            Err(error) if error.kind() == DbErrorKind::Taken => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Inserts a row for each of these, all of them or none; `false` if the statement finds nothing to insert.
    ///
    /// If a concurrent writer inserts the same, it tries again and finds that row.
    pub(crate) async fn insert_all(
        &self,
        sql: &SqlStr,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<bool>, DbError> {
        let mut tries = Tries::new();
        loop {
            match with_pool!(self, pool => pool.execute_all(sql, rows).await) {
                Ok(changed) => return Ok(changed.into_iter().map(|rows| rows > 0).collect()),
                Err(error) => {
                    if !tries.again_after(&error).await {
                        return Err(error.in_statement(sql));
                    }
                }
            }
        }
    }

    /// Runs a query and maps its rows.
    pub(crate) async fn fetch<T>(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        with_pool!(self, pool => {
            let rows = pool.fetch(sql, values).await.map_err(|error| error.in_statement(sql))?;
            read(&mut rows.iter().map(|row| row as &dyn Columns))
        })
    }

    /// Runs a query that finds at most one row, or of which only the first counts, and maps it.
    pub(crate) async fn first<T>(
        &self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Columns) -> Result<Option<T>, DbError>,
    ) -> Result<Option<T>, DbError> {
        with_pool!(self, pool => {
            let row = pool.first(sql, values).await.map_err(|error| error.in_statement(sql))?;
            row.map_or(Ok(None), |row| read(&row))
        })
    }

    /// Checks whether the connections support what statements need.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "PostgreSQL is asked, and the others need no question")
    )]
    pub(crate) async fn check(&self) -> Result<(), DbError> {
        match &self.0 {
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => pool.check().await,
            #[cfg(any(feature = "sqlite", feature = "mysql"))]
            _ => Ok(()),
        }
    }

    /// Whether the database answers at all on a connection of the pool.
    pub(crate) async fn health(&self) -> Health {
        match self.execute(&self.dialect().statement("SELECT 1"), &[]).await {
            Ok(_) => Health::Serving,
            Err(_) => Health::Down,
        }
    }

    /// Begins statements that take effect together. If the database rolls them back in favour of others, the caller
    /// has to repeat all of them.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbError> {
        Ok(Transaction(match &self.0 {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => Begun::Sqlite(Driver::begin(pool).await?),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Begun::Postgres(Driver::begin(pool).await?),
            #[cfg(feature = "mysql")]
            Pool::MySql(pool) => Begun::MySql(Driver::begin(pool).await?),
        }))
    }
}

/// Statements that take effect together. Dropping it rolls them back.
pub(crate) struct Transaction(Begun);

enum Begun {
    #[cfg(feature = "sqlite")]
    Sqlite(<Connections as Driver>::Transaction),
    #[cfg(feature = "postgres")]
    Postgres(<postgres::Connections as Driver>::Transaction),
    #[cfg(feature = "mysql")]
    MySql(<MySqlPool as Driver>::Transaction),
}

/// Evaluates the same expression for the transaction of any database.
macro_rules! with_begun {
    ($transaction:expr, $begun:ident => $answer:expr) => {
        match $transaction {
            #[cfg(feature = "sqlite")]
            Begun::Sqlite($begun) => $answer,
            #[cfg(feature = "postgres")]
            Begun::Postgres($begun) => $answer,
            #[cfg(feature = "mysql")]
            Begun::MySql($begun) => $answer,
        }
    };
}

impl Transaction {
    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &SqlStr, values: &[Value<'_>]) -> Result<u64, DbError> {
        let done = with_begun!(&mut self.0, begun => begun.execute(sql, values).await);
        done.map_err(|error| error.in_statement(sql))
    }

    /// Commits the transaction.
    pub(crate) async fn commit(self) -> Result<(), DbError> {
        with_begun!(self.0, begun => driver::Transaction::commit(begun).await)
    }

    /// Rolls the transaction back. If even that fails, the connection is closed, which has the same effect.
    pub(crate) async fn undo(self) {
        let undone = with_begun!(self.0, begun => driver::Transaction::undo(begun).await);
        if let Err(error) = undone {
            tracing::debug!(target: "auth", "a connection was given up: {error}");
        }
    }
}

/// Where queries run: the database itself, or a transaction.
pub(crate) trait Reader: Send {
    /// Runs a query and maps its rows.
    fn read<T: Send>(
        &mut self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, DbError> + Send,
    ) -> impl Future<Output = Result<T, DbError>> + Send;
}

impl Reader for &Database {
    async fn read<T: Send>(
        &mut self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, DbError> + Send,
    ) -> Result<T, DbError> {
        self.fetch(sql, values, read).await
    }
}

impl Reader for Transaction {
    async fn read<T: Send>(
        &mut self,
        sql: &SqlStr,
        values: &[Value<'_>],
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, DbError> + Send,
    ) -> Result<T, DbError> {
        with_begun!(&mut self.0, begun => {
            let rows = begun.fetch(sql, values).await.map_err(|error| error.in_statement(sql))?;
            read(&mut rows.iter().map(|row| row as &dyn Columns))
        })
    }
}

/// Without the pool's options, which contain the address.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dialect().name)
    }
}
