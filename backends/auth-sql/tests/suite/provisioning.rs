//! `SqlUsers` as a provisioner: people vouched for by an outside system.

use crate::support::{LIMIT, PATIENT, Place, login, on_every_database, passwords, secret};
use std::sync::Arc;

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DenyReason, Identity, MemoryDirectory, Outcome, Provisioner,
    UserSource,
};
use auth_core::conformance::provisioning::provision_store;
use auth_core::provisioning::{AttributeRule, Creation, Migrating, Owner, Provisioning, Reports, Right};
use auth_core::{Auth, DeniedKind, OutagePolicy, Password, RequestFacts, User, UserId};
use auth_sql::{SqlUser, SqlUsers, UserErrorKind, UserTable};
use signed_in::{a_confirmation_reaches_the_tables, parallel_first_logins_make_one_user};
use site::Site;

mod interrupted;
mod signed_in;
pub(crate) mod site;

on_every_database![
    the_contract_is_kept,
    attributes_flags_and_permissions_have_their_places,
    a_plan_writes_nothing,
    a_local_edit_stays,
    a_claimed_user_loses_the_password,
    whoever_belongs_elsewhere_has_no_password_here,
    a_column_has_one_meaning,
    old_passwords_move_once,
    a_confirmation_reaches_the_tables,
    parallel_first_logins_make_one_user,
    parallel_strangers_are_never_linked,
    a_taken_name_is_refused_and_never_linked,
    other_subjects_and_issuers_are_other_people,
    a_lax_column_links_nobody,
    a_found_user_keeps_the_name,
    a_new_user_has_no_password,
    attributes_give_no_rights,
    a_disabled_user_stays_disabled,
    without_creation_only_known_people_come_in,
    impossible_identities_make_nobody,
    a_table_without_identities_says_so,
];

const LDAP: &str = "ldaps://directory.example";

fn identity(subject: &str, username: &str) -> Identity {
    Identity::new(LDAP, subject).with_username(username)
}

/// What a login of this person answers, by a policy that only creates.
async fn sign_in(users: &SqlUsers, identity: Identity) -> Outcome<SqlUser> {
    sign_in_by(&Provisioning::default(), users, identity).await
}

async fn sign_in_by(policy: &Provisioning, users: &SqlUsers, identity: Identity) -> Outcome<SqlUser> {
    let users = policy.on(users.clone()).unwrap();
    users.provision(identity, &Reports::new()).await.unwrap()
}

fn accepted(outcome: Outcome<SqlUser>) -> SqlUser {
    match outcome {
        Outcome::Accept(user) => user,
        other => panic!("not accepted: {other:?}"),
    }
}

/// A race of two people who want one name. One gets it, nobody gets the other's account.
async fn parallel_strangers_are_never_linked(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let first_login = |n: u32| {
        let users = users.clone();
        tokio::spawn(async move { sign_in(&users, identity(&format!("person {n}"), "alice")).await })
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

/// CVE-2022-39229: the same name from elsewhere is another person.
async fn a_taken_name_is_refused_and_never_linked(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let local = users.create_user("Alice", Some(&secret("one"))).await.unwrap();
    let taken = Outcome::Deny(DenyReason::NameTaken);
    for name in ["alice", "ALICE", "ａｌｉｃｅ"] {
        let outcome = sign_in(&users, identity("uid=alice", name)).await;
        assert_eq!(outcome.map(|_| ()), taken, "{name}");
    }
    assert_eq!(login(&users, "alice", "one").await.unwrap().id(), local.id());
    assert_eq!(db.count("SELECT count(*) FROM auth_users WHERE subject IS NOT NULL").await, 0);
}

/// Issuer and subject are compared byte for byte, and together.
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
        let user = accepted(sign_in(&users, person.clone()).await);
        assert_eq!(user.username(), format!("u{n}"));
    }
    for (n, person) in people.into_iter().enumerate() {
        let user = accepted(sign_in(&users, person).await);
        assert_eq!(user.username(), format!("u{n}"), "found again, not made again");
    }
}

/// CVE-2024-32879: also where the application's columns do not.
async fn a_lax_column_links_nobody(place: &Place) {
    let db = place.db().await;
    db.make_lax_collation().await;
    let create = "CREATE TABLE people (id {counted}, username {text}, username_key {text} UNIQUE, \
                  password {text}, security_stamp {bytes}, active BOOLEAN, \
                  iss {lax}, sub {lax}, UNIQUE (iss, sub))";
    db.execute(create).await.unwrap();
    let table = UserTable::new("people").unwrap().with_identity("iss", "sub").unwrap();
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(table);
    accepted(sign_in(&users, identity("alice", "alice")).await);
    for (issuer, subject) in [(LDAP, "ALICE"), ("LDAPS://directory.example", "alice")] {
        let outcome = sign_in(&users, Identity::new(issuer, subject).with_username("mallory")).await;
        assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::NameTaken), "{issuer} {subject}");
    }
}

async fn a_found_user_keeps_the_name(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let first = accepted(sign_in(&users, identity("uid=alice", "Alice")).await);
    let again = accepted(sign_in(&users, identity("uid=alice", "admin")).await);
    assert_eq!((again.id(), again.username()), (first.id(), "Alice"));
}

/// CVE-2022-1162: nobody signs in with a password that was never set.
async fn a_new_user_has_no_password(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    accepted(sign_in(&users, identity("uid=alice", "alice")).await);
    for password in ["!", "NULL", "null", "alice", "uid=alice", " "] {
        let denied = login(&users, "alice", password).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::WrongSecret, "{password:?}");
    }
}

/// Attributes and groups give nothing by themselves.
async fn attributes_give_no_rights(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let mut identity = identity("uid=mallory", "mallory").with_groups(["admin"]);
    for name in ["is_superuser", "is_staff", "permission", "id", "password", "active"] {
        identity = identity.with_attribute(name, "1");
    }
    let user = accepted(sign_in(&users, identity).await);
    assert_eq!(user.permissions().count(), 0);
    assert!(!user.has_permission("admin"));
}

async fn a_disabled_user_stays_disabled(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let user = accepted(sign_in(&users, identity("uid=alice", "alice")).await);
    users.set_active(&user.id(), false).await.unwrap();
    let again = sign_in(&users, identity("uid=alice", "alice")).await;
    assert_eq!(again.map(|_| ()), Outcome::Deny(DenyReason::Disabled));
    assert!(!users.get_user(&user.id()).await.unwrap().unwrap().is_active(), "no login enables anybody");
}

async fn without_creation_only_known_people_come_in(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    accepted(sign_in(&users, identity("uid=alice", "alice")).await);
    for creation in [Creation::UpdateOnly, Creation::ExistingOnly] {
        let closed = Provisioning::builder().creation(creation).build().unwrap();
        accepted(sign_in_by(&closed, &users, identity("uid=alice", "alice")).await);
        let outcome = sign_in_by(&closed, &users, identity("uid=bob", "bob")).await;
        assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::NotPermitted));
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
}

async fn impossible_identities_make_nobody(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    for name in ["", "a\u{202e}b", &"x".repeat(256)] {
        let outcome = sign_in(&users, identity("uid=x", name)).await;
        assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::InvalidName), "{name}");
    }
    let long = "x".repeat(1025);
    for (issuer, subject) in [("", "x"), (LDAP, ""), (&*long, "x"), (LDAP, &*long), (LDAP, "a\0")] {
        let identity = Identity::new(issuer, subject).with_username("alice");
        let users = Provisioning::default().on(users.clone()).unwrap();
        let answer = users.provision(identity, &Reports::new()).await;
        assert!(answer.is_err(), "empty, too long, or nothing that every database can hold");
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 0);
}

async fn a_table_without_identities_says_so(place: &Place) {
    let db = place.db().await;
    let users = SqlUsers::new(db.database(), passwords(16)).with_table(UserTable::new("people").unwrap());
    let error = Provisioning::default().on(users).unwrap_err();
    assert!(error.to_string().contains("with_identity"), "{error}");
}

/// The public suite for stores, also behind an `Arc`.
async fn the_contract_is_kept(place: &Place) {
    provision_store(async || Site::new(place).await).await;
    provision_store(async || Arc::new(Site::new(place).await)).await;
}

fn full_policy() -> Provisioning {
    Provisioning::builder()
        .attribute("phone", AttributeRule::of("telephoneNumber").owner(Owner::ExternalUntilEdited))
        .attribute("town", AttributeRule::of("l"))
        .email(Owner::External)
        .grant("staff", Right::flag("is_staff"))
        .allow_raising(Right::flag("is_staff"))
        .grant("staff", Right::permission("read"))
        .build()
        .unwrap()
}

fn full_identity(phone: &str) -> Identity {
    identity("uid=alice", "alice")
        .with_attribute("telephoneNumber", phone)
        .with_attribute("l", "'; DROP TABLE auth_users; --")
        .with_verified_email("Alice@Example.org")
        .with_groups(["staff"])
}

async fn attributes_flags_and_permissions_have_their_places(place: &Place) {
    let site = Site::new(place).await;
    let user = accepted(sign_in_by(&full_policy(), &site.users, full_identity("1")).await);
    assert!(user.has_permission("read"));
    let is = "SELECT count(*) FROM auth_users WHERE phone = '1' AND email = 'alice@example.org' \
              AND email_verified = TRUE AND is_staff = TRUE AND town LIKE '%DROP TABLE%' AND password IS NULL";
    assert_eq!(site.db.count(is).await, 1);
    let none: [&str; 0] = [];
    let user = accepted(sign_in_by(&full_policy(), &site.users, full_identity("2").with_groups(none)).await);
    assert!(!user.has_permission("read"));
    assert_eq!(
        site.db.count("SELECT count(*) FROM auth_users WHERE phone = '2' AND is_staff = FALSE").await,
        1
    );
}

/// Byte for byte what it was.
async fn a_plan_writes_nothing(place: &Place) {
    let site = Site::new(place).await;
    let users = full_policy().on(site.users.clone()).unwrap();
    assert!(users.plan(&full_identity("1")).await.unwrap().to_string().starts_with("create user"));
    assert_eq!(site.db.count("SELECT count(*) FROM auth_users").await, 0);
    accepted(sign_in_by(&full_policy(), &site.users, full_identity("1")).await);
    let before = site.everything().await;
    let plan = users.plan(&full_identity("2")).await.unwrap();
    assert_eq!(plan.to_string(), "update user 1 (\"alice\")\n  ~ phone: \"1\" -> \"2\"");
    assert_eq!(site.everything().await, before);
}

/// An attribute that was edited here is not taken from outside any more.
async fn a_local_edit_stays(place: &Place) {
    let site = Site::new(place).await;
    for (phone, expected) in [("1", "1"), ("2", "2"), ("3", "edited"), ("4", "edited")] {
        if phone == "3" {
            site.db.execute("UPDATE auth_users SET phone = 'edited'").await.unwrap();
        }
        accepted(sign_in_by(&full_policy(), &site.users, full_identity(phone)).await);
        assert_eq!(site.db.text("SELECT phone FROM auth_users").await, expected);
    }
}

/// The person who prepared the user cannot come back with the password that they chose.
async fn a_claimed_user_loses_the_password(place: &Place) {
    let site = Site::new(place).await;
    let prepared = site.users.create_user("al", Some(&secret("chosen before"))).await.unwrap();
    site.db.execute("UPDATE auth_users SET email = 'alice@example.org'").await.unwrap();
    let refusing = Provisioning::builder().link_by_verified_email().build().unwrap();
    let outcome = sign_in_by(&refusing, &site.users, full_identity("1")).await;
    assert_eq!(outcome.map(|_| ()), Outcome::Deny(DenyReason::EmailTaken));
    login(&site.users, "al", "chosen before").await.unwrap();
    let claiming = Provisioning::builder().link_by_verified_email_or_claim().build().unwrap();
    let claimed = accepted(sign_in_by(&claiming, &site.users, full_identity("1")).await);
    assert_eq!(claimed.id(), prepared.id());
    assert_ne!(claimed.security_stamp(), prepared.security_stamp(), "sessions end");
    assert!(login(&site.users, "al", "chosen before").await.is_err());
}

/// A directory that cannot be reached.
struct Down;

impl UserSource for Down {
    type User = SqlUser;

    async fn get_user(&self, _: &UserId) -> Result<Option<SqlUser>, BackendError> {
        Err(BackendError::unavailable("down"))
    }
}

impl Backend<Password> for Down {
    async fn authenticate(
        &self,
        _: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<SqlUser>>, BackendError> {
        Err(BackendError::unavailable("down"))
    }
}

/// What is left of a password from before does not let in whom a directory vouches for, also not while
/// that is down and the policy asks the next backend. Whoever belongs to the table alone is none of this.
async fn whoever_belongs_elsewhere_has_no_password_here(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("bob", Some(&secret("local"))).await.unwrap();
    accepted(sign_in(&users, identity("uid=alice", "alice")).await);
    let alice = users.find("alice").await.unwrap().unwrap();
    let refused = users.set_password(&alice.id(), Some(&secret("stale"))).await.unwrap_err();
    assert_eq!(refused.kind(), UserErrorKind::Linked);
    users.set_password(&alice.id(), None).await.unwrap();
    let lenient = users.clone().with_table(UserTable::default().with_passwords_of_linked_users());
    lenient.set_password(&alice.id(), Some(&secret("stale"))).await.unwrap();
    let wrong = DeniedKind::WrongSecret;
    let table = [
        ("the directory's user", &users, "alice", "stale", Err(DeniedKind::Unavailable), Err(wrong)),
        ("the table's user", &users, "bob", "local", Ok(()), Ok(())),
        ("the table's user, wrong", &users, "bob", "x", Err(DeniedKind::Unavailable), Err(wrong)),
        ("the policy says so", &lenient, "alice", "stale", Ok(()), Ok(())),
        ("the policy says so, wrong", &lenient, "alice", "x", Err(DeniedKind::Unavailable), Err(wrong)),
    ];
    for (name, users, username, password, directory_down, alone) in table {
        let chain = Auth::builder()
            .chain_timeout(LIMIT)
            .backend_with::<Password>("directory", Down, PATIENT.outage(OutagePolicy::Continue))
            .backend_with::<Password>("local", users.clone(), PATIENT)
            .build()
            .unwrap();
        let answer = chain.authenticate(Password::new(username, password), &RequestFacts::none()).await;
        assert_eq!(answer.map(drop).map_err(|denied| denied.kind()), directory_down, "{name}");
        let answer = login(users, username, password).await;
        assert_eq!(answer.map(drop).map_err(|denied| denied.kind()), alone, "{name}, asked alone");
    }
}

/// An attribute cannot be mapped to what decides who somebody is.
async fn a_column_has_one_meaning(_: &Place) {
    for column in ["password", "Security_Stamp", "active", "id", "username_key", "issuer", "subject"] {
        assert!(UserTable::default().with_attribute(column).is_err(), "{column}");
        assert!(UserTable::default().with_flag(column).is_err(), "{column}");
        assert!(UserTable::default().with_email("email", column).is_err(), "{column}");
    }
    assert!(UserTable::default().with_attribute("a\"b").is_err());
}

/// The table's own answer to a migrated user is the last word.
async fn old_passwords_move_once(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let old = MemoryDirectory::new(passwords(16));
    for name in ["alice", "bob"] {
        old.insert(Identity::new("old", name), &secret("old")).await.unwrap();
    }
    users.create_user("bob", None).await.unwrap();
    db.execute("UPDATE auth_users SET password = '!migrate'").await.unwrap();
    let migrating = Migrating::new(old, users.clone());
    let auth = Auth::builder().chain_timeout(LIMIT).backend_with::<Password>("local", migrating, PATIENT);
    let auth = auth.build().unwrap();
    let log_in = async |name: &str, password: &str| {
        let answer = auth.authenticate(Password::new(name, password), &RequestFacts::none()).await;
        answer.map(drop).map_err(|denied| denied.kind())
    };
    for name in ["Alice", "alice", "bob", "BOB"] {
        // The directory knows names as they are; the table in any case.
        let typed_first = if name.eq_ignore_ascii_case("alice") { "alice" } else { "bob" };
        log_in(typed_first, "old").await.unwrap();
        log_in(name, "old").await.unwrap();
        login(&users, name, "old").await.unwrap();
    }
    let alice = users.find("alice").await.unwrap().unwrap();
    users.set_password(&alice.id(), Some(&secret("new"))).await.unwrap();
    assert_eq!(log_in("alice", "old").await, Err(DeniedKind::WrongSecret));
    users.set_password(&alice.id(), None).await.unwrap();
    assert_eq!(log_in("alice", "old").await, Err(DeniedKind::WrongSecret), "removed on purpose");
}
