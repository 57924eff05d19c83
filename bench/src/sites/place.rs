//! Where a site keeps what is not in its memory.

use std::path::Path;

use axum::Router;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tempfile::TempDir;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use super::PeerUsers;
use crate::program::without_axess;

/// Makes the site of axess, in the program that links it.
pub(crate) type Axess = fn(PeerUsers) -> Result<Router, String>;

/// A folder for databases, gone with this value, a Redis server, and a site that this library does not link.
pub(crate) struct Place {
    folder: TempDir,
    redis: Option<String>,
    axess: Option<Axess>,
}

impl Place {
    /// # Errors
    /// If there is no room for a folder.
    pub(crate) fn new(redis: Option<String>, axess: Option<Axess>) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        Ok(Self { folder, redis, axess })
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
    /// In every program but the one that links it.
    pub(crate) fn axess(&self) -> Result<Axess, String> {
        self.axess.ok_or_else(without_axess)
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
