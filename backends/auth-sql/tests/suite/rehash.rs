//! H05, PW-9: an outdated hash is renewed at the next login, which does not depend on it.

use crate::support::{Db, login, options, passwords, secret};
use auth_core::{Argon2Cost, Format, Passwords, PasswordsBuilder, Secret, User};
use auth_sql::SqlUsers;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions};

async fn hash(pool: &SqlitePool) -> String {
    sqlx::query_scalar("SELECT password FROM auth_users").fetch_one(pool).await.unwrap()
}

/// Alice with a hash of 8 KiB.
async fn with_old_hash() -> (Db, String) {
    let db = Db::new().await;
    let users = SqlUsers::new(db.pool.clone(), passwords(8));
    users.migrate().await.unwrap();
    users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let old = hash(&db.pool).await;
    assert!(old.contains("m=8,"), "{old}");
    (db, old)
}

fn stronger() -> Passwords {
    passwords(32)
}

#[tokio::test]
async fn the_right_password_renews_its_hash() {
    let (db, old) = with_old_hash().await;
    let users = SqlUsers::new(db.pool.clone(), stronger());
    let before = users.find("alice").await.unwrap().unwrap();
    let user = login(&users, "alice", "one").await.unwrap();
    let new = hash(&db.pool).await;
    assert!(new != old && new.contains("m=32,"), "{new}");
    let after = users.find("alice").await.unwrap().unwrap();
    assert_eq!(before.security_stamp(), after.security_stamp(), "sessions stay");
    assert_eq!(user.security_stamp(), after.security_stamp());
    login(&users, "alice", "one").await.unwrap();
    assert_eq!(hash(&db.pool).await, new, "once is enough");
}

#[tokio::test]
async fn a_wrong_password_renews_nothing() {
    let (db, old) = with_old_hash().await;
    let users = SqlUsers::new(db.pool.clone(), stronger());
    assert!(login(&users, "alice", "two").await.is_err());
    assert_eq!(hash(&db.pool).await, old);
}

#[tokio::test]
async fn a_read_only_database_keeps_nobody_out() {
    let (db, old) = with_old_hash().await;
    let read_only = options(&db.dir, SqliteJournalMode::Wal).pragma("query_only", "ON");
    let pool = SqlitePoolOptions::new().connect_with(read_only).await.unwrap();
    let users = SqlUsers::new(pool.clone(), stronger());
    assert_eq!(login(&users, "alice", "one").await.unwrap().username(), "alice");
    assert_eq!(hash(&pool).await, old);
    assert!(users.create_user("bob", None).await.is_err(), "it is read-only");
}

/// Renewing must not undo a change of the password that happens meanwhile.
#[tokio::test]
async fn a_change_meanwhile_wins() {
    let (db, _) = with_old_hash().await;
    let users = SqlUsers::new(db.pool.clone(), stronger());
    let id = users.find("alice").await.unwrap().unwrap().id();
    for round in 0..20 {
        let (old, new) = (format!("old {round}"), Secret::new(format!("new {round}")));
        let outdated = SqlUsers::new(db.pool.clone(), passwords(8));
        outdated.set_password(&id, Some(&Secret::new(old.as_str()))).await.unwrap();
        let (changed, _) = tokio::join!(users.set_password(&id, Some(&new)), login(&users, "alice", &old));
        changed.unwrap();
        login(&users, "alice", new.expose()).await.unwrap();
        assert!(login(&users, "alice", &old).await.is_err(), "the old password is back");
    }
}

/// The table of a Django site with one user, whose password is `  spaced  `.
async fn of_django() -> (Db, String) {
    let db = Db::new().await;
    let users = SqlUsers::new(db.pool.clone(), passwords(8));
    users.migrate().await.unwrap();
    users.create_user("alice", None).await.unwrap();
    let old = "pbkdf2_sha256$1000$Zr4Kx0a1TnQ8bVdW5mLy2s$K+TO+B5AOutM0Ks9zyv1RZSDgxijXy6AtaLyBf9neGM=";
    sqlx::query("UPDATE auth_users SET password = ?").bind(old).execute(&db.pool).await.unwrap();
    (db, old.into())
}

fn reading_django() -> PasswordsBuilder {
    let cost = Argon2Cost::dangerous_weak(32, 1, 1).unwrap();
    Passwords::builder().cost(cost).accept([Format::django_pbkdf2_sha256(1_000)]).threads(1)
}

/// H05: Django's users keep their passwords, and the first login makes Argon2 of them.
#[tokio::test]
async fn hashes_of_django_become_argon2() {
    let (db, old) = of_django().await;
    let users = SqlUsers::new(db.pool.clone(), reading_django().build().unwrap());
    assert!(login(&users, "alice", "spaced").await.is_err());
    assert_eq!(hash(&db.pool).await, old);
    let before = users.find("alice").await.unwrap().unwrap();
    login(&users, "alice", "  spaced  ").await.unwrap();
    let new = hash(&db.pool).await;
    assert!(new.starts_with("$argon2id$v=19$m=32,"), "{new}");
    let after = login(&users, "alice", "  spaced  ").await.unwrap();
    assert_eq!(before.security_stamp(), after.security_stamp(), "sessions stay");
}

/// Where Django still reads the table, its hashes stay.
#[tokio::test]
async fn a_table_shared_with_django_is_left_alone() {
    let (db, old) = of_django().await;
    let users = SqlUsers::new(db.pool.clone(), reading_django().without_upgrade().build().unwrap());
    login(&users, "alice", "  spaced  ").await.unwrap();
    assert_eq!(hash(&db.pool).await, old);
}
