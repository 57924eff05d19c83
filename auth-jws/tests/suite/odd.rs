//! Whatever comes in, nothing panics, and what is taken is what was signed.

use std::time::Duration;

use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey, claims_issuer};
use proptest::prelude::*;
use test_tokens::{SECRET, Signer, encode};

/// Something like JSON, with the names that matter.
fn json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("alg"),
        Just("kid"),
        Just("typ"),
        Just("crit"),
        Just("iss"),
        Just("sub"),
        Just("aud"),
        Just("exp"),
        Just("nbf"),
        Just("iat"),
        Just("jti"),
        Just("cnf"),
        Just("kty"),
        Just("n"),
        Just("e"),
        Just("x"),
        Just("crv"),
        Just("keys"),
        Just("x\u{e9}"),
    ];
    let value = prop_oneof![
        Just(r#""HS256""#.to_owned()),
        Just("null".into()),
        Just("1e308".into()),
        Just("-0.0".into()),
        Just("[[]]".into()),
        Just("{}".into()),
        Just(r#""AQAB""#.into()),
        Just(r#""RSA""#.into()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        "\"[ -~]{0,12}\"",
    ];
    prop::collection::vec((name, value), 0..8).prop_map(|members| {
        let members: Vec<_> =
            members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn use_it(text: &str) {
    let _ = claims_issuer(text, str::is_empty);
    let Ok(token) = Token::parse(text) else { return };
    let expected = Expectations::of("").audience("").accept_any_type();
    let _ = token.check(&expected, Duration::MAX);
    let _ = token.check(&expected, Duration::ZERO);
    let key = VerifyingKey::hmac(SECRET, Algorithm::Hs256).unwrap();
    assert!(token.verify(&key).is_err(), "nobody signed it");
}

proptest! {
    #[test]
    fn texts(text in "\\PC*", token in "[A-Za-z0-9_.=-]{0,200}") {
        use_it(&text);
        use_it(&token);
    }

    #[test]
    fn almost_tokens(header in json(), claims in json(), signature in prop::collection::vec(any::<u8>(), 0..70)) {
        use_it(&format!("{}.{}.{}", encode(header), encode(claims), encode(signature)));
    }

    #[test]
    fn almost_keys(entries in prop::collection::vec(json(), 0..5), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = JwkSet::parse(format!("{{\"keys\":[{}]}}", entries.join(",")).as_bytes());
        let _ = JwkSet::parse(&bytes);
        let _ = VerifyingKey::from_der(&bytes);
        let _ = VerifyingKey::from_pem(&String::from_utf8_lossy(&bytes));
        for entry in entries {
            let _ = VerifyingKey::from_jwk(&entry);
        }
    }

    /// What was signed comes back, whatever it is; and is taken exactly if it is an object without doubles.
    #[test]
    fn signed_claims(claims in json()) {
        let signer = Signer::of(Algorithm::Hs256);
        let text = signer.token(Algorithm::Hs256, r#"{"alg":"HS256"}"#, &claims);
        if let Ok(token) = Token::parse(&text) {
            let verified = token.verify(&signer.key(Algorithm::Hs256)).expect("it was signed");
            let plain: serde_json::Value = serde_json::from_str(&claims).expect("it was read");
            prop_assert_eq!(verified.as_value(), &plain);
        }
    }
}
