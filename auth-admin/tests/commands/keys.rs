//! API keys.

use auth_core::api_keys::ApiKeys;
use auth_core::{Auth, BearerToken, Passwords, RequestFacts};
use auth_sql::{SqlApiKeys, SqlUser, SqlUsers};
use sqlx::sqlite::SqlitePool;

use crate::site::Site;

/// The application that the keys are for.
async fn application(site: &Site) -> Auth<SqlUser> {
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    let users = SqlUsers::new(pool.clone(), Passwords::new().unwrap());
    let keys = ApiKeys::new("shop", SqlApiKeys::new(pool)).unwrap().owners("local", users).unwrap();
    Auth::builder().backend::<BearerToken>("keys", keys).build().unwrap()
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_revoked() {
    let site = Site::new();
    site.create("alice");
    assert_eq!(site.done(&["list-keys", "alice", "--json"]), "[]\n");
    site.done(&["grant", "alice", "orders:read"]);
    let create =
        ["--key-prefix", "shop", "create-key", "alice", "--name", "export", "--scope", "orders:read"];
    let made = site.run(&create);
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.out.trim_end();
    let auth = application(&site).await;
    let caller = auth.authenticate(BearerToken::new(key), &RequestFacts::none()).await.unwrap();
    assert!(caller.grant().scopes().contains("orders:read"));
    let listed = site.done(&["list-keys", "alice"]);
    assert!(listed.contains("  export  orders:read  until ") && !listed.contains(key), "{listed}");
    let json = site.done(&["list-keys", "alice", "--json"]);
    let id = listed.split(' ').next().unwrap();
    assert!(json.contains(&format!(r#""id":"{id}""#)) && json.contains(r#""live":true"#), "{json}");
    assert_eq!(site.done(&["revoke-key", "alice", id]), format!("revoked {id}\n"));
    assert!(auth.authenticate(BearerToken::new(key), &RequestFacts::none()).await.is_err());
    assert!(site.done(&["list-keys", "alice"]).contains("  revoked "));
    site.create("bob");
    for (wrong, code) in [
        (&["create-key", "alice", "--name", "x"][..], 2),
        (&["--key-prefix", "My Shop", "create-key", "alice", "--name", "x"], 2),
        (&["--key-prefix", "shop", "create-key", "carol", "--name", "x"], 1),
        (&["--key-prefix", "shop", "create-key", "alice", "--name", " "], 1),
        (&["--key-prefix", "shop", "create-key", "alice", "--name", "x", "--network", "here"], 1),
        (
            &["--key-prefix", "shop", "create-key", "alice", "--name", "x", "--days", "1", "--never-expires"],
            2,
        ),
        (&["revoke-key", "bob", id], 1),
        (&["revoke-key", "alice", "none"], 1),
        (&["list-keys", "carol"], 1),
    ] {
        let ran = site.run(wrong);
        assert_eq!(ran.code, code, "{wrong:?}: {ran:?}");
    }
}
