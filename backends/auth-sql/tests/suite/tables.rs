//! An application's own tables.

use auth_core::backend::UserSource;
use auth_core::{DeniedKind, Password, User, UserId};
use auth_sql::{RowError, SqlUser, SqlUsers, TableUser, UserErrorKind, UserRow, UserTable};

use crate::support::{Db, LIMIT, PATIENT, Place, kind, on_every_database, passwords, secret};

on_every_database![
    an_own_table_is_used_as_it_is,
    narrow_and_wide_integers_are_ids,
    uuids_are_ids,
    a_user_of_ones_own_has_what_the_table_has,
    a_row_that_makes_no_user_is_an_outage,
    without_a_stamp_one_follows_the_password,
    without_an_active_column_everybody_is,
    a_lax_column_finds_nobody_else,
    a_lax_id_column_finds_nobody_else,
];

fn users_in(db: &Db, table: UserTable) -> SqlUsers {
    SqlUsers::new(db.database(), passwords(16)).with_table(table)
}

/// An application's own table, with other names, and with neither identities nor permissions.
async fn an_own_table_is_used_as_it_is(place: &Place) {
    let db = place.db().await;
    db.make_lax_collation().await;
    let uuid = db.pick(
        "lower(hex(randomblob(16)))",
        "replace(gen_random_uuid()::text, '-', '')",
        "REPLACE(UUID(), '-', '')",
    );
    let create = format!(
        "CREATE TABLE \"order\" (uuid {{text}} PRIMARY KEY DEFAULT ({uuid}), mail {{lax}} UNIQUE, \
         \"group\" {{text}}, stamp {{bytes}}, enabled BOOLEAN, shoe_size REAL DEFAULT 42)"
    );
    db.execute(&create).await.unwrap();
    let table = UserTable::new("order").unwrap().with_text_ids();
    let table = table.with_id("uuid").unwrap().with_username("mail", "mail").unwrap();
    let table = table.with_password("group").unwrap().with_security_stamp("stamp").unwrap();
    let users = users_in(&db, table.with_active("enabled").unwrap());
    users.migrate().await.unwrap();

    let alice = users.create_user("Alice@example.com", Some(&secret("one"))).await.unwrap();
    assert_eq!((alice.username(), alice.id().as_str().len()), ("alice@example.com", 32));
    assert_eq!(kind(&users, "ALICE@example.com", "one").await, None);
    let error = users.grant(&alice.id(), "read").await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoPermissions);
    users.set_active(&alice.id(), false).await.unwrap();
    assert!(matches!(kind(&users, "alice@example.com", "one").await, Some(DeniedKind::Denied(_))));
}

async fn narrow_and_wide_integers_are_ids(place: &Place) {
    let db = place.db().await;
    let wide = i64::MAX.to_string();
    let types = [("SMALLINT", "7"), ("INT", "2147483647"), ("BIGINT", &wide)];
    let unsigned = [("TINYINT UNSIGNED", "255"), ("BIGINT UNSIGNED", &wide)];
    for (n, (kind, id)) in
        types.into_iter().chain(db.pick(&[][..], &[], &unsigned).iter().copied()).enumerate()
    {
        let name = format!("people{n}");
        let create = format!(
            "CREATE TABLE {name} (id {kind} PRIMARY KEY, username {{text}}, username_key {{text}} UNIQUE, \
             password {{text}}, security_stamp {{bytes}}, active BOOLEAN)"
        );
        db.execute(&create).await.unwrap();
        db.execute(&format!("INSERT INTO {name} VALUES ({id}, 'Bob', 'bob', NULL, NULL, TRUE)"))
            .await
            .unwrap();
        let users = users_in(&db, UserTable::new(&name).unwrap());
        let bob = users.find("bob").await.unwrap().unwrap();
        assert_eq!(bob.id().as_str(), id, "{kind}");
        users.set_password(&bob.id(), Some(&secret("two"))).await.unwrap();
        assert!(users.get_user(&bob.id()).await.unwrap().is_some(), "{kind}");
        assert!(users.get_user(&UserId::from(i64::MAX - 1)).await.unwrap().is_none(), "{kind}");
    }
}

/// Also in tables that are made here.
async fn uuids_are_ids(place: &Place) {
    let db = place.db().await;
    let users = users_in(&db, UserTable::default().with_uuid_ids());
    users.migrate().await.unwrap();
    let alice = users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let bob = users.create_user("bob", None).await.unwrap();
    assert_ne!(alice.id(), bob.id());
    let id = alice.id();
    assert_eq!((id.as_str().len(), id.as_str().matches('-').count()), (36, 4), "{id}");
    users.grant(&id, "read").await.unwrap();
    assert!(users.get_user(&id).await.unwrap().unwrap().has_permission("read"));
    users.set_active(&id, false).await.unwrap();
    let other = [id.as_str().to_uppercase(), id.as_str().replace('-', ""), format!("{{{id}}}"), "1".into()];
    for other in other {
        let other = UserId::new(other).unwrap();
        assert!(users.get_user(&other).await.unwrap().is_none(), "{other}");
        let error = users.set_active(&other, true).await.unwrap_err();
        assert_eq!(error.kind(), UserErrorKind::UnknownUser, "{other}");
    }
    assert!(!users.get_user(&id).await.unwrap().unwrap().is_active());
}

/// An application's own user.
#[derive(Debug)]
struct Customer {
    user: SqlUser,
    email: Option<String>,
    orders: i64,
    shoe_size: f64,
    vip: bool,
    avatar: Vec<u8>,
}

impl User for Customer {
    fn id(&self) -> UserId {
        self.user.id()
    }
    fn security_stamp(&self) -> &[u8] {
        self.user.security_stamp()
    }
    fn is_active(&self) -> bool {
        self.user.is_active()
    }
}

impl TableUser for Customer {
    const COLUMNS: &'static [&'static str] = &["email", "orders", "shoe_size", "vip", "avatar"];

    fn from_row(user: SqlUser, row: &UserRow<'_>) -> Result<Self, RowError> {
        let missing = || RowError::new("a column is NULL");
        assert!(row.text("password").is_err(), "it was not asked for");
        Ok(Self {
            user,
            email: row.text("email")?.map(Into::into),
            orders: row.int("orders")?.ok_or_else(missing)?,
            shoe_size: row.real("shoe_size")?.ok_or_else(missing)?,
            vip: row.truth("vip")?.ok_or_else(missing)?,
            avatar: row.bytes("avatar")?.ok_or_else(missing)?.into(),
        })
    }
}

async fn customers(db: &Db) -> SqlUsers<Customer> {
    let users = db.users().await;
    users.create_user("alice", Some(&secret("one"))).await.unwrap();
    for column in ["email {text}", "orders SMALLINT", "shoe_size REAL", "vip BOOLEAN", "avatar {bytes}"] {
        db.execute(
            &format!("ALTER TABLE auth_users ADD COLUMN {column}")
                .replace("SMALLINT", db.pick("INTEGER", "SMALLINT", "SMALLINT"))
                .replace("BOOLEAN", db.pick("INTEGER", "BOOLEAN", "BOOLEAN")),
        )
        .await
        .unwrap();
    }
    users.with_user().unwrap()
}

async fn a_user_of_ones_own_has_what_the_table_has(place: &Place) {
    let db = place.db().await;
    let users = customers(&db).await;
    let avatar = db.pick("x'00ff'", "'\\x00ff'", "x'00ff'");
    let update = format!("UPDATE auth_users SET orders = 7, shoe_size = 42.5, vip = TRUE, avatar = {avatar}");
    db.execute(&update).await.unwrap();
    for permission in ["read", "write"] {
        let id = users.find("alice").await.unwrap().unwrap().id();
        users.grant(&id, permission).await.unwrap();
    }
    let alice = users.find("Alice").await.unwrap().unwrap();
    assert_eq!((alice.email.as_deref(), alice.orders, alice.vip), (None, 7, true));
    assert!((alice.shoe_size - 42.5).abs() < f64::EPSILON);
    assert_eq!((alice.avatar, alice.user.permissions().count()), (vec![0, 0xff], 2));

    db.execute("UPDATE auth_users SET email = 'a@example.com'").await.unwrap();
    let auth = auth_core::Auth::builder().chain_timeout(LIMIT);
    let auth = auth.backend_with::<Password>("local", users, PATIENT).build().unwrap();
    let login = Password::new("alice", "one");
    let alice = auth.authenticate(login, &auth_core::RequestFacts::none()).await.unwrap();
    assert_eq!(alice.user().email.as_deref(), Some("a@example.com"));
}

async fn a_row_that_makes_no_user_is_an_outage(place: &Place) {
    let db = place.db().await;
    let users = customers(&db).await;
    let error = users.find("alice").await.unwrap_err();
    assert_eq!(error.kind(), auth_core::backend::BackendErrorKind::InvalidData, "a column is NULL");
}

/// A table with neither stamps nor a column that says who may sign in, as many have.
pub(crate) async fn bare(db: &Db) -> SqlUsers {
    let create =
        "CREATE TABLE people (id {counted}, username {text}, username_key {text} UNIQUE, password {text})";
    db.execute(create).await.unwrap();
    users_in(db, UserTable::new("people").unwrap().without_security_stamp().without_active())
}

/// A login must not end the user's other sessions, so a hash is not renewed where the stamp follows from it.
async fn without_a_stamp_one_follows_the_password(place: &Place) {
    let db = place.db().await;
    let users = bare(&db).await;
    let alice = users.create_user("alice", Some(&secret("one"))).await.unwrap();
    let id = alice.id();
    let stamp = async || users.get_user(&id).await.unwrap().unwrap().security_stamp().to_vec();
    assert_eq!(alice.security_stamp(), stamp().await);
    let hash = db.text("SELECT password FROM people").await;
    assert!(!hash.contains(&format!("{:?}", alice.security_stamp())) && alice.security_stamp().len() == 32);

    let stronger = SqlUsers::new(db.database(), passwords(32))
        .with_table(UserTable::new("people").unwrap().without_security_stamp().without_active());
    assert_eq!(kind(&stronger, "alice", "one").await, None);
    assert_eq!(
        (alice.security_stamp(), hash),
        (&*stamp().await, db.text("SELECT password FROM people").await)
    );

    users.set_password(&id, Some(&secret("one"))).await.unwrap();
    assert_ne!(alice.security_stamp(), stamp().await);
    let error = users.end_sessions(&id).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::NoStamps);
}

async fn without_an_active_column_everybody_is(place: &Place) {
    let db = place.db().await;
    let users = bare(&db).await;
    let alice = users.create_user("alice", Some(&secret("one"))).await.unwrap();
    assert!(alice.is_active());
    assert_eq!(kind(&users, "alice", "one").await, None);
    let error = users.set_active(&alice.id(), false).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::AlwaysActive);
}

/// CVE-2019-19844, CVE-2024-32879: a column that takes two names for one must not hand out the wrong user.
async fn a_lax_column_finds_nobody_else(place: &Place) {
    let db = place.db().await;
    db.make_lax_collation().await;
    let create = "CREATE TABLE people (id INTEGER PRIMARY KEY, username {text}, \
                  username_key {lax}, password {text}, security_stamp {bytes}, active BOOLEAN)";
    db.execute(create).await.unwrap();
    let insert = "INSERT INTO people VALUES (1, 'Alice', 'ALICE', NULL, NULL, TRUE), \
                  (2, 'bob', 'bob', NULL, NULL, TRUE), (3, 'bob', 'bob', NULL, NULL, TRUE)";
    db.execute(insert).await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM people WHERE username_key = 'alice'").await, 1, "it is lax");
    let users = users_in(&db, UserTable::new("people").unwrap());
    assert!(users.find("alice").await.unwrap().is_none(), "its key is not canonical");
    assert!(users.find("bob").await.is_err(), "two users have one name");
    assert_eq!(users.get_user(&UserId::from(2)).await.unwrap().unwrap().username(), "bob");
}

async fn a_lax_id_column_finds_nobody_else(place: &Place) {
    let db = place.db().await;
    db.make_lax_collation().await;
    let create = "CREATE TABLE people (id {lax} PRIMARY KEY, username {text}, username_key {text}, \
                  password {text}, security_stamp {bytes}, active BOOLEAN)";
    db.execute(create).await.unwrap();
    db.execute("INSERT INTO people VALUES ('a1', 'bob', 'bob', NULL, NULL, TRUE)").await.unwrap();
    let users = users_in(&db, UserTable::new("people").unwrap().with_text_ids());
    let (other, bob) = (UserId::new("A1").unwrap(), UserId::new("a1").unwrap());
    assert!(users.get_user(&other).await.unwrap().is_none());
    let error = users.set_active(&other, false).await.unwrap_err();
    assert_eq!(error.kind(), UserErrorKind::UnknownUser);
    assert!(users.get_user(&bob).await.unwrap().unwrap().is_active(), "nobody else was changed");
    assert!(users.get_user(&UserId::new("a\0").unwrap()).await.unwrap().is_none());
}

#[test]
fn names_of_columns_are_checked() {
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
