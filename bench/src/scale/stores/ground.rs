//! Where sessions are kept, each in a way that stores of several sizes can be open at the same time.

use std::panic::{self, UnwindSafe};
use std::path::Path;

use auth_core::session::{MemorySessions, SessionStore};
use auth_redis::RedisSessions;
use auth_sql::SqlSessions;
use redis::{Client, Script};
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, raw_sql};
use test_servers::{MariaDb, Postgres, Redis};

use crate::sites::sqlite_at;
use crate::start_redis;

/// A store, and what is done to it that is no store's own business.
pub(super) trait Ground {
    type Store: SessionStore;

    fn store(&self) -> &Self::Store;

    /// How many sessions are best made at a time.
    fn writers(&self) -> usize {
        1
    }

    /// Whether there is no room for more sessions than those that it was made for.
    fn is_bounded(&self) -> bool {
        false
    }

    /// Does now, after it was filled, what would be done in the background while it is measured.
    async fn settle(&self) -> Result<(), String> {
        Ok(())
    }

    /// Ends all sessions by the store's own clock, if it has one.
    async fn end_all(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Ground for MemorySessions {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn is_bounded(&self) -> bool {
        true
    }
}

/// How many connections fill a database.
const CONNECTIONS: u32 = 8;

/// A table.
pub(super) struct Sql {
    sessions: SqlSessions,
    server: Option<Server>,
    table: String,
}

/// The pools ask no connection whether it still is one before they lend it: that is not what is measured.
#[derive(Clone)]
pub(super) enum Server {
    Postgres(PgPool),
    MariaDb(MySqlPool),
}

impl Server {
    pub(super) async fn postgres(server: &Postgres) -> Result<Self, String> {
        let options = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        options
            .connect(&server.url())
            .await
            .map(Self::Postgres)
            .map_err(|error| format!("PostgreSQL: {error}"))
    }

    pub(super) async fn maria_db(server: &MariaDb) -> Result<Self, String> {
        let options = MySqlPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        options.connect(&server.url()).await.map(Self::MariaDb).map_err(|error| format!("MariaDB: {error}"))
    }
}

impl Sql {
    /// In a file of this folder, as the other parts of the benchmark have it.
    pub(super) async fn sqlite(folder: &Path, sessions: usize) -> Result<Self, String> {
        let pool = sqlite_at(&folder.join(format!("{sessions}.sqlite3"))).await?;
        Self::migrated(SqlSessions::new(pool), None, sessions).await
    }

    /// On a server.
    pub(super) async fn on(server: &Server, sessions: usize) -> Result<Self, String> {
        let store = match server {
            Server::Postgres(pool) => SqlSessions::new(pool.clone()),
            Server::MariaDb(pool) => SqlSessions::new(pool.clone()),
        };
        Self::migrated(store, Some(server.clone()), sessions).await
    }

    async fn migrated(store: SqlSessions, server: Option<Server>, sessions: usize) -> Result<Self, String> {
        let table = format!("sessions_{sessions}");
        let sessions = store.with_table(&table).map_err(|error| error.to_string())?;
        sessions.migrate().await.map_err(|error| format!("no table {table}: {error}"))?;
        Ok(Self { sessions, server, table })
    }
}

impl Ground for Sql {
    type Store = SqlSessions;

    fn store(&self) -> &SqlSessions {
        &self.sessions
    }

    fn writers(&self) -> usize {
        // In SQLite, one writes at a time.
        self.server.as_ref().map_or(1, |_| CONNECTIONS as usize)
    }

    /// What the servers do by themselves before long: the planner then knows how big the table is.
    async fn settle(&self) -> Result<(), String> {
        let done = match &self.server {
            None => return Ok(()),
            Some(Server::Postgres(pool)) => {
                let sql = AssertSqlSafe(format!("VACUUM (ANALYZE) {}", self.table));
                raw_sql(sql).execute(pool).await.map(|_| ())
            }
            Some(Server::MariaDb(pool)) => {
                let sql = AssertSqlSafe(format!("ANALYZE TABLE {}", self.table));
                raw_sql(sql).execute(pool).await.map(|_| ())
            }
        };
        done.map_err(|error| format!("{} cannot be analysed: {error}", self.table))
    }
}

/// A server of its own: in one that all share, the smallest would have as many keys around it as the biggest.
pub(super) struct OnRedis {
    sessions: RedisSessions,
    server: Redis,
}

/// Gives a part of all sessions a millisecond to live.
const END_SOME: &str = "local some = redis.call('SCAN', ARGV[1], 'MATCH', '{auth}:s:*', 'COUNT', 1000) \
    for _, key in ipairs(some[2]) do redis.call('PEXPIRE', key, 1) end \
    return some[1]";

impl OnRedis {
    pub(super) fn new(server: Redis) -> Result<Self, String> {
        let client = Client::open(server.url()).map_err(|error| error.to_string())?;
        let sessions = RedisSessions::new(client).map_err(|error| error.to_string())?;
        Ok(Self { sessions, server })
    }
}

impl Ground for OnRedis {
    type Store = RedisSessions;

    fn store(&self) -> &RedisSessions {
        &self.sessions
    }

    fn writers(&self) -> usize {
        64
    }

    /// The index of their ends stays, as it does where one of them lives for longer.
    async fn end_all(&self) -> Result<(), String> {
        let said = |error: redis::RedisError| format!("the sessions cannot be ended: {error}");
        let client = Client::open(self.server.url()).map_err(said)?;
        let mut connection = client.get_multiplexed_async_connection().await.map_err(said)?;
        let (script, mut cursor) = (Script::new(END_SOME), "0".to_owned());
        loop {
            cursor = script.arg(&cursor).invoke_async(&mut connection).await.map_err(said)?;
            if cursor == "0" {
                return Ok(());
            }
        }
    }
}

/// All that are needed. They are started before anything is measured: what is not installed is missed at once.
pub(super) struct Servers {
    pub(super) postgres: Postgres,
    pub(super) maria_db: MariaDb,
    /// One for each number of sessions.
    pub(super) redis: Vec<Redis>,
}

impl Servers {
    /// # Errors
    /// If one is not installed, or does not start.
    pub(super) fn start(sizes: usize) -> Result<Self, String> {
        Ok(Self {
            // With room for all of it in memory, as a server has that was made for so many.
            postgres: started(|| {
                Postgres::start_with(&[("shared_buffers", "1GB"), ("max_wal_size", "8GB")])
            })?,
            maria_db: started(|| {
                MariaDb::start_with(&["--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G"])
            })?,
            redis: (0..sizes).map(|_| started(start_redis)).collect::<Result<_, _>>()?,
        })
    }

    /// For files: whatever ends this process, a server's folder is removed.
    pub(super) fn folder(&self) -> Result<&Path, String> {
        self.redis
            .first()
            .map(|server| server.folder())
            .ok_or_else(|| "no number of sessions is given".into())
    }
}

/// A server; or what it says why there is none, which is a test's panic.
fn started<T>(start: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let server = panic::catch_unwind(start);
    panic::set_hook(hook);
    server.map_err(|why| why.downcast().map_or_else(|_| "a server does not start".to_owned(), |why| *why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_an_error() {
        let name = "redis-server";
        let why = started(|| -> Redis { panic!("{name} cannot be started") }).unwrap_err();
        assert_eq!(why, "redis-server cannot be started");
    }
}
