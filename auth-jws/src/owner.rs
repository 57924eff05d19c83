//! The issuer of a token that cannot be parsed.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Token;

/// Accepts what any decoder might accept.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether a text that is [not a valid token](Token::parse) still claims one of these issuers: it has three parts,
/// and the second contains an `iss` for which `is_ours` is true.
///
/// If there are several `iss`, any of them counts. The answer only decides who has to refuse the text, so that a
/// deliberately damaged token of one issuer does not reach a backend that parses less strictly.
///
/// ```
/// use auth_jws::claims_issuer;
///
/// let text = "e30.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLA.c2ln"; // {"iss":"https://id.example",
/// assert!(claims_issuer(text, |issuer| issuer == "https://id.example"));
/// ```
pub fn claims_issuer(text: &str, is_ours: impl Fn(&str) -> bool) -> bool {
    if text.len() > Token::MAX_LEN {
        return false;
    }
    let mut parts = text.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let claims = claims.replace('+', "-").replace('/', "_");
    let Ok(claims) = LENIENT.decode(claims) else { return false };
    let mut is_found = false;
    // What is found before an error counts, too.
    let _ = serde_json::Deserializer::from_slice(&claims)
        .deserialize_map(Issuers { is_ours, is_found: &mut is_found });
    is_found
}

struct Issuers<'a, F> {
    is_ours: F,
    is_found: &'a mut bool,
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Issuers<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "iss" {
                let value: serde_json::Value = members.next_value()?;
                *self.is_found |= value.as_str().is_some_and(&self.is_ours);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE as PADDED, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn whose_it_is_is_told_of_what_is_spoilt() {
        let text = |claims: &str| format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(claims));
        let ours = r#"{"a":{"iss":"them"},"iss":"us"}"#;
        let other_alphabet = STANDARD.encode(r#"{"x":"~~~???>>>","iss":"us"}"#);
        assert!(other_alphabet.contains('+') && other_alphabet.contains('/'));
        let table = [
            ("plain", text(ours), true),
            ("in the other alphabet", format!("e30.{other_alphabet}.AA"), true),
            ("padded", format!("e30.{}.AA", PADDED.encode(r#"{"iss":"us"}"#)), true),
            ("unsigned", format!("e30.{}.", URL_SAFE_NO_PAD.encode(ours)), true),
            ("no header", format!(".{}.AA", URL_SAFE_NO_PAD.encode(ours)), true),
            ("twice, ours first", text(r#"{"iss":"us","iss":"them"}"#), true),
            ("twice, ours last", text(r#"{"iss":"them","iss":"us"}"#), true),
            ("cut off behind it", text(r#"{"iss":"us","x":"#), true),
            ("more behind it", text(r#"{"iss":"us"}}"#), true),
            ("theirs", text(r#"{"iss":"them"}"#), false),
            ("inside", text(r#"{"a":{"iss":"us"}}"#), false),
            ("a list", text(r#"{"iss":["us"]}"#), false),
            ("nobody's", text("{}"), false),
            ("no JSON", text("us"), false),
            ("two parts", format!("e30.{}", URL_SAFE_NO_PAD.encode(ours)), false),
            ("five parts", format!("{}.a.b", text(ours)), false),
            ("opaque", "ak_live_0123456789".into(), false),
            ("too long", format!("{}{}", text(ours), "A".repeat(Token::MAX_LEN)), false),
        ];
        for (name, text, expected) in table {
            assert_eq!(claims_issuer(&text, |issuer| issuer == "us"), expected, "{name}");
        }
    }
}
