//! A browser's answer, parsed strictly and within limits before it is used.

use auth_json::object;
use serde_json::{Map, Value};

use crate::base64url;

/// The longest answer, in bytes.
pub(crate) const MAX_LEN: usize = 64 * 1024;
/// The longest credential id (`WebAuthn` Level 3, §4).
const MAX_ID_LEN: usize = 1023;

/// The parts that both ceremonies share.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) challenge: Vec<u8>,
    pub(crate) origin: String,
    /// Whether a page of another origin framed the site's page.
    pub(crate) is_framed: bool,
    response: Map<String, Value>,
}

/// What a device signs for a registration.
#[derive(Clone)]
pub(crate) struct Attestation {
    pub(crate) object: Vec<u8>,
    pub(crate) transports: Vec<String>,
}

/// What a device signs for a login.
#[derive(Clone)]
pub(crate) struct Assertion {
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user_handle: Option<Vec<u8>>,
}

impl Answer {
    /// Reads a `PublicKeyCredential` as its `toJSON` writes it (`WebAuthn` Level 3, §5.1); `None` if it cannot be one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let mut whole = object(text.as_bytes()).ok()?;
        let is_public_key = whole.get("type")?.as_str()? == "public-key";
        let raw = whole.get("rawId")?.as_str()?;
        let is_one = whole.get("id")?.as_str()? == raw;
        let id = base64url::decode(raw).filter(|id| (1..=MAX_ID_LEN).contains(&id.len()))?;
        let Value::Object(response) = whole.remove("response")? else { return None };
        let client_data = bytes(&response, "clientDataJSON")?;
        let client = object(&client_data).ok()?;
        let challenge = bytes(&client, "challenge")?;
        let origin = client.get("origin")?.as_str()?.to_owned();
        let is_cross = client.get("crossOrigin").is_some_and(|cross| cross.as_bool() != Some(false));
        let is_framed = is_cross || client.contains_key("topOrigin");
        (is_public_key && is_one).then_some(Self { id, client_data, challenge, origin, is_framed, response })
    }

    pub(crate) fn attestation(&self) -> Option<Attestation> {
        let transports = match self.response.get("transports") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => list.as_array()?.iter().filter_map(|name| name.as_str().map(Into::into)).collect(),
        };
        Some(Attestation { object: bytes(&self.response, "attestationObject")?, transports })
    }

    pub(crate) fn assertion(&self) -> Option<Assertion> {
        let user_handle = match self.response.get("userHandle") {
            None | Some(Value::Null) => None,
            Some(_) => Some(bytes(&self.response, "userHandle")?),
        };
        Some(Assertion {
            authenticator_data: bytes(&self.response, "authenticatorData")?,
            signature: bytes(&self.response, "signature")?,
            user_handle,
        })
    }
}

fn bytes(object: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    base64url::decode(object.get(name)?.as_str()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Changed = (&'static str, fn(&mut Value));

    fn client_data(change: impl FnOnce(&mut Value)) -> String {
        let mut data = json!({
            "type": "webauthn.get", "challenge": "AAAA", "origin": "https://example.com", "crossOrigin": false
        });
        change(&mut data);
        base64url::encode(data.to_string().as_bytes())
    }

    fn answer(change: impl FnOnce(&mut Value)) -> Option<Answer> {
        let mut whole = json!({
            "id": "AP8H", "rawId": "AP8H", "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": { "clientDataJSON": client_data(|_| ()), "authenticatorData": "AA", "signature": "AQ" }
        });
        change(&mut whole);
        Answer::read(&whole.to_string())
    }

    #[test]
    fn an_answer_is_read() {
        let read = answer(|_| ()).unwrap();
        assert_eq!((read.id, read.challenge, read.is_framed), (vec![0, 255, 7], vec![0; 3], false));
        for handle in [json!(null), json!("AgI")] {
            let read = answer(|whole| whole["response"]["userHandle"] = handle.clone()).unwrap();
            assert_eq!(read.assertion().unwrap().user_handle.is_some(), handle.is_string());
            assert!(read.attestation().is_none());
        }
    }

    #[test]
    fn what_is_framed_is_told() {
        for (name, value, expected) in [
            ("crossOrigin", json!(true), true),
            ("crossOrigin", json!("false"), true),
            ("topOrigin", json!("https://evil.example"), true),
            ("topOrigin", json!(null), true),
            ("other", json!(true), false),
        ] {
            let data = client_data(|data| data[name] = value);
            let read = answer(|whole| whole["response"]["clientDataJSON"] = json!(data)).unwrap();
            assert_eq!(read.is_framed, expected, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_one_is_not_read() {
        let wrong: [Changed; 9] = [
            ("type", |whole| whole["type"] = json!("password")),
            ("another id", |whole| whole["id"] = json!("AP8I")),
            ("no id", |whole| whole["rawId"] = json!(null)),
            ("empty id", |whole| (whole["id"], whole["rawId"]) = (json!(""), json!(""))),
            ("padded id", |whole| (whole["id"], whole["rawId"]) = (json!("AP8="), json!("AP8="))),
            ("long id", |whole| {
                let long = base64url::encode(&[7; 1024]);
                (whole["id"], whole["rawId"]) = (json!(long), json!(long));
            }),
            ("no response", |whole| whole["response"] = json!("x")),
            ("no client data", |whole| whole["response"]["clientDataJSON"] = json!("e30")),
            ("too long", |whole| whole["x"] = json!("x".repeat(MAX_LEN))),
        ];
        for (what, change) in wrong {
            assert!(answer(change).is_none(), "{what}");
        }
        for text in ["", "null", "[]", "{", "{}", &"[".repeat(1_000), &"{\"a\":".repeat(1_000)] {
            assert!(Answer::read(text).is_none(), "{text:.20}");
        }
        let twice =
            r#"{"type":"webauthn.get","challenge":"AAAA","challenge":"BBBB","origin":"https://example.com"}"#;
        let twice = json!(base64url::encode(twice.as_bytes()));
        assert!(answer(|whole| whole["response"]["clientDataJSON"] = twice).is_none(), "a name twice");
    }
}
