//! `SqlUsers`: passwords, changes, ids.

use auth_core::backend::UserSource;
use auth_core::conformance::backend::{Cases, backend, equal_work};
use auth_core::{DeniedKind, Password, Secret, User, UserId};
use auth_sql::{SqlUsers, UserErrorKind};

use crate::support::{Place, kind, login, on_every_database, passwords, secret};

on_every_database![
    the_contract_is_kept,
    passwords_sign_in,
    every_failure_costs_one_hash,
    changes_hold_at_once,
    permissions_come_and_go,
    a_permission_is_what_was_granted,
    only_a_users_own_id_finds_them,
    ids_are_not_reused,
    passwords_are_verified_as_received,
    debug_shows_no_secret,
];

/// The public suite for backends.
async fn the_contract_is_kept(place: &Place) {
    let db = place.db().await;
    let passwords = passwords(16);
    let users = SqlUsers::new(db.database(), passwords.clone());
    users.migrate().await.unwrap();
    users.create_user("alice", Some(&secret("wonderland"))).await.unwrap();
    let mallory = users.create_user("mallory", Some(&secret("locked out"))).await.unwrap();
    users.set_active(&mallory.id(), false).await.unwrap();
    let cases = Cases::new(Password::new("alice", "wonderland"), Password::new("nobody", "wonderland"))
        .wrong_secret(Password::new("alice", "looking-glass"))
        .disabled(Password::new("mallory", "locked out"));
    backend(users.clone(), cases.clone()).await;
    equal_work(users, &passwords, cases).await;
}

async fn passwords_sign_in(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create_user("Alice", Some(&secret("correct horse"))).await.unwrap();
    users.create_user("bob", None).await.unwrap();

    let found = login(&users, "ALICE", "correct horse").await.unwrap();
    assert_eq!((found.id(), found.username()), (alice.id(), "Alice"));
    assert!(users.get_user(&alice.id()).await.unwrap().is_some());
    let table = [
        ("wrong password", "alice", "Correct horse", DeniedKind::WrongSecret),
        ("no password", "bob", "anything", DeniedKind::WrongSecret),
        ("the mark of no password", "bob", "!", DeniedKind::WrongSecret),
        ("unknown", "carol", "correct horse", DeniedKind::UnknownUser),
        ("not a name", "alice\u{200b}", "correct horse", DeniedKind::UnknownUser),
    ];
    for (name, username, password, expected) in table {
        assert_eq!(kind(&users, username, password).await, Some(expected), "{name}");
    }
}

/// Whatever is wrong, one hash is computed.
async fn every_failure_costs_one_hash(place: &Place) {
    let db = place.db().await;
    let passwords = passwords(16);
    let users = SqlUsers::new(db.database(), passwords.clone());
    users.migrate().await.unwrap();
    users.create_user("alice", Some(&secret("correct horse"))).await.unwrap();
    users.create_user("bob", None).await.unwrap();
    let carol = users.create_user("carol", Some(&secret("correct horse"))).await.unwrap();
    users.set_active(&carol.id(), false).await.unwrap();
    for (username, password) in [
        ("alice", "wrong"),
        ("bob", "wrong"),
        ("carol", "correct horse"),
        ("nobody", "wrong"),
        ("\u{202e}", "wrong"),
    ] {
        let before = passwords.runs();
        assert!(login(&users, username, password).await.is_err());
        assert_eq!(passwords.runs() - before, 1, "{username:?}");
    }
}

async fn changes_hold_at_once(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let id = alice.id();
    let stamp = async || users.get_user(&id).await.unwrap().unwrap().security_stamp().to_vec();
    assert_eq!(alice.security_stamp(), stamp().await);
    assert_eq!(alice.security_stamp().len(), 32);

    users.set_password(&id, Some(&secret("two"))).await.unwrap();
    let second = stamp().await;
    assert_ne!(alice.security_stamp(), second, "a new password ends the sessions");
    assert_eq!(kind(&users, "alice", "one").await, Some(DeniedKind::WrongSecret));
    assert_eq!(kind(&users, "alice", "two").await, None);

    users.set_password(&id, Some(&secret("two"))).await.unwrap();
    assert_ne!(second, stamp().await, "also if it is the same one");
    let third = stamp().await;
    users.end_sessions(&id).await.unwrap();
    assert_ne!(third, stamp().await);
    assert_eq!(kind(&users, "alice", "two").await, None, "logging out everywhere keeps the password");

    users.set_active(&id, false).await.unwrap();
    assert!(!users.get_user(&id).await.unwrap().unwrap().is_active());
    assert!(matches!(kind(&users, "alice", "two").await, Some(DeniedKind::Denied(_))));
    users.set_active(&id, true).await.unwrap();
    assert_eq!(kind(&users, "alice", "two").await, None);

    users.set_password(&id, None).await.unwrap();
    assert_eq!(kind(&users, "alice", "two").await, Some(DeniedKind::WrongSecret));
}

async fn permissions_come_and_go(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create_user("alice", None).await.unwrap();
    let bob = users.create_user("bob", None).await.unwrap();
    assert!(!alice.has_permission("read"));
    let held = ["write", "read", "a\nadmin", "' OR 1=1 --", "read"];
    for permission in held {
        users.grant(&alice.id(), permission).await.unwrap();
    }
    let alice = users.find("alice").await.unwrap().unwrap();
    assert_eq!(alice.permissions().collect::<Vec<_>>(), ["' OR 1=1 --", "a\nadmin", "read", "write"]);
    assert!(alice.has_permission("read") && !alice.has_permission("admin") && !alice.has_permission("rea"));
    assert_eq!(users.get_user(&bob.id()).await.unwrap().unwrap().permissions().count(), 0);

    for _ in 0..2 {
        users.revoke(&alice.id(), "read").await.unwrap();
        assert!(!users.get_user(&alice.id()).await.unwrap().unwrap().has_permission("read"));
    }
}

/// However the database brings them: none is taken for two, and none for another.
async fn a_permission_is_what_was_granted(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create_user("alice", None).await.unwrap().id();
    let mut odd = ["\"], [\"admin", "admin\",\"x", "\\", "[]", "null", "a,b", "\u{1}", "\u{fc}\u{2028}", ""];
    odd.sort_unstable();
    for permission in odd {
        users.grant(&alice, permission).await.unwrap();
    }
    for alice in [users.get_user(&alice).await.unwrap(), users.find("alice").await.unwrap()] {
        assert_eq!(alice.unwrap().permissions().collect::<Vec<_>>(), odd);
    }
}

/// Ids are compared as they are: "1" is a user, "01" and "1.0" are not.
async fn only_a_users_own_id_finds_them(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    assert_eq!(users.create_user("alice", None).await.unwrap().id(), UserId::from(1));
    for id in [
        "2",
        "01",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e0",
        "0x1",
        "-1",
        "alice",
        "1' OR '1'='1",
        "99999999999999999999",
    ] {
        let id = UserId::new(id).unwrap();
        assert!(users.get_user(&id).await.unwrap().is_none(), "{id}");
        let failures = [
            users.set_password(&id, None).await,
            users.end_sessions(&id).await,
            users.set_active(&id, false).await,
            users.grant(&id, "read").await,
            users.revoke(&id, "read").await,
        ];
        for failure in failures {
            assert_eq!(failure.unwrap_err().kind(), UserErrorKind::UnknownUser, "{id}");
        }
    }
    assert!(users.find("alice").await.unwrap().unwrap().is_active());
}

/// An id is never given to a second user: a session of the first must not become the second's.
async fn ids_are_not_reused(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let first = users.create_user("alice", None).await.unwrap();
    db.execute("DELETE FROM auth_users").await.unwrap();
    assert_ne!(users.create_user("alice", None).await.unwrap().id(), first.id());
}

/// A password is taken as it is.
async fn passwords_are_verified_as_received(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let long = "p".repeat(4096);
    for (n, password) in [" spaced ", "a\0b", "ünïcödé", &long].into_iter().enumerate() {
        let name = format!("user{n}");
        users.create_user(&name, Some(&Secret::new(password))).await.unwrap();
        assert_eq!(kind(&users, &name, password).await, None, "{n}");
        assert!(kind(&users, &name, password.trim_matches([' ', 'b', 'é', 'p'])).await.is_some(), "{n}");
    }
}

async fn debug_shows_no_secret(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create_user("alice", Some(&secret("canary-7f3a"))).await.unwrap();
    let stamp = format!("{:?}", alice.security_stamp());
    let shown = format!("{users:?} {alice:?}");
    for secret in ["canary-7f3a", "$argon2", &stamp, &db.dir.path().display().to_string()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
