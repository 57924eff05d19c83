//! The example `api`, on both frameworks: a session, a key and a signed token on the same routes.

use integration_tests::issuer::{AUDIENCE, TestIssuer, access_token};
use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use integration_tests::site::{Answer, Request};
use serde_json::{Value, json};
use test_servers::Provider;

fn unsigned(token: &str) -> &str {
    token.rsplit_once('.').expect("three parts").0
}

fn signature(token: &str) -> &str {
    token.rsplit_once('.').expect("three parts").1
}

fn send(method: &str, target: &str, body: &Value) -> Request {
    let request = Request::get(target).with("content-type", "application/json");
    Request { method: method.into(), body: body.to_string(), ..request }
}

fn with(token: &str, method: &str) -> Request {
    send(method, "/orders", &json!({})).with("authorization", format!("Bearer {token}"))
}

async fn story(program: &str) {
    let issuer = TestIssuer::start().await;
    let demo = Demo::example(program, &["--issuer", &issuer.url]);
    let mut remote = Remote::new(&demo);
    let mut answer =
        async |request: Request| -> Answer { remote.answered(&request).await.expect("an answer") };

    let nobody = answer(send("GET", "/orders", &json!({}))).await;
    assert_eq!(nobody.status, 401, "{program}");

    // A person, in a browser.
    let login = json!({"username": "carol", "password": "correct horse battery staple"});
    let session = answer(send("POST", "/login", &login)).await.token().expect("a session");
    for (method, done) in [("GET", "read"), ("POST", "made")] {
        let told = answer(send(method, "/orders", &json!({})).cookie(&session)).await;
        assert_eq!(told.body, format!(r#"{{"done":"{done}","caller":"carol","by":"local"}}"#), "{program}");
    }

    // A script, with a key of hers that may read.
    let wanted = json!({"name": "report", "scopes": "orders:read"});
    let made = answer(send("POST", "/keys", &wanted).cookie(&session)).await;
    assert_eq!(made.status, 201, "{program}: {made:?}");
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    let key = made["key"].as_str().expect("a key");
    let told = answer(with(key, "GET")).await;
    assert_eq!(told.body, r#"{"done":"read","caller":"carol","by":"keys"}"#, "{program}");
    assert_eq!(
        answer(send("GET", "/orders", &json!({})).with("x-api-key", key)).await.status,
        200,
        "{program}"
    );
    assert_eq!(answer(with(key, "POST")).await.status, 403, "{program}");
    let refused = answer(send("POST", "/keys", &wanted).with("authorization", format!("Bearer {key}"))).await;
    assert_eq!(refused.status, 401, "a key makes no keys");

    // A service, with a token of the issuer's.
    let reader = issuer.token(&[("scope", json!("orders:read"))]);
    for _ in 0..2 {
        let told = answer(with(&reader, "GET")).await;
        assert_eq!(told.body, r#"{"done":"read","caller":"exporter","by":"services"}"#, "{program}");
    }
    assert_eq!(answer(with(&reader, "POST")).await.status, 403, "{program}");
    let writer = issuer.token(&[("scope", json!("orders:read orders:write"))]);
    assert_eq!(answer(with(&writer, "POST")).await.status, 200, "{program}");
    let silent = issuer.token(&[]);
    assert_eq!(answer(with(&silent, "GET")).await.status, 403, "nothing is granted by silence");
    for (why, bad) in bad_tokens(&issuer, &reader, &writer) {
        let refused = answer(with(&bad, "GET")).await;
        assert_eq!(refused.status, 401, "{program}: {why}");
        assert!(
            refused.all("www-authenticate").iter().any(|way| way.contains("invalid_token")),
            "{refused:?}"
        );
    }
}

/// A service with a token of a real provider, which may only read.
async fn with_a_provider(program: &str) {
    let provider = Provider::signing_by("one");
    let demo = Demo::example(program, &["--issuer", &provider.url()]);
    let mut remote = Remote::new(&demo);
    let token = access_token(&provider, AUDIENCE).await;
    let told = remote.answered(&with(&token, "GET")).await.expect("an answer");
    assert_eq!(told.body, r#"{"done":"read","caller":"service","by":"services"}"#, "{program}");
    assert_eq!(remote.answered(&with(&token, "POST")).await.expect("an answer").status, 403, "{program}");
    let other = access_token(&provider, "https://other.example.com").await;
    assert_eq!(remote.answered(&with(&other, "GET")).await.expect("an answer").status, 401, "{program}");
}

fn bad_tokens(issuer: &TestIssuer, reader: &str, writer: &str) -> [(&'static str, String); 4] {
    [
        ("another audience", issuer.token(&[("aud", json!("https://other.example.com"))])),
        ("over", issuer.token(&[("exp", json!(1_700_000_000))])),
        ("another issuer", issuer.token(&[("iss", json!("https://evil.example.com"))])),
        ("another's signature", format!("{}.{}", unsigned(writer), signature(reader))),
    ]
}

/// Starting a program waits for it, and that asks the issuer.
#[tokio::test(flavor = "multi_thread")]
async fn axum() {
    story("api").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actix() {
    story("api-actix").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axum_with_a_provider() {
    with_a_provider("api").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actix_with_a_provider() {
    with_a_provider("api-actix").await;
}
