//! Passwords that somebody else knows, and tables from before there were any.

use auth_core::backend::{Identity, Outcome, Provisioner, UserSource};
use auth_core::provisioning::{Provisioning, Reports};
use auth_core::{User, UserId};
use auth_sql::{ImportedUser, NewUser, SqlUser, SqlUsers, UserErrorKind, UserTable};

use crate::support::{Db, Place, kind, login, on_every_database, passwords, secret, told};

on_every_database![
    a_temporary_password_is_changed_once,
    a_temporary_password_is_not_kept,
    a_new_user_may_begin_with_one,
    a_renewed_hash_is_as_temporary_as_before,
    password_and_mark_are_written_together,
    nobody_else_gets_one,
    an_own_table_names_its_column,
    an_earlier_table_goes_on,
    an_earlier_table_takes_people_from_elsewhere,
    an_earlier_table_is_migrated,
    a_running_instance_finds_the_column,
    instances_migrate_at_once,
    the_earlier_version_goes_on,
];

/// Alice, whose password is "one".
async fn alice(users: &SqlUsers) -> UserId {
    users.create_user("alice", Some(&secret("one"))).await.unwrap().id()
}

async fn read(users: &SqlUsers, id: &UserId) -> SqlUser {
    users.get_user(id).await.unwrap().unwrap()
}

async fn must_change(users: &SqlUsers, id: &UserId) -> bool {
    let user = read(users, id).await;
    let found = users.find(user.username()).await.unwrap().unwrap();
    assert_eq!(user.must_change_password(), found.must_change_password());
    user.must_change_password()
}

async fn a_temporary_password_is_changed_once(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let (alice, bob) = (alice(&users).await, users.create_user("bob", None).await.unwrap());
    assert!(!must_change(&users, &alice).await && !bob.must_change_password());
    let before = read(&users, &alice).await;
    users.set_temporary_password(&alice, &secret("two")).await.unwrap();
    let after = read(&users, &alice).await;
    assert!(must_change(&users, &alice).await && after.is_active());
    assert_ne!(before.security_stamp(), after.security_stamp(), "sessions end");
    assert!(kind(&users, "alice", "one").await.is_some());
    assert!(login(&users, "alice", "two").await.unwrap().must_change_password());
    assert!(format!("{after:?}").contains("must_change_password: true"), "{after:?}");
    users.end_sessions(&alice).await.unwrap();
    users.set_active(&alice, false).await.unwrap();
    assert!(must_change(&users, &alice).await && !read(&users, &alice).await.is_active());
    users.set_active(&alice, true).await.unwrap();

    users.set_password(&alice, Some(&secret("three"))).await.unwrap();
    assert!(!login(&users, "alice", "three").await.unwrap().must_change_password());
    users.set_temporary_password(&alice, &secret("four")).await.unwrap();
    users.set_password(&alice, None).await.unwrap();
    assert!(!must_change(&users, &alice).await, "there is nothing to change");
    assert!(!must_change(&users, &bob.id()).await, "it was never about him");
}

/// ASVS 6.4.1: otherwise the operator who set it would still know it. If it is not temporary, or an operator sets it
/// again, it may be the same.
async fn a_temporary_password_is_not_kept(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = alice(&users).await;
    users.set_password(&alice, Some(&secret("one"))).await.unwrap();
    for _ in 0..2 {
        users.set_temporary_password(&alice, &secret("one")).await.unwrap();
        let before = read(&users, &alice).await;
        let error = users.set_password(&alice, Some(&secret("one"))).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::SamePassword);
        let after = read(&users, &alice).await;
        assert!(after.must_change_password() && before.security_stamp() == after.security_stamp());
    }
    users.set_password(&alice, Some(&secret("One"))).await.unwrap();
    assert!(!must_change(&users, &alice).await && kind(&users, "alice", "One").await.is_none());
    db.execute("UPDATE auth_users SET must_change_password = TRUE, password = NULL").await.unwrap();
    users.set_password(&alice, Some(&secret("one"))).await.unwrap();
    assert!(!must_change(&users, &alice).await);
}

async fn a_new_user_may_begin_with_one(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = users.create(NewUser::new("Alice").with_temporary_password(secret("one"))).await.unwrap();
    assert!(alice.must_change_password() && alice.is_active());
    assert_eq!((alice.username(), alice.security_stamp().len()), ("Alice", 32));
    assert!(login(&users, "alice", "one").await.unwrap().must_change_password());
    let taken = users.create(NewUser::new("ALICE").with_temporary_password(secret("two"))).await.unwrap_err();
    assert_eq!(taken.kind(), UserErrorKind::NameTaken);
    let none = users.create(NewUser::new("").with_temporary_password(secret("two"))).await.unwrap_err();
    assert_eq!(none.kind(), UserErrorKind::InvalidName);
    let empty = users.create(NewUser::new("bob").with_temporary_password(secret(""))).await.unwrap_err();
    assert_eq!(empty.kind(), UserErrorKind::InvalidPassword);
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
}

async fn a_renewed_hash_is_as_temporary_as_before(place: &Place) {
    let db = place.db().await;
    let users = SqlUsers::new(db.database(), passwords(8));
    users.migrate().await.unwrap();
    let alice = alice(&users).await;
    for is_temporary in [false, true] {
        if is_temporary {
            users.set_temporary_password(&alice, &secret("one")).await.unwrap();
        }
        assert!(db.text("SELECT password FROM auth_users").await.contains("m=8,"));
        login(&SqlUsers::new(db.database(), passwords(32)), "alice", "one").await.unwrap();
        assert!(db.text("SELECT password FROM auth_users").await.contains("m=32,"));
        assert_eq!(must_change(&users, &alice).await, is_temporary);
    }
}

/// Whichever of two comes last: whose password is let in decides about the mark.
async fn password_and_mark_are_written_together(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = alice(&users).await;
    for _ in 0..20 {
        let (theirs, own) = (secret("theirs"), secret("own"));
        let (set, changed) = tokio::join!(
            users.set_temporary_password(&alice, &theirs),
            users.set_password(&alice, Some(&own))
        );
        set.unwrap();
        changed.unwrap();
        let is_theirs = kind(&users, "alice", "theirs").await.is_none();
        assert_eq!(is_theirs, kind(&users, "alice", "own").await.is_some());
        assert_eq!(must_change(&users, &alice).await, is_theirs);
    }
}

async fn nobody_else_gets_one(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let alice = alice(&users).await;
    for id in ["2", "01", "1 ", "alice", "1' OR '1'='1"] {
        let error =
            users.set_temporary_password(&UserId::new(id).unwrap(), &secret("two")).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::UnknownUser, "{id}");
    }
    let empty = users.set_temporary_password(&alice, &secret("")).await.unwrap_err();
    assert_eq!(empty.kind(), UserErrorKind::InvalidPassword);
    assert!(!must_change(&users, &alice).await && kind(&users, "alice", "one").await.is_none());
    let carol = provision(&users, &Provisioning::default(), "1", "carol").await;
    let linked = users.set_temporary_password(&carol.id(), &secret("two")).await.unwrap_err();
    assert_eq!(linked.kind(), UserErrorKind::Linked);
}

async fn provision(users: &SqlUsers, policy: &Provisioning, subject: &str, name: &str) -> SqlUser {
    let address = format!("{name}@example.com");
    let identity = Identity::new("ldaps://directory.example", subject).with_username(name);
    let identity = identity.with_verified_email(address);
    match policy.on(users.clone()).unwrap().provision(identity, &Reports::new()).await.unwrap() {
        Outcome::Accept(user) => user,
        other => panic!("not accepted: {other:?}"),
    }
}

/// With the column, without, and with one that is not there.
async fn an_own_table_names_its_column(place: &Place) {
    let db = place.db().await;
    let create = "CREATE TABLE people (id {counted}, username {text}, username_key {text} UNIQUE, password {text}, \
                  active BOOLEAN, renew_it BOOLEAN DEFAULT FALSE)";
    db.execute(create).await.unwrap();
    let table = UserTable::new("people").unwrap().without_security_stamp();
    let users = |table| SqlUsers::new(db.database(), passwords(16)).with_table(table);
    let without = users(table.clone());
    without.migrate().await.unwrap();
    without.check().await.unwrap();
    let alice = alice(&without).await;
    refuses_temporary_passwords(&without, &alice).await;

    let with = users(table.clone().with_must_change_password("renew_it").unwrap());
    with.migrate().await.unwrap();
    with.check().await.unwrap();
    with.set_temporary_password(&alice, &secret("two")).await.unwrap();
    assert!(must_change(&with, &alice).await && kind(&with, "alice", "two").await.is_none());
    assert!(!must_change(&without, &alice).await);
    with.set_password(&alice, Some(&secret("three"))).await.unwrap();
    assert!(!must_change(&with, &alice).await);
    db.execute("UPDATE people SET renew_it = NULL, active = TRUE").await.unwrap();
    assert!(!must_change(&with, &alice).await && read(&with, &alice).await.is_active());
    let bob = with.create(NewUser::new("bob").with_temporary_password(secret("one"))).await.unwrap();
    assert!(bob.must_change_password());

    let wrong = users(table.clone().with_must_change_password("not_there").unwrap());
    let text = told(&wrong.check().await.unwrap_err());
    assert!(text.contains("lacks the column `not_there`"), "{text}");
    assert!(table.clone().with_must_change_password("x; DROP TABLE people").is_err());
    let twice = table.with_must_change_password("renew_it").unwrap().with_flag("renew_it");
    assert!(twice.unwrap_err().to_string().contains("used already"));
}

/// And says which column is missing. The password is as it was.
async fn refuses_temporary_passwords(users: &SqlUsers, alice: &UserId) {
    let error = users.set_temporary_password(alice, &secret("two")).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoTemporaryPasswords);
    assert!(error.to_string().contains("add `must_change_password`"), "{error}");
    assert!(kind(users, "alice", "one").await.is_none() && kind(users, "alice", "two").await.is_some());
    let error = users.create(NewUser::new("eve").with_temporary_password(secret("two"))).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoTemporaryPasswords);
    assert!(users.find("eve").await.unwrap().is_none());
}

/// The default tables, as they were made before there was the column; not migrated.
async fn earlier(place: &Place) -> Db {
    let db = place.db().await;
    db.users().await;
    db.execute("ALTER TABLE auth_users DROP COLUMN must_change_password").await.unwrap();
    db
}

fn unmigrated(db: &Db) -> SqlUsers {
    SqlUsers::new(db.database(), passwords(16))
}

/// Whatever is asked first.
async fn an_earlier_table_goes_on(place: &Place) {
    let db = earlier(place).await;
    let alice = alice(&unmigrated(&db)).await;
    unmigrated(&db).check().await.unwrap();
    assert!(!must_change(&unmigrated(&db), &alice).await);
    assert!(kind(&unmigrated(&db), "ALICE", "one").await.is_none());
    refuses_temporary_passwords(&unmigrated(&db), &alice).await;
    let error =
        unmigrated(&db).create(NewUser::new("eve").with_temporary_password(secret("two"))).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoTemporaryPasswords);
    unmigrated(&db).set_password(&alice, Some(&secret("two"))).await.unwrap();
    assert!(kind(&unmigrated(&db), "alice", "two").await.is_none());

    let users = unmigrated(&db);
    for n in 0..3 {
        users.set_password(&alice, Some(&secret("one"))).await.unwrap();
        users.grant(&alice, &format!("permission {n}")).await.unwrap();
        assert_eq!(login(&users, "alice", "one").await.unwrap().permissions().count(), n + 1);
        let new = ImportedUser::new(format!("new {n}"), None).unwrap();
        assert_eq!(users.import(&[new]).await.unwrap(), [true]);
    }
    refuses_temporary_passwords(&users, &alice).await;

    // What else is missing stays an error.
    db.execute("ALTER TABLE auth_users DROP COLUMN security_stamp").await.unwrap();
    for users in [users, unmigrated(&db)] {
        let text = told(&users.find("alice").await.unwrap_err());
        assert!(text.contains("lacks the column `security_stamp`"), "{text}");
    }
}

/// Also in a transaction, in which a password is taken from a user.
async fn an_earlier_table_takes_people_from_elsewhere(place: &Place) {
    let db = place.db().await;
    let table = UserTable::default().with_email("email", "email_verified").unwrap();
    let users = || SqlUsers::new(db.database(), passwords(16)).with_table(table.clone());
    users().migrate().await.unwrap();
    for name in ["alice", "bob"] {
        let user = users().create(NewUser::new(name).with_temporary_password(secret("one"))).await.unwrap();
        let set = format!("UPDATE auth_users SET email = '{name}@example.com' WHERE id = {}", user.id());
        db.execute(&set).await.unwrap();
    }
    let claiming = Provisioning::builder().link_by_verified_email_or_claim().build().unwrap();
    let claimed = provision(&users(), &claiming, "1", "alice").await;
    assert!(
        claimed.username() == "alice" && !claimed.must_change_password(),
        "she has no password any longer"
    );

    db.execute("ALTER TABLE auth_users DROP COLUMN must_change_password").await.unwrap();
    let claimed = provision(&users(), &claiming, "2", "bob").await;
    assert_eq!(Some(claimed.id()), users().find("bob").await.unwrap().map(|bob| bob.id()));
    assert!(kind(&users(), "bob", "one").await.is_some());
    assert_eq!(provision(&users(), &claiming, "3", "carol").await.username(), "carol");
}

async fn an_earlier_table_is_migrated(place: &Place) {
    let db = earlier(place).await;
    let (users, other) = (unmigrated(&db), unmigrated(&db));
    let alice = alice(&users).await;
    for users in [&users, &other] {
        refuses_temporary_passwords(users, &alice).await;
    }
    for _ in 0..2 {
        users.migrate().await.unwrap();
        assert!(!must_change(&users, &alice).await, "nobody had to");
    }
    users.clone().set_temporary_password(&alice, &secret("two")).await.unwrap();
    assert!(must_change(&users, &alice).await && must_change(&unmigrated(&db), &alice).await);
    // One that looked before is none the wiser, until somebody signs in.
    assert!(!read(&other, &alice).await.must_change_password());
    assert!(login(&other, "alice", "two").await.unwrap().must_change_password());
    assert!(must_change(&other, &alice).await);
}

/// Changing or setting a password finds the column as well.
async fn a_running_instance_finds_the_column(place: &Place) {
    for temporary in [false, true] {
        let db = earlier(place).await;
        let (users, other) = (unmigrated(&db), unmigrated(&db));
        let alice = alice(&users).await;
        assert!(!read(&other, &alice).await.must_change_password());
        users.migrate().await.unwrap();
        if temporary {
            other.set_temporary_password(&alice, &secret("two")).await.unwrap();
        } else {
            users.set_temporary_password(&alice, &secret("two")).await.unwrap();
            other.set_password(&alice, Some(&secret("three"))).await.unwrap();
        }
        assert_eq!(must_change(&users, &alice).await, temporary);
    }
}

/// Each has its own connections, as processes do.
async fn instances_migrate_at_once(place: &Place) {
    for round in 0..3 {
        let db = earlier(place).await;
        let alice = alice(&unmigrated(&db)).await;
        let migrate = |_| {
            let pool = db.another_pool();
            tokio::spawn(async move { SqlUsers::new(pool.await, passwords(16)).migrate().await })
        };
        for instance in (0..8).map(migrate).collect::<Vec<_>>() {
            let done = instance.await.unwrap();
            done.unwrap_or_else(|error| panic!("round {round}: {}", told(&error)));
        }
        unmigrated(&db).set_temporary_password(&alice, &secret("two")).await.unwrap();
    }
}

/// Beside one that has migrated: it neither reads nor writes the column.
async fn the_earlier_version_goes_on(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let insert = "INSERT INTO auth_users (username_key, password, security_stamp, username, active) \
                  VALUES ('alice', NULL, STAMP, 'alice', TRUE)";
    db.execute(&insert.replace("STAMP", &db.bytes(&[7; 32]))).await.unwrap();
    let alice = users.find("alice").await.unwrap().unwrap();
    assert!(!alice.must_change_password());
    let before = SqlUsers::new(db.database(), passwords(16));
    let before = before.with_table(UserTable::default().without_must_change_password());
    users.set_temporary_password(&alice.id(), &secret("one")).await.unwrap();
    assert!(!login(&before, "alice", "one").await.unwrap().must_change_password());
    before.set_password(&alice.id(), Some(&secret("two"))).await.unwrap();
    assert!(must_change(&users, &alice.id()).await, "it is asked for once more, and never once less");
}
