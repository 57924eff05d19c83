//! Whatever comes in, nothing panics, and what is taken is what was signed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey, claims_issuer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::{Index, select};
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

fn use_keys(bytes: &[u8]) {
    let _ = JwkSet::parse(bytes);
    let _ = VerifyingKey::from_der(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = VerifyingKey::from_jwk(&text);
    let _ = VerifyingKey::from_pem(&text);
}

/// What fuzzing begins with.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(folder).expect("the seeds are there");
    let mut seeds: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(seeds.len() > 1);
    seeds
}

/// A place in a text, a byte, and what is done with them.
type Change = (Index, u8, usize);

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for (place, byte, kind) in changes {
        let at = place.index(bytes.len() + 1);
        match kind {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.insert(at, *byte),
            4 => bytes.truncate(at),
            // Said twice.
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<Index>(), any::<u8>(), 0..6_usize), 0..4)
}

/// A token that is changed in this part, behind its base64url.
fn changed_within(token: &[u8], part: usize, changes: &[Change]) -> String {
    let text = String::from_utf8_lossy(token).into_owned();
    let mut parts: Vec<_> = text.split('.').map(str::to_owned).collect();
    let part = part % parts.len();
    if let Ok(bytes) = URL_SAFE_NO_PAD.decode(&parts[part]) {
        parts[part] = encode(changed(bytes, changes));
    }
    parts.join(".")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// The fuzz targets go on from the same seeds.
    #[test]
    fn kin_of_tokens(seed in select(seeds("token")), changes in changes(), part in 0..3_usize) {
        use_it(&changed_within(&seed, part, &changes));
        use_it(&String::from_utf8_lossy(&changed(seed, &changes)));
    }

    #[test]
    fn kin_of_keys(seed in select(seeds("keys")), changes in changes()) {
        use_keys(&changed(seed, &changes));
    }
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
        use_keys(&bytes);
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
