//! SHA-crypt: `$5$` and `$6$` of crypt(5), which are only read.

use sha_crypt::{Params, PasswordVerifier as _};

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::decimal;
use super::pool::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShaCrypt {
    pub(super) is_sha512: bool,
    pub(super) rounds: u32,
}

/// Rounds of a hash that does not say.
const ROUNDS: u32 = 5_000;
/// libxcrypt takes no longer password, whose length multiplies the work.
const MAX_PASSWORD: usize = 512;

impl ShaCrypt {
    /// Reads `$6$rounds=5000$salt$hash`, where the rounds may be missing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_sha512, rest) = match (text.strip_prefix("$5$"), text.strip_prefix("$6$")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return None,
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => rest.split_once('$').and_then(|(rounds, rest)| Some((decimal(rounds)?, rest)))?,
            None => (ROUNDS, rest),
        };
        let (salt, hash) = rest.split_once('$')?;
        let has_salt = (1..=16).contains(&salt.len()) && salt.bytes().all(is_crypt64);
        let has_hash = hash.len() == if is_sha512 { 86 } else { 43 } && hash.bytes().all(is_crypt64);
        Some(Self { is_sha512, rounds }).filter(|_| has_salt && has_hash)
    }
}

fn is_crypt64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

impl Algorithm for ShaCrypt {
    fn name(&self) -> &'static str {
        if self.is_sha512 { "sha512_crypt" } else { "sha256_crypt" }
    }

    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], _: &mut Buffer) -> bool {
        let Ok(params) = Params::new(self.rounds) else { return false };
        let is_whole = out.len() == self.hash_len();
        if is_whole && self.is_sha512 {
            out.copy_from_slice(&sha_crypt::sha512_crypt(password, salt, params));
        } else if is_whole {
            out.copy_from_slice(&sha_crypt::sha256_crypt(password, salt, params));
        }
        is_whole
    }

    /// Here `hash` is the whole text: the library knows the order in which its bytes are written.
    fn matches(&self, password: &[u8], _: &[u8], hash: &[u8], _: &mut Buffer) -> bool {
        str::from_utf8(hash)
            .is_ok_and(|hash| sha_crypt::ShaCrypt::default().verify_password(password, hash).is_ok())
    }

    fn hash_len(&self) -> usize {
        if self.is_sha512 { 64 } else { 32 }
    }

    fn encode(&self, _: bool, _: &[u8], _: &[u8]) -> Option<String> {
        None
    }

    /// The number of blocks digested. A round takes the last digest, the password nearly twice, often the salt.
    fn units(&self, password_len: usize) -> u64 {
        let (block, rest) = if self.is_sha512 { (128, 64 + 28) } else { (64, 32 + 20) };
        let blocks = (2 * password_len.min(MAX_PASSWORD) + rest) / block + 1;
        u64::from(self.rounds) * blocks as u64
    }

    fn part(&self, units: u64) -> Option<Recipe> {
        let rounds = u32::try_from(units).unwrap_or(u32::MAX).min(self.rounds);
        (rounds >= Params::ROUNDS_MIN).then_some(Recipe::ShaCrypt(Self { rounds, ..*self }))
    }

    fn sample_units(&self) -> u64 {
        if self.is_sha512 { 20_000 } else { 50_000 }
    }

    fn is_within(&self, limits: &Limits) -> bool {
        (Params::ROUNDS_MIN..=limits.sha_crypt_rounds.min(Params::ROUNDS_MAX)).contains(&self.rounds)
    }

    fn is_strong(&self) -> bool {
        false
    }

    /// crypt(3) would end the password at a NUL.
    fn takes(&self, password: &[u8]) -> bool {
        password.len() <= MAX_PASSWORD && !password.contains(&0)
    }
}
