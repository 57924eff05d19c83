//! `SqlUsers` as a provisioner: people whom an outside system vouches for.

use crate::support::{Place, login, on_every_database, passwords, secret, told};
use auth_core::{DeniedKind, DenyReason, Identity, Outcome, Provisioner, User};
use auth_sql::{SqlUser, SqlUsers, UserTable};

on_every_database![
    parallel_first_logins_make_one_user,
    parallel_strangers_are_never_linked,
    a_taken_name_is_refused_and_never_linked,
    other_subjects_and_issuers_are_other_people,
    a_lax_column_links_nobody,
    a_found_user_keeps_the_name,
    a_new_user_has_no_password,
    attributes_give_no_rights,
    a_disabled_user_is_found_as_disabled,
    without_creation_only_known_people_come_in,
    impossible_identities_make_nobody,
    a_table_without_identities_says_so,
];

const LDAP: &str = "ldaps://directory.example";

fn identity(subject: &str, username: &str) -> Identity {
    Identity::new(LDAP, subject).with_username(username)
}

fn accepted(outcome: Outcome<SqlUser>) -> SqlUser {
    match outcome {
        Outcome::Accept(user) => user,
        other => panic!("not accepted: {other:?}"),
    }
}

/// X01: 50 first logins of one person at once: one row, 50 successes.
async fn parallel_first_logins_make_one_user(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(50));
    let first_login = |_| {
        let (users, start) = (users.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            accepted(users.provision(identity("uid=alice", "alice")).await.unwrap()).id()
        })
    };
    let mut ids = Vec::new();
    for task in (0..50).map(first_login).collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
}

/// X02 in a race: two people who want one name. One gets it, nobody gets the other's account.
async fn parallel_strangers_are_never_linked(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let first_login = |n: u32| {
        let users = users.clone();
        tokio::spawn(async move { users.provision(identity(&format!("person {n}"), "alice")).await.unwrap() })
    };
    let mut made = 0;
    for task in (0..50).map(first_login).collect::<Vec<_>>() {
        match task.await.unwrap() {
            Outcome::Accept(_) => made += 1,
            other => assert_eq!(other.map(|_| ()), Outcome::Deny(DenyReason::NameTaken)),
        }
    }
    assert_eq!((made, db.count("SELECT count(*) FROM auth_users").await), (1, 1));
}

/// JP-4, X02, CVE-2022-39229: the same name from elsewhere is another person.
async fn a_taken_name_is_refused_and_never_linked(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let local = users.create_user("Alice", Some(&secret("one"))).await.unwrap();
    let taken = Outcome::Deny(DenyReason::NameTaken);
    for name in ["alice", "ALICE", "ａｌｉｃｅ"] {
        let outcome = users.provision(identity("uid=alice", name)).await.unwrap();
        assert_eq!(outcome.map(|_| ()), taken, "{name}");
    }
    assert_eq!(login(&users, "alice", "one").await.unwrap().id(), local.id());
    assert_eq!(db.count("SELECT count(*) FROM auth_users WHERE subject IS NOT NULL").await, 0);
}

/// JW-11: issuer and subject are compared byte for byte, and together.
async fn other_subjects_and_issuers_are_other_people(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let people = [
        Identity::new(LDAP, "alice").with_username("u0"),
        Identity::new(LDAP, "Alice").with_username("u1"),
        Identity::new(LDAP, "alice ").with_username("u2"),
        Identity::new(LDAP, "alicé").with_username("u3"),
        Identity::new(LDAP, "ALICE").with_username("u4"),
        Identity::new("ldaps://Directory.example", "alice").with_username("u5"),
        Identity::new("ldaps://directory.example/", "alice").with_username("u6"),
        Identity::new(format!("{LDAP}a"), "lice").with_username("u7"),
        Identity::new(LDAP, "' OR '1'='1").with_username("u8"),
    ];
    for (n, person) in people.iter().enumerate() {
        let user = accepted(users.provision(person.clone()).await.unwrap());
        assert_eq!(user.username(), format!("u{n}"));
    }
    for (n, person) in people.into_iter().enumerate() {
        let user = accepted(users.provision(person).await.unwrap());
        assert_eq!(user.username(), format!("u{n}"), "found again, not made again");
    }
}

/// JW-11, CVE-2024-32879: also where the application's columns do not.
async fn a_lax_column_links_nobody(place: &Place) {
    let db = place.db().await;
    db.make_lax_collation().await;
    let create = "CREATE TABLE people (id {counted}, username {text}, username_key {text} UNIQUE, \
                  password {text}, security_stamp {bytes}, active BOOLEAN, \
                  iss {lax}, sub {lax}, UNIQUE (iss, sub))";
    db.execute(create).await.unwrap();
    let table = UserTable::new("people").unwrap().with_identity("iss", "sub").unwrap();
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(table);
    accepted(users.provision(identity("alice", "alice")).await.unwrap());
    for (issuer, subject) in [(LDAP, "ALICE"), ("LDAPS://directory.example", "alice")] {
        let outcome = users.provision(Identity::new(issuer, subject).with_username("mallory")).await.unwrap();
        assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::NameTaken), "{issuer} {subject}");
    }
}

async fn a_found_user_keeps_the_name(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let first = accepted(users.provision(identity("uid=alice", "Alice")).await.unwrap());
    let again = accepted(users.provision(identity("uid=alice", "admin")).await.unwrap());
    assert_eq!((again.id(), again.username()), (first.id(), "Alice"));
}

/// JP-3, CVE-2022-1162: nobody signs in with a password that was never set.
async fn a_new_user_has_no_password(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    accepted(users.provision(identity("uid=alice", "alice")).await.unwrap());
    for password in ["!", "NULL", "null", "alice", "uid=alice", " "] {
        let denied = login(&users, "alice", password).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::WrongSecret, "{password:?}");
    }
}

/// JP-2: attributes and groups give nothing by themselves.
async fn attributes_give_no_rights(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let mut identity = identity("uid=mallory", "mallory").with_group("admin");
    for name in ["is_superuser", "is_staff", "permission", "id", "password", "active"] {
        identity = identity.with_attribute(name, "1");
    }
    let user = accepted(users.provision(identity).await.unwrap());
    assert_eq!(user.permissions().count(), 0);
    assert!(!user.has_permission("admin"));
}

async fn a_disabled_user_is_found_as_disabled(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let user = accepted(users.provision(identity("uid=alice", "alice")).await.unwrap());
    users.set_active(&user.id(), false).await.unwrap();
    let again = accepted(users.provision(identity("uid=alice", "alice")).await.unwrap());
    assert!(!again.is_active(), "the chain denies");
}

async fn without_creation_only_known_people_come_in(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    accepted(users.provision(identity("uid=alice", "alice")).await.unwrap());
    let closed = users.without_creation();
    accepted(closed.provision(identity("uid=alice", "alice")).await.unwrap());
    let outcome = closed.provision(identity("uid=bob", "bob")).await.unwrap();
    assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::NotPermitted));
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
}

async fn impossible_identities_make_nobody(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    for name in ["", "a\u{202e}b", &"x".repeat(256)] {
        let outcome = users.provision(identity("uid=x", name)).await.unwrap();
        assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::NotPermitted), "{name}");
    }
    let long = "x".repeat(1025);
    for (issuer, subject) in [("", "x"), (LDAP, ""), (&*long, "x"), (LDAP, &*long), (LDAP, "a\0")] {
        let identity = Identity::new(issuer, subject).with_username("alice");
        assert!(
            users.provision(identity).await.is_err(),
            "empty, too long, or nothing that every database can hold"
        );
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 0);
}

async fn a_table_without_identities_says_so(place: &Place) {
    let db = place.db().await;
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(UserTable::new("people").unwrap());
    users.migrate().await.unwrap();
    let error = users.provision(identity("uid=alice", "alice")).await.unwrap_err();
    assert!(told(&error).contains("with_identity"), "{}", told(&error));
}
