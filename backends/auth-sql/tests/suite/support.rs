//! What the tests share: databases, cheap hashes, a chain.

use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_core::password::Argon2Cost;
use auth_core::{Auth, BackendPolicy, Denied, DeniedKind, Password, Passwords, RequestFacts, Secret};
use auth_sql::{Database, SqlUser, SqlUsers};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, raw_sql};
use tempfile::TempDir;
use test_servers::{MariaDb, PgBouncer, Postgres};

/// Where databases are made.
pub(crate) enum Place {
    Sqlite,
    Postgres(Box<Postgres>),
    /// The pooler, which is ended first, before the server.
    PgBouncer(Box<(PgBouncer, Postgres)>),
    MariaDb(Box<MariaDb>),
}

impl Place {
    pub(crate) fn postgres() -> Self {
        Self::Postgres(Box::new(Postgres::start_with(&[("max_connections", "500")])))
    }

    /// Behind a pooler that hands each transaction to another connection.
    pub(crate) fn pgbouncer() -> Self {
        let server = Postgres::start_with(&[("max_connections", "500")]);
        Self::PgBouncer(Box::new((PgBouncer::before(&server), server)))
    }

    pub(crate) fn maria_db() -> Self {
        Self::maria_db_with(&[])
    }

    pub(crate) fn maria_db_with(further: &[&str]) -> Self {
        let arguments = [&["--max-connections=500"], further].concat();
        Self::MariaDb(Box::new(MariaDb::start_with(&arguments)))
    }

    /// A new database, over as many connections as a small server has.
    pub(crate) async fn db(&self) -> Db {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("app{}", MADE.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::tempdir().unwrap();
        let pool = match self {
            Self::Sqlite => Pool::Sqlite(open(&dir, SqliteJournalMode::Wal, 8).await),
            Self::Postgres(server) => {
                let options = PgConnectOptions::from_str(&server.url()).unwrap();
                let creator = PgPoolOptions::new().connect_with(options.clone()).await.unwrap();
                run(raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&creator)).await;
                creator.close().await;
                let pool = PgPoolOptions::new().max_connections(8);
                Pool::Postgres(pool.connect_with(options.options([("search_path", &name)])).await.unwrap())
            }
            Self::PgBouncer(servers) => {
                let (between, server) = &**servers;
                let options = PgConnectOptions::from_str(&server.url()).unwrap();
                let creator = PgPoolOptions::new().connect_with(options.clone()).await.unwrap();
                run(raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&creator)).await;
                creator.close().await;
                let pool = PgPoolOptions::new().max_connections(8);
                let direct = pool.clone().connect_with(options.database(&name)).await.unwrap();
                let options = PgConnectOptions::from_str(&between.url()).unwrap().database(&name);
                let pooled = pool.acquire_timeout(LIMIT).connect_with(options.statement_cache_capacity(0));
                Pool::Pooled { pooled: pooled.await.unwrap(), direct }
            }
            Self::MariaDb(server) => {
                let options = MySqlConnectOptions::from_str(&server.url()).unwrap();
                let creator = MySqlPoolOptions::new().connect_with(options.clone()).await.unwrap();
                run(raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&creator)).await;
                creator.close().await;
                let pool = MySqlPoolOptions::new().max_connections(8);
                Pool::MySql(pool.connect_with(options.database(&name)).await.unwrap())
            }
        };
        Db { dir, name, pool }
    }
}

async fn run<T>(query: impl Future<Output = Result<T, sqlx::Error>>) {
    query.await.unwrap();
}

#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    /// What is tested, and what the tests themselves ask.
    Pooled {
        pooled: PgPool,
        direct: PgPool,
    },
    MySql(MySqlPool),
}

/// The same expression for the pool of whichever database it is, over which the tests themselves ask.
macro_rules! with_pool {
    ($db:expr, $pool:ident => $answer:expr) => {
        match &$db.pool {
            Pool::Sqlite($pool) => $answer,
            Pool::Postgres($pool) | Pool::Pooled { direct: $pool, .. } => $answer,
            Pool::MySql($pool) => $answer,
        }
    };
}

/// A database, as a server would open it.
pub(crate) struct Db {
    /// The files of an embedded one.
    pub(crate) dir: TempDir,
    pub(crate) name: String,
    pub(crate) pool: Pool,
}

impl Db {
    pub(crate) fn database(&self) -> Database {
        match &self.pool {
            Pool::Sqlite(pool) => pool.clone().into(),
            Pool::Postgres(pool) | Pool::Pooled { pooled: pool, .. } => pool.clone().into(),
            Pool::MySql(pool) => pool.clone().into(),
        }
    }

    /// The same database over separate connections, as another instance opens it.
    pub(crate) fn another_pool(&self) -> impl Future<Output = Database> + use<> {
        let (pool, sqlite) = (self.pool.clone(), options(&self.dir, SqliteJournalMode::Wal));
        async move {
            match pool {
                Pool::Sqlite(_) => SqlitePoolOptions::new().connect_with(sqlite).await.unwrap().into(),
                Pool::Postgres(pool) | Pool::Pooled { pooled: pool, .. } => {
                    PgPoolOptions::new().connect_with((*pool.connect_options()).clone()).await.unwrap().into()
                }
                Pool::MySql(pool) => MySqlPoolOptions::new()
                    .connect_with((*pool.connect_options()).clone())
                    .await
                    .unwrap()
                    .into(),
            }
        }
    }

    pub(crate) async fn users(&self) -> SqlUsers {
        let users = SqlUsers::new(self.database(), passwords(16));
        users.migrate().await.unwrap();
        users
    }

    pub(crate) async fn close(&self) {
        if let Pool::Pooled { pooled, .. } = &self.pool {
            pooled.close().await;
        }
        with_pool!(self, pool => pool.close().await);
    }

    /// What each database wants to have in this place.
    pub(crate) fn pick<T>(&self, sqlite: T, postgres: T, mysql: T) -> T {
        match self.pool {
            Pool::Sqlite(_) => sqlite,
            Pool::Postgres(_) | Pool::Pooled { .. } => postgres,
            Pool::MySql(_) => mysql,
        }
    }

    /// A text of SQL with the words of this database, and names in double quotes.
    fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        let words = self.pick(
            ["INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT", "TEXT COLLATE NOCASE", "BLOB", "\""],
            ["INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "TEXT", "TEXT COLLATE lax", "BYTEA", "\""],
            ["INT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "VARCHAR(99)", "VARCHAR(99)", "BLOB", "`"],
        );
        let marks = ["{counted}", "{text}", "{lax}", "{bytes}", "\""];
        AssertSqlSafe(
            marks.iter().zip(words).fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word)),
        )
    }

    pub(crate) async fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        with_pool!(self, pool => Ok(sqlx::query(self.sql(sql)).execute(pool).await?.rows_affected()))
    }

    /// A collation that does not tell `a` from `A`, for `{lax}`. `MariaDB`'s own is one.
    pub(crate) async fn make_lax_collation(&self) {
        let sql = "CREATE COLLATION lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
        if let Pool::Postgres(_) | Pool::Pooled { .. } = self.pool {
            self.execute(sql).await.unwrap();
        }
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        with_pool!(self, pool => sqlx::query_scalar(self.sql(sql)).fetch_one(pool).await.unwrap())
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let bytes: Vec<u8> = match &self.pool {
            Pool::Sqlite(pool) => {
                sqlx::query_scalar::<_, String>(self.sql(sql)).fetch_one(pool).await.unwrap().into()
            }
            Pool::Postgres(pool) | Pool::Pooled { direct: pool, .. } => {
                sqlx::query_scalar::<_, String>(self.sql(sql)).fetch_one(pool).await.unwrap().into()
            }
            Pool::MySql(pool) => sqlx::query_scalar(self.sql(sql)).fetch_one(pool).await.unwrap(),
        };
        String::from_utf8(bytes).unwrap()
    }

    /// Bytes as a value in a text of SQL.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        let hex = hex(bytes);
        self.pick(format!("x'{hex}'"), format!("'\\x{hex}'"), format!("x'{hex}'"))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// How long anything may take on a machine that has much else to do.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Waits until something is so.
pub(crate) async fn eventually<T>(what: &str, is: impl AsyncFn() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(value) = is().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// For a backend that is not too slow, however busy the machine is.
pub(crate) const PATIENT: BackendPolicy = BackendPolicy::new().timeout(LIMIT);

/// Runs a case like a separate test.
pub(crate) fn run_case(name: &str, case: impl Future<Output = ()>) {
    println!("{name}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case);
}

/// Makes the cases tests: each its own one on `SQLite`, and one after the other where a server must start, which
/// takes longer than they do.
macro_rules! on_every_database {
    [$($case:ident),* $(,)?] => {
        mod sqlite {
            $(#[test]
            fn $case() {
                crate::support::run_case(stringify!($case), super::$case(&crate::support::Place::Sqlite));
            })*
        }

        pub(crate) fn all(place: &crate::support::Place) {
            $(crate::support::run_case(concat!(module_path!(), "::", stringify!($case)), $case(place));)*
        }
    };
}
pub(crate) use on_every_database;

pub(crate) fn options(dir: &TempDir, mode: SqliteJournalMode) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(dir.path().join("auth.db"))
        .create_if_missing(true)
        .journal_mode(mode)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(LIMIT)
}

pub(crate) async fn open(dir: &TempDir, mode: SqliteJournalMode, connections: u32) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(connections).acquire_timeout(LIMIT);
    pool.connect_with(options(dir, mode)).await.unwrap()
}

/// A pool over hashes of `memory` KiB: for tests only.
pub(crate) fn passwords(memory: u32) -> Passwords {
    let cost = Argon2Cost::dangerous_weak(memory, 1, 1).unwrap();
    Passwords::builder().cost(cost).threads(1).queue(100).wait(LIMIT).build().unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// Signs in through a chain, as an application does.
pub(crate) async fn login(users: &SqlUsers, username: &str, password: &str) -> Result<SqlUser, Denied> {
    let auth = Auth::builder().chain_timeout(LIMIT).backend_with::<Password>("local", users.clone(), PATIENT);
    let auth = auth.build().unwrap();
    let authenticated = auth.authenticate(Password::new(username, password), &RequestFacts::none()).await?;
    Ok(authenticated.user().clone())
}

/// What kept a login from succeeding; `None` if nothing did.
pub(crate) async fn kind(users: &SqlUsers, username: &str, password: &str) -> Option<DeniedKind> {
    login(users, username, password).await.err().map(|denied| denied.kind())
}

/// An error with its sources, as a log shows it.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error} {error:?}");
        source = error.source();
    }
    text
}
