//! [`Claims`]: the content of a verified token.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::Malformed;

/// The claims of a token. The registered ones (RFC 7519 §4.1) have their types; everything else is JSON.
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
/// let claims = token.verify(&key)?;
/// assert_eq!(claims.issuer(), Some("https://id.example"));
/// assert_eq!(claims.subject(), Some("alice"));
/// assert_eq!(claims.expires(), Some(Duration::from_secs(1_800_000_060)));
/// assert!(claims.get("scope").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct Claims(Value);

/// The latest valid time, in seconds: the end of the year 9999. Anything later is an overflow.
const LAST_SECOND: u64 = 253_402_300_799;

impl Claims {
    pub(crate) fn read(text: &[u8]) -> Result<Self, Malformed> {
        let members = auth_json::object(text).map_err(|_| Malformed::Claims)?;
        let texts = ["iss", "sub", "jti"].into_iter().all(|name| is_text_or_absent(&members, name));
        let times = ["exp", "nbf", "iat"]
            .into_iter()
            .all(|name| members.get(name).is_none_or(|time| seconds(time).is_some()));
        if !texts || !times || !members.get("aud").is_none_or(is_audience) {
            return Err(Malformed::ClaimType);
        }
        Ok(Self(Value::Object(members)))
    }

    /// The issuer (`iss`).
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The subject (`sub`): the user, usually.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The token's id (`jti`).
    pub fn id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// The audiences (`aud`); none if it is absent.
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
    /// let claims = token.verify(&key)?;
    /// assert!(claims.audiences().eq(["api"]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self.get("aud") {
            Some(Value::String(one)) => (Some(one.as_str()), &[][..]),
            Some(Value::Array(several)) => (None, several.as_slice()),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().filter_map(Value::as_str))
    }

    /// When it expires (`exp`), as the time since 1970.
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
    /// let claims = token.verify(&key)?;
    /// assert_eq!(claims.expires(), Some(Duration::from_secs(1_800_000_060)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires(&self) -> Option<Duration> {
        self.time("exp")
    }

    /// The time before which it is not valid (`nbf`), as the time since 1970.
    pub fn not_before(&self) -> Option<Duration> {
        self.time("nbf")
    }

    /// When it was issued (`iat`), as the time since 1970.
    pub fn issued_at(&self) -> Option<Duration> {
        self.time("iat")
    }

    /// The claim of this name, as it is.
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
    /// let claims = token.verify(&key)?;
    /// assert_eq!(claims.get("sub").and_then(|sub| sub.as_str()), Some("alice"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text. `None` also if it has another type: [`get`](Self::get) tells the difference.
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
    /// let claims = token.verify(&key)?;
    /// assert_eq!((claims.text("sub"), claims.text("exp")), (Some("alice"), None));
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A claim that is a time, as the time since 1970. `None` also if it has another type.
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
    /// let claims = token.verify(&key)?;
    /// assert_eq!(claims.time("auth_time"), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn time(&self, name: &str) -> Option<Duration> {
        self.get(name).and_then(seconds)
    }

    /// All claims, as a JSON object.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

fn is_text_or_absent(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).is_none_or(Value::is_string)
}

/// RFC 7519 §4.1.3: a text, or an array of texts.
fn is_audience(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(all) => all.iter().all(Value::is_string),
        _ => false,
    }
}

/// RFC 7519 §2, `NumericDate`: seconds since 1970, with or without a fraction.
fn seconds(value: &Value) -> Option<Duration> {
    let Value::Number(number) = value else { return None };
    let time = match number.as_u64() {
        Some(whole) => Duration::from_secs(whole),
        None => Duration::try_from_secs_f64(number.as_f64()?).ok()?,
    };
    (time.as_secs() <= LAST_SECOND).then_some(time)
}

impl fmt::Debug for Claims {
    /// Shows how many there are: their content is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.0.as_object().map_or(0, Map::len))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &str) -> Result<Claims, Malformed> {
        Claims::read(claims.as_bytes())
    }

    /// CVE-2025-30144, CVE-2026-25537: of another type is not "absent".
    #[test]
    fn registered_claims_have_their_types() {
        let no_texts = ["null", "1", "true", "[]", r#"["a"]"#, "{}"];
        for name in ["iss", "sub", "jti"] {
            for value in no_texts {
                let text = format!(r#"{{"{name}":{value}}}"#);
                assert_eq!(read(&text).unwrap_err(), Malformed::ClaimType, "{text}");
            }
        }
        let no_times = [
            "null",
            "true",
            r#""1800000000""#,
            r#""NaN""#,
            "[]",
            "[1800000000]",
            "{}",
            "-1",
            "-0.5",
            "1e300",
            "253402300800",
            "18446744073709551616",
        ];
        for name in ["exp", "nbf", "iat"] {
            for value in no_times {
                let text = format!(r#"{{"{name}":{value}}}"#);
                assert_eq!(read(&text).unwrap_err(), Malformed::ClaimType, "{text}");
            }
        }
        for value in ["null", "1", "true", "{}", r#"["a",1]"#, r#"["a",null]"#, r#"[["a"]]"#] {
            let text = format!(r#"{{"aud":{value}}}"#);
            assert_eq!(read(&text).unwrap_err(), Malformed::ClaimType, "{text}");
        }
        for text in ["", "[]", "null", r#""a""#, r#"{"sub":"a","sub":"b"}"#, r#"{"x":{"y":1,"y":1}}"#] {
            assert_eq!(read(text).unwrap_err(), Malformed::Claims, "{text}");
        }
    }

    #[test]
    fn what_is_read() {
        let claims = read(
            r#"{"iss":"https://id.example","sub":"alice","jti":"1","aud":["a","b"],"exp":1800000000.5,
                "nbf":0,"iat":253402300799,"n":7,"s":"t","at":12}"#,
        )
        .unwrap();
        assert_eq!(claims.issuer(), Some("https://id.example"));
        assert_eq!((claims.subject(), claims.id()), (Some("alice"), Some("1")));
        assert_eq!(claims.audiences().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(claims.expires(), Some(Duration::from_millis(1_800_000_000_500)));
        assert_eq!(claims.not_before(), Some(Duration::ZERO));
        assert_eq!(claims.issued_at(), Some(Duration::from_secs(LAST_SECOND)));
        assert_eq!((claims.get("n"), claims.text("n"), claims.text("s")), (Some(&json!(7)), None, Some("t")));
        assert_eq!((claims.time("at"), claims.time("s")), (Some(Duration::from_secs(12)), None));
        assert_eq!(claims.as_value().pointer("/aud/1"), Some(&json!("b")));
        let one = read(r#"{"aud":"a"}"#).unwrap();
        assert_eq!(one.audiences().collect::<Vec<_>>(), ["a"]);
        assert_eq!(read("{}").unwrap().audiences().count(), 0);
        assert!(!format!("{claims:?}").contains("alice"));
    }
}
