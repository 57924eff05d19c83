//! A database that cannot answer: always an error, never "nobody" or "no session", and never a panic.

use std::time::Duration;

use crate::support::{eventually, login, open, options, passwords, secret, told};
use auth_core::backend::{BackendErrorKind, Identity, Provisioner, UserSource};
use auth_core::conformance::store::sample_record;
use auth_core::provisioning::{Provisioning, Reports};
use auth_core::session::{SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use auth_core::{DeniedKind, UserId};
use auth_sql::{SqlSessions, SqlUsers, UserErrorKind, UserTable};
use sqlx::sqlite::{SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LATER: Timestamp = Timestamp::from_secs(1_800_003_600);
/// The database file is in a folder of this name: no error may tell it.
const CANARY: &str = "canary-s3cret";

fn key(n: u8) -> SessionKey {
    SessionKey::from_bytes([n; 32])
}

fn record() -> SessionRecord {
    let mut record = sample_record("1");
    (record.last_seen, record.expires) = (NOW, LATER);
    record
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix(CANARY).tempdir().unwrap()
}

mod servers;

/// A database with a session under key 1 and Alice, over one connection that waits for no lock.
async fn filled(dir: &TempDir) -> (SqlitePool, SqlSessions, SqlUsers) {
    let options = options(dir, SqliteJournalMode::Delete).busy_timeout(Duration::from_millis(1));
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let (sessions, users) = (SqlSessions::new(pool.clone()), SqlUsers::new(pool.clone(), passwords(16)));
    sessions.migrate().await.unwrap();
    users.migrate().await.unwrap();
    sessions.create(&key(1), &record()).await.unwrap();
    users.create_user("alice", Some(&secret("one"))).await.unwrap();
    (pool, sessions, users)
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(what: &str, answer: Result<T, StoreError>) {
    let error = answer.expect_err(what);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{what}");
    assert!(std::error::Error::source(&error).is_some(), "{what}: the log wants to know why");
    assert!(!told(&error).contains(CANARY), "{what}: {}", told(&error));
}

async fn sessions_cannot_be_read(store: &SqlSessions) {
    let record = record();
    assert_unavailable("load", store.load(&key(1), NOW).await);
    assert_unavailable("load of an unknown key", store.load(&key(9), NOW).await);
    let theirs = record.user_sessions().unwrap();
    assert_unavailable("list_user", store.list_user(theirs, NOW).await);
    assert_unavailable("trim_user", store.trim_user(theirs, 1, &key(1), NOW).await);
}

async fn sessions_cannot_be_written(store: &SqlSessions) {
    let record = record();
    let theirs = record.user_sessions().unwrap();
    assert_unavailable("create", store.create(&key(2), &record).await);
    assert_unavailable("update", store.update(&key(1), 1, &record, NOW).await);
    assert_unavailable("touch", store.touch(&key(1), NOW, LATER).await);
    assert_unavailable("rotate", store.rotate(&key(1), &key(2), 1, &record, None, NOW).await);
    assert_unavailable("delete", store.delete(&key(1)).await);
    assert_unavailable("delete_user", store.delete_user(theirs, None).await);
    assert_unavailable("purge_expired", store.purge_expired(NOW, 10).await);
}

async fn users_cannot_be_read(users: &SqlUsers) {
    let provisioned = Provisioning::default().on(users.clone()).unwrap();
    let errors = [
        users.get_user(&UserId::from(1)).await.map(drop),
        users.get_user(&UserId::from(99)).await.map(drop),
        users.find("alice").await.map(drop),
        provisioned.provision(Identity::new("https://issuer", "1"), &Reports::new()).await.map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Unavailable);
        assert!(!told(&error).contains(CANARY), "{}", told(&error));
    }
    for name in ["alice", "nobody"] {
        let denied = login(users, name, "one").await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::Unavailable, "{name}");
    }
}

async fn users_cannot_be_written(users: &SqlUsers) {
    let id = UserId::from(1);
    let errors = [
        users.create_user("bob", Some(&secret("two"))).await.map(drop),
        users.set_password(&id, None).await,
        users.end_sessions(&id).await,
        users.set_active(&id, false).await,
        users.grant(&id, "read").await,
        users.revoke(&id, "read").await,
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::Unavailable);
        assert!(!told(&error).contains(CANARY), "{}", told(&error));
    }
}

/// On a busy machine a connection may take longer than the pools here wait for one, which is short: it is asked for
/// again.
async fn all_is_as_it_was(sessions: &SqlSessions, users: &SqlUsers) {
    let load = async |key| {
        eventually("the session store answers", async || sessions.load(&key, NOW).await.ok()).await
    };
    let found = load(key(1)).await.unwrap();
    assert_eq!((found.key, found.version, found.record), (key(1), 1, record().into()));
    assert!(load(key(2)).await.is_none());
    eventually("alice signs in", async || login(users, "alice", "one").await.ok()).await;
    assert!(eventually("users are found", async || users.find("bob").await.ok()).await.is_none());
}

#[tokio::test]
async fn a_locked_database_is_an_outage() {
    let dir = folder();
    let (_pool, sessions, users) = filled(&dir).await;
    let other = open(&dir, SqliteJournalMode::Delete, 1).await;
    let mut lock = other.acquire().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut *lock).await.unwrap();
    sessions_cannot_be_read(&sessions).await;
    sessions_cannot_be_written(&sessions).await;
    users_cannot_be_read(&users).await;
    users_cannot_be_written(&users).await;
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    all_is_as_it_was(&sessions, &users).await;
}

#[tokio::test]
async fn a_closed_pool_is_an_outage() {
    let dir = folder();
    let (pool, sessions, users) = filled(&dir).await;
    pool.close().await;
    sessions_cannot_be_read(&sessions).await;
    sessions_cannot_be_written(&sessions).await;
    users_cannot_be_read(&users).await;
    users_cannot_be_written(&users).await;
}

#[tokio::test]
async fn a_missing_table_is_an_outage() {
    let dir = folder();
    let pool = open(&dir, SqliteJournalMode::Delete, 1).await;
    let sessions = SqlSessions::new(pool.clone());
    let users = SqlUsers::new(pool, passwords(16));
    sessions_cannot_be_read(&sessions).await;
    sessions_cannot_be_written(&sessions).await;
    users_cannot_be_read(&users).await;
    users_cannot_be_written(&users).await;
}

/// `SQLite` would take a misspelt column in double quotes for a text.
#[tokio::test]
async fn a_missing_column_is_an_outage() {
    let dir = folder();
    let (pool, _sessions, users) = filled(&dir).await;
    let sql = "ALTER TABLE auth_users RENAME COLUMN security_stamp TO stamp";
    sqlx::query(sql).execute(&pool).await.unwrap();
    users_cannot_be_read(&users).await;
    let misspelt = users.with_table(UserTable::default().with_id("ident").unwrap());
    users_cannot_be_read(&misspelt).await;
    users_cannot_be_written(&misspelt).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_outage() {
    let dir = folder();
    std::fs::write(dir.path().join("auth.db"), "no database, but a text of some length".repeat(100)).unwrap();
    let options = options(&dir, SqliteJournalMode::Delete);
    let pool = SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(2)).connect_lazy_with(options);
    let sessions = SqlSessions::new(pool.clone());
    assert_unavailable("load", sessions.load(&key(1), NOW).await);
    assert_unavailable("migrate", sessions.migrate().await);
    let error = SqlUsers::new(pool, passwords(16)).get_user(&UserId::from(1)).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
    assert!(!told(&error).contains(CANARY), "{}", told(&error));
}

#[tokio::test]
async fn a_folder_that_is_missing_is_an_outage() {
    let dir = folder();
    let options = options(&dir, SqliteJournalMode::Delete).filename(dir.path().join("gone").join("auth.db"));
    let pool = SqlitePoolOptions::new().connect_lazy_with(options);
    let sessions = SqlSessions::new(pool);
    sessions_cannot_be_read(&sessions).await;
}

#[tokio::test]
async fn no_free_connection_is_an_outage() {
    let dir = folder();
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(500));
    let pool = pool.connect_with(options(&dir, SqliteJournalMode::Delete)).await.unwrap();
    let sessions = SqlSessions::new(pool.clone());
    sessions.migrate().await.unwrap();
    let _taken = pool.acquire().await.unwrap();
    assert_unavailable("load", sessions.load(&key(1), NOW).await);
}

#[tokio::test]
async fn a_full_disk_is_an_outage_for_what_needs_room() {
    let dir = folder();
    let (pool, sessions, users) = filled(&dir).await;
    sqlx::query("PRAGMA max_page_count = 1").execute(&pool).await.unwrap();
    let mut refused = 0;
    // Free room in the last pages is used up first.
    for n in 10..=255 {
        match sessions.create(&key(n), &record()).await {
            Ok(()) => {}
            answer => {
                assert_unavailable("create", answer);
                refused += 1;
                assert!(sessions.load(&key(n), NOW).await.unwrap().is_none(), "half a session");
            }
        }
    }
    assert!(refused > 0, "the disk is full");
    all_is_as_it_was(&sessions, &users).await;
    sessions.delete(&key(1)).await.unwrap();
    assert!(sessions.load(&key(1), NOW).await.unwrap().is_none(), "a logout needs no room");
}

/// What a row of another shape gives is an error too.
#[tokio::test]
async fn data_of_another_type_is_an_outage() {
    let dir = folder();
    let pool = open(&dir, SqliteJournalMode::Delete, 1).await;
    let create = "CREATE TABLE people (id, username, username_key, password, security_stamp, active)";
    sqlx::query(create).execute(&pool).await.unwrap();
    let users = SqlUsers::new(pool.clone(), passwords(16)).with_table(UserTable::new("people").unwrap());
    for (id, name) in [("'x'", "'bob'"), ("NULL", "'bob'"), ("1", "x'ff'"), ("1.5", "'bob'")] {
        let fill = format!("INSERT INTO people VALUES ({id}, {name}, 'bob', NULL, NULL, 1)");
        sqlx::query("DELETE FROM people").execute(&pool).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(fill)).execute(&pool).await.unwrap();
        let error = users.find("bob").await.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::InvalidData, "{id} {name}");
        assert_eq!(login(&users, "bob", "x").await.unwrap_err().kind(), DeniedKind::Unavailable);
    }
}
