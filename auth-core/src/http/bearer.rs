//! HTTP Bearer authentication (RFC 6750).

use std::time::Duration;

use super::{Challenge, Read, RequestView, Scheme, authorization};
use crate::{BearerToken, ConfigError, Credentials, Secret};

/// HTTP Bearer: a token with every request, judged by the backends for [`BearerToken`].
///
/// Only the `Authorization` header is read: a token in a URL ends up in logs and histories, and a page of any site can send
/// one in a form (RFC 6750 §2.2, §2.3).
///
/// Accepted tokens are not remembered: a revoked token is refused with its next request. See [`remember`](Self::remember).
///
/// Anybody who reads a token can use it, so the server neither asks for one nor accepts one over a cleartext connection, by
/// the same rule as for [`Basic`](super::Basic). See [`allow_cleartext`](Self::allow_cleartext).
///
/// Browsers do not send tokens by themselves, so a page of another origin may use a token that it was given: a
/// state-changing request passes the check for cross-site requests, unless a session cookie came with it. A token never
/// begins a session.
///
/// Clients of some other frameworks send tokens under another scheme name, which [`named`](Self::named) reads.
///
/// ```
/// use auth_core::api_keys::{ApiKeys, MemoryApiKeys};
/// use auth_core::http::Bearer;
/// use auth_core::{Auth, BearerToken};
/// # use auth_core::{AuthBuilder, User, backend::UserSource};
///
/// # fn config<U: User>(users: impl UserSource<User = U>) -> Result<AuthBuilder<U>, auth_core::ConfigError> {
/// let keys = ApiKeys::new("shop", MemoryApiKeys::new(10_000))?.owners("local", users)?;
/// let auth = Auth::builder().backend::<BearerToken>("keys", keys).scheme(Bearer::new("api")?);
/// # Ok(auth)
/// # }
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bearer {
    name: &'static str,
    challenge: Challenge,
    again: Challenge,
    remember: Duration,
    cleartext: bool,
}

impl Bearer {
    /// Bearer for this realm.
    ///
    /// ```
    /// use auth_core::http::Bearer;
    ///
    /// let scheme = Bearer::new("api")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the realm has anything but visible ASCII and blanks.
    pub fn new(realm: &str) -> Result<Self, ConfigError> {
        let challenge = Challenge::new("Bearer").with("realm", realm)?;
        let again = challenge.clone().with("error", "invalid_token")?;
        Ok(Self { name: "Bearer", challenge, again, remember: Duration::ZERO, cleartext: false })
    }

    /// The same under another scheme name, such as `Token` (`Authorization: Token …`, as in Django REST Framework and knox).
    /// If clients use both names, add [`new`](Self::new) as a second scheme. A 401 names the realm only, as error codes are
    /// defined for Bearer alone.
    ///
    /// ```
    /// use auth_core::http::Bearer;
    ///
    /// let scheme = Bearer::named("Token", "api")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] as for [`new`](Self::new), or if the name is not valid for a scheme (RFC 9110 §11.1) or has another
    /// meaning.
    pub fn named(name: &'static str, realm: &str) -> Result<Self, ConfigError> {
        if name.eq_ignore_ascii_case("Bearer") {
            return Self::new(realm);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_taken = TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken));
        if name.is_empty() || !name.bytes().all(is_plain) || is_taken {
            return Err(ConfigError::new(format!(
                "a scheme for tokens needs a name of letters and digits that has no other meaning, such as Token: not {name:?}"
            )));
        }
        let challenge = Challenge::new(name).with("realm", realm)?;
        let again = challenge.clone();
        Ok(Self { name, challenge, again, remember: Duration::ZERO, cleartext: false })
    }

    /// Names the resource's metadata in every challenge (RFC 9728 §5.1), from which a client learns which issuers' tokens are
    /// accepted, and with which scopes. The application serves the document at this URL.
    ///
    /// ```
    /// use auth_core::http::Bearer;
    ///
    /// let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
    /// let scheme = Bearer::new("api")?.resource_metadata(metadata)?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if it is not an `https` URL; `http` is allowed for loopback addresses.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ConfigError> {
        let is_local = |url: &url::Url| {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        let fits = url::Url::parse(url)
            .is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && is_local(&url));
        if !fits {
            return Err(ConfigError::new(format!(
                "the metadata of a protected resource needs an https URL: not {url:?}"
            )));
        }
        self.challenge = self.challenge.with("resource_metadata", url)?;
        self.again = self.again.with("resource_metadata", url)?;
        Ok(self)
    }

    /// How long accepted tokens are remembered (default: zero, for never). A token still works for that long after its issuer
    /// has revoked it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::http::Bearer;
    ///
    /// let scheme = Bearer::new("api")?.remember(Duration::from_secs(10));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// Also accepts tokens over connections that are not known to be encrypted: for a trusted network, or behind a proxy that
    /// terminates TLS and does not say so.
    ///
    /// ```
    /// use auth_core::http::Bearer;
    ///
    /// let scheme = Bearer::new("api")?.allow_cleartext();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn allow_cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }
}

/// Schemes whose parameters are not tokens.
const TAKEN: [&str; 8] = ["Basic", "Cookie", "Digest", "DPoP", "HOBA", "Mutual", "Negotiate", "NTLM"];

impl Scheme for Bearer {
    type Credentials = BearerToken;

    fn name(&self) -> &'static str {
        self.name
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<BearerToken> {
        let Some(token) = authorization(request, self.name()) else { return Read::NotMine };
        read_token(token)
    }

    fn challenge(&self) -> Option<&Challenge> {
        Some(&self.challenge)
    }

    /// RFC 6750 §3: only a client that presented a token is told that it was not accepted.
    fn challenge_again(&self) -> Option<&Challenge> {
        Some(&self.again)
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

/// A token as it stands in a header. What is too long is not copied.
pub(super) fn read_token(value: &[u8]) -> Read<BearerToken> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= BearerToken::MAX_LEN);
    let token = text.map(|text| BearerToken::new(Secret::new(text)));
    token.filter(|token| token.check().is_ok()).map_or(Read::Malformed, Read::Present)
}

#[cfg(test)]
mod tests {
    use super::super::TestRequest;
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Found {
        NotMine,
        Malformed,
        Token(String),
    }

    fn read(header: &[u8]) -> Found {
        let others = vec![("authorization", header.to_vec())];
        match Bearer::new("r").unwrap().read(&TestRequest { others, ..TestRequest::get(&[]) }) {
            Read::NotMine => Found::NotMine,
            Read::Malformed | Read::Untrusted | Read::Ambiguous => Found::Malformed,
            Read::Present(found) => Found::Token(found.token().expose().to_owned()),
        }
    }

    /// The grammar of the token itself is tested with `BearerToken`.
    #[test]
    fn the_grammar_is_kept() {
        let token = |text: &str| Found::Token(text.to_owned());
        let table: [(&str, &[u8], Found); 15] = [
            ("RFC 6750 §2.1", b"Bearer mF_9.B5f-4.1JqM", token("mF_9.B5f-4.1JqM")),
            ("any case", b"bEARER abc==", token("abc==")),
            ("more blanks", b"Bearer    abc", token("abc")),
            ("another scheme", b"Basic YTpi", Found::NotMine),
            ("a longer name", b"Bearers abc", Found::NotMine),
            ("nothing at all", b"", Found::NotMine),
            ("a tab", b"Bearer\tabc", Found::NotMine),
            ("a tab more", b"Bearer \tabc", Found::Malformed),
            ("nothing after it", b"Bearer", Found::Malformed),
            ("blanks after it", b"Bearer   ", Found::Malformed),
            ("two tokens", b"Bearer abc def", Found::Malformed),
            ("a list", b"Bearer abc, Bearer def", Found::Malformed),
            ("parameters", b"Bearer token=\"abc\"", Found::Malformed),
            ("NUL", b"Bearer abc\0", Found::Malformed),
            ("not UTF-8", b"Bearer \xff\xfe", Found::Malformed),
        ];
        for (name, header, expected) in table {
            assert_eq!(read(header), expected, "{name}");
        }
    }

    /// A header of 16 KiB is read, one byte more is not.
    #[test]
    fn sizes_are_bounded() {
        let header = |len: usize| format!("Bearer {}", "a".repeat(len - "Bearer ".len())).into_bytes();
        assert!(matches!(read(&header(16 * 1024)), Found::Token(_)));
        assert_eq!(read(&header(16 * 1024 + 1)), Found::NotMine, "longer than any header that is read");
    }

    /// RFC 9728 §5.1.
    #[test]
    fn challenges_name_the_metadata() {
        let url = "https://api.example/.well-known/oauth-protected-resource";
        let bearer = Bearer::new("r").unwrap().resource_metadata(url).unwrap();
        assert_eq!(
            bearer.challenge().unwrap().as_str(),
            format!(r#"Bearer realm="r", resource_metadata="{url}""#)
        );
        assert!(
            bearer.challenge_again().unwrap().as_str().ends_with(&format!(r#", resource_metadata="{url}""#))
        );
        for bad in ["", "/metadata", "http://api.example/m", "ftp://api.example/m", "https://"] {
            assert!(Bearer::new("r").unwrap().resource_metadata(bad).is_err(), "{bad}");
        }
        assert!(Bearer::new("r").unwrap().resource_metadata("http://127.0.0.1:8080/m").is_ok());
    }

    #[test]
    fn another_name_is_another_scheme() {
        let read = |header: &str| {
            let others = vec![("authorization", header.as_bytes().to_vec())];
            let scheme = Bearer::named("Token", "r").unwrap();
            match scheme.read(&TestRequest { others, ..TestRequest::get(&[]) }) {
                Read::Present(token) => token.token().expose().to_owned(),
                Read::NotMine => "not its".to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!([read("Token abc"), read("tOKEN  abc")], ["abc", "abc"]);
        assert_eq!(
            [read("Bearer abc"), read("Tokens abc"), read("Token a b")],
            ["not its", "not its", "Malformed"]
        );
        let scheme = Bearer::named("Token", "r").unwrap();
        assert_eq!(scheme.challenge().unwrap().as_str(), r#"Token realm="r""#);
        assert_eq!(scheme.challenge(), scheme.challenge_again());
        assert_eq!(Bearer::named("bearer", "r").unwrap().name(), "Bearer");
        for bad in ["", "To ken", "Token,", "basic", "Negotiate", "DPOP", "é"] {
            assert!(Bearer::named(bad, "r").is_err(), "{bad}");
        }
    }

    #[test]
    fn only_who_presented_a_token_is_told_of_an_error() {
        let bearer = Bearer::new("tests").unwrap();
        assert_eq!(bearer.challenge().unwrap().as_str(), r#"Bearer realm="tests""#);
        assert_eq!(
            bearer.challenge_again().unwrap().as_str(),
            r#"Bearer realm="tests", error="invalid_token""#
        );
    }
}
