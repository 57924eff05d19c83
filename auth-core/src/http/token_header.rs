//! Tokens in a header that the application chooses.

use std::time::Duration;

use super::bearer::read_token;
use super::view::Single;
use super::{Read, RequestView, Scheme};
use crate::{BearerToken, ConfigError};

/// A token in a header such as `X-Api-Key`, for clients that cannot set `Authorization`. The backends for [`BearerToken`]
/// judge it.
///
/// Otherwise it works like [`Bearer`](super::Bearer). Both may be configured; a request with a token in each is refused
/// (400). A 401 does not ask for it, as only schemes of `Authorization` have challenges (RFC 9110 §11.6.1).
///
/// ```
/// use auth_core::http::TokenHeader;
///
/// let scheme = TokenHeader::new("X-Api-Key")?;
/// # Ok::<_, auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenHeader {
    name: &'static str,
    header: Box<str>,
    remember: Duration,
    cleartext: bool,
}

/// Headers with another meaning, for servers or for proxies in between.
const TAKEN: [&str; 8] = [
    "authorization",
    "connection",
    "cookie",
    "host",
    "origin",
    "proxy-authorization",
    "referer",
    "x-forwarded-for",
];

impl TokenHeader {
    /// Reads tokens from this header.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not a valid name for a header, or if the header has another meaning.
    pub fn new(name: &'static str) -> Result<Self, ConfigError> {
        let header = name.to_ascii_lowercase();
        let is_plain = header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if header.is_empty() || !is_plain || TAKEN.contains(&&*header) {
            return Err(ConfigError::new(format!(
                "a header for tokens needs a name that has no other meaning, such as X-Api-Key: not {name:?}"
            )));
        }
        Ok(Self { name, header: header.into(), remember: Duration::ZERO, cleartext: false })
    }

    /// As [`Bearer::remember`](super::Bearer::remember).
    #[must_use]
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// As [`Bearer::allow_cleartext`](super::Bearer::allow_cleartext).
    #[must_use]
    pub fn allow_cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }
}

impl Scheme for TokenHeader {
    type Credentials = BearerToken;

    fn name(&self) -> &'static str {
        self.name
    }

    fn headers(&self) -> Vec<&str> {
        vec![&self.header]
    }

    fn read(&self, request: &dyn RequestView) -> Read<BearerToken> {
        match Single::named(request, &self.header) {
            Single::Absent => Read::NotMine,
            Single::Several => Read::Ambiguous,
            Single::One(token) => read_token(token),
        }
    }

    fn remember(&self) -> Duration {
        self.remember
    }

    fn allows_cleartext(&self) -> bool {
        self.cleartext
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::TestRequest;
    use super::*;

    #[test]
    fn one_token_is_read() {
        let scheme = TokenHeader::new("X-Api-Key").unwrap();
        let read = |values: &[&[u8]]| {
            let others = values.iter().map(|value| ("x-api-key", value.to_vec())).collect();
            match scheme.read(&TestRequest { others, ..TestRequest::get(&[]) }) {
                Read::NotMine => "none".to_owned(),
                Read::Malformed => "malformed".to_owned(),
                Read::Ambiguous => "ambiguous".to_owned(),
                Read::Untrusted => "untrusted".to_owned(),
                Read::Present(token) => token.token().expose().to_owned(),
            }
        };
        assert_eq!(read(&[]), "none");
        assert_eq!(read(&[b"shop_abc"]), "shop_abc");
        for odd in [&b""[..], b"a b", b"a,b", b"\xff", "a".repeat(17_000).as_bytes()] {
            assert_eq!(read(&[odd]), "malformed");
        }
        assert_eq!(read(&[b"a", b"b"]), "ambiguous");
    }

    #[test]
    fn the_header_is_its_own() {
        for bad in ["", "x api", "x_api:", "Authorization", "cookie", "X-Forwarded-For"] {
            assert!(TokenHeader::new(bad).is_err(), "{bad}");
        }
    }
}
