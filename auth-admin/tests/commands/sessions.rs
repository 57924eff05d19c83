//! Sessions of users.

use auth_core::conformance::client::Browser;
use auth_core::{Auth, Password};
use auth_sql::SqlUser;
use sqlx::sqlite::SqlitePool;

use crate::site::{GOOD, Site};

/// What every database and session store must do: the tests with servers come by here.
pub(crate) async fn sessions_are_listed_and_ended(site: &Site) {
    let auth = site.auth().await;
    site.create("alice");
    site.create("bob");
    let bob = logged_in(&auth, "bob", GOOD, "Bob's").await;
    let hostile = logged_in(&auth, "alice", GOOD, "Agent\u{1b}[2J \u{202e}").await;
    let other = logged_in(&auth, "alice", GOOD, "other").await;

    let list = site.done(&["list-sessions", "alice"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    let first = lines.iter().find(|line| line.contains("Agent")).unwrap();
    assert!(first.ends_with(r"  127.0.0.1  Agent[2J \u{202e}"), "{first}");
    let json = site.done(&["list-sessions", "alice", "--json"]);
    assert!(
        json.contains("\"address\":\"127.0.0.1\"") && json.contains("\"user_agent\":\"other\""),
        "{json}"
    );

    let id = first.split_once(' ').unwrap().0;
    for wrong in ["", "0123", &id[..7], "zzzzzzzzzzzz"] {
        assert_eq!(site.run(&["end-session", "alice", id, wrong]).code, 1, "{wrong}");
    }
    assert_eq!(site.run(&["end-session", "bob", id]).code, 1, "it is not his");
    assert!(hostile.is_logged_in(&auth).await);
    assert_eq!(site.done(&["end-session", "alice", &id[..8]]), "ended 1 sessions of alice\n");
    assert!(!hostile.is_logged_in(&auth).await && other.is_logged_in(&auth).await);

    assert_eq!(site.done(&["log-out-everywhere", "alice"]), "ended 1 sessions of alice\n");
    assert!(!other.is_logged_in(&auth).await && bob.is_logged_in(&auth).await);
    assert_eq!(site.done(&["list-sessions", "alice", "--json"]), "[]\n");
    every_change_ends_sessions(site).await;
    assert!(bob.is_logged_in(&auth).await);
    assert_eq!(site.done(&["purge"]), "purged 0 expired sessions\n");
    assert_eq!(site.done(&["list-sessions", "bob"]).lines().count(), 1);
}

const SET: &str = "changed the password of alice and ended 1 sessions; the password is temporary, to be changed at the \
                   next login\n";

/// Sessions end after the password changed or the user was disabled.
async fn every_change_ends_sessions(site: &Site) {
    let auth = site.auth().await;
    let changed = "a second cup of cold tea";
    let browser = logged_in(&auth, "alice", GOOD, "x").await;
    let ran = site.run_with(&["set-password", "alice", "--password-stdin"], changed);
    assert_eq!(ran.out, SET, "{ran:?}");
    assert!(!browser.is_logged_in(&auth).await);
    assert!(site.signs_in("alice", changed).await && !site.signs_in("alice", GOOD).await);

    let browser = logged_in(&auth, "alice", changed, "x").await;
    assert_eq!(site.done(&["disable", "alice"]), "disabled alice and ended 1 sessions\n");
    assert!(!browser.is_logged_in(&auth).await && !site.signs_in("alice", changed).await);
    assert_eq!(site.done(&["enable", "alice"]), "enabled alice\n");
    assert!(!browser.is_logged_in(&auth).await, "a session that ended does not come back");
    assert!(site.signs_in("alice", changed).await);

    site.done(&["set-password", "alice", "--no-password"]);
    assert!(!site.signs_in("alice", changed).await);
}

#[tokio::test]
async fn sessions_in_sqlite() {
    sessions_are_listed_and_ended(&Site::new()).await;
}

/// More than one step removes.
#[tokio::test]
async fn what_has_expired_is_purged() {
    let site = Site::new();
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    let expired = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 12000) \
        INSERT INTO auth_sessions (session_key, backend, user_id, version, last_seen, expires, record) \
        SELECT randomblob(32), 'local', '1', 1, 0, 1, x'00' FROM n";
    sqlx::query(expired).execute(&pool).await.unwrap();
    let ran = site.run(&["purge"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "purged 12000 expired sessions\n"));
    assert_eq!(ran.err, "purged 5000\npurged 10000\n", "plain lines where there is no terminal");
}

async fn logged_in(auth: &Auth<SqlUser>, username: &str, password: &str, agent: &'static str) -> Browser {
    let mut browser = Browser::new(agent);
    browser.log_in(auth, Password::new(username, password)).await;
    browser
}
