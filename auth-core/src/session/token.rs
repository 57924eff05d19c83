//! The secret in the cookie, and the key under which the store knows it.
//!
//! A token has two halves. The first is drawn once, when the session begins, and every later token of the session begins
//! with it; the second is drawn anew by each rotation. So each id that a session ever had says which session it is, and
//! the last one alone opens it.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::keyed;
use crate::random::{Random, RandomError};

/// The length of 16 bytes as base64url without padding; the last of its characters has four bits that are always zero.
const HALF: usize = 22;
/// The length of a token of before there were halves: 32 bytes as base64url without padding.
const WHOLE: usize = 43;

/// 256 random bits, as base64url text: a session to whoever holds them. Lives in the cookie only.
#[derive(Clone)]
pub(crate) struct Token {
    origin: Origin,
    /// A token of before there were halves has none, until it is rotated.
    turn: Option<Zeroizing<[u8; HALF]>>,
}

/// What all tokens of a session begin with. As secret as they are: it takes part in the key of each.
#[derive(Clone)]
pub(crate) enum Origin {
    Half(Zeroizing<[u8; HALF]>),
    /// A token of before there were halves is the origin of those that replace it.
    Whole(Box<Zeroizing<[u8; WHOLE]>>),
}

impl Origin {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Half(text) => &text[..],
            Self::Whole(text) => &text[..],
        }
    }

    fn lineage(&self) -> Lineage {
        let hash = match self {
            Self::Half(text) => keyed::of_token(&text[..]),
            Self::Whole(text) => Sha256::digest(&text[..]).into(),
        };
        Lineage(first_half(&hash))
    }
}

impl Token {
    /// Draws the first one of a session.
    pub(crate) fn random(random: &dyn Random) -> Result<Self, RandomError> {
        let origin = Origin::Half(draw(random)?);
        Self::of(&origin, random)
    }

    /// Draws another one of the session that has this origin.
    pub(crate) fn of(origin: &Origin, random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self { origin: origin.clone(), turn: Some(draw(random)?) })
    }

    /// Reads a cookie's value. Which bytes does not matter, only how many: they are hashed, and no other text than one we
    /// drew has its hash in a store.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        // What a generator that "succeeds" with nothing would have drawn.
        if text.iter().all(|byte| *byte == b'A') {
            return None;
        }
        let (origin, turn) = match text.len() {
            WHOLE => (text, None),
            _ => {
                text.split_last_chunk::<HALF>().map(|(origin, turn)| (origin, Some(Zeroizing::new(*turn))))?
            }
        };
        let origin = match origin.len() {
            HALF => Origin::Half(Zeroizing::new(origin.try_into().ok()?)),
            WHOLE => Origin::Whole(Box::new(Zeroizing::new(origin.try_into().ok()?))),
            _ => return None,
        };
        Some(Self { origin, turn })
    }

    /// The value for the cookie, of a token that we drew.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let turn = self.turn.as_ref().map_or(&[][..], |turn| &turn[..]);
        // What we draw is base64url; what a client sends is never sent back.
        Zeroizing::new(String::from_utf8([self.origin.as_bytes(), turn].concat()).unwrap_or_default())
    }

    /// The key under which the store knows it.
    pub(crate) fn key(&self) -> SessionKey {
        let Some(turn) = &self.turn else {
            return match &self.origin {
                Origin::Whole(text) => SessionKey(Sha256::digest(&text[..]).into()),
                Origin::Half(text) => SessionKey(keyed::of_token(&text[..])),
            };
        };
        let origin = self.origin.as_bytes();
        let mut text = Zeroizing::new([0; WHOLE + HALF]);
        let text = &mut text[..origin.len() + HALF];
        text[..origin.len()].copy_from_slice(origin);
        text[origin.len()..].copy_from_slice(&turn[..]);
        self.origin.lineage().key(&first_half(&keyed::of_token(text)))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// 128 random bits as text.
fn draw(random: &dyn Random) -> Result<Zeroizing<[u8; HALF]>, RandomError> {
    let mut bytes = Zeroizing::new([0; 16]);
    random.fill(&mut *bytes)?;
    // A generator that "succeeds" with nothing has failed.
    if *bytes == [0; 16] {
        return Err(RandomError);
    }
    let mut text = Zeroizing::new([0; HALF]);
    // 16 bytes are 22 characters: they always fit.
    URL_SAFE_NO_PAD.encode_slice(*bytes, &mut *text).map_err(|_| RandomError)?;
    Ok(text)
}

fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// A session's id: its presented key, and what its next ones begin with.
#[derive(Clone)]
pub(crate) struct Id {
    pub(crate) key: SessionKey,
    pub(crate) origin: Origin,
}

impl From<&Token> for Id {
    fn from(token: &Token) -> Self {
        Self { key: token.key(), origin: token.origin.clone() }
    }
}

/// The hash of a session's token: what a store and a log may see. A leaked table holds no usable session.
///
/// Its first 16 bytes are the [lineage](Self::lineage), which no rotation changes. A key of the lineage that is not the
/// session's present one (or, for a while, the one before) opens nothing, and can end the session all the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 32]);

/// The second half of a key.
pub(super) type Turn = [u8; 16];

/// What all keys that a session ever has begin with: it names the session, whichever id it has now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage([u8; 16]);

impl SessionKey {
    /// A key from the bytes that a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Which session it is a key of.
    pub fn lineage(&self) -> Lineage {
        Lineage(first_half(&self.0))
    }

    /// What tells it from the others of its lineage.
    pub(super) fn turn(&self) -> Turn {
        let mut turn = [0; 16];
        turn.copy_from_slice(&self.0[16..]);
        turn
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

impl Lineage {
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Its key of this turn.
    pub(super) fn key(&self, turn: &Turn) -> SessionKey {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.0);
        key[16..].copy_from_slice(turn);
        SessionKey(key)
    }

    /// All keys of it, from the first to the last in the order of their bytes.
    pub fn keys(&self) -> RangeInclusive<SessionKey> {
        self.key(&[0; 16])..=self.key(&[0xff; 16])
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({self})")
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lineage({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    fn token() -> Token {
        Token::random(&OsRandom).unwrap()
    }

    fn parsed(text: &str) -> Token {
        Token::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_token_survives_its_text() {
        let token = token();
        let text = token.text();
        assert_eq!(text.len(), 2 * HALF);
        assert_eq!(parsed(&text).key(), token.key());
        assert_eq!(SessionKey::from_hex(&token.key().to_string()), Some(token.key()));
    }

    #[test]
    fn every_token_of_a_session_is_of_its_lineage_and_opens_alone() {
        let first = token();
        let mut keys = vec![first.key()];
        for _ in 0..5 {
            // As the client sent it back.
            let sent = parsed(&first.text());
            keys.push(Token::of(&sent.origin, &OsRandom).unwrap().key());
        }
        let lineage = first.key().lineage();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.lineage(), lineage);
            assert!(lineage.keys().contains(key));
            assert!(!keys[..at].contains(key), "each is another key");
        }
        assert_ne!(token().key().lineage(), lineage);
    }

    /// A token of before there were halves has the key that it had, and those that replace it are of its lineage.
    #[test]
    fn older_tokens_go_on() {
        let text = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k";
        let older = parsed(text);
        assert_eq!(older.key().as_bytes()[..], Sha256::digest(text)[..]);
        let next = Token::of(&older.origin, &OsRandom).unwrap();
        let sent = parsed(&next.text());
        assert_eq!((sent.text().len(), sent.key()), (WHOLE + HALF, next.key()));
        let third = Token::of(&sent.origin, &OsRandom).unwrap();
        assert_eq!(third.text().len(), WHOLE + HALF, "tokens do not grow");
        for later in [next, third] {
            assert_eq!(later.key().lineage(), older.key().lineage());
            assert_ne!(later.key(), older.key());
        }
    }

    /// Whoever is signed in has a token of an earlier build: its key is what that build stored.
    #[test]
    fn the_key_of_a_token_stays() {
        let whole = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k";
        let half = "Zm91cnRlZW4gYnl0ZXMuLg";
        for (text, key) in [
            (format!("{half}{half}"), "01bd52aeeed69b0b09c2c6d3ba5e1d066de7b3dd812721ff9f9d4bee33c931b6"),
            (format!("{whole}{half}"), "0162b2d87ade6b5974afeda074b45bbd98a1cd42829bf4b7e7648885e01a80ba"),
        ] {
            assert_eq!(parsed(&text).key().to_string(), key, "{text}");
        }
    }

    /// What is not exactly a token is no token.
    #[test]
    fn hostile_text_is_no_token() {
        let long = "B".repeat(100_000);
        for len in (0..=100).filter(|len| ![WHOLE, 2 * HALF, WHOLE + HALF].contains(len)) {
            assert!(Token::parse(&long.as_bytes()[..len]).is_none(), "{len} bytes");
        }
        for len in [WHOLE, 2 * HALF, WHOLE + HALF] {
            assert!(Token::parse(&long.as_bytes()[..len]).is_some(), "{len} bytes");
            assert!(Token::parse(&vec![b'A'; len]).is_none(), "{len} zeros");
        }
        for text in ["", "1234567", "12345678", "/../", "\\", &long] {
            assert!(Token::parse(text.as_bytes()).is_none(), "{text}");
        }
        let bytes = Token::parse(&[0xff; 2 * HALF]).unwrap();
        assert_eq!(*bytes.text(), "", "what a client sent is never sent back");
    }

    /// Unique in both halves, and every symbol at every position but each half's last, of which two bits are left.
    #[test]
    fn tokens_use_the_whole_alphabet() {
        let mut seen = vec![std::collections::HashSet::new(); 2 * HALF];
        let mut halves = std::collections::HashSet::new();
        for _ in 0..4_000 {
            let text = token().text();
            text.bytes().enumerate().for_each(|(at, byte)| _ = seen[at].insert(byte));
            assert!(halves.insert(text[..HALF].to_owned()));
            assert!(halves.insert(text[HALF..].to_owned()));
        }
        for (at, symbols) in seen.iter().enumerate() {
            assert_eq!(symbols.len(), if at % HALF == HALF - 1 { 4 } else { 64 }, "at {at}");
        }
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
        for succeeds in [true, false] {
            assert!(Token::random(&Broken(succeeds)).is_err());
            assert!(Token::of(&token().origin, &Broken(succeeds)).is_err());
        }
    }

    #[test]
    fn both_halves_are_wiped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let Token { origin: Origin::Half(origin), turn: Some(turn) } = token() else { unreachable!() };
        is_wiped(&origin);
        is_wiped(&turn);
    }
}
