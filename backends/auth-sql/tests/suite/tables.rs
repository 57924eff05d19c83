//! An application's own tables.

use auth_core::{DeniedKind, User, UserId, UserSource};
use auth_sql::{SqlUsers, UserErrorKind, UserTable};

use crate::support::{Db, kind, passwords, secret};

/// An application's own table, with names of its own and neither identities nor permissions.
#[tokio::test]
async fn an_own_table_is_used_as_it_is() {
    let db = Db::new().await;
    let create = "CREATE TABLE \"order\" (uuid TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), \
                  mail TEXT UNIQUE COLLATE NOCASE, \"group\" TEXT, stamp BLOB, enabled BOOLEAN, \
                  shoe_size REAL DEFAULT 42)";
    sqlx::query(create).execute(&db.pool).await.unwrap();
    let table = UserTable::new("order").unwrap().with_text_ids();
    let table = table.with_id("uuid").unwrap().with_username("mail", "mail").unwrap();
    let table = table.with_password("group").unwrap().with_security_stamp("stamp").unwrap();
    let users =
        SqlUsers::new(db.pool.clone(), passwords(16)).with_table(table.with_active("enabled").unwrap());
    users.migrate().await.unwrap();

    let alice = users.create_user("Alice@example.com", Some(&secret("one"))).await.unwrap();
    assert_eq!((alice.username(), alice.id().as_str().len()), ("alice@example.com", 32));
    assert_eq!(kind(&users, "ALICE@example.com", "one").await, None);
    let error = users.grant(&alice.id(), "read").await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoPermissions);
    users.set_active(&alice.id(), false).await.unwrap();
    assert!(matches!(kind(&users, "alice@example.com", "one").await, Some(DeniedKind::Denied(_))));
}

/// CVE-2019-19844, CVE-2024-32879: a column that takes two names for one must not hand out the wrong user.
#[tokio::test]
async fn a_lax_column_finds_nobody_else() {
    let db = Db::new().await;
    let create = "CREATE TABLE people (id INTEGER PRIMARY KEY, username TEXT, \
                  username_key TEXT COLLATE NOCASE, password TEXT, security_stamp BLOB, active INTEGER)";
    sqlx::query(create).execute(&db.pool).await.unwrap();
    let insert = "INSERT INTO people VALUES (1, 'Alice', 'ALICE', NULL, NULL, 1), \
                  (2, 'bob', 'bob', NULL, NULL, 1), (3, 'bob', 'bob', NULL, NULL, 1)";
    sqlx::query(insert).execute(&db.pool).await.unwrap();
    let users = SqlUsers::new(db.pool.clone(), passwords(16)).with_table(UserTable::new("people").unwrap());
    assert!(users.find("alice").await.unwrap().is_none(), "its key is not canonical");
    assert!(users.find("bob").await.is_err(), "two users have one name");
    assert_eq!(users.get_user(&UserId::from(2)).await.unwrap().unwrap().username(), "bob");
}

#[tokio::test]
async fn a_lax_id_column_finds_nobody_else() {
    let db = Db::new().await;
    let create = "CREATE TABLE people (id TEXT COLLATE NOCASE PRIMARY KEY, username TEXT, username_key TEXT, \
                  password TEXT, security_stamp BLOB, active INTEGER)";
    sqlx::query(create).execute(&db.pool).await.unwrap();
    sqlx::query("INSERT INTO people VALUES ('a1', 'bob', 'bob', NULL, NULL, 1)")
        .execute(&db.pool)
        .await
        .unwrap();
    let table = UserTable::new("people").unwrap().with_text_ids();
    let users = SqlUsers::new(db.pool.clone(), passwords(16)).with_table(table);
    assert!(users.get_user(&UserId::new("A1").unwrap()).await.unwrap().is_none());
    assert!(users.get_user(&UserId::new("a1").unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn names_of_columns_are_checked() {
    let bad = "x; DROP TABLE users";
    let table = UserTable::default;
    let refused = [
        UserTable::new(bad),
        table().with_id(bad),
        table().with_username(bad, "ok"),
        table().with_username("ok", bad),
        table().with_password(bad),
        table().with_security_stamp(bad),
        table().with_active(bad),
        table().with_identity(bad, "ok"),
        table().with_identity("ok", bad),
        table().with_permissions(bad, "ok", "ok"),
        table().with_permissions("ok", bad, "ok"),
        table().with_permissions("ok", "ok", bad),
    ];
    for (n, refused) in refused.into_iter().enumerate() {
        assert!(refused.unwrap_err().to_string().contains(bad), "{n}");
    }
}
