//! [`Header`]: what a token claims about itself.

use std::fmt;

use serde_json::{Map, Value};

use crate::Algorithm;
use crate::error::Malformed;

/// A token's header, which is not trusted: `alg` must be an algorithm of the key, and `kid` only finds a key.
///
/// ```
/// # use std::time::Duration;
/// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = b"a secret of at least 32 bytes ...";
/// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
/// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
/// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
/// # let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
/// # let token = Token::parse(text)?;
/// assert_eq!(token.header().algorithm(), Algorithm::Hs256);
/// assert_eq!(token.header().key_id(), None);
/// assert!(token.header().is_of_type("application/jwt"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    token_type: Option<String>,
}

/// Members that change the meaning of the rest and are not supported, and the error for each. Unknown members are
/// ignored (RFC 7515 §4), and so are those that say where a key might be: `jwk`, `jku`, `x5u`, `x5c`.
const REFUSED: [(&str, Malformed); 4] = [
    ("crit", Malformed::Critical),
    ("b64", Malformed::Unencoded),
    ("zip", Malformed::Compressed),
    ("enc", Malformed::Encrypted),
];

impl Header {
    /// The longest `kid`, in bytes.
    pub const MAX_KEY_ID_LEN: usize = 256;

    pub(crate) fn read(text: &[u8]) -> Result<Self, Malformed> {
        let members = auth_json::object(text).map_err(|_| Malformed::Header)?;
        if let Some((_, why)) = REFUSED.into_iter().find(|(name, _)| members.contains_key(*name)) {
            return Err(why);
        }
        let algorithm = text_of(&members, "alg")?.and_then(Algorithm::from_name);
        let key_id = text_of(&members, "kid")?;
        if key_id.is_some_and(|id| id.len() > Self::MAX_KEY_ID_LEN) {
            return Err(Malformed::KeyId);
        }
        // RFC 7519 §5.2: a token within a token.
        if text_of(&members, "cty")?.is_some_and(|kind| is_media_type(kind, "JWT")) {
            return Err(Malformed::Nested);
        }
        Ok(Self {
            algorithm: algorithm.ok_or(Malformed::Algorithm)?,
            key_id: key_id.map(Into::into),
            token_type: text_of(&members, "typ")?.map(Into::into),
        })
    }

    /// The algorithm (`alg`) that the token claims.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key (`kid`): opaque, of up to [`MAX_KEY_ID_LEN`](Self::MAX_KEY_ID_LEN) bytes.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token's type (`typ`), as it was written.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }

    /// Whether the token has this type. RFC 7515 §4.1.9 ignores case, and a leading `application/` if there is no
    /// other slash.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// # let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
    /// # let token = Token::parse(text)?;
    /// assert!(token.header().is_of_type("JWT"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_of_type(&self, kind: &str) -> bool {
        self.token_type.as_deref().is_some_and(|own| is_media_type(own, kind))
    }
}

fn is_media_type(own: &str, other: &str) -> bool {
    fn short(kind: &str) -> &str {
        const PREFIX: &str = "application/";
        match kind.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &kind[PREFIX.len()..],
            _ => kind,
        }
    }
    short(own).eq_ignore_ascii_case(short(other))
}

/// A text. A member of another type, or `null`, does not count as absent.
fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Malformed> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed::Header),
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Header, Malformed> {
        Header::read(text.as_bytes())
    }

    #[test]
    fn what_is_refused() {
        let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257));
        let table = [
            ("no algorithm", r"{}", Malformed::Algorithm),
            ("none", r#"{"alg":"none"}"#, Malformed::Algorithm),
            ("none in another case", r#"{"alg":"nOnE"}"#, Malformed::Algorithm),
            ("another case", r#"{"alg":"es256"}"#, Malformed::Algorithm),
            ("an unknown one", r#"{"alg":"ES512"}"#, Malformed::Algorithm),
            ("a list of algorithms", r#"{"alg":["ES256"]}"#, Malformed::Header),
            ("null as algorithm", r#"{"alg":null}"#, Malformed::Header),
            ("two algorithms", r#"{"alg":"ES256","alg":"HS256"}"#, Malformed::Header),
            ("a number as key id", r#"{"alg":"ES256","kid":7}"#, Malformed::Header),
            ("null as key id", r#"{"alg":"ES256","kid":null}"#, Malformed::Header),
            ("a long key id", &long, Malformed::KeyId),
            ("a number as type", r#"{"alg":"ES256","typ":1}"#, Malformed::Header),
            ("a list as type", r#"{"alg":"ES256","typ":["JWT"]}"#, Malformed::Header),
            ("crit", r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, Malformed::Critical),
            ("crit that is empty", r#"{"alg":"ES256","crit":[]}"#, Malformed::Critical),
            ("crit that is null", r#"{"alg":"ES256","crit":null}"#, Malformed::Critical),
            ("b64", r#"{"alg":"ES256","b64":false}"#, Malformed::Unencoded),
            ("b64 that changes nothing", r#"{"alg":"ES256","b64":true}"#, Malformed::Unencoded),
            ("zip", r#"{"alg":"ES256","zip":"DEF"}"#, Malformed::Compressed),
            ("enc", r#"{"alg":"ES256","enc":"A128GCM"}"#, Malformed::Encrypted),
            ("a token within", r#"{"alg":"ES256","cty":"jwt"}"#, Malformed::Nested),
            ("a token within, at length", r#"{"alg":"ES256","cty":"application/JWT"}"#, Malformed::Nested),
            ("a list", r#"["alg"]"#, Malformed::Header),
            ("cut off", r#"{"alg":"ES256""#, Malformed::Header),
        ];
        for (name, text, expected) in table {
            assert_eq!(read(text).unwrap_err(), expected, "{name}");
        }
    }

    /// CVE-2018-0114: a key that comes with the token is no key.
    #[test]
    fn where_a_key_might_be_is_ignored() {
        let header = read(
            r#"{"alg":"ES256","kid":"../../etc/passwd","typ":"at+jwt","jwk":{"kty":"oct"},
                "jku":"https://evil.example","x5u":"https://evil.example","x5c":["a"],"x5t":1,"other":null}"#,
        );
        let header = header.unwrap();
        assert_eq!(header.algorithm(), Algorithm::Es256);
        assert_eq!(header.key_id(), Some("../../etc/passwd"));
        let longest = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(256));
        assert_eq!(read(&longest).unwrap().key_id().map(str::len), Some(256));
    }

    #[test]
    fn types_are_media_types() {
        let is = |own: &str, kind: &str| {
            read(&format!(r#"{{"alg":"ES256","typ":"{own}"}}"#)).unwrap().is_of_type(kind)
        };
        for own in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(is(own, "at+jwt") && is(own, "application/at+jwt"), "{own}");
        }
        for own in
            ["JWT", "", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "xat+jwt", "logout+jwt"]
        {
            assert!(!is(own, "at+jwt"), "{own}");
        }
        assert!(!read(r#"{"alg":"ES256"}"#).unwrap().is_of_type("at+jwt"), "none is no wildcard");
    }
}
