//! Who somebody is by a token, and what it is worth.

use std::time::Duration;

use auth_core::backend::{Email, Groups, Identity};
use auth_core::grant::{Factor, Grant, Proof};
use auth_core::time::Timestamp;
use auth_jwt::{IdentityShape, Issuer};
use serde_json::{Value, json};

use crate::support::{Chain, ISSUER, Key, NOW, WRONG, claims, fixed, with};

async fn found(issuer: Issuer, key: &Key, changes: &Value) -> Result<Identity, crate::support::Refused> {
    Chain::of([issuer]).await.token(&key.token(&with(changes))).await
}

#[tokio::test]
async fn an_identity_is_issuer_and_subject() {
    let key = Key::new("a");
    let chain = Chain::of([fixed(&key)]).await;
    for subject in ["alice", "ALICE", "alice ", "é", "e\u{301}", "0", "a/b", "\u{0}"] {
        let identity = chain.token(&key.token(&with(&json!({"sub": subject})))).await.unwrap();
        assert_eq!((identity.issuer(), identity.subject()), (ISSUER, subject));
        assert_eq!(
            (identity.username(), identity.email(), identity.groups()),
            (subject, None, &Groups::Unknown)
        );
    }
}

#[tokio::test]
async fn shapes_say_where_is_what() {
    let key = Key::new("a");
    let shape = IdentityShape::new("/sub")
        .username("/preferred_username")
        .name("/name")
        .email("/email")
        .email_verified("/email_verified")
        .groups("/realm_access/roles")
        .attribute("phone", "/phone");
    let issuer = || fixed(&key).identity(shape.clone());
    let all = json!({
        "preferred_username": "al", "name": "Alice", "email": "a@example.com", "email_verified": true,
        "realm_access": {"roles": ["staff"]}, "phone": ["1", "2"],
    });
    let identity = found(issuer(), &key, &all).await.unwrap();
    assert_eq!((identity.username(), identity.name()), ("al", Some("Alice")));
    assert_eq!(identity.groups(), &Groups::Known(["staff".to_owned()].into()));
    assert_eq!(identity.attribute("phone"), ["1", "2"]);
    for (verified, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("TRUE"), false),
        (json!("1"), false),
        (json!(null), false),
    ] {
        let changes = json!({"email": "a@example.com", "email_verified": verified});
        let email = found(issuer(), &key, &changes).await.unwrap().email().cloned();
        assert_eq!(email, Some(Email { address: "a@example.com".into(), verified: expected }), "{changes}");
    }
    for changes in [
        json!({"name": 7}),
        json!({"email_verified": 1}),
        json!({"realm_access": {"roles": "staff"}}),
        json!({"phone": {}}),
    ] {
        assert_eq!(found(issuer(), &key, &changes).await, Err(WRONG), "{changes}");
    }
}

#[tokio::test]
async fn scopes_are_those_that_are_named() {
    let key = Key::new("a");
    let table = [
        ("none", json!({}), Ok(vec![])),
        ("a text", json!({"scope": "write read"}), Ok(vec!["read", "write"])),
        ("an empty text", json!({"scope": ""}), Ok(vec![])),
        ("another name", json!({"scp": "read"}), Ok(vec!["read"])),
        ("an array", json!({"scp": ["read", "write"]}), Ok(vec!["read", "write"])),
        ("permissions", json!({"permissions": ["read:all"]}), Ok(vec!["read:all"])),
        ("the first counts", json!({"scope": "read", "permissions": ["all"]}), Ok(vec!["read"])),
        ("and is empty", json!({"scope": "", "permissions": ["all"]}), Ok(vec![])),
        ("a blank in one", json!({"scp": ["read write"]}), Err(WRONG)),
        ("numbers", json!({"scp": [1]}), Err(WRONG)),
        ("a number", json!({"scope": 1}), Err(WRONG)),
        ("an object", json!({"scope": {"read": true}}), Err(WRONG)),
        ("no scope", json!({"scope": "a\"b"}), Err(WRONG)),
        ("groups are none", json!({"groups": ["admin"], "roles": ["admin"]}), Ok(vec![])),
    ];
    for (name, changes, expected) in table {
        let identity = found(fixed(&key), &key, &changes).await;
        let scopes = identity.map(|identity| {
            assert!(!identity.grant().scopes().is_all(), "{name}");
            identity.grant().scopes().iter().map(str::to_owned).collect::<Vec<_>>()
        });
        assert_eq!(scopes, expected.map(|scopes| scopes.into_iter().map(Into::into).collect()), "{name}");
    }
    let changes = json!({"scope": "read", "permissions": ["all"]});
    let of_permissions = found(fixed(&key).scopes_in(["permissions"]), &key, &changes).await.unwrap();
    assert!(
        of_permissions.grant().scopes().contains("all") && !of_permissions.grant().scopes().contains("read")
    );
}

#[tokio::test]
async fn a_grant_ends_with_its_token() {
    let key = Key::new("a");
    let changes = json!({"exp": NOW + 60, "sid": "s", "auth_time": NOW - 10, "amr": ["pwd", "otp"]});
    let grant = found(fixed(&key), &key, &changes).await.unwrap().grant().clone();
    assert_eq!(grant.expires(), Some(Timestamp::from_secs(NOW + 60)));
    assert_eq!(
        grant.external_session().map(|session| (&*session.issuer, &*session.sid)),
        Some((ISSUER, "s"))
    );
    assert_eq!((grant.proofs(), grant.proven()), (&[][..], None), "a token proves no person");
}

/// Only where the issuer is believed, and only with a time.
#[tokio::test]
async fn a_login_elsewhere_is_a_proof_where_it_is_believed() {
    let key = Key::new("a");
    let at = Timestamp::from_secs(NOW - 10);
    let table = [
        ("no time", json!({"amr": ["pwd"], "acr": "phr"}), vec![]),
        ("a text as time", json!({"auth_time": "1"}), vec![]),
        ("a time", json!({"auth_time": NOW - 10}), vec![Factor::Federated]),
        (
            "and methods",
            json!({"auth_time": NOW - 10, "amr": ["pwd", "otp", "mfa", "x", 7]}),
            vec![Factor::Federated, Factor::Password, Factor::Totp],
        ),
        (
            "a passkey",
            json!({"auth_time": NOW - 10, "amr": ["hwk"]}),
            vec![Factor::Federated, Factor::Passkey],
        ),
        (
            "by its class",
            json!({"auth_time": NOW - 10, "acr": "phrh"}),
            vec![Factor::Federated, Factor::Passkey],
        ),
        ("another class", json!({"auth_time": NOW - 10, "acr": "1", "amr": "pwd"}), vec![Factor::Federated]),
    ];
    for (name, changes, factors) in table {
        let identity = found(fixed(&key).trust_authentication(), &key, &changes).await.unwrap();
        let expected: Vec<_> = factors.into_iter().map(|factor| Proof::new(factor, at)).collect();
        assert_eq!(identity.grant().proofs(), expected, "{name}");
    }
}

/// The second use is the same as the first, also in what it is worth; and ends when the token does.
#[tokio::test]
async fn kept_tokens_are_the_same() {
    let key = Key::new("a");
    let chain = Chain::of([fixed(&key)]).await;
    let token = key.token(&with(&json!({"exp": NOW + 60, "scope": "read"})));
    let first = chain.token(&token).await.unwrap();
    for _ in 0..3 {
        chain.clock.advance(Duration::from_secs(20));
        let again = chain.token(&token).await.unwrap();
        assert_eq!(again, first);
        assert_ne!(again.grant(), &Grant::new());
    }
    chain.clock.advance(Duration::from_secs(30));
    assert_eq!(chain.token(&token).await, Err(crate::support::EXPIRED));
    let long = key.token(&with(&json!({"x": "x".repeat(5_000)})));
    assert!(chain.token(&long).await.is_ok() && chain.token(&long).await.is_ok(), "too long to be kept");
    assert!(chain.token(&key.token(&claims())).await.is_ok());
}
