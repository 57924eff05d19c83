//! Tokens that were revoked.

use std::sync::{Arc, Mutex};

use auth_core::BearerToken;
use auth_core::backend::{BackendError, BackendErrorKind};
use auth_core::time::Timestamp;
use auth_jwt::{Issued, Jwt};
use serde_json::json;

use crate::support::{Chain, ISSUER, Key, NOW, REVOKED, Refused, backend, clock, fixed, patient, with};

type Answer = Result<bool, BackendError>;

async fn chain(key: &Key, answer: impl Fn(&Issued) -> Answer + Send + Sync + 'static) -> Chain {
    let clock = clock();
    let jwt = Jwt::builder().issuer(fixed(key)).clock(Arc::clone(&clock));
    let jwt = jwt.revoked_by(move |issued| std::future::ready(answer(&issued))).build().await.unwrap();
    Chain::new(clock, |auth| auth.backend_with::<BearerToken>("tokens", backend(jwt), patient()))
}

/// On every use, also of a token that is kept.
#[tokio::test]
async fn it_is_asked_about_every_use() {
    let key = Key::new("a");
    let asked: Arc<Mutex<Vec<Issued>>> = Arc::default();
    let revoked: Arc<Mutex<bool>> = Arc::default();
    let (told, says) = (Arc::clone(&asked), Arc::clone(&revoked));
    let chain = chain(&key, move |issued| {
        told.lock().unwrap().push(issued.clone());
        Ok(*says.lock().unwrap())
    })
    .await;
    let token = key.token(&with(&json!({"jti": "7", "iat": NOW - 1})));
    for _ in 0..3 {
        assert_eq!(chain.subject(&token).await, Ok("alice".into()));
    }
    *revoked.lock().unwrap() = true;
    assert_eq!(chain.subject(&token).await, Err(REVOKED));
    *revoked.lock().unwrap() = false;
    assert_eq!(chain.subject(&token).await, Ok("alice".into()));
    assert!(
        chain.subject(&Key::new("a").token(&with(&json!({})))).await.is_err(),
        "nothing is asked about it"
    );
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 5);
    let Issued { issuer, subject, id, at, .. } = &asked[4];
    assert_eq!((issuer.as_str(), subject.as_str(), id.as_deref()), (ISSUER, "alice", Some("7")));
    assert_eq!(*at, Some(Timestamp::from_secs(NOW - 1)));
}

/// By user and time: a user who logged out everywhere has no valid token from before.
#[tokio::test]
async fn by_epoch() {
    let key = Key::new("a");
    let chain =
        chain(&key, |issued| Ok(issued.subject == "alice" && issued.at < Some(Timestamp::from_secs(NOW))))
            .await;
    let of = |subject: &str, at: serde_json::Value| key.token(&with(&json!({"sub": subject, "iat": at})));
    for (subject, at, expected) in [
        ("alice", json!(NOW - 1), Err(REVOKED)),
        ("alice", json!(null), Err(REVOKED)),
        ("alice", json!(NOW), Ok("alice".to_owned())),
        ("bob", json!(NOW - 1), Ok("bob".to_owned())),
    ] {
        assert_eq!(chain.subject(&of(subject, at.clone())).await, expected, "{subject}, {at}");
    }
}

#[tokio::test]
async fn no_answer_is_no_permission() {
    let key = Key::new("a");
    let chain = chain(&key, |_| Err(BackendError::unavailable("the list is gone"))).await;
    let token = key.token(&with(&json!({})));
    for _ in 0..2 {
        assert_eq!(chain.subject(&token).await, Err(Refused::Failed(BackendErrorKind::Unavailable)));
    }
}
