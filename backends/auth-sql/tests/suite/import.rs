//! Users who come with the hashes of their passwords.

use auth_core::password::Format;
use auth_core::{Passwords, User};
use auth_sql::{Existing, ImportedUser, SqlUsers, UserErrorKind, UserTable};

use crate::support::{Db, LIMIT, Place, kind, on_every_database, passwords};

on_every_database![
    hashes_from_elsewhere_sign_in,
    names_that_are_taken_are_left_alone,
    a_batch_is_made_as_a_whole,
    two_imports_at_once_make_everybody_once,
    an_own_table_takes_users,
];

/// Django's hash of `  spaced  `.
const SPACED: &str = "pbkdf2_sha256$1000$Zr4Kx0a1TnQ8bVdW5mLy2s$K+TO+B5AOutM0Ks9zyv1RZSDgxijXy6AtaLyBf9neGM=";

async fn users(db: &Db) -> SqlUsers {
    let formats = [Format::django_pbkdf2_sha256(1_000)];
    let passwords = Passwords::builder().accept(formats).threads(1).wait(LIMIT).build().unwrap();
    let users = SqlUsers::new(db.database(), passwords);
    users.migrate().await.unwrap();
    users
}

fn spaced(users: &SqlUsers, name: &str) -> ImportedUser {
    ImportedUser::new(name, Some(users.passwords().recognise(SPACED).unwrap())).unwrap()
}

async fn hashes_from_elsewhere_sign_in(place: &Place) {
    let db = place.db().await;
    let users = users(&db).await;
    let (shown, made) = (format!("{:?}", spaced(&users, "canary")), users.create_user("canary", None).await);
    assert!(
        shown.contains("ImportedUser") && !shown.contains("canary") && !shown.contains("1000$"),
        "{shown}"
    );
    let shown = format!("{:?}", made.unwrap());
    assert!(shown.contains("SqlUser") && !shown.contains("canary"), "{shown}");
    let new = [
        spaced(&users, "Alice"),
        spaced(&users, "bob").disabled(),
        ImportedUser::new("carol", None).unwrap(),
    ];
    assert_eq!(users.import(&new).await.unwrap(), [true; 3]);
    assert_eq!(kind(&users, "alice", "  spaced  ").await, None);
    for (name, password) in [("alice", "spaced"), ("bob", "  spaced  "), ("carol", "  spaced  ")] {
        assert!(kind(&users, name, password).await.is_some(), "{name}");
    }
    let alice = users.find("ALICE").await.unwrap().unwrap();
    let carol = users.find("carol").await.unwrap().unwrap();
    assert_eq!((alice.username(), alice.is_active()), ("Alice", true));
    assert_eq!(alice.security_stamp().len(), 32);
    assert_ne!(alice.security_stamp(), carol.security_stamp());
}

async fn names_that_are_taken_are_left_alone(place: &Place) {
    let db = place.db().await;
    let users = users(&db).await;
    let before = users.create_user("alice", None).await.unwrap();
    let new = [spaced(&users, "ALICE"), spaced(&users, "bob")];
    assert_eq!(users.existing(&new[0]).await.unwrap(), Existing::Other);
    assert_eq!(users.existing(&new[1]).await.unwrap(), Existing::None);
    assert_eq!(users.import(&new).await.unwrap(), [false, true]);
    assert_eq!(users.existing(&new[1]).await.unwrap(), Existing::Same);
    let after = users.find("alice").await.unwrap().unwrap();
    assert_eq!(before.security_stamp(), after.security_stamp());
    assert!(kind(&users, "alice", "  spaced  ").await.is_some());
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 2);
}

/// What cannot be made is not made in part. Here a rule of the application's own refuses one of them.
async fn a_batch_is_made_as_a_whole(place: &Place) {
    let db = place.db().await;
    let users = users(&db).await;
    let rule = "CREATE UNIQUE INDEX one_mallory ON auth_users (issuer)";
    db.execute("DROP TABLE auth_user_permissions").await.unwrap();
    db.execute("DROP TABLE auth_users").await.unwrap();
    db.execute(
        "CREATE TABLE auth_users (id {counted}, username {text}, username_key {text} UNIQUE, \
         password {text}, security_stamp {bytes}, active BOOLEAN, issuer {text} DEFAULT 'one', subject {text})",
    )
    .await
    .unwrap();
    db.execute(rule).await.unwrap();
    let new: Vec<_> = (0..3).map(|n| spaced(&users, &format!("user{n}"))).collect();
    let error = users.import(&new).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::Unavailable);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 0);
}

async fn two_imports_at_once_make_everybody_once(place: &Place) {
    let db = place.db().await;
    let users = users(&db).await;
    let new: Vec<_> = (0..100).map(|n| spaced(&users, &format!("user{n}"))).collect();
    let backwards: Vec<_> = new.iter().rev().cloned().collect();
    let (one, other) = tokio::join!(users.import(&new), users.import(&backwards));
    let made = one.unwrap().into_iter().chain(other.unwrap()).filter(|made| *made).count();
    assert_eq!(made, 100);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 100);
}

async fn an_own_table_takes_users(place: &Place) {
    let db = place.db().await;
    let create = "CREATE TABLE people (id {counted}, mail {text} UNIQUE, password {text})";
    db.execute(create).await.unwrap();
    let table = UserTable::new("people").unwrap().with_username("mail", "mail").unwrap();
    let table = table.without_security_stamp().without_active();
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(table);
    let new = ImportedUser::new("alice@example.com", None).unwrap();
    assert_eq!(users.import(std::slice::from_ref(&new)).await.unwrap(), [true]);
    let error = users.import(&[new.disabled()]).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::AlwaysActive);
}
