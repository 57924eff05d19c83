//! API keys in HTTP Basic.

use super::basic::{decode_text, split};
use super::bearer::read_token;
use super::{Challenge, Read, RequestView, Scheme, authorization};
use crate::api_keys::Prefix;
use crate::{BearerToken, ConfigError};

/// API keys in HTTP Basic, for clients that support nothing else: `curl -u KEY:`, or git and package managers with a key in
/// place of a password. The backends for [`BearerToken`] judge them, as for [`Bearer`](super::Bearer).
///
/// A key is read from the password, whatever the user name, or from the user name if the password is empty. A text without
/// the form of a key is ignored, so that [`Basic`](super::Basic) may be configured as well, in any order: keys go to the
/// backends for tokens, everything else to those for passwords. A key as the user name with another text as the password
/// is refused (401); so are two keys, and a key beside a token in another header (400).
///
/// A 401 does not ask for it unless a [realm](Self::realm) is set. Some clients send nothing before they are asked.
///
/// Browsers keep what a user types into the dialog for Basic, and send it with requests of other sites' pages as well, so
/// state-changing requests of such pages are refused, as with Basic.
///
/// ```
/// use auth_core::http::BasicToken;
///
/// // The prefix of the application's `ApiKeys`.
/// let scheme = BasicToken::new("shop")?;
/// # Ok::<_, auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BasicToken {
    prefix: Prefix,
    challenge: Option<Challenge>,
    cleartext: bool,
}

impl BasicToken {
    /// Reads keys with this prefix, which is that of the application's [`ApiKeys`](crate::api_keys::ApiKeys).
    ///
    /// # Errors
    /// [`ConfigError`] if it is not a valid prefix.
    pub fn new(prefix: &str) -> Result<Self, ConfigError> {
        Ok(Self { prefix: Prefix::new(prefix)?, challenge: None, cleartext: false })
    }

    /// Makes a 401 ask for keys, for this realm. Leave it out if [`Basic`](super::Basic) is configured, which asks under the
    /// same name.
    ///
    /// ```
    /// use auth_core::http::BasicToken;
    ///
    /// let scheme = BasicToken::new("shop")?.realm("packages")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the realm has anything but visible ASCII and blanks.
    pub fn realm(mut self, realm: &str) -> Result<Self, ConfigError> {
        self.challenge = Some(Challenge::new("Basic").with("realm", realm)?.with("charset", "UTF-8")?);
        Ok(self)
    }

    /// As [`Bearer::allow_cleartext`](super::Bearer::allow_cleartext).
    #[must_use]
    pub fn allow_cleartext(mut self) -> Self {
        self.cleartext = true;
        self
    }
}

impl Scheme for BasicToken {
    type Credentials = BearerToken;

    fn name(&self) -> &'static str {
        "Basic"
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<BearerToken> {
        let text = authorization(request, self.name()).and_then(decode_text);
        let Some((username, password)) = text.as_deref().and_then(|text| split(text)) else {
            return Read::NotMine;
        };
        match [username, password].map(|text| self.prefix.is_nearly_key(text)) {
            [false, false] => Read::NotMine,
            [false, true] => read_token(password.as_bytes()),
            [true, false] if password.is_empty() => read_token(username.as_bytes()),
            [true, false] => Read::Malformed,
            [true, true] => Read::Ambiguous,
        }
    }

    fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    fn allows_cleartext(&self) -> bool {
        self.cleartext
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::{Header, TestRequest};
    use super::*;

    fn read(header: &str) -> String {
        let scheme = BasicToken::new("shop").unwrap();
        match scheme.read(&TestRequest::get(&[(Header::Authorization, header)])) {
            Read::NotMine => "not its".to_owned(),
            Read::Malformed => "malformed".to_owned(),
            Read::Ambiguous => "ambiguous".to_owned(),
            Read::Untrusted => "untrusted".to_owned(),
            Read::Present(token) => token.token().expose().to_owned(),
        }
    }

    fn encoded(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn keys_are_told_by_their_form() {
        let key = format!("shop_{}", "a".repeat(61));
        let wrong = format!("SHOP_{}", "b".repeat(60));
        let table = [
            ("the user name", encoded(&format!("{key}:")), key.as_str()),
            ("the password", encoded(&format!(":{key}")), &key),
            ("any user", encoded(&format!("x-access-token:{key}")), &key),
            ("any case of the scheme", encoded(&format!("git:{key}")).replace("Basic", "bAsIc"), &key),
            ("a key that is none", encoded(&format!("git:{wrong}")), &wrong),
            ("a blank behind it", encoded(&format!("git:{key} ")), "malformed"),
            ("a colon behind it", encoded(&format!("git:{key}:")), "malformed"),
            ("something beside it", encoded(&format!("{key}:x-oauth-basic")), "malformed"),
            ("two keys", encoded(&format!("{key}:{wrong}")), "ambiguous"),
            ("the same twice", encoded(&format!("{key}:{key}")), "ambiguous"),
            ("a person", encoded("alice:wonderland"), "not its"),
            ("another application's", encoded(&format!("git:{}", key.replace("shop", "post"))), "not its"),
            ("a password that begins as keys do", encoded("alice:shop_til_you_drop"), "not its"),
            ("no password", encoded("alice:"), "not its"),
            ("no colon", encoded(&key), "not its"),
            ("no base64", "Basic @@@".into(), "not its"),
            ("another scheme", format!("Bearer {key}"), "not its"),
            ("a line break", encoded(&format!("git:{key}\n")), "not its"),
        ];
        for (name, header, expected) in table {
            assert_eq!(read(&header), expected, "{name}");
        }
    }

    #[test]
    fn it_is_asked_for_only_by_a_realm() {
        let scheme = BasicToken::new("shop").unwrap();
        assert!(scheme.challenge().is_none() && scheme.is_ambient());
        let scheme = scheme.realm("files").unwrap();
        assert_eq!(scheme.challenge().unwrap().as_str(), r#"Basic realm="files", charset="UTF-8""#);
        assert!(BasicToken::new("Shop").is_err() && BasicToken::new("shop").unwrap().realm("\n").is_err());
    }
}
