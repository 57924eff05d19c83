//! Keys as texts.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::base62::{self, ID_LEN, decode, encode};
use crate::random::{Random, RandomError};
use crate::{ConfigError, Secret, keyed};

/// How many digits 128 and 32 bits take in base 62.
const HALF_LEN: usize = 22;
const CHECKSUM_LEN: usize = 6;
const LEN: usize = ID_LEN + 2 * HALF_LEN + CHECKSUM_LEN;

/// The id of a key, for lists and logs. It is not secret.
///
/// ```
/// use auth_core::api_keys::ApiKeyId;
///
/// let id = ApiKeyId::from_number(7);
/// assert_eq!(id.to_string().parse::<ApiKeyId>()?, id);
/// # Ok::<(), auth_core::api_keys::InvalidApiKey>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(u64);

impl ApiKeyId {
    /// The id with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number of this id.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        base62::write_id(self.0, f)
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ApiKeyId {
    type Err = super::InvalidApiKey;

    /// Reads its [display](fmt::Display) form: eleven letters and digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base62::read_id(text).map(Self).ok_or(super::InvalidApiKey::ID)
    }
}

/// The parts of a key.
pub(super) struct Parsed {
    pub(super) id: ApiKeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl Parsed {
    /// A new key, and its text with this prefix.
    pub(super) fn draw(prefix: &Prefix, random: &dyn Random) -> Result<(Self, Secret), RandomError> {
        let (mut id, mut secret) = ([0; 8], Zeroizing::new([0; 32]));
        random.fill(&mut id)?;
        random.fill(&mut *secret)?;
        let key = Self { id: ApiKeyId(u64::from_le_bytes(id)), secret };
        let text = key.text(prefix);
        Ok((key, text))
    }

    fn text(&self, prefix: &Prefix) -> Secret {
        let half = |at: usize| {
            let bytes = self.secret[at..].first_chunk().copied().unwrap_or_default();
            Zeroizing::new(encode::<HALF_LEN>(u128::from_le_bytes(bytes)))
        };
        // With its final capacity, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(prefix.0.len() + LEN));
        text.push_str(&prefix.0);
        for digits in [&encode::<ID_LEN>(self.id.0.into())[..], &half(0)[..], &half(16)[..]] {
            text.push_str(std::str::from_utf8(digits).unwrap_or_default());
        }
        let checksum: [u8; CHECKSUM_LEN] = encode(crc32fast::hash(text.as_bytes()).into());
        text.push_str(std::str::from_utf8(&checksum).unwrap_or_default());
        Secret::new(text.as_str())
    }

    /// The stored hash. Every bit of the secret is random, so a slow hash would not make it harder to guess.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut message = Zeroizing::new([0; 64]);
        message[..24].copy_from_slice(b"auth-core 2026 api key 1");
        message[24..32].copy_from_slice(&self.id.0.to_le_bytes());
        message[32..].copy_from_slice(&*self.secret);
        keyed::of_token(&*message)
    }

    pub(super) fn is(&self, stored: &[u8; 32]) -> bool {
        // In constant time, and by words, which takes a tenth of the time of bytes.
        words(&self.hash()).ct_eq(&words(stored)).into()
    }
}

/// The prefix of an application's keys, including the `_` after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(Box<str>);

impl Prefix {
    const MAX_LEN: usize = 20;

    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (2..=Self::MAX_LEN).contains(&prefix.len()) && prefix.bytes().all(is_plain);
        if !fits {
            return Err(ConfigError::new(format!(
                "API keys begin with 2 to 20 lower-case letters and digits, which name the application, not {prefix:?}"
            )));
        }
        Ok(Self(format!("{prefix}_").into()))
    }

    /// Whether a token claims to be a key, right or wrong, in any case.
    pub(super) fn is_of(&self, token: &str) -> bool {
        let start = token.as_bytes().get(..self.0.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(self.0.as_bytes()))
    }

    /// Whether a text is a key, except for a few characters: no name or password is that by chance.
    pub(crate) fn is_nearly_key(&self, text: &str) -> bool {
        let rest = text.trim().len().saturating_sub(self.0.len());
        self.is_of(text.trim()) && (LEN - 20..=LEN + 20).contains(&rest)
    }

    /// The key that a text represents. Each key has exactly one text.
    pub(super) fn parse(&self, token: &str) -> Option<Parsed> {
        let digits = token.strip_prefix(&*self.0).filter(|digits| digits.len() == LEN)?.as_bytes();
        let (before, checksum) = token.as_bytes().split_at(token.len() - CHECKSUM_LEN);
        if decode(checksum)? != crc32fast::hash(before).into() {
            return None;
        }
        let (id, secret) = digits.split_at(ID_LEN);
        let mut key = Parsed { id: ApiKeyId(u64::try_from(decode(id)?).ok()?), secret: Zeroizing::default() };
        let (first, second) = secret[..2 * HALF_LEN].split_at(HALF_LEN);
        key.secret[..16].copy_from_slice(&decode(first)?.to_le_bytes());
        key.secret[16..].copy_from_slice(&decode(second)?.to_le_bytes());
        Some(key)
    }
}

fn words(hash: &[u8; 32]) -> [u64; 4] {
    let (words, _) = hash.as_chunks();
    std::array::from_fn(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(u8);

    impl Random for Bytes {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let prefix = Prefix::new("shop").unwrap();
        for byte in [0, 1, 7, 0x80, 0xff] {
            let (key, text) = Parsed::draw(&prefix, &Bytes(byte)).unwrap();
            let read = prefix.parse(text.expose()).unwrap();
            assert_eq!((read.id, read.hash()), (key.id, key.hash()));
            assert!(read.is(&key.hash()));
            assert_eq!(text.expose().len(), "shop_".len() + 61);
            assert_eq!(key.id.to_string().parse(), Ok(key.id));
        }
        let (_, zeros) = Parsed::draw(&prefix, &Bytes(0)).unwrap();
        // zlib's crc32 of what stands before the checksum, in base 62.
        assert_eq!(&zeros.expose()[..60], format!("shop_{}", "0".repeat(55)));
        let crc = crc32fast::hash(format!("shop_{}", "0".repeat(55)).as_bytes());
        assert_eq!(decode(&zeros.expose().as_bytes()[60..]), Some(crc.into()));
    }

    /// Truncated, extended, in another case, padded, with one character changed: none of it is a key.
    #[test]
    fn there_is_one_text_for_each() {
        let prefix = Prefix::new("shop").unwrap();
        let (_, text) = Parsed::draw(&prefix, &Bytes(7)).unwrap();
        let text = text.expose();
        let mut others = vec![
            text.to_uppercase(),
            text.to_lowercase(),
            format!(" {text}"),
            format!("{text} "),
            format!("{text}="),
            format!("{text}0"),
            format!("{text}%20"),
            text.replace("shop_", "Shop_"),
            text.replace("shop_", "shopp_"),
            text.replace("shop_", "shop-"),
            String::new(),
            "shop_".into(),
            format!("shop_{}", "z".repeat(61)),
        ];
        others.extend((0..text.len()).map(|at| text[..at].to_owned()));
        for (at, old) in text.char_indices() {
            for new in ['0', 'a', 'Z', '-', '_'] {
                if new != old {
                    let mut other = text.to_owned();
                    other.replace_range(at..=at, &new.to_string());
                    others.push(other);
                }
            }
        }
        for other in others {
            assert!(prefix.parse(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn what_looks_like_one_is_ours_right_or_wrong() {
        let prefix = Prefix::new("shop").unwrap();
        for ours in ["shop_", "shop_abc", "SHOP_abc", "shop_.e30.x"] {
            assert!(prefix.is_of(ours), "{ours}");
        }
        for other in ["", "shop", "shopx_abc", "eyJ.e30.x", "xshop_abc"] {
            assert!(!prefix.is_of(other), "{other}");
        }
        for bad in ["", "s", "Shop", "my_shop", "my-shop", "é2", &"x".repeat(21)] {
            assert!(Prefix::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_have_one_text() {
        for bad in ["", "0", "000000000000", "zzzzzzzzzzz", "0000000000-", "0000000000é"] {
            assert!(bad.parse::<ApiKeyId>().is_err(), "{bad}");
        }
        assert_eq!(ApiKeyId::from_number(u64::MAX).to_string().parse(), Ok(ApiKeyId::from_number(u64::MAX)));
    }
}
