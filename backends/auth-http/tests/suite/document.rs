//! A document that lies at an address.

use auth_core::backend::BackendErrorKind::{InvalidData, Overloaded, Unavailable, Undecided};
use auth_http::Endpoint;
use serde_json::json;

use crate::support::{Answer, Service, endpoint};

#[tokio::test]
async fn only_a_200_with_json_is_one() {
    let elsewhere = Service::saying(Answer::json(&json!({}))).await;
    let table = [
        ("JSON", Answer::json(&json!({"keys": []})), Ok(r#"{"keys":[]}"#)),
        ("a kind of it", Answer::new(200, "application/jwk-set+json", "x"), Ok("x")),
        ("HTML", Answer::new(200, "text/html", "{}"), Err(InvalidData)),
        ("no type", Answer { headers: Vec::new(), ..Answer::json(&json!({})) }, Err(InvalidData)),
        ("no content", Answer::new(204, "application/json", ""), Err(InvalidData)),
        ("elsewhere", Answer::redirect(302, &elsewhere.url), Err(InvalidData)),
        ("not found", Answer::new(404, "application/json", "{}"), Err(InvalidData)),
        ("not understood", Answer::new(400, "application/json", "{}"), Err(Undecided)),
        ("too many requests", Answer::new(429, "application/json", "{}"), Err(Overloaded)),
        ("down", Answer::new(503, "application/json", "{}"), Err(InvalidData)),
        ("too long", Answer::new(200, "application/json", " ".repeat(101)), Err(InvalidData)),
    ];
    for (name, answer, expected) in table {
        let service = Service::saying(answer).await;
        let document = service.endpoint().max_answer_len(100).document().unwrap();
        let found = document.fetch().await.map_err(|error| error.kind());
        assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()), "{name}");
        assert_eq!(service.seen().len(), 1, "{name}: it is asked once");
    }
    assert_eq!(elsewhere.seen().len(), 0, "redirects are not followed");
    let nobody = endpoint("http://127.0.0.1:1/").document().unwrap();
    assert_eq!(nobody.fetch().await.unwrap_err().kind(), Unavailable);
}

/// It says who asks, and nothing else; and the same at another address.
#[tokio::test]
async fn it_is_asked_as_its_endpoint_says() {
    let service = Service::saying(Answer::json(&json!({}))).await;
    let other = format!("{}/other", service.url);
    let endpoint = || service.endpoint().bearer("secret");
    endpoint().document().unwrap().fetch().await.unwrap();
    endpoint().at(&other).document().unwrap().fetch().await.unwrap();
    let seen = service.seen();
    let targets: Vec<&str> = seen.iter().map(|seen| seen.target.as_str()).collect();
    assert_eq!(targets, ["/verify", "/verify/other"]);
    for seen in &seen {
        assert_eq!((seen.method.as_str(), seen.body.as_str()), ("GET", ""));
        assert_eq!(seen.header("authorization"), Some("Bearer secret"));
        assert_eq!(seen.header("accept"), Some("application/json"));
    }
    let refused = |url: &str| endpoint().at(url).document().unwrap_err().to_string();
    assert!(refused("http://example.com/").contains("must be https"));
    assert!(!format!("{:?}", Endpoint::new(other).document()).contains("other"));
}
