//! Reading what a login form, or a program, sends.

use auth_core::Password;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::Answer;
use crate::json::{Bad, read, required, text};

/// No login is longer than this, in bytes.
pub const MAX_BODY_LEN: usize = 32 * 1024;

/// What `POST /login` carries.
#[derive(Debug)]
pub struct Login {
    /// Who wants to sign in.
    pub credentials: Password,
    /// Where to go afterwards. Not checked: anybody may have written it.
    pub next: Option<String>,
    /// How it came, and how it is answered.
    pub format: Format,
}

/// The two kinds of clients that sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A browser's form: answered with pages and redirects.
    Form,
    /// A program: answered with JSON.
    Json,
}

impl Format {
    /// By the `Content-Type` of what was sent.
    pub(crate) fn of(content_type: Option<&[u8]>) -> Option<Self> {
        let media_type = content_type?.split(|byte| *byte == b';').next()?;
        match &*media_type.trim_ascii().to_ascii_lowercase() {
            b"application/x-www-form-urlencoded" => Some(Self::Form),
            b"application/json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Login {
    /// Reads a body by its `Content-Type`.
    ///
    /// # Errors
    /// What is answered to a body that is neither a form nor JSON with a user name and a password: 415, or a 400 that
    /// names the fields that are wrong.
    pub fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, Answer> {
        match Format::of(content_type) {
            Some(Format::Form) => Ok(Self::from_form(body)),
            Some(Format::Json) => Self::from_json(body).map_err(|bad| bad.answer()),
            None => Err(Bad::MediaType.answer()),
        }
    }

    /// A missing or repeated field counts as empty, and an empty name or password is nobody's.
    fn from_form(body: &[u8]) -> Self {
        let field = |name| only(body, name).unwrap_or_default();
        Self {
            credentials: Password::new(field("username"), field("password")),
            next: only(body, "next"),
            format: Format::Form,
        }
    }

    fn from_json(body: &[u8]) -> Result<Self, Bad> {
        let fields: Fields = read(body)?;
        let mut wrong = Vec::new();
        let username = required("username", fields.username, &mut wrong);
        let password = required("password", fields.password, &mut wrong);
        let next = text("next", fields.next, &mut wrong);
        match (username, password) {
            (Some(username), Some(password)) if wrong.is_empty() => {
                Ok(Self { credentials: Password::new(username, password), next, format: Format::Json })
            }
            _ => Err(Bad::Fields(wrong)),
        }
    }
}

/// The fields, as JSON.
#[derive(Deserialize)]
struct Fields {
    username: Option<Value>,
    password: Option<Value>,
    next: Option<Value>,
}

/// The `next` of a login page's query. Given twice, it is not taken at all.
pub fn next_of(query: &str) -> Option<String> {
    only(query.as_bytes(), "next")
}

/// The value of the one field of this name.
pub(crate) fn only(form: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(form).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded; charset=UTF-8");
    const JSON: Option<&[u8]> = Some(b"application/json");

    #[test]
    fn forms() {
        let login = Login::read(FORM, b"username=al+ice&password=w%26nder&next=%2Fme").unwrap();
        assert_eq!(login.credentials.username(), "al ice");
        assert_eq!(login.credentials.password().expose(), "w&nder");
        assert_eq!((login.next.as_deref(), login.format), (Some("/me"), Format::Form));
    }

    #[test]
    fn repeated_fields_are_not_taken() {
        let login = Login::read(FORM, b"username=a&username=b&password=p&next=/ok&next=//evil").unwrap();
        assert_eq!((login.credentials.username(), login.next), ("", None));
        assert_eq!(next_of("next=/ok&next=//evil"), None);
        assert_eq!(next_of("x=1&next=/ok%3Fa").as_deref(), Some("/ok?a"));
    }

    #[test]
    fn json() {
        let login = Login::read(JSON, br#"{"username":"alice","password":"wonderland"}"#).unwrap();
        assert_eq!((login.credentials.username(), login.format), ("alice", Format::Json));
    }

    #[test]
    fn what_is_wrong_with_json_is_named_and_not_repeated() {
        for (body, named) in [
            (&b""[..], &[][..]),
            (b"[]", &[]),
            (br#"{"username":"a","username":"b","password":"p"}"#, &[]),
            (br#"{"username":"canary"}"#, &["password"]),
            (br#"{"username":"canary","password":null}"#, &["password"]),
            (br#"{"password":"canary"}"#, &["username"]),
            (b"{}", &["username", "password"]),
            (br#"{"username":"canary","password":["canary"]}"#, &["password"]),
            (br#"{"username":{"canary":1},"password":20}"#, &["username", "password"]),
            (br#"{"username":"a","password":"canary","next":{"canary":[]}}"#, &["next"]),
        ] {
            let answer = Login::read(JSON, body).unwrap_err();
            assert_eq!(answer.status, 400, "{answer:?}");
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            let errors = problem["errors"].as_array().cloned().unwrap_or_default();
            let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
            let expected: Vec<_> = named.iter().map(|name| format!("#/{name}")).collect();
            assert_eq!(pointers, expected, "{answer:?}");
            assert!(!answer.body.contains("canary") && !answer.body.contains("20"), "{answer:?}");
        }
    }

    #[test]
    fn other_types_are_refused() {
        for other in [None, Some(&b"text/plain"[..]), Some(b"multipart/form-data; boundary=x")] {
            assert_eq!(Login::read(other, b"").unwrap_err().status, 415);
        }
    }
}
