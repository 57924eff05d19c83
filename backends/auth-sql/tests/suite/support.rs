//! What the tests share: database files, cheap hashes, a chain.

use std::error::Error;
use std::time::Duration;

use auth_core::{Argon2Cost, Auth, Denied, DeniedKind, Password, Passwords, RequestFacts, Secret};
use auth_sql::{SqlUser, SqlUsers};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tempfile::TempDir;

/// A database file, as a server would open it.
pub(crate) struct Db {
    pub(crate) dir: TempDir,
    pub(crate) pool: SqlitePool,
}

impl Db {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pool = open(&dir, SqliteJournalMode::Wal, 8).await;
        Self { dir, pool }
    }

    pub(crate) async fn users(&self) -> SqlUsers {
        let users = SqlUsers::new(self.pool.clone(), passwords(16));
        users.migrate().await.unwrap();
        users
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

pub(crate) fn options(dir: &TempDir, mode: SqliteJournalMode) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(dir.path().join("auth.db"))
        .create_if_missing(true)
        .journal_mode(mode)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(30))
}

pub(crate) async fn open(dir: &TempDir, mode: SqliteJournalMode, connections: u32) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(connections);
    pool.connect_with(options(dir, mode)).await.unwrap()
}

/// A pool over hashes of `memory` KiB: for tests only.
pub(crate) fn passwords(memory: u32) -> Passwords {
    let cost = Argon2Cost::dangerous_weak(memory, 1, 1).unwrap();
    Passwords::builder().cost(cost).threads(1).queue(100).wait(Duration::from_secs(30)).build().unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// Signs in through a chain, as an application does.
pub(crate) async fn login(users: &SqlUsers, username: &str, password: &str) -> Result<SqlUser, Denied> {
    let auth = Auth::builder().backend::<Password>("local", users.clone()).build().unwrap();
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
