//! A service whose issuer cannot be asked does not start, and says why.

use auth_jwt::Issuer;
use serde_json::{Value, json};

use crate::support::{Chain, ISSUER, Key, Says, Server, build, claims, clock, encode, endpoint, padded, set};

async fn started(issuer: Issuer) -> Result<(), String> {
    build(&clock(), [issuer]).await.map(|_| ()).map_err(|error| error.to_string())
}

fn text(status: u16, kind: &'static str, text: impl Into<String>) -> Says {
    Says::Text(status, kind, text.into())
}

#[tokio::test]
async fn keys_are_there_at_the_start() {
    let key = Key::new("a");
    let keys = set(&[&key]).to_string();
    let elsewhere = Server::of(&[&key]).await;
    let many = json!({"keys": vec![key.jwk(); 101]});
    let table = [
        ("keys", text(200, "application/json", &*keys), ""),
        ("keys by their own type", text(200, "application/jwk-set+json", &*keys), ""),
        ("as long as may be", text(200, "application/json", padded(&keys, 1024 * 1024)), ""),
        ("too long", text(200, "application/json", padded(&keys, 1024 * 1024 + 1)), "too long"),
        ("down", text(500, "application/json", &*keys), "the status 500"),
        ("gone", text(404, "application/json", &*keys), "the status 404"),
        ("created", text(201, "application/json", &*keys), "the status 201"),
        ("HTML", text(200, "text/html", "<html>"), "not JSON"),
        ("text", text(200, "text/plain", &*keys), "not JSON"),
        ("HTML as JSON", text(200, "application/json", "<html>"), "array of keys"),
        ("no set", Says::Json(json!([])), "array of keys"),
        ("too many", Says::Json(many), "more than 100"),
        ("none", Says::Json(json!({"keys": []})), "none of the issuer's keys"),
        (
            "a secret",
            Says::Json(json!({"keys": [{"kty": "oct", "k": encode([7; 64])}]})),
            "none of the issuer's keys",
        ),
        ("elsewhere", Says::Redirect(elsewhere.url.clone()), "the status 302"),
    ];
    for (name, says, expected) in table {
        let server = Server::saying(says).await;
        let told = started(server.issuer()).await.err().unwrap_or_default();
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{name}: {told}");
        assert!(!told.contains("127.0.0.1"), "{name}: {told}");
        assert_eq!(server.asked(), 1, "{name}");
    }
    assert_eq!(elsewhere.asked(), 0, "redirects are not followed");
}

/// Keys that the issuer does not sign by are no keys of its.
#[tokio::test]
async fn keys_are_those_of_the_algorithms() {
    let server = Server::of(&[&Key::new("a"), &Key::p256("b")]).await;
    let by = |algorithm| server.issuer().algorithms([algorithm]);
    assert_eq!(started(by(auth_jwt::Algorithm::Es256)).await, Ok(()));
    assert!(started(by(auth_jwt::Algorithm::Rs256)).await.unwrap_err().contains("none of the issuer's keys"));
}

#[tokio::test]
async fn nobody_there() {
    let told =
        started(Issuer::new(ISSUER).audience("api").jwks_endpoint(endpoint("http://127.0.0.1:1/"))).await;
    assert!(told.unwrap_err().starts_with("the keys of https://id.example cannot be fetched: "));
}

#[tokio::test]
async fn discovery_leads_to_the_keys() {
    let key = Key::new("a");
    let keys = Server::of(&[&key]).await;
    let document = json!({"issuer": ISSUER, "jwks_uri": keys.url, "token_endpoint": "x"});
    let with = |name: &str, value: Value| {
        let mut document = document.clone();
        document[name] = value;
        Says::Json(document)
    };
    let table = [
        ("right", with("x", json!(1)), ""),
        ("of another", with("issuer", json!("https://evil.example")), "another issuer"),
        ("of a longer name", with("issuer", json!("https://id.example/")), "another issuer"),
        ("of nobody", with("issuer", json!(null)), "texts for `issuer`"),
        ("without keys", with("jwks_uri", json!(null)), "texts for `issuer`"),
        ("keys in cleartext", with("jwks_uri", json!("http://id.example/keys")), "must be https"),
        ("keys in a file", with("jwks_uri", json!("file:///etc/keys")), "must be https"),
        ("down", text(503, "text/plain", ""), "the status 503"),
        ("HTML", text(200, "text/html", "<html>"), "not JSON"),
        (
            "two issuers",
            text(
                200,
                "application/json",
                format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}","jwks_uri":"{}"}}"#, keys.url),
            ),
            "texts for `issuer`",
        ),
    ];
    for (name, says, expected) in table {
        let server = Server::saying(says).await;
        let issuer = Issuer::new(ISSUER).audience("api").discover_by(endpoint(&server.url));
        let told = started(issuer).await.err().unwrap_or_default();
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{name}: {told}");
    }
    assert_eq!(keys.asked(), 1);
    let server = Server::saying(Says::Json(document)).await;
    let chain = Chain::of([Issuer::new(ISSUER).audience("api").discover_by(endpoint(&server.url))]).await;
    assert_eq!(chain.subject(&key.token(&claims())).await, Ok("alice".into()));
}
