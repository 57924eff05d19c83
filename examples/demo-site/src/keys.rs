//! API keys: what forms and programs send about them, and what is shown.

use std::sync::Arc;
use std::time::Duration;

use auth_core::api_keys::{ApiKey, ApiKeys, CreatedApiKey, NewApiKey};
use auth_core::grant::Scopes;
use auth_core::time::Timestamp;
use auth_sql::{SqlApiKeys, SqlUser};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::Format;
use crate::auth::FRESH;

/// The API keys of the site.
pub type Keys = Arc<ApiKeys<SqlApiKeys, SqlUser>>;

/// What `POST /account/keys` carries.
#[derive(Debug)]
pub struct NewKey {
    /// The key that is wanted.
    pub key: NewApiKey,
    /// How it was sent.
    pub format: Format,
}

/// Why there is no key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableKey {
    /// Neither a form nor JSON: 415.
    MediaType,
    /// Not what it says, or no name for a key: 400.
    Malformed,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
}

impl NewKey {
    /// How recently whoever makes one must have signed in.
    pub const FRESH: Duration = FRESH;

    /// Reads a form with `name` and `scopes` (separated by blanks), or a JSON object with `name` and a list of `scopes`. Whose key
    /// it becomes is no business of the body.
    ///
    /// # Errors
    /// [`UnreadableKey`] if it is neither.
    pub fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, UnreadableKey> {
        let format = Format::of(content_type).ok_or(UnreadableKey::MediaType)?;
        let wanted = match format {
            Format::Json => serde_json::from_slice(body).map_err(|_| UnreadableKey::Malformed)?,
            Format::Form => from_form(body).ok_or(UnreadableKey::Malformed)?,
        };
        let Wanted { name, scopes } = wanted;
        // One that has a blank in it would become two.
        let is_one = |scope: &String| !scope.is_empty() && !scope.contains(' ');
        let scopes =
            Some(scopes).filter(|scopes| scopes.iter().all(is_one)).ok_or(UnreadableKey::Malformed)?;
        let scopes = Scopes::parse(&scopes.join(" ")).map_err(|_| UnreadableKey::Malformed)?;
        let key = NewApiKey::new(name).map_err(|_| UnreadableKey::Malformed)?.scopes(scopes);
        Ok(Self { key, format })
    }
}

fn from_form(body: &[u8]) -> Option<Wanted> {
    let (mut name, mut scopes) = (None, Vec::new());
    for (field, value) in form_urlencoded::parse(body) {
        match &*field {
            "name" => name = Some(value.into_owned()),
            "scopes" => scopes.extend(value.split_ascii_whitespace().map(str::to_owned)),
            _ => {}
        }
    }
    Some(Wanted { name: name?, scopes })
}

/// A key as its owner sees it. Times are in seconds since 1970.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Its last four characters.
    pub ends_with: String,
    /// When it was made.
    pub created: u64,
    /// When it is over.
    pub expires: Option<u64>,
    /// When it was last used, to about a minute.
    pub last_used: Option<u64>,
    /// Whether it still opens anything.
    pub live: bool,
}

impl ApiKeyView {
    /// What is shown of a key now.
    pub fn new(key: &ApiKey, now: Timestamp) -> Self {
        let seconds = |time: Timestamp| time.as_millis() / 1_000;
        Self {
            id: key.id.to_string(),
            name: key.name().to_owned(),
            scopes: key.scopes().iter().map(str::to_owned).collect(),
            ends_with: key.tail().to_owned(),
            created: seconds(key.created()),
            expires: key.expires.map(seconds),
            last_used: key.last_used.map(seconds),
            live: key.is_live(now),
        }
    }

    /// What a program is told of a key that it made.
    pub fn created(created: &CreatedApiKey) -> impl Serialize + use<> {
        #[derive(Serialize)]
        struct Created {
            id: String,
            key: String,
        }
        Created { id: created.stored().id.to_string(), key: created.key().expose().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&[u8]> = Some(b"application/json");
    const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded");

    #[test]
    fn both_ways_are_read() {
        let json = NewKey::read(JSON, br#"{"name": "export", "scopes": ["members"], "owner": "bob"}"#);
        let form = NewKey::read(FORM, b"name=export&scopes=members+editors&owner=bob");
        assert_eq!((json.unwrap().format, form.unwrap().format), (Format::Json, Format::Form));
        assert!(NewKey::read(JSON, br#"{"name": "x"}"#).is_ok(), "without scopes");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let bad: [(_, &[u8]); 8] = [
            (JSON, b""),
            (JSON, b"{}"),
            (JSON, br#"{"name": ""}"#),
            (JSON, br#"{"name": 7}"#),
            (JSON, br#"{"name": "x", "scopes": "members"}"#),
            (JSON, br#"{"name": "x", "scopes": ["a b"]}"#),
            (FORM, b"scopes=members"),
            (FORM, b"name=x&scopes=%22"),
        ];
        for (kind, body) in bad {
            assert_eq!(NewKey::read(kind, body).unwrap_err(), UnreadableKey::Malformed, "{body:?}");
        }
        assert_eq!(NewKey::read(Some(b"text/plain"), b"name=x").unwrap_err(), UnreadableKey::MediaType);
    }
}
