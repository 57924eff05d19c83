//! The stores, on real servers.

use auth_core::session::{MemorySessions, SessionStore};
use auth_redis::RedisSessions;
use auth_sql::{Database, SqlSessions};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use test_servers::{MariaDb, Postgres, Redis};

/// A store, and what it needs for as long as it is used.
pub(crate) struct Place<S, K> {
    pub(crate) store: S,
    _kept: K,
}

/// As many connections as a small server has.
const CONNECTIONS: u32 = 8;

pub(crate) async fn memory() -> Place<MemorySessions, ()> {
    Place { store: MemorySessions::new(ROOM), _kept: () }
}

/// How many sessions the store in memory has room for: fewer than a client begins.
pub(crate) const ROOM: usize = 50;

async fn sql<K>(database: impl Into<Database>, kept: K) -> Place<SqlSessions, K> {
    let store = SqlSessions::new(database);
    store.migrate().await.expect("a new database takes a table");
    Place { store, _kept: kept }
}

pub(crate) async fn sqlite() -> Place<impl SessionStore + Clone, TempDir> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await;
    sql(pool.expect("a file can be made"), folder).await
}

pub(crate) async fn postgres() -> Place<impl SessionStore + Clone, Postgres> {
    let server = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect(&server.url()).await;
    sql(pool.expect("it takes us"), server).await
}

pub(crate) async fn maria_db() -> Place<impl SessionStore + Clone, MariaDb> {
    let server = MariaDb::start();
    let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).connect(&server.url()).await;
    sql(pool.expect("it takes us"), server).await
}

pub(crate) async fn redis() -> Place<impl SessionStore + Clone, Redis> {
    let server = Redis::new().start();
    let client = redis::Client::open(server.url()).expect("a URL");
    Place { store: RedisSessions::new(client).expect("it can be used"), _kept: server }
}

/// Runs a test on every store.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        on_every_store!(@memory $($test)*);
        on_every_store!(@sqlite $($test)*);
        on_every_store!(@postgres $($test)*);
        on_every_store!(@maria_db $($test)*);
        on_every_store!(@redis $($test)*);
    };
    (@$place:ident $($test:ident)*) => {
        mod $place {
            $(
                #[tokio::test]
                async fn $test() {
                    let place = crate::place::$place().await;
                    super::$test(std::sync::Arc::new(place.store)).await;
                }
            )*
        }
    };
}
pub(crate) use on_every_store;
