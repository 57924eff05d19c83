//! HTTP Basic authentication (RFC 7617).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Challenge, Read, RequestView, Scheme, authorization};
use crate::{ConfigError, Password};

/// HTTP Basic: a user name and a password with every request, judged by the backends for [`Password`].
///
/// Accepted credentials are remembered for 30 s, so that a client that sends them with every request does not cost a
/// password hash each time.
///
/// The client sends the password itself, so the server neither asks for it nor accepts it over a connection that others can
/// read (RFC 7617 §4): the request must come over TLS, according to the framework or a
/// [trusted proxy](crate::AuthBuilder::trusted_proxy), or from this machine. Otherwise the answer is a 403. See
/// [`allow_cleartext`](Self::allow_cleartext).
///
/// An API key in place of the password is refused, unless [`BasicToken`](super::BasicToken) is configured as well.
///
/// ```
/// # use auth_core::{Auth, AuthBuilder, Password, User};
/// # use auth_core::backend::Backend;
/// use auth_core::http::Basic;
///
/// # fn config<U: User>(users: impl Backend<Password, User = U>) -> Result<AuthBuilder<U>, auth_core::ConfigError> {
/// let auth = Auth::builder().backend::<Password>("local", users).scheme(Basic::new("files")?);
/// # Ok(auth)
/// # }
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Basic {
    challenge: Challenge,
    remember: Duration,
    cleartext: bool,
}

impl Basic {
    /// The longest decoded `user:password`, in bytes.
    pub const MAX_LEN: usize = 8 * 1024;
    /// How long accepted credentials are remembered, unless set.
    pub const REMEMBER: Duration = Duration::from_secs(30);

    /// Basic for this realm, the name that a browser's dialog shows.
    ///
    /// ```
    /// use auth_core::http::Basic;
    ///
    /// let scheme = Basic::new("Example's files")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the realm has anything but visible ASCII and blanks.
    pub fn new(realm: &str) -> Result<Self, ConfigError> {
        let challenge = Challenge::new("Basic").with("realm", realm)?.with("charset", "UTF-8")?;
        Ok(Self { challenge, remember: Self::REMEMBER, cleartext: false })
    }

    /// How long accepted credentials are remembered; zero for never.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::http::Basic;
    ///
    /// let scheme = Basic::new("files")?.remember(Duration::ZERO);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// Also accepts passwords over connections that are not known to be encrypted: for a trusted network, or behind a proxy
    /// that terminates TLS and does not say so.
    ///
    /// ```
    /// use auth_core::http::Basic;
    ///
    /// let scheme = Basic::new("files")?.allow_cleartext();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn allow_cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }
}

impl Scheme for Basic {
    type Credentials = Password;

    fn name(&self) -> &'static str {
        "Basic"
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<Password> {
        let Some(encoded) = authorization(request, "Basic") else { return Read::NotMine };
        read_password(encoded).map_or(Read::Malformed, Read::Present)
    }

    fn challenge(&self) -> Option<&Challenge> {
        Some(&self.challenge)
    }

    fn remember(&self) -> Duration {
        self.remember
    }

    fn allows_cleartext(&self) -> bool {
        self.cleartext
    }
}

/// Neither part may be empty.
fn read_password(encoded: &[u8]) -> Option<Password> {
    let text = decode_text(encoded)?;
    let (username, password) = split(&text)?;
    (!username.is_empty() && !password.is_empty()).then(|| Password::new(username, password))
}

/// The user name and the password: RFC 7617 §2 splits at the first colon.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
}

/// RFC 7617 §2: base64 of UTF-8 without control characters.
pub(super) fn decode_text(encoded: &[u8]) -> Option<Zeroizing<String>> {
    if encoded.len() > Basic::MAX_LEN.div_ceil(3) * 4 {
        return None;
    }
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let len = STANDARD.decode_slice(encoded, &mut decoded).ok()?;
    let text = std::str::from_utf8(&decoded[..len]).ok()?;
    let fits = text.len() <= Basic::MAX_LEN && !text.chars().any(char::is_control);
    fits.then(|| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{Header, TestRequest};
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Found {
        NotMine,
        Malformed,
        User(String, String),
    }

    fn read(header: &str) -> Found {
        match Basic::new("r").unwrap().read(&TestRequest::get(&[(Header::Authorization, header)])) {
            Read::NotMine => Found::NotMine,
            Read::Malformed | Read::Untrusted | Read::Ambiguous => Found::Malformed,
            Read::Present(found) => {
                Found::User(found.username().to_owned(), found.password().expose().to_owned())
            }
        }
    }

    fn encoded(text: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    /// UTF-8 alone, split at the first colon, nothing empty; and one header, read by its grammar.
    #[test]
    fn the_grammar_is_kept() {
        let user = |name: &str, password: &str| Found::User(name.to_owned(), password.to_owned());
        let table = [
            ("RFC 7617 §2", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), user("Aladdin", "open sesame")),
            ("RFC 7617 §2.1", "Basic dGVzdDoxMjPCow==".into(), user("test", "123£")),
            ("any case", "bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), user("Aladdin", "open sesame")),
            ("more blanks", "Basic    QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), user("Aladdin", "open sesame")),
            ("a tab", "Basic \tQWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), Found::Malformed),
            ("colons in the password", encoded(b"a:b:c"), user("a", "b:c")),
            ("another scheme", "Bearer abc".into(), Found::NotMine),
            ("a longer name", "Basics abc".into(), Found::NotMine),
            ("nothing at all", String::new(), Found::NotMine),
            ("nothing after it", "Basic".into(), Found::Malformed),
            ("no base64", "Basic @@@".into(), Found::Malformed),
            (
                "url alphabet",
                format!("Basic {}", STANDARD.encode(b"a:\xff\xfe").replace('/', "_")),
                Found::Malformed,
            ),
            ("no padding", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ".into(), Found::Malformed),
            ("two values", "Basic YTpi YTpi".into(), Found::Malformed),
            ("no colon", encoded(b"alice"), Found::Malformed),
            ("no user", encoded(b":secret"), Found::Malformed),
            ("no password", encoded(b"alice:"), Found::Malformed),
            ("not UTF-8", encoded(b"alice:\xff\xfe"), Found::Malformed),
            ("NUL", encoded(b"alice:a\0b"), Found::Malformed),
            ("line break", encoded(b"ali\nce:ab"), Found::Malformed),
        ];
        for (name, header, expected) in table {
            assert_eq!(read(&header), expected, "{name}");
        }
    }

    /// 8192 bytes are read, 8193 are not.
    #[test]
    fn sizes_are_bounded() {
        let credentials = |len: usize| encoded(&[b"a:".to_vec(), vec![b'x'; len - 2]].concat());
        assert!(matches!(read(&credentials(Basic::MAX_LEN)), Found::User(..)));
        assert_eq!(read(&credentials(Basic::MAX_LEN + 1)), Found::Malformed);
        assert_eq!(
            read(&format!("Basic {}", "A".repeat(1_000_000))),
            Found::NotMine,
            "longer than any header that is read"
        );
    }
}
