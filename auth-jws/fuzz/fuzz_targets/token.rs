//! `cargo fuzz run token`: reading and judging a token never panics, and none is genuine that nobody signed.
#![no_main]

use std::time::Duration;

use auth_jws::{Algorithm, Expectations, Token, VerifyingKey, claims_issuer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = claims_issuer(text, |issuer| issuer == "https://id.example");
    let Ok(token) = Token::parse(text) else { return };
    let expected = Expectations::of("https://id.example").audience("api").token_type("at+jwt");
    let _ = token.check(&expected, Duration::from_secs(1_800_000_000));
    let key = VerifyingKey::hmac(&[7; 64], Algorithm::Hs256).expect("a key");
    assert!(token.verify(&key).is_err());
});
