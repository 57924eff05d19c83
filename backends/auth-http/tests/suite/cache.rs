//! Answers of a microservice that are kept.

use std::sync::Arc;
use std::time::Duration;

use auth_core::DeniedKind;
use auth_http::{AnswerCache, HttpVerifier};
use serde_json::json;

use crate::support::{Answer, Chain, ISSUER, Refused, Service, UNREADABLE, alices, clock, shape};

const WRONG: Refused = Refused::No(DeniedKind::WrongSecret);

/// Knows Alice by one password.
async fn service(password: &'static str) -> Service {
    Service::start(move |seen| {
        let sent = seen.json();
        let is_alice = sent == json!({"username": "alice", "password": password});
        let alice = json!({"user": {"id": 7, "login": "alice", "groups": ["staff"]}});
        if is_alice { Answer::json(&alice) } else { Answer::status(401) }
    })
    .await
}

#[tokio::test]
async fn accepted_passwords_are_kept_for_the_ttl_and_wrong_ones_never() {
    let service = service("wonderland").await;
    let clock = clock();
    let verifier = HttpVerifier::builder(service.endpoint(), ISSUER, shape());
    let verifier = verifier.cache(AnswerCache::new()).clock(Arc::clone(&clock)).build().unwrap();
    let chain = Chain::of(verifier);
    for _ in 0..3 {
        assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()));
    }
    assert_eq!(service.asked(), 1);
    for (name, username, password) in [
        ("wrong", "alice", "wonderlan"),
        ("longer", "alice", "wonderland "),
        ("another's", "bob", "wonderland"),
        ("another case", "Alice", "wonderland"),
        ("written together", "alicew", "onderland"),
    ] {
        for _ in 0..2 {
            assert_eq!(chain.login(username, password).await, Err(WRONG), "{name}");
        }
    }
    assert_eq!(service.asked(), 11, "each wrong one was asked about");
    service.now_says(Answer::status(500));
    clock.advance(Duration::from_millis(29_999));
    assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()), "kept through an outage");
    clock.advance(Duration::from_millis(1));
    assert_eq!(chain.login("alice", "wonderland").await, Err(UNREADABLE));
}

#[tokio::test]
async fn nothing_is_kept_unless_configured() {
    let service = service("wonderland").await;
    let chain = Chain::of(HttpVerifier::builder(service.endpoint(), ISSUER, shape()).build().unwrap());
    assert_eq!(chain.login("alice", "wonderland").await, Ok(alices()));
    service.now_says(Answer::status(401));
    assert_eq!(chain.login("alice", "wonderland").await, Err(WRONG));
}

/// A user who changes the password to what was just wrong is let in at once.
#[tokio::test]
async fn a_wrong_password_may_be_right_a_moment_later() {
    let service = service("wonderland").await;
    let verifier = HttpVerifier::builder(service.endpoint(), ISSUER, shape()).cache(AnswerCache::new());
    let chain = Chain::of(verifier.build().unwrap());
    assert_eq!(chain.login("alice", "new password").await, Err(WRONG));
    service.now_says(crate::support::alice());
    assert_eq!(chain.login("alice", "new password").await, Ok(alices()));
}
