//! What forms and programs send about second factors.

use auth_core::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::json::{Bad, BadField, flag, read, text};
use crate::login::only;
use crate::{Answer, Format};

/// The fields of a form, or of a JSON object of the same names. Which of them there have to be, each route says.
#[derive(Debug)]
pub(crate) struct Sent {
    /// How it came, and how it is answered.
    pub(crate) format: Format,
    /// Where to go afterwards. Not checked: anybody may have written it.
    pub(crate) next: Option<String>,
    fields: Fields,
}

#[derive(Debug, Default)]
struct Fields {
    code: Option<Secret>,
    name: Option<String>,
    next: Option<String>,
    way: Option<String>,
    response: Option<String>,
    password: Option<Secret>,
    trust: bool,
}

/// The same, as JSON.
#[derive(Deserialize)]
struct Object {
    code: Option<Value>,
    name: Option<Value>,
    next: Option<Value>,
    way: Option<Value>,
    response: Option<Value>,
    password: Option<Value>,
    trust: Option<Value>,
}

impl Fields {
    fn from_json(body: &[u8]) -> Result<Self, Bad> {
        let object: Object = read(body)?;
        let mut wrong = Vec::new();
        let fields = Self {
            code: text("code", object.code, &mut wrong).map(Secret::new),
            name: text("name", object.name, &mut wrong),
            next: text("next", object.next, &mut wrong),
            way: text("way", object.way, &mut wrong),
            response: text("response", object.response, &mut wrong),
            password: text("password", object.password, &mut wrong).map(Secret::new),
            trust: flag("trust", object.trust.as_ref(), &mut wrong),
        };
        if wrong.is_empty() { Ok(fields) } else { Err(Bad::Fields(wrong)) }
    }
}

impl Sent {
    /// Reads a body by its `Content-Type`; otherwise gives what is answered to it: 415, or 400.
    pub(crate) fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Answer> {
        let format = Format::of(content_type).ok_or_else(|| Bad::MediaType.answer())?;
        let mut fields: Fields = match format {
            Format::Json => Fields::from_json(body).map_err(Bad::answer)?,
            Format::Form => Fields {
                code: Some(Secret::new(only(body, "code").unwrap_or_default())),
                name: Some(only(body, "name").unwrap_or_default()),
                next: only(body, "next"),
                way: only(body, "way"),
                response: Some(only(body, "response").unwrap_or_default()),
                password: Some(Secret::new(only(body, "password").unwrap_or_default())),
                trust: only(body, "trust").is_some(),
            },
        };
        Ok(Self { format, next: fields.next.take(), fields })
    }

    /// The same where nothing has to be sent: a program may leave out the body and its type.
    pub(crate) fn read_any(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Answer> {
        if content_type.is_none() && body.is_empty() {
            return Ok(Self { format: Format::Json, next: None, fields: Fields::default() });
        }
        Self::read(content_type, body)
    }

    /// The code that was typed. In a form, a missing one is as good as an empty one.
    pub(crate) fn code(&self) -> Result<Secret, Answer> {
        self.fields.code.clone().ok_or_else(|| missing("code"))
    }

    /// The name that was typed.
    pub(crate) fn name(&self) -> Result<&str, Answer> {
        self.fields.name.as_deref().ok_or_else(|| missing("name"))
    }

    /// What a passkey answered.
    pub(crate) fn response(&self) -> Result<&str, Answer> {
        self.fields.response.as_deref().ok_or_else(|| missing("response"))
    }

    /// The new password that was typed.
    pub(crate) fn password(&self) -> Result<&Secret, Answer> {
        self.fields.password.as_ref().ok_or_else(|| missing("password"))
    }

    /// Whether the browser is to be trusted.
    pub(crate) fn trusts(&self) -> bool {
        self.fields.trust
    }

    /// By which way a form asked for the code.
    pub(crate) fn way(&self) -> Option<&str> {
        self.fields.way.as_deref()
    }
}

fn missing(name: &str) -> Answer {
    Bad::Fields(vec![BadField::missing(name)]).answer()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded");
    const JSON: Option<&[u8]> = Some(b"application/json");

    #[test]
    fn both_ways_are_read() {
        for (kind, body) in [
            (FORM, &b"code=123+456&next=%2Fme&x=1"[..]),
            (JSON, br#"{"code": "123 456", "next": "/me", "x": 1}"#),
        ] {
            let sent = Sent::read(kind, body).unwrap();
            assert_eq!((sent.code().unwrap().expose(), sent.next.as_deref()), ("123 456", Some("/me")));
        }
    }

    #[test]
    fn what_is_missing_or_there_twice_is_no_code() {
        for body in [&b""[..], b"code=1&code=2", b"next=/"] {
            assert!(Sent::read(FORM, body).unwrap().code().unwrap().is_empty(), "{body:?}");
        }
        let status = |body: &[u8]| match Sent::read(JSON, body) {
            Ok(sent) => sent.code().map_or_else(|answer| answer.status, |_| 200),
            Err(answer) => answer.status,
        };
        for body in [&b""[..], b"[]", b"{}", br#"{"code": 123456}"#, br#"{"code": "1", "code": "2"}"#] {
            assert_eq!(status(body), 400, "{body:?}");
        }
        assert_eq!(Sent::read(None, b"code=1").unwrap_err().status, 415);
    }

    #[test]
    fn where_nothing_has_to_be_sent_nothing_may_be() {
        assert_eq!(Sent::read_any(None, b"").unwrap().format, Format::Json);
        assert_eq!(Sent::read_any(FORM, b"").unwrap().format, Format::Form);
        assert_eq!(Sent::read_any(None, b"x").unwrap_err().status, 415);
    }
}
