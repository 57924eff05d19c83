//! JSON that means one thing only: no name twice, no depth without end.

use std::fmt;

use auth_core::backend::BackendError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::invalid;

/// How many objects and arrays may be inside each other.
const MAX_DEPTH: usize = 32;

/// Reads an object. What stands twice in it (`{"active":false,"active":true}`) would mean one thing here and another
/// to whoever wrote or checked it (RFC 8259 §4), so it is refused.
pub(crate) fn object(text: &[u8]) -> Result<Value, BackendError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("the answer is no JSON object")),
        // Its own words may quote the answer.
        Err(_) => Err(invalid("the answer is not valid JSON")),
    }
}

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
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_two_meanings_is_refused() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let table = [
            ("an object", r#" {"a":[1,-1,1.5,"x",true,null,{}]} "#.into(), true),
            ("a name twice", r#"{"active":false,"active":true}"#.into(), false),
            ("a name twice, escaped", r#"{"active":false,"\u0061ctive":true}"#.into(), false),
            ("a name twice inside", r#"{"a":[{"b":1,"b":2}]}"#.into(), false),
            ("as deep as allowed", nested(32), true),
            ("too deep", nested(33), false),
            ("much too deep", "[".repeat(100_000), false),
            ("an array", r#"[{"active":true}]"#.into(), false),
            ("a word", "true".into(), false),
            ("nothing", String::new(), false),
            ("cut off", r#"{"active":tru"#.into(), false),
            ("more behind it", r#"{"active":true}{"active":false}"#.into(), false),
            ("a byte order mark", "\u{feff}{\"active\":true}".into(), false),
            ("HTML", "<!doctype html><p>{}".into(), false),
            ("a comment", r#"{"active":true/**/}"#.into(), false),
        ];
        for (name, text, expected) in table {
            assert_eq!(object(text.as_bytes()).is_ok(), expected, "{name}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
        assert_eq!(object(br#"{"a":{"b":[7]}}"#).unwrap().pointer("/a/b/0"), Some(&Value::from(7)));
    }
}
