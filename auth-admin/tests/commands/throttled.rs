//! Accounts that wait.

use std::time::Duration;

use auth_core::throttle::Throttle;
use auth_core::{Auth, Password, Passwords, RequestFacts};
use auth_sql::{SqlThrottle, SqlUsers};
use sqlx::sqlite::SqlitePool;

use crate::site::{GOOD, Site};

async fn throttled(site: &Site) -> Auth<auth_sql::SqlUser> {
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    let users = SqlUsers::new(pool.clone(), Passwords::new().unwrap());
    let keys = auth_core::session::KeyRing::new(b"a secret of at least 32 bytes....").unwrap();
    let hour = Duration::from_hours(1);
    let throttle = Throttle::new(SqlThrottle::new(pool)).keys(&keys).delays(hour, hour);
    Auth::builder().backend::<Password>("local", users).throttle(throttle).build().unwrap()
}

async fn signs_in(auth: &Auth<auth_sql::SqlUser>, password: &str) -> bool {
    auth.authenticate(Password::new("alice", password), &RequestFacts::none()).await.is_ok()
}

#[tokio::test]
async fn who_waits_is_listed_and_unlocked() {
    let site = Site::new();
    site.create("alice");
    assert_eq!(site.done(&["list-throttled", "--json"]), "[]\n");
    assert_eq!(site.done(&["unlock", "alice"]), "there were no failures for local:1\n");
    let auth = throttled(&site).await;
    for n in 0..6 {
        assert!(!signs_in(&auth, &format!("guess {n}")).await);
    }
    let line = site.done(&["list-throttled"]);
    assert!(line.starts_with("local:1  until ") && line.ends_with("  failed 5 times\n"), "{line}");
    let json = site.done(&["list-throttled", "--json"]);
    assert!(json.starts_with(r#"[{"backend":"local","id":"1","failures":5,"until":"#), "{json}");
    assert_eq!(site.done(&["unlock", "alice"]), "unlocked local:1\n");
    assert_eq!(site.done(&["list-throttled", "--json"]), "[]\n");
    assert!(signs_in(&auth, GOOD).await);
    for (wrong, code) in [
        (&["unlock"][..], 2),
        (&["unlock", "bob"], 1),
        (&["unlock", "--account", "alice"], 1),
        (&["unlock", "--account", ":1"], 1),
        (&["unlock", "alice", "--account", "local:1"], 2),
    ] {
        assert_eq!(site.run(wrong).code, code, "{wrong:?}");
    }
    for n in 0..6 {
        assert!(!signs_in(&auth, &format!("guess {n}")).await);
    }
    assert_eq!(site.done(&["unlock", "--account", "local:1"]), "unlocked local:1\n");
    assert!(signs_in(&auth, GOOD).await);
}

/// Tables of before there was a throttle: what else a command does is done.
#[tokio::test]
async fn tables_without_counters_are_fine() {
    let site = Site::new();
    site.create("alice");
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    sqlx::query("DROP TABLE auth_throttle").execute(&pool).await.unwrap();
    let ran = site.run(&["log-out-everywhere", "alice"]);
    assert_eq!((ran.code, &*ran.out), (0, "ended 0 sessions of alice\n"), "{ran:?}");
    assert!(ran.err.contains("note: the throttle still knows"), "{ran:?}");
    assert_eq!(site.run(&["list-throttled"]).code, 75);
}
