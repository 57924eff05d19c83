//! Tokens of our own making, right and wrong.

use std::time::Duration;

use auth_jws::{Algorithm, Expectations, InvalidClaims, InvalidSignature, Malformed, Token};
use test_tokens::{Signer, decode, encode};

fn header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#)
}

const CLAIMS: &str = r#"{"iss":"https://id.example","sub":"alice","aud":"api","exp":1800000000}"#;

/// Every algorithm verifies what was signed by it, with no other key, and no other algorithm.
#[test]
fn every_algorithm() {
    for algorithm in Algorithm::ALL {
        let (signer, other) = (Signer::of(algorithm), Signer::of(algorithm));
        let text = signer.token(algorithm, &header(algorithm), CLAIMS);
        let token = Token::parse(&text).unwrap();
        let key = signer.key(algorithm);
        assert_eq!(token.verify(&key).unwrap().subject(), Some("alice"), "{algorithm}");
        let is_own = matches!(signer, Signer::Ec(..) | Signer::Ed(_));
        if is_own {
            let found = token.verify(&other.key(algorithm)).unwrap_err();
            assert_eq!(found, InvalidSignature::Mismatch, "{algorithm}");
        }
        for named in Algorithm::ALL.into_iter().filter(|named| *named != algorithm) {
            let text = signer.token(algorithm, &header(named), CLAIMS);
            assert!(Token::parse(&text).unwrap().verify(&key).is_err(), "{named} is not {algorithm}");
        }
        for bound in key.algorithms().iter().filter(|bound| **bound != algorithm) {
            let key = key.clone().only_for(*bound).unwrap();
            assert_eq!(token.verify(&key).unwrap_err(), InvalidSignature::Algorithm, "{algorithm}");
        }
    }
}

/// What is expected of the header is asked for together with the claims.
#[test]
fn a_token_is_checked_as_a_whole() {
    let signer = Signer::of(Algorithm::Hs256);
    let text = signer.token(Algorithm::Hs256, &header(Algorithm::Hs256), CLAIMS);
    let token = Token::parse(&text).unwrap();
    let expected = || Expectations::of("https://id.example").audience("api");
    let now = Duration::from_secs(1_799_999_999);
    assert_eq!(token.check(&expected().token_type("JWT"), now), Ok(()));
    assert_eq!(token.check(&expected().token_type("at+jwt"), now), Err(InvalidClaims::Type));
    assert_eq!(token.check(&expected(), now), Err(InvalidClaims::Type));
    let later = Duration::from_secs(1_800_000_000);
    assert_eq!(token.check(&expected().token_type("JWT"), later), Err(InvalidClaims::Expired));
    let other = Expectations::of("https://id.example").audience("other").accept_any_type();
    assert_eq!(token.check(&other, now), Err(InvalidClaims::Audience));
}

/// Each character of a token counts.
#[test]
fn whatever_is_changed_is_noticed() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let signer = Signer::of(algorithm);
        let (key, text) = (signer.key(algorithm), signer.token(algorithm, &header(algorithm), CLAIMS));
        let verifies = |text: &str| Token::parse(text).is_ok_and(|token| token.verify(&key).is_ok());
        assert!(verifies(&text));
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            assert!(!verifies(&[&text[..at], other, &text[at + 1..]].concat()), "{algorithm}: {at} changed");
            assert!(!verifies(&[&text[..at], &text[at + 1..]].concat()), "{algorithm}: {at} removed");
            assert!(!verifies(&[&text[..at], "A", &text[at..]].concat()), "{algorithm}: {at} added");
            assert!(!verifies(&text[..at]), "{algorithm}: cut off at {at}");
        }
        for around in ["=", "==", ".", "..", " ", "\n", "\0", "~", "A", "AAAA"] {
            assert!(
                !verifies(&format!("{text}{around}")) && !verifies(&format!("{around}{text}")),
                "{around:?}"
            );
        }
    }
}

#[test]
fn what_is_no_token() {
    let signer = Signer::of(Algorithm::EdDsa);
    let good = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, CLAIMS);
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("three parts") };
    let token = |header: &str, claims: &str| signer.token(Algorithm::EdDsa, header, claims);
    let table = [
        ("nothing", String::new(), Malformed::Parts),
        ("an opaque token", "mF_9.B5f-4.1JqM".into(), Malformed::Header),
        ("a dot", ".".into(), Malformed::Parts),
        ("dots", "..".into(), Malformed::Parts),
        ("two parts", format!("{head}.{claims}"), Malformed::Parts),
        ("no signature", format!("{head}.{claims}."), Malformed::Parts),
        ("no header", format!(".{claims}.{signature}"), Malformed::Parts),
        ("detached", format!("{head}..{signature}"), Malformed::Parts),
        ("four parts", format!("{good}.{signature}"), Malformed::Parts),
        ("JWE has five", format!("{good}.{signature}.{signature}"), Malformed::Parts),
        ("JSON serialisation", format!(r#"{{"payload":"{claims}"}}"#), Malformed::Parts),
        ("a padded signature", format!("{good}=="), Malformed::Base64),
        ("a padded header", format!("{head}=.{claims}.{signature}"), Malformed::Base64),
        ("the other alphabet", format!("{head}.{claims}.{}", "+/".repeat(43)), Malformed::Base64),
        ("a line break", format!("{head}.{claims}.\n{signature}"), Malformed::Base64),
        ("a blank", format!("{head} .{claims}.{signature}"), Malformed::Base64),
        ("none", token(r#"{"alg":"none"}"#, CLAIMS), Malformed::Algorithm),
        ("crit", token(r#"{"alg":"EdDSA","crit":["b64"],"b64":true}"#, CLAIMS), Malformed::Critical),
        ("zip", token(r#"{"alg":"EdDSA","zip":"DEF"}"#, CLAIMS), Malformed::Compressed),
        ("a header twice", token(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, CLAIMS), Malformed::Header),
        ("a header that is no object", token("[]", CLAIMS), Malformed::Header),
        ("claims twice", token(r#"{"alg":"EdDSA"}"#, r#"{"sub":"a","sub":"a"}"#), Malformed::Claims),
        ("claims that are no object", token(r#"{"alg":"EdDSA"}"#, "\"a\""), Malformed::Claims),
        ("claims of another type", token(r#"{"alg":"EdDSA"}"#, r#"{"exp":"1"}"#), Malformed::ClaimType),
    ];
    for (name, text, expected) in table {
        assert_eq!(Token::parse(&text).unwrap_err(), expected, "{name}");
    }
    assert!(Token::parse(&good).is_ok());
}

#[test]
fn length_is_bounded() {
    let of = |len: usize| {
        // What is left for the claims, as text, after the other two parts and their dots.
        let (head, signature) = (encode(r#"{"alg":"HS256"}"#), encode([0; 32]));
        let room = len - head.len() - signature.len() - 2;
        let claims = encode(format!("{:<width$}", "{}", width = room / 4 * 3));
        format!("{head}.{claims}.{signature}")
    };
    let longest = of(Token::MAX_LEN);
    assert!(longest.len() > Token::MAX_LEN - 4 && longest.len() <= Token::MAX_LEN);
    assert!(Token::parse(&longest).is_ok());
    let longer = of(Token::MAX_LEN + 4);
    assert!(longer.len() > Token::MAX_LEN);
    assert_eq!(Token::parse(&longer).unwrap_err(), Malformed::TooLong);
}

/// The other half of a curve: (r, n − s) verifies wherever (r, s) does, in ring as in most libraries. So a signature is no
/// name of a token: two texts can be one token.
#[test]
fn the_other_s_is_a_signature_too() {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).unwrap()).collect();
    let signer = Signer::of(Algorithm::Es256);
    let text = signer.token(Algorithm::Es256, r#"{"alg":"ES256"}"#, CLAIMS);
    let (message, signature) = text.rsplit_once('.').unwrap();
    let mut signature = decode(signature);
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let other = format!("{message}.{}", encode(signature));
    assert_ne!(other, text);
    assert!(Token::parse(&other).unwrap().verify(&signer.key(Algorithm::Es256)).is_ok());
}

/// Neither what it says nor how it is signed is told.
#[test]
fn nothing_of_a_token_is_told() {
    let signer = Signer::of(Algorithm::Hs256);
    let text = signer.token(Algorithm::Hs256, r#"{"alg":"HS256"}"#, r#"{"sub":"canary"}"#);
    let token = Token::parse(&text).unwrap();
    let told = format!("{token:?} {:?}", token.verify(&signer.key(Algorithm::Hs256)).unwrap());
    let (_, signature) = text.rsplit_once('.').unwrap();
    assert!(!told.contains("canary") && !told.contains(signature), "{told}");
}
