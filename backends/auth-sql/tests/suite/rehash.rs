//! An outdated hash is renewed at the next login, which does not depend on it.

use crate::support::{Db, LIMIT, Place, Pool, login, on_every_database, options, passwords, secret};
use auth_core::password::{Argon2Cost, Format, PasswordsBuilder};
use auth_core::{Passwords, Secret, User};
use auth_sql::{Database, SqlUsers};
use sqlx::Executor;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions};

on_every_database![
    the_right_password_renews_its_hash,
    a_wrong_password_renews_nothing,
    the_right_password_of_a_disabled_user_renews_nothing,
    a_read_only_database_keeps_nobody_out,
    a_change_meanwhile_wins,
    hashes_of_django_become_argon2,
    a_table_shared_with_django_is_left_alone,
];

async fn hash(db: &Db) -> String {
    db.text("SELECT password FROM auth_users").await
}

/// Alice with a hash of 8 KiB.
async fn with_old_hash(place: &Place) -> (Db, String) {
    let db = place.db().await;
    let users = SqlUsers::new(db.database(), passwords(8));
    users.migrate().await.unwrap();
    users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let old = hash(&db).await;
    assert!(old.contains("m=8,"), "{old}");
    (db, old)
}

fn stronger() -> Passwords {
    passwords(32)
}

async fn the_right_password_renews_its_hash(place: &Place) {
    let (db, old) = with_old_hash(place).await;
    let users = SqlUsers::new(db.database(), stronger());
    let before = users.find("alice").await.unwrap().unwrap();
    let user = login(&users, "alice", "one").await.unwrap();
    let new = hash(&db).await;
    assert!(new != old && new.contains("m=32,"), "{new}");
    let after = users.find("alice").await.unwrap().unwrap();
    assert_eq!(before.security_stamp(), after.security_stamp(), "sessions stay");
    assert_eq!(user.security_stamp(), after.security_stamp());
    login(&users, "alice", "one").await.unwrap();
    assert_eq!(hash(&db).await, new, "once is enough");
}

async fn a_wrong_password_renews_nothing(place: &Place) {
    let (db, old) = with_old_hash(place).await;
    let users = SqlUsers::new(db.database(), stronger());
    assert!(login(&users, "alice", "two").await.is_err());
    assert_eq!(hash(&db).await, old);
}

/// It would cost a second hash, by which a refusal would tell that the password was right.
async fn the_right_password_of_a_disabled_user_renews_nothing(place: &Place) {
    let (db, old) = with_old_hash(place).await;
    db.execute("UPDATE auth_users SET active = FALSE").await.unwrap();
    let passwords = stronger();
    let users = SqlUsers::new(db.database(), passwords.clone());
    let mut works = Vec::new();
    for password in ["one", "two"] {
        let before = passwords.work()["argon2"];
        assert!(login(&users, "alice", password).await.is_err());
        works.push(passwords.work()["argon2"] - before);
    }
    assert_eq!(works, [32, 32]);
    assert_eq!(hash(&db).await, old);
}

async fn a_read_only_database_keeps_nobody_out(place: &Place) {
    let (db, old) = with_old_hash(place).await;
    let users = SqlUsers::new(read_only(&db).await, stronger());
    assert_eq!(login(&users, "alice", "one").await.unwrap().username(), "alice");
    assert_eq!(hash(&db).await, old);
    assert!(users.create_user("bob", None).await.is_err(), "it is read-only");
}

/// A pool over the same database whose connections cannot write.
async fn read_only(db: &Db) -> Database {
    match &db.pool {
        Pool::Sqlite(_) => {
            let options = options(&db.dir, SqliteJournalMode::Wal).pragma("query_only", "ON");
            SqlitePoolOptions::new().connect_with(options).await.unwrap().into()
        }
        Pool::Postgres(pool) | Pool::Pooled { direct: pool, .. } => {
            let options =
                (*pool.connect_options()).clone().options([("default_transaction_read_only", "on")]);
            PgPoolOptions::new().connect_with(options).await.unwrap().into()
        }
        Pool::MySql(pool) => {
            let pool_options = MySqlPoolOptions::new().after_connect(|connection, _| {
                Box::pin(async { connection.execute("SET SESSION TRANSACTION READ ONLY").await.map(drop) })
            });
            pool_options.connect_with((*pool.connect_options()).clone()).await.unwrap().into()
        }
    }
}

/// Renewing must not undo a change of the password that happens meanwhile.
async fn a_change_meanwhile_wins(place: &Place) {
    let (db, _) = with_old_hash(place).await;
    let users = SqlUsers::new(db.database(), stronger());
    let id = users.find("alice").await.unwrap().unwrap().id();
    for round in 0..20 {
        let (old, new) = (format!("old {round}"), Secret::new(format!("new {round}")));
        let outdated = SqlUsers::new(db.database(), passwords(8));
        outdated.set_password(&id, Some(&Secret::new(old.as_str()))).await.unwrap();
        let (changed, _) = tokio::join!(users.set_password(&id, Some(&new)), login(&users, "alice", &old));
        changed.unwrap();
        login(&users, "alice", new.expose()).await.unwrap();
        assert!(login(&users, "alice", &old).await.is_err(), "the old password is back");
    }
}

/// The table of a Django site with one user, whose password is `  spaced  `.
async fn of_django(place: &Place) -> (Db, String) {
    let db = place.db().await;
    let users = SqlUsers::new(db.database(), passwords(8));
    users.migrate().await.unwrap();
    users.create_user("alice", None).await.unwrap();
    let old = "pbkdf2_sha256$1000$Zr4Kx0a1TnQ8bVdW5mLy2s$K+TO+B5AOutM0Ks9zyv1RZSDgxijXy6AtaLyBf9neGM=";
    db.execute(&format!("UPDATE auth_users SET password = '{old}'")).await.unwrap();
    (db, old.into())
}

fn reading_django() -> PasswordsBuilder {
    let cost = Argon2Cost::dangerous_weak(32, 1, 1).unwrap();
    Passwords::builder().cost(cost).accept([Format::django_pbkdf2_sha256(1_000)]).threads(1).wait(LIMIT)
}

/// Django's users keep their passwords, and the first login makes Argon2 of them.
async fn hashes_of_django_become_argon2(place: &Place) {
    let (db, old) = of_django(place).await;
    let users = SqlUsers::new(db.database(), reading_django().build().unwrap());
    assert!(login(&users, "alice", "spaced").await.is_err());
    assert_eq!(hash(&db).await, old);
    let before = users.find("alice").await.unwrap().unwrap();
    login(&users, "alice", "  spaced  ").await.unwrap();
    let new = hash(&db).await;
    assert!(new.starts_with("$argon2id$v=19$m=32,"), "{new}");
    let after = login(&users, "alice", "  spaced  ").await.unwrap();
    assert_eq!(before.security_stamp(), after.security_stamp(), "sessions stay");
}

/// Where Django still reads the table, its hashes stay.
async fn a_table_shared_with_django_is_left_alone(place: &Place) {
    let (db, old) = of_django(place).await;
    let users = SqlUsers::new(db.database(), reading_django().without_upgrade().build().unwrap());
    login(&users, "alice", "  spaced  ").await.unwrap();
    assert_eq!(hash(&db).await, old);
}
