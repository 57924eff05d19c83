//! What a client presents. Each kind of credentials is a separate type.

use crate::Secret;
use crate::backend::DeclineReason;
use crate::grant::Factor;
use crate::hidden;
use std::fmt;

/// A kind of credentials: the type parameter of [`Backend`](crate::backend::Backend).
///
/// Any crate can add a kind by implementing this for a type of its own.
///
/// ```
/// use auth_core::Credentials;
/// use auth_core::backend::DeclineReason;
/// use auth_core::grant::Factor;
///
/// /// The number of a customer card, read at a till.
/// struct Card(String);
///
/// impl Credentials for Card {
///     const KIND: &'static str = "card";
///     const FACTOR: Factor = Factor::Token;
///
///     fn subject(&self) -> Option<&str> {
///         None
///     }
///     fn check(&self) -> Result<(), DeclineReason> {
///         if self.0.len() == 12 { Ok(()) } else { Err(DeclineReason::Malformed) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of credentials",
    label = "no `Credentials`",
    note = "`Password`, `BearerToken` and `RemoteUser` are; one of your own implements `Credentials`"
)]
pub trait Credentials: Send + Sync + 'static {
    /// The name of this kind in events and logs: `password`, `bearer` …
    const KIND: &'static str;

    /// What they prove if a backend accepts them and its [`Grant`](crate::grant::Grant) says nothing else.
    const FACTOR: Factor;

    /// Whether they consist of nothing but the subject and the [secret](Self::secret). Concurrent attempts from one
    /// place with the same two are then judged once. `false`, unless set.
    const IS_NAME_AND_SECRET: bool = false;

    /// The name that the client claims, for events. Never a secret.
    fn subject(&self) -> Option<&str>;

    /// The secret, if backends compare it with slow hashes
    /// ([`Attempt::verify_secret`](crate::backend::Attempt::verify_secret)). If a backend with such hashes is not
    /// asked, the chain hashes the secret anyway, so that the time is the same.
    fn secret(&self) -> Option<&Secret> {
        None
    }

    /// Limits that apply before anything is looked up or computed, whatever the backends.
    ///
    /// # Errors
    /// The reason why no backend is asked, usually [`DeclineReason::Malformed`].
    fn check(&self) -> Result<(), DeclineReason>;

    /// Further limits that apply before these credentials are sent to another system. They do not matter for secrets
    /// that stay in this process, as with hashes in a table.
    ///
    /// # Errors
    /// The reason why no other system is asked.
    fn check_handing_on(&self) -> Result<(), DeclineReason> {
        Ok(())
    }
}

/// A user name and a password, exactly as received: no trimming, no case folding.
///
/// What is refused, however it was received:
///
/// | the name or the password | if this process verifies passwords | before they are sent elsewhere |
/// |---|---|---|
/// | is empty, or exceeds the limits below | refused ([`check`](Credentials::check)) | refused |
/// | contains a control character (Unicode's Cc: NUL, CR, LF, tab, DEL, U+0085 …) | accepted for verification | refused ([`check_handing_on`](Credentials::check_handing_on)) |
/// | contains U+FFFD, by which form decoders replace bytes that are not UTF-8 | accepted for verification | refused |
/// | anything else | accepted for verification | sent as it is |
///
/// HTTP Basic never contains a control character, nor bytes that are not UTF-8 (RFC 7617 §2). JSON contains neither
/// such bytes nor lone surrogates (RFC 8259 §8). If credentials are refused before they are sent elsewhere, the
/// result is a wrong password or an unknown name: the other system is not asked.
///
/// ```
/// use auth_core::Password;
///
/// let login = Password::new("alice", "correct horse");
/// assert_eq!(login.username(), "alice");
/// assert!(!format!("{login:?}").contains("horse"));
/// ```
#[derive(Clone)]
pub struct Password {
    username: String,
    password: Secret,
}

impl fmt::Debug for Password {
    /// Without the name either: people type their password into the wrong field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let username = hidden::text(&self.username);
        f.debug_struct("Password").field("username", &username).field("password", &self.password).finish()
    }
}

impl Password {
    /// The longest user name that is looked up, in bytes.
    pub const MAX_USERNAME_LEN: usize = 255;
    /// The longest password that is hashed or sent anywhere, in bytes: hashing long ones is a cheap way to exhaust a
    /// server (CVE-2013-1443).
    pub const MAX_PASSWORD_LEN: usize = 4096;

    /// A user name with a password.
    ///
    /// ```
    /// # use auth_core::Password;
    /// let login = Password::new("alice", "correct horse");
    /// ```
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// The user name as it was typed.
    ///
    /// ```
    /// # use auth_core::Password;
    /// assert_eq!(Password::new(" Alice", "correct horse").username(), " Alice", "as it was typed");
    /// ```
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password.
    pub fn password(&self) -> &Secret {
        &self.password
    }
}

impl Credentials for Password {
    const KIND: &'static str = "password";
    const FACTOR: Factor = Factor::Password;
    const IS_NAME_AND_SECRET: bool = true;

    fn subject(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn secret(&self) -> Option<&Secret> {
        Some(&self.password)
    }

    /// Empty names or passwords never reach a backend (RFC 4513 §5.1.2: an LDAP bind with an empty password succeeds
    /// without proving anything), nor do those that exceed the limits above.
    fn check(&self) -> Result<(), DeclineReason> {
        let name_fits = (1..=Self::MAX_USERNAME_LEN).contains(&self.username.len());
        let password_fits = (1..=Self::MAX_PASSWORD_LEN).contains(&self.password.len());
        if name_fits && password_fits { Ok(()) } else { Err(DeclineReason::Malformed) }
    }

    /// A NUL ends the text in some systems, and a line break the line: such a system would verify another name or
    /// password than was typed. RFC 8265 §4 allows no control characters in passwords either. Two passwords that
    /// differ only in undecodable bytes would be equal.
    fn check_handing_on(&self) -> Result<(), DeclineReason> {
        if !is_plain(&self.username) {
            return Err(DeclineReason::UnknownUser);
        }
        if !is_plain(self.password.expose()) {
            return Err(DeclineReason::WrongSecret);
        }
        Ok(())
    }
}

/// Whether a text means the same to every system.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

/// A bearer token (RFC 6750): its holder may use it.
///
/// Its content is opaque here and only concerns the issuer.
///
/// ```
/// use auth_core::BearerToken;
///
/// let token = BearerToken::new("mF_9.B5f-4.1JqM");
/// assert_eq!(token.token().expose(), "mF_9.B5f-4.1JqM");
/// ```
#[derive(Clone, Debug)]
pub struct BearerToken(Secret);

impl BearerToken {
    /// The longest token, in bytes: it fits into an `Authorization` header of 16 KiB.
    pub const MAX_LEN: usize = 16 * 1024 - "Bearer ".len();

    /// A token, exactly as received.
    ///
    /// ```
    /// # use auth_core::BearerToken;
    /// let token = BearerToken::new("mF_9.B5f-4.1JqM");
    /// ```
    pub fn new(token: impl Into<Secret>) -> Self {
        Self(token.into())
    }

    /// The token.
    pub fn token(&self) -> &Secret {
        &self.0
    }
}

impl Credentials for BearerToken {
    const KIND: &'static str = "bearer";
    const FACTOR: Factor = Factor::Token;

    /// Unknown: its issuer says whose it is.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// A token that violates the grammar of RFC 6750 §2.1 (`b64token`) never reaches a backend: no line break, quote
    /// or space can get into anything that a backend builds from it.
    fn check(&self) -> Result<(), DeclineReason> {
        let fits = self.0.len() <= Self::MAX_LEN && is_b64token(self.0.expose().as_bytes());
        if fits { Ok(()) } else { Err(DeclineReason::Malformed) }
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch for each byte would have them looked at one by one"
)]
fn is_b64token(token: &[u8]) -> bool {
    let Some(last) = token.iter().rposition(|byte| *byte != b'=') else { return false };
    // All bytes are examined without a branch, which vectorises.
    let is_character = |byte: u8| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // `-`, `.`, `/` and the digits are adjacent.
        let is_digit_or_near = byte.wrapping_sub(b'-') <= b'9' - b'-';
        is_letter | is_digit_or_near | (byte == b'_') | (byte == b'~') | (byte == b'+')
    };
    token[..=last].iter().fold(true, |all, byte| all & is_character(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked_before_any_work() {
        let long = |n: usize| "p".repeat(n);
        let table = [
            ("empty name", String::new(), long(8), false),
            ("empty password", "alice".into(), String::new(), false),
            ("longest name", long(255), long(8), true),
            ("name too long", long(256), long(8), false),
            ("longest password", "alice".into(), long(4096), true),
            ("password too long", "alice".into(), long(4097), false),
        ];
        for (name, username, password, fits) in table {
            assert_eq!(Password::new(username, password).check().is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn what_is_handed_on_means_the_same_everywhere() {
        let refused = ["\0", "\t", "\n", "\r", "\u{1b}", "\u{7f}", "\u{80}", "\u{85}", "\u{9f}", "\u{fffd}"];
        for odd in refused {
            for text in [odd.to_owned(), format!("{odd}x"), format!("x{odd}x"), format!("x{odd}")] {
                let of = |username: &str, password: &str| {
                    let password = Password::new(username, password);
                    assert_eq!(password.check(), Ok(()), "{text:?} may be judged here");
                    password.check_handing_on()
                };
                assert_eq!(of(&text, "wonderland"), Err(DeclineReason::UnknownUser), "{text:?}");
                assert_eq!(of("alice", &text), Err(DeclineReason::WrongSecret), "{text:?}");
            }
        }
        let fine = [
            " ",
            "a b ",
            "é",
            "e\u{301}",
            "😀",
            "\u{a0}",
            "\u{2028}",
            "\u{200b}",
            "\u{feff}",
            "\"\\'<>&%00*()",
        ];
        for text in fine {
            assert_eq!(Password::new("alice", text).check_handing_on(), Ok(()), "{text:?}");
            assert_eq!(Password::new(text, "wonderland").check_handing_on(), Ok(()), "{text:?}");
        }
    }

    /// JSON is another way to the same type: what it cannot hold never gets here (RFC 8259 §7, §8).
    #[test]
    fn json_leads_to_the_same_check() {
        let table = [
            (r#""correct horse""#, Some(true)),
            (r#""\ud83d\ude00""#, Some(true)),
            (r#""a\u0000b""#, Some(false)),
            (r#""a\r\nb""#, Some(false)),
            (r#""a\ufffd""#, Some(false)),
            (r#""\ud83d""#, None),
            ("\"a\nb\"", None),
        ];
        for (json, fits) in table {
            let secret: Option<Secret> = serde_json::from_str(json).ok();
            let found = secret.map(|secret| Password::new("eve", secret).check_handing_on().is_ok());
            assert_eq!(found, fits, "{json}");
        }
    }

    /// RFC 6750 §2.1.
    #[test]
    fn tokens_keep_their_grammar_and_bound() {
        let table = [
            ("RFC 6750 §2.1", "mF_9.B5f-4.1JqM".into(), true),
            ("all characters", "aZ09-._~+/==".into(), true),
            ("longest", "a".repeat(BearerToken::MAX_LEN), true),
            ("too long", "a".repeat(BearerToken::MAX_LEN + 1), false),
            ("empty", String::new(), false),
            ("padding alone", "==".into(), false),
            ("padding inside", "a=b".into(), false),
            ("blank", "a b".into(), false),
            ("line break", "a\r\nX: y".into(), false),
            ("quote", "a\"".into(), false),
            ("comma", "a,b".into(), false),
            ("percent", "a%20b".into(), false),
            ("not ASCII", "é".into(), false),
        ];
        for (name, token, fits) in table {
            assert_eq!(BearerToken::new(token).check().is_ok(), fits, "{name}");
        }
    }
}
