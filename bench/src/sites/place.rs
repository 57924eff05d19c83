//! Where a site keeps what is not in its memory.

use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tempfile::TempDir;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use crate::peers::{Linked, MakingRouter, Peer};
use crate::program::without_peers;

/// A folder for databases, gone with this value, a Redis server, and the sites that this library does not link.
pub(crate) struct Place {
    folder: TempDir,
    redis: Option<String>,
    linked: Option<Linked>,
}

impl Place {
    /// # Errors
    /// If there is no room for a folder.
    pub(crate) fn new(redis: Option<String>, linked: Option<Linked>) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        Ok(Self { folder, redis, linked })
    }

    /// A `SQLite` database in a file of the folder.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(crate) async fn sqlite(&self) -> Result<SqlitePool, String> {
        sqlite_at(&self.folder.path().join("site.sqlite3")).await
    }

    /// The URL of the Redis server.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn redis(&self) -> Result<&str, String> {
        self.redis.as_deref().ok_or_else(|| "this site needs a Redis server: give its --redis URL".to_owned())
    }

    /// # Errors
    /// In every program but the one that links them.
    pub(crate) fn linked(&self, peer: Peer) -> Result<MakingRouter, String> {
        self.linked.map(|router| router(peer)).ok_or_else(without_peers)
    }

    /// The client of `tower-sessions-redis-store`: a pool of six connections, as its documentation makes it.
    ///
    /// # Errors
    /// If the server does not answer.
    pub(crate) async fn fred(&self) -> Result<Pool, String> {
        let config = Config::from_url(self.redis()?).map_err(|error| error.to_string())?;
        let pool = Pool::new(config, None, None, None, 6).map_err(|error| error.to_string())?;
        pool.connect();
        pool.wait_for_connect().await.map_err(|error| format!("Redis: {error}"))?;
        Ok(pool)
    }
}

/// A `SQLite` database in a file, the same for every library: in WAL mode, where readers and a writer do not
/// wait for each other, and without sqlx's ping before each use of a connection, which a file does not need.
///
/// # Errors
/// If the file cannot be opened.
pub(crate) async fn sqlite_at(file: &Path) -> Result<SqlitePool, String> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new().test_before_acquire(false).connect_with(options).await;
    pool.map_err(|error| format!("SQLite: {error}"))
}
