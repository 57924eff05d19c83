//! bcrypt, also after SHA-256 as in Django.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::{decimal, fixed};
use super::pool::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bcrypt {
    /// The binary logarithm of the number of rounds.
    pub(super) cost: u32,
    /// Whether it hashes the SHA-256 of the password, in hexadecimal.
    pub(super) sha256: bool,
}

/// How many bytes of a password bcrypt uses.
const MAX_PASSWORD: usize = 72;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 23;
/// Some programs leave bits set after the end of a salt.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

impl Bcrypt {
    pub(super) const fn new(cost: u32) -> Self {
        Self { cost, sha256: false }
    }

    /// Reads `$2b$12$` and the rest: 22 characters of salt and 31 of hash. `$2x$` is a broken variant.
    pub(super) fn parse(text: &str) -> Option<(Self, Vec<u8>, Vec<u8>)> {
        let (version, rest) = text.strip_prefix('$')?.split_once('$')?;
        let (cost, rest) = rest.split_once('$')?;
        if !matches!(version, "2a" | "2b" | "2y") || cost.len() != 2 {
            return None;
        }
        let (salt, hash) = rest.split_at_checked(22)?;
        let salt = fixed(BASE64.decode(salt).ok()?, SALT_LEN)?;
        let hash = fixed(BASE64.decode(hash).ok()?, HASH_LEN)?;
        Some((Self::new(decimal(cost)?), salt, hash))
    }

    /// The key of the algorithm: up to 72 bytes, terminated by a NUL if there is room.
    fn key(self, password: &[u8]) -> Option<(Zeroizing<[u8; MAX_PASSWORD]>, usize)> {
        let hex = Zeroizing::new(if self.sha256 { hex(&Sha256::digest(password)) } else { Vec::new() });
        let password = if self.sha256 { hex.as_slice() } else { password };
        let mut key = Zeroizing::new([0; MAX_PASSWORD]);
        key.get_mut(..password.len())?.copy_from_slice(password);
        Some((key, (password.len() + 1).min(MAX_PASSWORD)))
    }
}
fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}

impl Algorithm for Bcrypt {
    fn name(&self) -> &'static str {
        if self.sha256 { "bcrypt_sha256" } else { "bcrypt" }
    }

    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], _: &mut Buffer) -> bool {
        let (Some((key, len)), Ok(salt)) = (self.key(password), salt.try_into()) else { return false };
        let hash = bcrypt::bcrypt(self.cost, salt, &key[..len]);
        let is_whole = out.len() == HASH_LEN;
        if is_whole {
            out.copy_from_slice(&hash[..HASH_LEN]);
        }
        is_whole
    }

    fn hash_len(&self) -> usize {
        HASH_LEN
    }

    fn encode(&self, django: bool, salt: &[u8], hash: &[u8]) -> Option<String> {
        let text = format!("$2b${:02}${}{}", self.cost, BASE64.encode(salt), BASE64.encode(hash));
        Some(if django { format!("{}${text}", self.name()) } else { text })
    }

    /// The initial SHA-256 takes no noticeable time.
    fn class(&self) -> &'static str {
        "bcrypt"
    }

    fn units(&self) -> u64 {
        1_u64.checked_shl(self.cost).unwrap_or(u64::MAX)
    }

    /// Between two costs there is one hash of the lower cost, and of each in between.
    fn part(&self, work: u64, _: usize) -> Option<Recipe> {
        let cost = work.checked_ilog2()?.min(self.cost);
        (cost >= 4).then_some(Recipe::Bcrypt(Self { cost, ..*self }))
    }

    fn crates(&self) -> &'static [&'static str] {
        &["bcrypt", "blowfish"]
    }

    fn unoptimised(&self) -> Duration {
        Duration::from_micros(500)
    }

    fn is_within(&self, limits: &Limits) -> bool {
        // The algorithm supports at most 31.
        (4..=limits.bcrypt_cost.min(31)).contains(&self.cost)
    }

    fn is_strong(&self) -> bool {
        self.cost >= 10
    }

    fn takes(&self, password: &[u8]) -> bool {
        self.sha256 || password.len() <= MAX_PASSWORD && !password.contains(&0)
    }
}
