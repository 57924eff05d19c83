//! What is wrong with a body, told to the program that sent it (RFC 9457).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Answer;

/// Why a body cannot be read. Fields are named; what was in them is not repeated.
#[derive(Debug)]
pub(crate) enum Bad {
    /// It is of another media type.
    MediaType,
    /// It is no JSON object, or a field is there twice.
    Malformed,
    /// These fields are wrong.
    Fields(Vec<BadField>),
}

/// One field, and what is wrong with it.
#[derive(Debug, Serialize)]
pub(crate) struct BadField {
    pointer: String,
    detail: String,
}

#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<BadField>,
}

impl BadField {
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(name, "is missing")
    }

    fn new(name: &str, what: &str) -> Self {
        Self { pointer: format!("#/{name}"), detail: format!("The field `{name}` {what}.") }
    }
}

impl Bad {
    pub(crate) fn answer(self) -> Answer {
        let (status, title, detail, errors) = match self {
            Self::MediaType => {
                let sent = "Send `application/json`, or a form as `application/x-www-form-urlencoded`.";
                (415, "Unsupported Media Type", sent.to_owned(), Vec::new())
            }
            Self::Malformed => {
                let detail = "The body must be a JSON object, with each field at most once.";
                (400, "Bad Request", detail.to_owned(), Vec::new())
            }
            Self::Fields(errors) => {
                let details: Vec<_> = errors.iter().map(|field| &*field.detail).collect();
                (400, "Bad Request", details.join(" "), errors)
            }
        };
        Answer::problem(status, &Problem { kind: "about:blank", title, status, detail, errors })
    }
}

/// A status and its name, and no more.
pub(crate) fn status(status: u16) -> Answer {
    let title = match status {
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        _ => "Error",
    };
    Answer::problem(status, &json!({ "type": "about:blank", "title": title, "status": status }))
}

/// The object in the body.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Bad> {
    // A struct may be written as a list, too.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(body).ok().filter(|_| is_object).ok_or(Bad::Malformed)
}

/// The text in a field that may be missing.
pub(crate) fn text(name: &str, value: Option<Value>, wrong: &mut Vec<BadField>) -> Option<String> {
    match value {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            wrong.push(BadField::new(name, "must be a string"));
            None
        }
    }
}

/// The text in a field that must be there.
pub(crate) fn required(name: &str, value: Option<Value>, wrong: &mut Vec<BadField>) -> Option<String> {
    if value.is_none() {
        wrong.push(BadField::missing(name));
    }
    text(name, value, wrong)
}

/// Whether a field is set that may be missing.
pub(crate) fn flag(name: &str, value: Option<&Value>, wrong: &mut Vec<BadField>) -> bool {
    if !matches!(value, None | Some(Value::Bool(_))) {
        wrong.push(BadField::new(name, "must be true or false"));
    }
    value == Some(&Value::Bool(true))
}
