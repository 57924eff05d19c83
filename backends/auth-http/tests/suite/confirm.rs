//! Whether somebody may still sign in.

use auth_core::backend::{BackendErrorKind, Confirm, DenyReason, Standing};
use auth_http::HttpConfirm;
use serde_json::json;

use crate::support::{Answer, ISSUER, Service, alice, alices, shape};

#[tokio::test]
async fn what_each_answer_means() {
    let json = |status| Answer { status, ..Answer::json(&json!({"title": "no"})) };
    let html = |status| Answer::new(status, "text/html", "<h1>nginx");
    let unreadable = || Err(BackendErrorKind::InvalidData);
    let undecided = || Err(BackendErrorKind::Undecided);
    let table = [
        ("good", alice(), Ok(Standing::Good(alices()))),
        ("disabled", json(403), Ok(Standing::Refused(DenyReason::Disabled))),
        ("gone", json(404), Ok(Standing::Gone)),
        ("gone for good", json(410), Ok(Standing::Gone)),
        ("a gateway's 404", html(404), unreadable()),
        ("a gateway's 403", html(403), unreadable()),
        ("an empty 404", Answer::status(404), unreadable()),
        ("not our own credentials", json(401), unreadable()),
        ("an outage", json(500), unreadable()),
        ("nothing", json(204), unreadable()),
        ("elsewhere", Answer::redirect(302, "/"), unreadable()),
        ("not about such a subject", json(422), undecided()),
        ("too many", json(429), Err(BackendErrorKind::Overloaded)),
        ("somebody else", Answer::json(&json!({"user": {"id": 8}})), undecided()),
        ("no subject", json(200), unreadable()),
    ];
    for (name, answer, expected) in table {
        let service = Service::saying(answer).await;
        let confirm = HttpConfirm::new(service.endpoint().bearer("key"), ISSUER, shape()).unwrap();
        let standing = confirm.confirm(ISSUER, "7").await.map_err(|error| error.kind());
        assert_eq!(standing, expected, "{name}");
        let seen = &service.seen()[0];
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/verify"));
        assert_eq!(seen.json(), json!({"issuer": ISSUER, "subject": "7"}));
        assert_eq!(seen.header("authorization"), Some("Bearer key"));
    }
}

#[tokio::test]
async fn it_speaks_for_its_own_issuer_only() {
    let service = Service::saying(alice()).await;
    let confirm = HttpConfirm::new(service.endpoint(), ISSUER, shape()).unwrap();
    assert!(confirm.confirm("https://other.example", "7").await.is_err());
    assert_eq!(service.asked(), 0);
}
