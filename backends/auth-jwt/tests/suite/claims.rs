//! What a token must say, each rule by itself.

use std::time::Duration;

use auth_core::time::Timestamp;
use auth_jwt::{Algorithm, Issuer, VerifyingKey};
use serde_json::{Value, json};

use crate::support::{
    Chain, EXPIRED, ISSUER, Key, NOT_MINE, NOW, Refused, SECRET, WRONG, claims, encode, fixed, with,
};

/// Each claim is changed in turn; `null` removes it.
#[tokio::test]
async fn every_claim_counts() {
    let key = Key::new("a");
    let chain = Chain::of([fixed(&key)]).await;
    let table: [(&str, Value, Option<Refused>); 28] = [
        ("as it should be", json!({}), None),
        ("of nobody", json!({"iss": null}), Some(NOT_MINE)),
        ("of somebody else", json!({"iss": "https://evil.example"}), Some(NOT_MINE)),
        ("of one whose name is longer", json!({"iss": "https://id.example/"}), Some(NOT_MINE)),
        ("of one in another case", json!({"iss": "https://ID.example"}), Some(NOT_MINE)),
        ("no audience", json!({"aud": null}), Some(WRONG)),
        ("no audiences", json!({"aud": []}), Some(WRONG)),
        ("another audience", json!({"aud": "API"}), Some(WRONG)),
        ("ours among others", json!({"aud": ["x", "api"]}), None),
        ("an audience of another type", json!({"aud": {"api": true}}), Some(WRONG)),
        ("never expires", json!({"exp": null}), Some(WRONG)),
        ("expires in no time", json!({"exp": "1900000000"}), Some(WRONG)),
        ("expires beyond time", json!({"exp": 1e300}), Some(WRONG)),
        ("expired within the leeway", json!({"exp": NOW - 29}), None),
        ("expired", json!({"exp": NOW - 30}), Some(EXPIRED)),
        ("expired and for others", json!({"exp": NOW - 30, "aud": "x"}), Some(WRONG)),
        ("begins within the leeway", json!({"nbf": NOW + 30}), None),
        ("begins later", json!({"nbf": NOW + 31}), Some(WRONG)),
        ("begins at a text", json!({"nbf": "1"}), Some(WRONG)),
        ("issued within the leeway", json!({"iat": NOW + 30}), None),
        ("issued later", json!({"iat": NOW + 31}), Some(WRONG)),
        ("issued at no time", json!({"iat": true}), Some(WRONG)),
        ("no subject", json!({"sub": null}), Some(WRONG)),
        ("an empty subject", json!({"sub": ""}), Some(WRONG)),
        ("a number as subject", json!({"sub": 7}), Some(WRONG)),
        ("a number as name", json!({"jti": 7}), Some(WRONG)),
        ("bound to a key", json!({"cnf": {"jkt": "a"}}), Some(WRONG)),
        ("a client", json!({"client_id": "c", "azp": "c"}), None),
    ];
    for (name, changes, refused) in table {
        let expected = refused.map_or(Ok("alice".into()), Err);
        assert_eq!(chain.subject(&key.token(&with(&changes))).await, expected, "{name}");
    }
}

/// An ID token or a logout token is no access token.
#[tokio::test]
async fn types_are_told_apart() {
    let key = Key::new("a");
    let [strict, jwt, any] = [
        Chain::of([fixed(&key)]).await,
        Chain::of([fixed(&key).typ("JWT")]).await,
        Chain::of([fixed(&key).accept_any_typ()]).await,
    ];
    let table = [
        (json!("at+jwt"), [true, false, true]),
        (json!("AT+JWT"), [true, false, true]),
        (json!("application/at+jwt"), [true, false, true]),
        (json!("JWT"), [false, true, true]),
        (json!("jwt"), [false, true, true]),
        (json!("logout+jwt"), [false, false, true]),
        (json!("dpop+jwt"), [false, false, true]),
        (json!(""), [false, false, true]),
        (json!(null), [false, false, true]),
    ];
    for (kind, fits) in table {
        let mut header = key.header();
        header["typ"] = kind.clone();
        if kind.is_null() {
            header.as_object_mut().unwrap().remove("typ");
        }
        let token = key.sign(&header.to_string(), &claims().to_string());
        let found = [&strict, &jwt, &any].map(|chain| chain.subject(&token));
        for (found, fits) in found.into_iter().zip(fits) {
            assert_eq!(found.await.map_err(|why| assert_eq!(why, WRONG)).is_ok(), fits, "{kind}");
        }
    }
}

/// Whatever is spoilt, a token of ours ends here; what says nothing of us does not.
#[tokio::test]
async fn headers_and_signatures_that_are_wrong() {
    let (key, other) = (Key::new("a"), Key::new("a"));
    let chain = Chain::of([fixed(&key)]).await;
    let (header, claims) = (key.header().to_string(), claims().to_string());
    let signed = |header: &str| key.sign(header, &claims);
    let good = signed(&header);
    let (head, _) = good.rsplit_once('.').unwrap();
    let table = [
        ("another's signature", other.sign(&header, &claims), WRONG),
        ("no signature", format!("{head}."), WRONG),
        ("half a signature", good[..good.len() - 10].to_owned(), WRONG),
        ("a signature that is padded", format!("{good}=="), WRONG),
        ("none", format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims)), WRONG),
        ("none, signed", signed(r#"{"alg":"none","typ":"at+jwt"}"#), WRONG),
        ("another algorithm", signed(r#"{"alg":"ES256","typ":"at+jwt","kid":"a"}"#), WRONG),
        ("a symmetric one", signed(r#"{"alg":"HS256","typ":"at+jwt","kid":"a"}"#), WRONG),
        ("another key", signed(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"b"}"#), WRONG),
        ("crit", signed(r#"{"alg":"EdDSA","typ":"at+jwt","crit":["x"],"x":1}"#), WRONG),
        ("b64", signed(r#"{"alg":"EdDSA","typ":"at+jwt","b64":false}"#), WRONG),
        ("an algorithm twice", signed(r#"{"alg":"EdDSA","alg":"none","typ":"at+jwt"}"#), WRONG),
        ("no header", format!(".{}.AA", encode(&claims)), WRONG),
        (
            "the issuer twice",
            key.sign(&header, &claims.replacen('{', r#"{"iss":"https://x.example","#, 1)),
            WRONG,
        ),
        ("claims twice", key.sign(&header, &claims.replacen('{', r#"{"sub":"bob","#, 1)), WRONG),
        ("two parts", head.to_owned(), NOT_MINE),
        ("five parts", format!("{good}.a.b"), NOT_MINE),
        ("opaque", "ak_live_0123456789".into(), NOT_MINE),
        ("opaque, with dots", "mF_9.B5f-4.1JqM".into(), NOT_MINE),
    ];
    for (name, token, refused) in table {
        assert_eq!(chain.subject(&token).await, Err(refused), "{name}");
    }
    assert_eq!(chain.subject(&good).await, Ok("alice".into()));
}

/// CVE-2018-0114 and its like: nothing in a token leads to a key.
#[tokio::test]
async fn keys_that_come_with_a_token_are_no_keys() {
    let (key, forger) = (Key::new("a"), Key::new("a"));
    let chain = Chain::of([fixed(&key)]).await;
    let mut header = forger.header();
    header["jwk"] = forger.jwk();
    header["jku"] = "http://127.0.0.1:1/keys".into();
    header["x5u"] = "http://127.0.0.1:1/chain".into();
    header["x5c"] = json!(["AAAA"]);
    assert_eq!(chain.subject(&forger.sign(&header.to_string(), &claims().to_string())).await, Err(WRONG));
    let by_key = key.sign(&header.to_string(), &claims().to_string());
    assert_eq!(chain.subject(&by_key).await, Ok("alice".into()), "they are not looked at either");
}

/// What the issuer does not sign by is refused, whatever its keys could do.
#[tokio::test]
async fn algorithms_are_those_of_the_issuer() {
    let (ed, ec) = (Key::new("a"), Key::p256("b"));
    let both = |issuer: Issuer| issuer.audience("api").jwk(&ed.jwk().to_string()).jwk(&ec.jwk().to_string());
    let all = Chain::of([both(fixed(&ed))]).await;
    let one = Chain::of([both(fixed(&ed)).algorithms([Algorithm::Es256])]).await;
    for (key, fits) in [(&ed, false), (&ec, true)] {
        assert_eq!(all.subject(&key.token(&claims())).await, Ok("alice".into()));
        let expected = if fits { Ok("alice".into()) } else { Err(WRONG) };
        assert_eq!(one.subject(&key.token(&claims())).await, expected);
    }
}

/// A configured leeway, to the millisecond, and with a clock that is set back.
#[tokio::test]
async fn times_are_exact() {
    let key = Key::new("a");
    let token = key.token(&with(&json!({"exp": NOW + 100, "nbf": NOW + 50, "iat": null})));
    let fine = || Ok("alice".into());
    for leeway in [0, 1, 60] {
        let chain = Chain::of([fixed(&key).leeway(Duration::from_secs(leeway))]).await;
        let (begin, end) = ((NOW + 50 - leeway) * 1000, (NOW + 100 + leeway) * 1000);
        for (millis, expected) in [
            (begin - 1, Err(WRONG)),
            (begin, fine()),
            ((NOW + 100) * 1000 - 1, fine()),
            (end - 1, fine()),
            (end, Err(EXPIRED)),
            (begin, fine()),
            (begin - 1, Err(WRONG)),
        ] {
            chain.clock.set(Timestamp::from_millis(millis));
            assert_eq!(chain.subject(&token).await, expected, "leeway {leeway}, at {millis}");
        }
    }
}

/// Secrets are told apart by their names, and one of another name is none.
#[tokio::test]
async fn secrets_have_names() {
    let secret = |text: &[u8], id: &str| {
        VerifyingKey::hmac(text, Algorithm::Hs256).and_then(|key| key.with_id(id)).unwrap()
    };
    let issuer = Issuer::new(ISSUER).audience("api").key(secret(SECRET, "old")).key(secret(&[7; 32], "new"));
    let chain = Chain::of([issuer]).await;
    let token = |secret: &[u8], header: &str| {
        let signed = format!("{}.{}", encode(header), encode(claims().to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{signed}.{}", encode(ring::hmac::sign(&key, signed.as_bytes())))
    };
    let header = |id: &str| format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{id}"}}"#);
    let table = [
        ("old", token(SECRET, &header("old")), None),
        ("new", token(&[7; 32], &header("new")), None),
        ("no name", token(&[7; 32], r#"{"alg":"HS256","typ":"at+jwt"}"#), None),
        ("the other's name", token(SECRET, &header("new")), Some(WRONG)),
        ("another name", token(SECRET, &header("x")), Some(WRONG)),
        ("another secret", token(&[8; 32], &header("new")), Some(WRONG)),
        ("no secret", token(b"", &header("new")), Some(WRONG)),
    ];
    for (name, token, refused) in table {
        assert_eq!(chain.subject(&token).await, refused.map_or(Ok("alice".into()), Err), "{name}");
    }
}
