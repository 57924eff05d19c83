//! Several issuers, and backends behind them.

use auth_core::BearerToken;
use auth_core::backend::{Attempt, BackendError, Identity, Outcome, Verifier};
use auth_core::conformance::backend::odd;
use auth_jwt::Issuer;
use serde_json::json;

use crate::support::{
    Chain, ISSUER, Key, NOT_MINE, Server, UNDECIDED, WRONG, backend, build, claims, clock, fixed, patient,
    with,
};

const OTHER: &str = "https://other.example";

/// The same subject and the same name of a key at two issuers are two people and two keys.
#[tokio::test]
async fn two_issuers_have_nothing_in_common() {
    let (one, two) = (Key::new("a"), Key::new("a"));
    let other = Issuer::new(OTHER).audience("api").jwk(&two.jwk().to_string());
    let chain = Chain::of([fixed(&one), other]).await;
    let of_other = with(&json!({"iss": OTHER}));
    let (alice, namesake) =
        (chain.token(&one.token(&claims())).await, chain.token(&two.token(&of_other)).await);
    let (alice, namesake) = (alice.unwrap(), namesake.unwrap());
    assert_eq!((alice.issuer(), alice.subject()), (ISSUER, "alice"));
    assert_eq!((namesake.issuer(), namesake.subject()), (OTHER, "alice"));
    assert_eq!(chain.token(&two.token(&claims())).await, Err(WRONG), "by the other's key");
    assert_eq!(chain.token(&one.token(&of_other)).await, Err(WRONG), "by the other's key");
}

/// An odd token is about itself.
#[tokio::test]
async fn the_suites_odd_input_is_about_itself() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let jwt = build(&clock(), [server.issuer()]).await.unwrap();
    let good = key.token(&claims());
    let others: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let made_up = others.iter().map(|id| {
        let mut header = key.header();
        header["kid"] = id.as_str().into();
        key.sign(&header.to_string(), &claims().to_string())
    });
    let spelt = ["", "=", ".", "a.b.c", "..", "~~~"].map(|odd| format!("{good}{odd}x"));
    let longest = "a.".repeat(BearerToken::MAX_LEN / 2);
    let tokens = made_up.chain(spelt).chain([longest, "a..".into(), "a.b.".into()]);
    odd(backend(jwt), BearerToken::new(good.clone()), tokens.map(BearerToken::new)).await;
}

/// What one issuer asks for is nothing to the other.
#[tokio::test]
async fn each_issuer_has_its_own_rules() {
    let (one, two) = (Key::new("a"), Key::new("b"));
    let other = Issuer::new(OTHER).audience("their api").typ("JWT").jwk(&two.jwk().to_string());
    let chain = Chain::of([fixed(&one), other]).await;
    let as_jwt =
        |key: &Key, claims: &str| key.sign(&key.header().to_string().replace("at+jwt", "JWT"), claims);
    let of_other = with(&json!({"iss": OTHER, "aud": "their api"})).to_string();
    assert!(chain.token(&as_jwt(&two, &of_other)).await.is_ok());
    assert_eq!(chain.token(&two.sign(&two.header().to_string(), &of_other)).await, Err(WRONG));
    assert_eq!(chain.token(&as_jwt(&one, &claims().to_string())).await, Err(WRONG));
    let for_them = with(&json!({"aud": "their api"}));
    assert_eq!(chain.token(&one.token(&for_them)).await, Err(WRONG));
}

/// Takes whatever it is shown.
struct Greedy;

impl Verifier<BearerToken> for Greedy {
    async fn verify(&self, _: &Attempt<'_, BearerToken>) -> Result<Outcome<Identity>, BackendError> {
        Ok(Outcome::Accept(Identity::new("greedy", "anybody")))
    }
}

/// Form decides the owner: the next backend never sees an invalid token of a configured issuer.
#[tokio::test]
async fn tokens_of_ours_end_here() {
    let (key, forger) = (Key::new("a"), Key::new("a"));
    let server = Server::of(&[&key]).await;
    let clock = clock();
    let jwt = build(&clock, [server.issuer()]).await.unwrap();
    let chain = Chain::new(clock, |auth| {
        auth.backend_with::<BearerToken>("tokens", backend(jwt), patient()).backend_with::<BearerToken>(
            "greedy",
            backend(Greedy),
            patient(),
        )
    });
    let good = key.token(&claims());
    let (head, _) = good.rsplit_once('.').unwrap();
    let ours = [
        ("good", good.clone(), Ok("alice".into())),
        ("forged", forger.token(&claims()), Err(WRONG)),
        ("spoilt", format!("{good}="), Err(WRONG)),
        ("unsigned", format!("{head}."), Err(WRONG)),
        ("for another audience", key.token(&with(&json!({"aud": "x"}))), Err(WRONG)),
        ("by a key that is not known", Key::new("b").token(&claims()), Err(UNDECIDED)),
    ];
    for (name, token, expected) in ours {
        assert_eq!(chain.subject(&token).await, expected, "{name}");
    }
    let foreign = key.token(&with(&json!({"iss": OTHER})));
    for (name, token) in [("foreign", &*foreign), ("opaque", "ak_live_1"), ("dots", "a.b.c")] {
        assert_eq!(chain.subject(token).await, Ok("anybody".into()), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_ours_asks_nobody() {
    let key = Key::new("a");
    let server = Server::of(&[&key]).await;
    let chain = Chain::of([server.issuer()]).await;
    chain.clock.advance(auth_jwt::Issuer::FETCH_INTERVAL);
    for token in [Key::new("b").token(&with(&json!({"iss": OTHER}))), "a.b.c".into(), "abc".into()] {
        assert_eq!(chain.subject(&token).await, Err(NOT_MINE));
    }
    for changes in [json!({"aud": "x"}), json!({"exp": 1}), json!({"nbf": 1_900_000_000}), json!({"cnf": {}})]
    {
        assert!(chain.subject(&Key::new("b").token(&with(&changes))).await.is_err());
    }
    assert_eq!(server.asked(), 1, "whatever else is wrong is found before a key is looked for");
}
