//! Tables that nobody made.

use auth_core::backend::UserSource;
use auth_core::event::{Event, EventKind};
use auth_core::session::{KeyRing, SessionConfig, SessionKey, SessionStore};
use auth_core::time::Timestamp;
use auth_core::{Auth, Password, RequestFacts, UserId};
use auth_sql::{SqlSessions, SqlUsers, UserTable};
use std::sync::{Arc, Mutex};

use crate::support::{Db, Place, on_every_database, passwords, secret, told};

on_every_database![
    the_first_error_names_the_table_and_the_way_out,
    the_event_of_a_login_does_too,
    a_table_that_is_gone_later_is_named,
];

/// What the error must say after a forgotten migration.
fn assert_named(error: &(dyn std::error::Error + 'static), table: &str) {
    let text = told(error);
    assert!(text.contains(&format!("table `{table}` is missing")), "{text}");
    assert!(text.contains("call `migrate()`"), "{text}");
}

fn users(db: &Db) -> SqlUsers {
    SqlUsers::new(db.database(), passwords(16))
}

/// Whatever is done first: a look-up, a write, a transaction.
async fn the_first_error_names_the_table_and_the_way_out(place: &Place) {
    let db = place.db().await;
    let (users, id) = (users(&db), UserId::from(1));
    assert_named(&users.get_user(&id).await.unwrap_err(), "auth_users");
    assert_named(&users.find("alice").await.unwrap_err(), "auth_users");
    assert_named(&users.create_user("alice", Some(&secret("right"))).await.unwrap_err(), "auth_users");
    assert_named(&users.set_active(&id, false).await.unwrap_err(), "auth_users");
    let customers = users.with_table(UserTable::new("customers").unwrap());
    assert_named(&customers.find("alice").await.unwrap_err(), "customers");

    let (sessions, key) = (SqlSessions::new(db.database()), SessionKey::from_bytes([1; 32]));
    assert_named(&sessions.load(&key, Timestamp::from_secs(1)).await.unwrap_err(), "auth_sessions");
    assert_named(&sessions.delete(&key).await.unwrap_err(), "auth_sessions");
    let shop = sessions.with_table("shop_sessions").unwrap();
    assert_named(&shop.purge_expired(Timestamp::from_secs(1), 10).await.unwrap_err(), "shop_sessions");
}

/// What an operator reads: the event of the backend that could not decide.
async fn the_event_of_a_login_does_too(place: &Place) {
    let db = place.db().await;
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let observer = Arc::new(Faults(Arc::clone(&heard)));
    let auth = Auth::builder()
        .backend::<Password>("local", users(&db))
        .sessions(SqlSessions::new(db.database()), SessionConfig::new(KeyRing::generate().unwrap()))
        .observer(observer)
        .build()
        .unwrap();
    let denied = auth.authenticate(Password::new("alice", "right"), &RequestFacts::none()).await.unwrap_err();
    assert!(denied.is_unavailable());
    let heard = heard.lock().unwrap();
    assert!(heard[0].contains("`auth_users` is missing") && heard[0].contains("`migrate()`"), "{heard:?}");
}

struct Faults(Arc<Mutex<Vec<String>>>);

impl auth_core::event::Observer for Faults {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::BackendFailed(_) = event.kind {
            self.0.lock().unwrap().push(event.kind.to_string());
        }
    }
}

/// Statements that were prepared while it was there.
async fn a_table_that_is_gone_later_is_named(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("alice", None).await.unwrap();
    assert!(users.find("alice").await.unwrap().is_some());
    for table in ["auth_user_permissions", "auth_users"] {
        db.execute(&format!("DROP TABLE {table}")).await.unwrap();
    }
    let text = told(&users.find("alice").await.unwrap_err());
    assert!(text.contains("is missing: call `migrate()`"), "{text}");
}
