//! An error that the input causes is not an outage: odd input keeps nobody else out.

use auth_core::backend::{BackendErrorKind, Health, Identity, MemoryDirectory, Provisioned, UserSource};
use auth_core::conformance::backend::{odd, odd_passwords};
use auth_core::provisioning::{AttributeRule, Provisioning, Right};
use auth_core::{Auth, DeniedKind, Password, RequestFacts};
use auth_sql::{SqlUser, SqlUsers};

use crate::provisioning::site::Site;
use crate::support::{Place, on_every_database, passwords, secret};

on_every_database![
    names_and_passwords_are_about_themselves,
    a_column_may_know_fewer_characters,
    values_that_the_table_refuses,
    people_whose_groups_are_unknown,
    a_database_that_is_gone_says_so,
];

async fn names_and_passwords_are_about_themselves(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("alice", Some(&secret("wonderland"))).await.unwrap();
    let right = Password::new("alice", "wonderland");
    odd(users, right.clone(), odd_passwords(&right)).await;
}

/// An application's own column: `MariaDB` does not compare all texts with one in latin1.
async fn a_column_may_know_fewer_characters(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let narrow = db.pick(
        "SELECT 1",
        "ALTER TABLE auth_users ALTER username_key TYPE VARCHAR(20)",
        "ALTER TABLE auth_users MODIFY username_key VARCHAR(20) CHARACTER SET latin1 NOT NULL",
    );
    db.execute(narrow).await.unwrap();
    users.create_user("alice", Some(&secret("wonderland"))).await.unwrap();
    let right = Password::new("alice", "wonderland");
    odd(users, right.clone(), odd_passwords(&right)).await;
}

/// A site where a directory's people get a phone number, which the table takes only if it is short.
async fn short_phones(place: &Place) -> Site {
    let site = Site::new(place).await;
    let refuses = site.db.pick(
        "CREATE TRIGGER short BEFORE INSERT ON auth_users WHEN length(NEW.phone) > 3 \
         BEGIN SELECT RAISE(ABORT, 'canary'); END",
        "ALTER TABLE auth_users ADD CHECK (length(phone) < 4)",
        "ALTER TABLE auth_users MODIFY phone VARCHAR(3) CHARACTER SET latin1",
    );
    site.db.execute(refuses).await.unwrap();
    site
}

async fn directory(people: impl IntoIterator<Item = Identity>) -> MemoryDirectory {
    let directory = MemoryDirectory::new(passwords(16));
    for person in people {
        directory.insert(person, &secret("pw")).await.unwrap();
    }
    directory
}

fn chain(directory: MemoryDirectory, policy: &Provisioning, users: &SqlUsers) -> Auth<SqlUser> {
    let users = policy.clone().on(users.clone()).unwrap();
    Auth::builder()
        .backend::<Password>("directory", Provisioned { verifier: directory, users })
        .build()
        .unwrap()
}

async fn login(auth: &Auth<SqlUser>, name: &str) -> Result<(), DeniedKind> {
    let answer = auth.authenticate(Password::new(name, "pw"), &RequestFacts::none()).await;
    answer.map(drop).map_err(|denied| denied.kind())
}

/// Fifty logins of people that the table does not accept, and one that it does.
async fn values_that_the_table_refuses(place: &Place) {
    let site = short_phones(place).await;
    let person = |name: &str| Identity::new("directory", name);
    let directory = directory([
        person("long").with_attribute("phone", "12345"),
        person("wide").with_attribute("phone", "😀😀😀😀"),
        person("nul").with_attribute("phone", "a\0b"),
        person("alice").with_attribute("phone", "123"),
    ]);
    let policy = Provisioning::builder().attribute("phone", AttributeRule::of("phone")).build().unwrap();
    let auth = chain(directory.await, &policy, &site.users);
    for _ in 0..25 {
        for odd in ["long", "wide"] {
            assert_eq!(login(&auth, odd).await, Err(DeniedKind::Unavailable), "{odd}");
        }
    }
    assert_eq!(login(&auth, "nul").await, Ok(()), "a NUL is in no text of some databases, and left out");
    assert_eq!(login(&auth, "alice").await, Ok(()));
}

async fn people_whose_groups_are_unknown(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let person = |name: &str| Identity::new("directory", name);
    let directory = directory([person("odd"), person("alice").with_groups(["staff"])]);
    let policy = Provisioning::builder().grant("staff", Right::permission("read")).build().unwrap();
    let auth = chain(directory.await, &policy, &users);
    for _ in 0..50 {
        assert_eq!(login(&auth, "odd").await, Err(DeniedKind::Unavailable));
    }
    assert_eq!(login(&auth, "alice").await, Ok(()));
}

/// Health is asked of the database, and an outage is one.
async fn a_database_that_is_gone_says_so(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    assert_eq!(users.health().await, Health::Serving);
    db.close().await;
    assert_eq!(users.health().await, Health::Down);
    let error = users.find("alice").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
}
