//! JSON with exactly one meaning: no repeated names, no unlimited depth.
//!
//! Readers disagree on an object with a repeated name (`{"active":false,"active":true}`, RFC 8259 §4): one that
//! checks or signs it may see another value than one that acts on it. This crate therefore refuses repeated names at
//! every level, more than 32 nested objects and arrays, and anything after the value.
//!
//! ```
//! assert_eq!(auth_json::object(br#"{"sub":"alice"}"#).unwrap()["sub"], "alice");
//! assert_eq!(auth_json::object(br#"{"sub":"alice","sub":"mallory"}"#), Err(auth_json::Unread::Invalid));
//! assert_eq!(auth_json::object(br#"["alice"]"#), Err(auth_json::Unread::NoObject));
//! ```
//!
//! # Features
//! The crate has no features and needs Rust 1.88. It brings along serde and `serde_json`.
#![cfg_attr(docsrs, feature(doc_cfg))]

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deeply objects and arrays may be nested.
const MAX_DEPTH: usize = 32;

/// Reads an object.
///
/// ```
/// let claims = auth_json::object(br#"{"sub":"alice","admin":false}"#)?;
/// assert_eq!(claims["admin"], false);
/// # Ok::<(), auth_json::Unread>(())
/// ```
///
/// # Errors
/// [`Unread`] if the text is not an object, or is ambiguous.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, Unread> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Unread::NoObject),
        // The parser's message may quote the text, which may be a secret.
        Err(_) => Err(Unread::Invalid),
    }
}

/// Why a text was not read. It contains nothing of the text.
///
/// ```
/// use auth_json::{Unread, object};
///
/// assert_eq!(object(b"[]"), Err(Unread::NoObject));
/// assert_eq!(object(b"{} {}"), Err(Unread::Invalid));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// It is JSON, but not an object.
    NoObject,
    /// It is not JSON, or is ambiguous.
    Invalid,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoObject => "no JSON object",
            Self::Invalid => "not valid JSON, or a name is repeated",
        })
    }
}

impl std::error::Error for Unread {}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(self.deeper()?)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is repeated"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_two_meanings_is_refused() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let table = [
            ("an object", r#" {"a":[1,-1,1.5,"x",true,null,{}]} "#.into(), true),
            ("a name twice", r#"{"sub":"a","sub":"b"}"#.into(), false),
            ("a name twice, the same value", r#"{"sub":"a","sub":"a"}"#.into(), false),
            ("a name twice, escaped", r#"{"sub":"a","\u0073ub":"b"}"#.into(), false),
            ("a name twice inside", r#"{"a":[{"b":1,"b":2}]}"#.into(), false),
            ("names that differ in case", r#"{"sub":"a","Sub":"b"}"#.into(), true),
            ("as deep as allowed", nested(32), true),
            ("too deep", nested(33), false),
            ("much too deep", "[".repeat(100_000), false),
            ("an array", r#"[{"a":1}]"#.into(), false),
            ("a text", r#""a""#.into(), false),
            ("nothing", String::new(), false),
            ("cut off", r#"{"a":tru"#.into(), false),
            ("more behind it", r#"{"a":1}{"a":2}"#.into(), false),
            ("a NUL behind it", "{\"a\":1}\0".into(), false),
            ("a byte order mark", "\u{feff}{\"a\":1}".into(), false),
            ("half a surrogate", r#"{"a":"\ud83d"}"#.into(), false),
            ("not a number", r#"{"exp":NaN}"#.into(), false),
            ("a number beyond all", r#"{"exp":1e999}"#.into(), false),
            ("HTML", "<!doctype html><p>{}".into(), false),
            ("a comment", r#"{"a":1/**/}"#.into(), false),
        ];
        for (name, text, expected) in table {
            assert_eq!(object(text.as_bytes()).is_ok(), expected, "{name}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(Unread::Invalid), "not UTF-8");
    }
}
