//! The secret in the cookie, and the key under which the store knows it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::random::{Random, RandomError};

/// 256 random bits, as base64url text: a session to whoever holds them. Lives in the cookie only.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<[u8; TOKEN_LEN]>);

/// The length of 32 bytes as base64url without padding.
const TOKEN_LEN: usize = 43;

impl Token {
    /// Draws a new one.
    pub(crate) fn random(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut *bytes)?;
        // A generator that "succeeds" with nothing has failed.
        if *bytes == [0; 32] {
            return Err(RandomError);
        }
        let mut text = Zeroizing::new([0; TOKEN_LEN]);
        // 32 bytes are 43 characters: they always fit.
        URL_SAFE_NO_PAD.encode_slice(*bytes, &mut *text).map_err(|_| RandomError)?;
        Ok(Self(text))
    }

    /// Reads a cookie's value: 43 bytes that are not all zero bits, or it is no token of ours. Which bytes does not
    /// matter: they are hashed, and no other text than one we drew has its hash in a store.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; TOKEN_LEN] = text.try_into().ok()?;
        (*text != [b'A'; TOKEN_LEN]).then(|| Self(Zeroizing::new(*text)))
    }

    /// The value for the cookie, of a token that we drew.
    pub(crate) fn text(&self) -> &str {
        // What we draw is base64url; what a client sends is never sent back.
        std::str::from_utf8(&*self.0).unwrap_or_default()
    }

    /// The key under which the store knows it.
    pub(crate) fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(*self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a session's token: what a store and a log may see. A leaked table holds no usable session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// A key from the bytes that a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads [`Display`](fmt::Display)'s 64 hexadecimal digits, as a "log out this device" form sends them.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a_token_survives_its_text() {
        let token = Token::random(&OsRandom).unwrap();
        let text = token.text();
        assert_eq!(text.len(), TOKEN_LEN);
        assert_eq!(Token::parse(text.as_bytes()).unwrap().key(), token.key());
        assert_eq!(SessionKey::from_hex(&token.key().to_string()), Some(token.key()));
    }

    /// What is not exactly a token is no token.
    #[test]
    fn hostile_text_is_no_token() {
        let good = "A".repeat(42) + "E";
        assert!(Token::parse(good.as_bytes()).is_some());
        let long = "A".repeat(100_000);
        let bad = [
            "",
            "1234567",
            "12345678",
            "/../",
            "\\",
            &long,
            &good[1..],
            &(good.clone() + "A"),
            &"A".repeat(43), // all zero
        ];
        for text in bad {
            assert!(Token::parse(text.as_bytes()).is_none(), "{text}");
        }
        let bytes = Token::parse(&[0xff; 43]).unwrap();
        assert_eq!(bytes.text(), "", "what a client sent is never sent back");
    }

    /// Unique, and every symbol at every position.
    #[test]
    fn tokens_use_the_whole_alphabet() {
        let mut seen = vec![std::collections::HashSet::new(); 42];
        let mut tokens = std::collections::HashSet::new();
        for _ in 0..4_000 {
            let text = Token::random(&OsRandom).unwrap().text().to_owned();
            text.bytes().take(42).enumerate().for_each(|(at, byte)| _ = seen[at].insert(byte));
            assert!(tokens.insert(text));
        }
        assert!(seen.iter().all(|symbols| symbols.len() == 64));
    }

    /// A generator that fails, or "succeeds" with nothing, gives no token.
    #[test]
    fn a_failing_generator_gives_no_token() {
        struct Broken(bool);
        impl Random for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
                if self.0 { Ok(()) } else { Err(RandomError) }
            }
        }
        assert!(Token::random(&Broken(true)).is_err());
        assert!(Token::random(&Broken(false)).is_err());
    }
}
