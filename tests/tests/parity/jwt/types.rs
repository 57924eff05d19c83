//! One kind of token is not taken for another, and nothing that a site makes itself is a signed token.

use auth_core::time::ManualClock;
use auth_jwt::Jwt;
use integration_tests::client::everywhere;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, START, Setup};
use serde_json::{Value, json};

use super::{
    OPENS, REFUSED, Row, alice, claims, es256, fixed, header, judged, opened, taking, with, with_backend,
};

/// What an issuer signs, by its `typ` and what else tells it apart.
fn kinds() -> Vec<(&'static str, Value, Value)> {
    let logout = json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "sid": "s"});
    vec![
        ("an access token", json!({"typ": "at+jwt"}), json!({"client_id": "c", "scope": "read"})),
        ("an access token, in capitals", json!({"typ": "AT+JWT"}), json!({})),
        ("an access token, at length", json!({"typ": "application/at+jwt"}), json!({})),
        ("an ID token", json!({"typ": "JWT"}), json!({"nonce": "n", "azp": "c", "auth_time": 1})),
        ("an ID token without a type", json!({"typ": null}), json!({"nonce": "n"})),
        ("a logout token", json!({"typ": "logout+jwt"}), logout),
        ("a proof of possession", json!({"typ": "dpop+jwt"}), json!({"htm": "GET", "htu": "https://api"})),
        ("a security event", json!({"typ": "secevent+jwt"}), json!({"events": {}})),
        (
            "an answer about a token",
            json!({"typ": "token-introspection+jwt"}),
            json!({"token_introspection": {}}),
        ),
        ("an empty type", json!({"typ": ""}), json!({})),
        ("two types", json!({"typ": "at+jwt, JWT"}), json!({})),
        ("a type that is longer", json!({"typ": "at+jwtx"}), json!({})),
        ("a type with a blank", json!({"typ": "at+jwt "}), json!({})),
    ]
}

/// RFC 8725 §3.11, RFC 9068 §4.
#[tokio::test]
async fn kinds_of_tokens() {
    let party = es256();
    let rows = |opening: &[&str]| -> Vec<Row> {
        let row = |(name, head, more): (&'static str, Value, Value)| {
            let token = party.sign(&header(&party, &head), &claims(&more).to_string());
            (name, token, if opening.contains(&name) { OPENS } else { REFUSED })
        };
        kinds().into_iter().map(row).collect()
    };
    let access = ["an access token", "an access token, in capitals", "an access token, at length"];
    judged(taking([fixed(&party)]).await, &rows(&access)).await;
    judged(taking([fixed(&party).typ("JWT")]).await, &rows(&["an ID token"])).await;
    judged(taking([fixed(&party).typ("logout+jwt")]).await, &rows(&["a logout token"])).await;
    let all: Vec<_> = kinds().into_iter().map(|(name, ..)| name).collect();
    judged(taking([fixed(&party).accept_any_typ()]).await, &rows(&all)).await;
}

/// A session's token, an API key and a signed token on one site: none is good in the place of another.
#[tokio::test]
async fn our_own_tokens_are_none_of_an_issuer() {
    let party = es256();
    let jwt = Jwt::builder().clock(ManualClock::at(START)).capacity(0).issuer(fixed(&party)).build().await;
    let jwt = jwt.expect("the issuer is right");
    let setup = Setup::default()
        .api_keys()
        .configure(move |auth| with_backend(auth, jwt.clone()).login_page("/login"));
    let token = party.token(&alice());
    everywhere(setup, async |mut client| {
        let session = client.login("alice", ALICE).await;
        let made = client.post("/act/make-key", &[("name", "export"), ("scopes", "members")]).await.body;
        let (_, key) = made.split_once(' ').expect("an id and a key");
        let stranger = client.another();
        let status = async |request: Request| stranger.probe(request).await.status;
        let get = || Request::get("/me");
        assert_eq!(stranger.probe(with(&token, "/me")).await.body, opened().body, "{}", client.site());
        assert_eq!(status(with(key, "/me")).await, 200);
        assert_eq!(status(get().cookie(&session)).await, 200);
        assert_eq!(status(get().with("x-api-key", token.as_str())).await, 200, "a header for any token");
        let (message, _) = token.rsplit_once('.').expect("three parts");
        for (name, request) in [
            ("a session as a token", with(&session, "/me")),
            ("a signed token as a session", get().cookie(&token)),
            ("a key as a session", get().cookie(key)),
            ("a session in the keys' header", get().with("x-api-key", session.as_str())),
            ("a signed token with the keys' prefix", with(&format!("test_{token}"), "/me")),
            ("a key in the place of a signature", with(&format!("{message}.{key}"), "/me")),
            ("a signed token as a password", get().basic("alice", &token)),
            ("a signed token in the query", Request::get(&format!("/me?access_token={token}"))),
            ("a signed token in the form", Request::post("/me", &[("access_token", &token)])),
        ] {
            assert_eq!(status(request).await, 401, "{}: {name}", client.site());
        }
        let both = with(&token, "/me").with("x-api-key", key);
        assert_eq!(status(both).await, 400, "two callers");
        assert_eq!(status(with(&token, "/me").cookie(&session)).await, 400, "two callers");
    })
    .await;
}
