//! Names: which are one, which are taken, which are none.

use auth_core::{DeniedKind, Secret, User};
use auth_sql::UserErrorKind;

use crate::support::{Place, kind, login, on_every_database, secret};

on_every_database![
    equal_names_are_taken,
    the_key_is_unique_in_the_database,
    one_of_many_creations_wins,
    hostile_names_are_only_names,
    what_is_no_name_or_password_is_refused,
];

/// One name, one user.
async fn equal_names_are_taken(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("Jos\u{e9} ﬁn", Some(&secret("x"))).await.unwrap();
    for name in ["José ﬁn", "jose\u{301} fin", "JOSÉ FIN", "ｊｏｓé fin"] {
        let error = users.create_user(name, None).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::NameTaken, "{name}");
        assert_eq!(kind(&users, name, "x").await, None, "{name}");
    }
    users.create_user("jose fin", None).await.unwrap();
}

/// Two writers who do not know of each other cannot make one name two users.
async fn the_key_is_unique_in_the_database(place: &Place) {
    let db = place.db().await;
    db.users().await;
    let stamp = db.pick("x''", "''", "''");
    for (name, key, fits) in [("a", "a", true), ("A", "a", false), ("A", "A", true), ("á", "á", true)] {
        let made = db
            .execute(&format!(
                "INSERT INTO auth_users (username, username_key, security_stamp, active) \
                 VALUES ('{name}', '{key}', {stamp}, TRUE)"
            ))
            .await;
        assert_eq!(made.is_ok(), fits, "{name} {key}");
    }
}

async fn one_of_many_creations_wins(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let create = |_| {
        let users = users.clone();
        tokio::spawn(async move { users.create_user("alice", None).await })
    };
    let mut made = 0;
    for task in (0..50).map(create).collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.kind(), UserErrorKind::NameTaken),
        }
    }
    assert_eq!((made, db.count("SELECT count(*) FROM auth_users").await), (1, 1));
}

/// Names are values, never SQL.
async fn hostile_names_are_only_names(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("admin", Some(&secret("correct horse"))).await.unwrap();
    let hostile = [
        "admin'--",
        "admin' #",
        "admin'/*",
        "' or 1=1--",
        "' or '1'='1",
        "') or ('1'='1",
        "\" or \"\"=\"",
        "admin' or '1'='1' --",
        "1; DROP TABLE auth_users",
        "'; DELETE FROM auth_users; --",
        "admin\\",
        "%",
        "_dmin",
        "ad%",
        "*",
        "?",
        "?1",
        "$1",
        ":name",
        "@p",
        "`id`",
        "[id]",
        "NULL",
        "admin' UNION SELECT 1,2,3,4,5,6,7--",
        "’ or 1=1--",
        "admin';SELECT load_extension('x');--",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%00",
        "%27",
    ];
    for name in hostile {
        assert_eq!(kind(&users, name, "correct horse").await, Some(DeniedKind::UnknownUser), "{name}");
        let made = users.create_user(name, Some(&secret("other"))).await.unwrap();
        assert_eq!(login(&users, name, "other").await.unwrap().id(), made.id(), "{name}");
    }
    assert_eq!(kind(&users, "admin", "correct horse").await, None);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1 + i64::try_from(hostile.len()).unwrap());
}

async fn what_is_no_name_or_password_is_refused(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    for name in ["", " alice", "al\nice", "\u{202e}alice", &"x".repeat(1_000_000)] {
        let error = users.create_user(name, None).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::InvalidName);
        assert!(users.find(name).await.unwrap().is_none());
    }
    for password in ["", &"x".repeat(4097)] {
        let error = users.create_user("alice", Some(&Secret::new(password))).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::InvalidPassword);
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 0);
}
