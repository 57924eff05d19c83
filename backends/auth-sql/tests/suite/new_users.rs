//! Users who are created with more than a name and a password.

use auth_core::{User, UserId};
use auth_sql::{ColumnValue, NewUser, RowError, SqlUser, SqlUsers, TableUser, UserErrorKind, UserRow};

use crate::support::{Db, Place, kind, login, on_every_database, passwords, secret, told};
use crate::tables::bare;

on_every_database![
    further_columns_are_written,
    null_is_written_into_columns_of_any_type,
    a_unique_value_is_taken_once,
    a_value_that_the_table_refuses_is_told,
    the_crates_own_columns_are_not_set,
    what_cannot_be_a_column_is_none,
    whoever_is_disabled_waits,
    a_registration_needs_a_password_of_the_users_own,
    one_who_registers_signs_in_with_that_password,
    nobody_is_created_half,
    values_are_not_shown,
];

/// A user with columns of every type that can be written.
#[derive(Debug, PartialEq)]
struct Person {
    username: String,
    email: Option<String>,
    age: Option<i64>,
    height: Option<f64>,
    newsletter: Option<bool>,
    picture: Option<Vec<u8>>,
    user: UserId,
}

impl User for Person {
    fn id(&self) -> UserId {
        self.user.clone()
    }
    fn security_stamp(&self) -> &[u8] {
        b""
    }
    fn is_active(&self) -> bool {
        true
    }
}

impl TableUser for Person {
    const COLUMNS: &'static [&'static str] = &["email", "age", "height", "newsletter", "picture"];

    fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
        Ok(Self {
            username: user.username().to_owned(),
            email: row.text("email")?.map(ToOwned::to_owned),
            age: row.int("age")?,
            height: row.real("height")?,
            newsletter: row.truth("newsletter")?,
            picture: row.bytes("picture")?.map(ToOwned::to_owned),
            user: user.id(),
        })
    }
}

async fn people(db: &Db) -> SqlUsers<Person> {
    db.users().await;
    let (int, real, truth) = (
        db.pick("INT", "SMALLINT", "SMALLINT"),
        db.pick("REAL", "FLOAT8", "DOUBLE"),
        db.pick("INT", "BOOLEAN", "BOOLEAN"),
    );
    for column in [
        "email {text}",
        &format!("age {int} CHECK (age < 200)"),
        &format!("height {real}"),
        &format!("newsletter {truth}"),
        "picture {bytes}",
    ] {
        db.execute(&format!("ALTER TABLE auth_users ADD COLUMN {column}")).await.unwrap();
    }
    // SQLite adds no unique column to a table that is there.
    db.execute("CREATE UNIQUE INDEX one_email ON auth_users (email)").await.unwrap();
    SqlUsers::new(db.database(), passwords(16)).with_user().unwrap()
}

async fn refused<U: TableUser>(users: &SqlUsers<U>, new: NewUser) -> UserErrorKind {
    users.create(new).await.map(drop).unwrap_err().kind()
}

async fn further_columns_are_written(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    let new = NewUser::new("Alice")
        .with_column("email", "alice@example.org")
        .with_column("age", 42)
        .with_column("height", 1.68)
        .with_column("newsletter", true)
        .with_column("picture", vec![0xff, 0x00, 0x80]);
    let alice = users.create(new).await.unwrap();
    assert_eq!((alice.username.as_str(), alice.email.as_deref()), ("Alice", Some("alice@example.org")));
    assert_eq!((alice.age, alice.height, alice.newsletter), (Some(42), Some(1.68), Some(true)));
    assert_eq!(alice.picture.as_deref(), Some(&[0xff, 0x00, 0x80][..]));
    let bob = users
        .create(NewUser::new("bob").with_column("newsletter", false).with_column("age", 7_i64))
        .await
        .unwrap();
    assert_eq!((bob.newsletter, bob.age, bob.email), (Some(false), Some(7), None));
    assert_eq!(users.find("alice").await.unwrap(), Some(alice));
}

async fn null_is_written_into_columns_of_any_type(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    let new = NewUser::new("alice")
        .with_column("email", None::<String>)
        .with_column("age", None::<i64>)
        .with_column("height", None::<f64>)
        .with_column("newsletter", None::<bool>)
        .with_column("picture", None::<Vec<u8>>);
    let alice = users.create(new).await.unwrap();
    assert_eq!(
        (alice.email, alice.age, alice.height, alice.newsletter, alice.picture),
        (None, None, None, None, None)
    );
    let some = NewUser::new("bob").with_column("email", Some("bob@example.org"));
    assert_eq!(users.create(some).await.unwrap().email.as_deref(), Some("bob@example.org"));
}

/// Which of the two was taken is told apart: a form says so at the right field.
async fn a_unique_value_is_taken_once(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    let with = |name: &str| NewUser::new(name).with_column("email", "a@example.org");
    users.create(with("alice")).await.unwrap();
    assert_eq!(refused(&users, with("bob")).await, UserErrorKind::ValueTaken);
    assert_eq!(refused(&users, with("ALICE")).await, UserErrorKind::NameTaken);
    assert_eq!(refused(&users, NewUser::new("alice")).await, UserErrorKind::NameTaken);
    assert_eq!(users.find("bob").await.unwrap(), None, "nobody was created");
    users.create(NewUser::new("bob").with_column("email", "b@example.org")).await.unwrap();
}

/// The database's own words are behind it; an outage is something else.
async fn a_value_that_the_table_refuses_is_told(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    let error = users.create(NewUser::new("alice").with_column("age", 200)).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::InvalidValue, "{}", told(&error));
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(users.find("alice").await.unwrap(), None);
}

async fn the_crates_own_columns_are_not_set(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let own = ["username", "username_key", "password", "security_stamp", "active", "must_change_password"];
    for column in own {
        for column in [column.to_owned(), column.to_uppercase()] {
            let new = NewUser::new("mallory").with_column(&column, "x");
            let error = users.create(new).await.unwrap_err();
            assert_eq!(error.kind(), UserErrorKind::InvalidColumn, "{column}: {}", told(&error));
        }
    }
    assert!(users.find("mallory").await.unwrap().is_none());
}

async fn what_cannot_be_a_column_is_none(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    for column in ["", "a b", "email) VALUES ('x') --", "\"email\"", "email;", "e\u{0}"] {
        let new = NewUser::new("alice").with_column(column, "x");
        assert_eq!(refused(&users, new).await, UserErrorKind::InvalidColumn, "{column:?}");
    }
    let twice = NewUser::new("alice").with_column("email", "a").with_column("EMAIL", "b");
    assert_eq!(refused(&users, twice).await, UserErrorKind::InvalidColumn);
    let error = users.create(NewUser::new("alice").with_column("shoe_size", 42)).await.unwrap_err();
    assert!(told(&error).contains("shoe_size"), "{}", told(&error));
}

async fn whoever_is_disabled_waits(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let new = || NewUser::new("alice").with_password(secret("one")).disabled();
    let alice = users.create(new()).await.unwrap();
    assert!(!alice.is_active() && login(&users, "alice", "one").await.is_err());
    users.set_active(&alice.id(), true).await.unwrap();
    assert!(login(&users, "alice", "one").await.is_ok());

    let always = bare(&db).await;
    let error = refused(&always, new()).await;
    assert_eq!(error, UserErrorKind::AlwaysActive, "a user who must not sign in yet is not created");
}

async fn a_registration_needs_a_password_of_the_users_own(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    for new in [NewUser::new("alice"), NewUser::new("alice").with_temporary_password(secret("one"))] {
        assert_eq!(users.register(new).await.unwrap_err().kind(), UserErrorKind::NoPassword);
    }
    let empty = NewUser::new("alice").with_password(secret(""));
    assert_eq!(users.register(empty).await.unwrap_err().kind(), UserErrorKind::InvalidPassword);
    let name = NewUser::new("a\u{0}").with_password(secret("one"));
    assert_eq!(users.register(name).await.unwrap_err().kind(), UserErrorKind::InvalidName);
    assert!(users.find("alice").await.unwrap().is_none());
}

async fn one_who_registers_signs_in_with_that_password(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let registered = users.register(NewUser::new("Alice").with_password(secret("one"))).await.unwrap();
    assert_eq!(registered.user().username(), "Alice");
    assert!(kind(&users, "alice", "two").await.is_some());
    assert_eq!(login(&users, "alice", "one").await.unwrap().id(), registered.into_user().id());
    let again = users.register(NewUser::new("ALICE").with_password(secret("two"))).await;
    assert_eq!(again.unwrap_err().kind(), UserErrorKind::NameTaken);
    assert!(kind(&users, "alice", "two").await.is_some(), "the first one's password stays");
}

/// Of many who register one name at once, one does.
async fn nobody_is_created_half(place: &Place) {
    let db = place.db().await;
    let users = people(&db).await;
    let tries = (0..8).map(|n| {
        let users = users.clone();
        tokio::spawn(async move {
            let new = NewUser::new("alice").with_password(secret("one")).with_column("age", n);
            users.register(new).await.map(|registered| registered.into_user().age)
        })
    });
    let mut made = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        match tried.await.unwrap() {
            Ok(age) => made.push(age),
            Err(error) => assert_eq!(error.kind(), UserErrorKind::NameTaken, "{}", told(&error)),
        }
    }
    assert_eq!(made, [users.find("alice").await.unwrap().unwrap().age]);
    assert_eq!(db.count("SELECT COUNT(*) FROM auth_users").await, 1);
}

async fn values_are_not_shown(_: &Place) {
    let new = NewUser::new("alice-the-secret")
        .with_password(secret("wonderland"))
        .with_column("email", "hidden@example.org")
        .with_column("age", 4711);
    let shown = format!("{new:?} {:?} {:?}", ColumnValue::from("hidden"), ColumnValue::from(4711));
    assert!(shown.contains("email") && shown.contains("has_password: true"), "{shown}");
    for value in ["hidden", "4711", "wonderland", "alice"] {
        assert!(!shown.contains(value), "{shown}");
    }
}
