//! A microservice judges passwords.

use auth_core::DeniedKind;
use auth_core::backend::{DeclineReason, DenyReason, Outcome};
use auth_http::{HttpVerifier, HttpVerifierBuilder};
use serde_json::json;

use crate::support::{
    Answer, CROWDED, Chain, ISSUER, Refused, Service, UNDECIDED, UNREADABLE, alice, alices, shape,
};

fn verifier(service: &Service) -> HttpVerifierBuilder {
    HttpVerifier::builder(service.endpoint(), ISSUER, shape())
}

async fn judged(answer: Answer) -> Result<auth_core::backend::Identity, Refused> {
    let service = Service::saying(answer).await;
    let chain = Chain::of(verifier(&service).build().unwrap());
    let answer = chain.login("alice", "wonderland").await;
    assert_eq!(service.asked(), 1, "it is asked once");
    answer
}

#[tokio::test]
async fn what_each_status_means() {
    let wrong = Refused::No(DeniedKind::WrongSecret);
    let mut table = vec![(401, wrong), (429, CROWDED)];
    let no_answer = [201, 202, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 403, 404, 405, 407, 410];
    table.extend(no_answer.map(|status| (status, UNREADABLE)));
    table.extend([500, 501, 502, 503, 504, 599].map(|status| (status, UNREADABLE)));
    let about_it = [400, 402, 406, 408, 409, 411, 413, 414, 415, 418, 422, 423, 431, 451, 499];
    table.extend(about_it.map(|status| (status, UNDECIDED)));
    for (status, expected) in table {
        let answer = Answer { status, ..alice() };
        assert_eq!(judged(answer).await, Err(expected), "{status}");
    }
    assert_eq!(judged(alice()).await, Ok(alices()));
}

#[tokio::test]
async fn a_site_may_say_what_refusals_mean() {
    let table = [
        (401, Outcome::Decline(DeclineReason::UnknownUser), DeniedKind::UnknownUser),
        (403, Outcome::Deny(DenyReason::NotPermitted), DeniedKind::Denied(DenyReason::NotPermitted)),
        (404, Outcome::Decline(DeclineReason::UnknownUser), DeniedKind::UnknownUser),
        (423, Outcome::Deny(DenyReason::Locked), DeniedKind::Denied(DenyReason::Locked)),
    ];
    for (status, outcome, expected) in table {
        let service = Service::saying(Answer::status(status)).await;
        let chain = Chain::of(verifier(&service).on_status(status, outcome).build().unwrap());
        assert_eq!(chain.login("alice", "wonderland").await, Err(Refused::No(expected)), "{status}");
    }
}

/// A 200 that does not say whose password it is lets nobody in, and is no wrong password.
#[tokio::test]
async fn a_200_that_is_not_understood() {
    let json = |text: &str| Answer::new(200, "application/json", text);
    let good = r#"{"user":{"id":7}}"#;
    let deep = format!(r#"{{"user":{{"id":7}},"x":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let long = |len: usize| format!("{good}{}", " ".repeat(len - good.len()));
    let table = [
        ("empty", json("")),
        ("null", json("null")),
        ("true", json("true")),
        ("an array", json(&format!("[{good}]"))),
        ("no subject", json(r#"{"user":{}}"#)),
        ("a user that is none", json(r#"{"user":"alice"}"#)),
        ("a subject of another type", json(r#"{"user":{"id":true}}"#)),
        ("a login of another type", json(r#"{"user":{"id":7,"login":["alice"]}}"#)),
        ("groups of another type", json(r#"{"user":{"id":7,"groups":"staff"}}"#)),
        ("a name twice", json(r#"{"user":{"id":7},"user":{"id":8}}"#)),
        ("a name twice inside", json(r#"{"user":{"id":7,"id":8}}"#)),
        ("cut off", json(&good[..good.len() - 1])),
        ("two", json(&format!("{good}{good}"))),
        ("a byte order mark", json(&format!("\u{feff}{good}"))),
        (
            "UTF-16",
            Answer::new(
                200,
                "application/json",
                good.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>(),
            ),
        ),
        ("not UTF-8", Answer::new(200, "application/json", b"{\"user\":{\"id\":\"\xff\"}}".to_vec())),
        ("HTML", Answer::new(200, "text/html", "<!doctype html><p>Please sign in")),
        ("JSON that is said to be HTML", Answer::new(200, "text/html", good)),
        ("JSON that is said to be text", Answer::new(200, "text/plain", good)),
        ("said to be nothing", Answer { headers: Vec::new(), ..json(good) }),
        ("too deep", json(&deep)),
        ("too long", json(&long(64 * 1024 + 1))),
    ];
    for (name, answer) in table {
        assert_eq!(judged(answer).await, Err(UNREADABLE), "{name}");
    }
    let fine = [
        ("as long as allowed", json(&long(64 * 1024))),
        ("a parameter", Answer::new(200, "Application/JSON; charset=utf-8", good)),
        ("a suffix", Answer::new(200, "application/vnd.accounts+json", good)),
    ];
    for (name, answer) in fine {
        assert!(judged(answer).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn the_password_travels_in_the_body_only() {
    let service = Service::saying(alice()).await;
    let request = json!({"login": "{username}", "auth": {"pw": "{password}"}, "realm": "staff"});
    let verifier = HttpVerifier::builder(service.endpoint().header("X-Api-Key", "key"), ISSUER, shape());
    let chain = Chain::of(verifier.request(request).build().unwrap());
    let (username, password) = (r#"al"ice/?#%0d"#, "\",\"admin\":true,\"x\":\" é");
    assert!(chain.login(username, password).await.is_ok());
    let seen = &service.seen()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/verify"));
    assert_eq!(seen.json(), json!({"login": username, "auth": {"pw": password}, "realm": "staff"}));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("x-api-key"), Some("key"));
    let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), 5, "nothing else is told: {names:?}");
}

#[tokio::test]
async fn ways_to_show_who_asks() {
    let service = Service::saying(alice()).await;
    let plain = || service.endpoint();
    let table = [
        ("bearer", plain().bearer("abc"), "Bearer abc"),
        ("Basic", plain().basic("shop", "p:w"), "Basic c2hvcDpwOnc="),
        // RFC 6749 §2.3.1: "a:b%" and "ü +" are encoded before they are joined.
        ("OAuth client", plain().client("a:b%", "ü +"), "Basic YSUzQWIlMjU6JUMzJUJDKyUyQg=="),
    ];
    for (name, endpoint, expected) in table {
        let chain = Chain::of(HttpVerifier::builder(endpoint, ISSUER, shape()).build().unwrap());
        assert!(chain.login("alice", "wonderland").await.is_ok());
        let seen = service.seen().pop().unwrap();
        assert_eq!(seen.header("authorization"), Some(expected), "{name}");
    }
}

/// A redirect would take the password to another address, as a POST (307) or in a new question.
#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Service::saying(alice()).await;
    for status in [301, 302, 303, 307, 308] {
        let service = Service::saying(Answer::redirect(status, &elsewhere.url)).await;
        let chain = Chain::of(verifier(&service).build().unwrap());
        assert_eq!(chain.login("alice", "wonderland").await, Err(UNREADABLE), "{status}");
        let itself = Service::saying(Answer::redirect(status, "/verify")).await;
        let chain = Chain::of(verifier(&itself).build().unwrap());
        assert_eq!(chain.login("alice", "wonderland").await, Err(UNREADABLE), "{status}");
        assert_eq!(itself.asked(), 1, "{status}");
    }
    assert_eq!(elsewhere.asked(), 0);
}

/// BE: bounds that hold for all backends hold here before anything is sent.
#[tokio::test]
async fn nothing_is_sent_that_breaks_a_bound() {
    let service = Service::saying(alice()).await;
    let chain = Chain::of(verifier(&service).build().unwrap());
    let long = "p".repeat(4097);
    for (username, password) in [("", "a"), ("alice", ""), ("alice", long.as_str())] {
        assert_eq!(chain.login(username, password).await, Err(Refused::No(DeniedKind::Malformed)));
    }
    assert_eq!(service.asked(), 0);
}
