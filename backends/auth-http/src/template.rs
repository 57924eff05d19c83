//! The body of a request: JSON with placeholders.

use auth_core::ConfigError;
use auth_core::backend::BackendError;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::invalid;

/// JSON in which two strings are filled in.
pub(crate) struct Template {
    json: Value,
    places: [&'static str; 2],
    len: usize,
}

impl Template {
    /// `json` must contain each placeholder exactly once, as an entire string.
    pub(crate) fn new(json: Value, places: [&'static str; 2]) -> Result<Self, ConfigError> {
        for place in places {
            if count(&json, place) != 1 {
                return Err(ConfigError::new(format!(
                    "a request must hold {place:?} exactly once, as a string of its own"
                )));
            }
        }
        let len = json.to_string().len();
        Ok(Self { json, places, len })
    }

    /// The text, in a buffer that never moves, so that growing leaves no copy of a secret behind.
    pub(crate) fn fill(&self, values: [&str; 2]) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        // Escaping takes at most six bytes for one.
        let most = self.len + 6 * (values[0].len() + values[1].len());
        let mut text = Zeroizing::new(Vec::with_capacity(most));
        let filled = Filled { json: &self.json, places: self.places, values };
        match serde_json::to_writer(&mut *text, &filled) {
            Ok(()) => Ok(text),
            Err(_) => Err(invalid("the question cannot be written")),
        }
    }
}

fn count(json: &Value, place: &str) -> usize {
    match json {
        Value::String(text) => usize::from(text == place),
        Value::Array(items) => items.iter().map(|item| count(item, place)).sum(),
        Value::Object(fields) => fields.values().map(|field| count(field, place)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Serialised on the fly, so that no tree contains the secret.
#[derive(Clone, Copy)]
struct Filled<'a> {
    json: &'a Value,
    places: [&'static str; 2],
    values: [&'a str; 2],
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.json {
            Value::String(text) => match self.places.iter().position(|place| place == text) {
                Some(at) => serializer.serialize_str(self.values[at]),
                None => serializer.serialize_str(text),
            },
            Value::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|json| array.serialize_element(&Filled { json, ..*self }))?;
                array.end()
            }
            Value::Object(fields) => {
                let mut object = serializer.serialize_map(Some(fields.len()))?;
                fields
                    .iter()
                    .try_for_each(|(name, json)| object.serialize_entry(name, &Filled { json, ..*self }))?;
                object.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLACES: [&str; 2] = ["{username}", "{password}"];

    #[test]
    fn what_is_filled_in_stays_a_string() {
        let shape =
            json!({"auth": [{"login": "{username}"}, "{password}"], "realm": "staff", "n": 1, "none": null});
        let template = Template::new(shape, PLACES).unwrap();
        let hostile = [
            ("alice", "pass word"),
            (r#"","admin":true,"x":""#, "\\\"\u{0}\n\u{7f}é"),
            ("{password}", "{username}"),
        ];
        for (username, password) in hostile {
            let text = template.fill([username, password]).unwrap();
            assert!(text.capacity() <= template.len + 6 * (username.len() + password.len()), "it never grew");
            let sent: Value = serde_json::from_slice(&text).unwrap();
            let expected =
                json!({"auth": [{"login": username}, password], "realm": "staff", "n": 1, "none": null});
            assert_eq!(sent, expected);
        }
    }

    #[test]
    fn each_place_is_there_once() {
        for (name, shape) in [
            ("no password", json!({"login": "{username}"})),
            ("twice", json!({"a": "{username}", "b": "{password}", "c": "{password}"})),
            ("within a text", json!({"a": "{username}", "b": "pw={password}"})),
            ("as a name", json!({"{username}": "{password}"})),
        ] {
            assert!(Template::new(shape, PLACES).is_err(), "{name}");
        }
    }
}
