//! People named by a trusted proxy, as users in a table.

use auth_core::backend::{DenyReason, Provisioned};
use auth_core::provisioning::{Creation, Provisioning};
use auth_core::remote_user::{RemoteUser, RemoteUsers};
use auth_core::{Auth, Denied, DeniedKind, RequestFacts, User};
use auth_sql::{SqlUser, SqlUsers};

use crate::support::{LIMIT, PATIENT, Place, login, on_every_database};

on_every_database![a_name_becomes_a_user, without_creation_a_new_name_is_nobody];

async fn sign_in(users: &SqlUsers, policy: &Provisioning, name: &str) -> Result<SqlUser, Denied> {
    let verifier = RemoteUsers::new("https://sso.example")
        .clean(|name| name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase));
    let users = policy.on(users.clone()).unwrap();
    let backend = Provisioned { verifier, users };
    let auth = Auth::builder().chain_timeout(LIMIT).backend_with::<RemoteUser>("proxy", backend, PATIENT);
    let auth = auth.build().unwrap();
    let done = auth.authenticate(RemoteUser::dangerous_new(name), &RequestFacts::none()).await?;
    Ok(done.user().clone())
}

/// One user for all spellings that are cleaned into one name, and no password lets anybody in as them.
async fn a_name_becomes_a_user(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let policy = Provisioning::default();
    let first = sign_in(&users, &policy, "Alice@EXAMPLE.COM").await.unwrap();
    assert_eq!(first.username(), "alice");
    for again in ["alice@EXAMPLE.COM", "ALICE@EXAMPLE.COM"] {
        assert_eq!(sign_in(&users, &policy, again).await.unwrap().id(), first.id(), "{again}");
    }
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 1);
    for password in ["", "alice", "!"] {
        assert!(login(&users, "alice", password).await.is_err(), "{password:?}");
    }
    let other = sign_in(&users, &policy, "alice@EVIL.EXAMPLE").await.unwrap_err();
    assert_eq!(other.kind(), DeniedKind::UnknownUser);
    users.set_active(&first.id(), false).await.unwrap();
    let disabled = sign_in(&users, &policy, "alice@EXAMPLE.COM").await.unwrap_err();
    assert_eq!(disabled.kind(), DeniedKind::Denied(DenyReason::Disabled));
}

async fn without_creation_a_new_name_is_nobody(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    let policy = Provisioning::builder().creation(Creation::UpdateOnly).build().unwrap();
    assert!(sign_in(&users, &policy, "alice@EXAMPLE.COM").await.is_err());
    assert_eq!(db.count("SELECT count(*) FROM auth_users").await, 0);
    sign_in(&users, &Provisioning::default(), "alice@EXAMPLE.COM").await.unwrap();
    assert!(sign_in(&users, &policy, "alice@EXAMPLE.COM").await.is_ok());
}
