//! SHA-crypt: `$5$` and `$6$` of crypt(5), for reading only.

use std::hint::black_box;
use std::time::Duration;

use sha_crypt::{Params, PasswordVerifier as _};
use sha2::{Digest as _, Sha256, Sha512};

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::decimal;
use super::pool::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShaCrypt {
    is_sha512: bool,
    pub(super) rounds: u32,
    of: Of,
}

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Password {
        salt_len: u8,
    },
    /// As many blocks as there are rounds: the rest of what a cheaper hash lacks.
    Nothing,
}

/// The rounds of a hash that does not name them.
const ROUNDS: u32 = 5_000;
/// libxcrypt accepts no longer password, whose length multiplies the work.
const MAX_PASSWORD: usize = 512;
const LONGEST_SALT: u8 = 16;
/// After this many rounds their pattern repeats: every second, third and seventh differs from the others.
const CYCLE: u64 = 2 * 3 * 7;

impl ShaCrypt {
    pub(super) const fn new(is_sha512: bool, rounds: u32) -> Self {
        Self { is_sha512, rounds, of: Of::Password { salt_len: LONGEST_SALT } }
    }

    /// The blocks of a digest over this many bytes, with the padding.
    fn blocks(self, len: usize) -> u64 {
        let (block, padding) = if self.is_sha512 { (128, 17) } else { (64, 9) };
        (len + padding).div_ceil(block) as u64
    }

    /// The blocks before the first round: nearly all of them of the password, once for each of its bytes.
    fn before(self, password_len: usize) -> u64 {
        self.blocks(password_len.min(MAX_PASSWORD).pow(2))
    }

    /// The blocks of a cycle of rounds: each digests the last digest and the password, most also the salt, and most
    /// the password once more.
    fn cycle(self, salt_len: u8, password_len: usize) -> u64 {
        let (password_len, digest_len) = (password_len.min(MAX_PASSWORD), self.hash_len());
        let round = |round: u64| {
            let salt = if round.is_multiple_of(3) { 0 } else { usize::from(salt_len) };
            let again = if round.is_multiple_of(7) { 0 } else { password_len };
            self.blocks(digest_len + password_len + salt + again)
        };
        (0..CYCLE).map(round).sum()
    }

    /// One block for each round.
    fn digest_blocks(self) {
        if self.is_sha512 {
            let digest = |last, _| Sha512::digest(last);
            black_box((0..self.rounds).fold(Sha512::digest([]), digest));
        } else {
            let digest = |last, _| Sha256::digest(last);
            black_box((0..self.rounds).fold(Sha256::digest([]), digest));
        }
    }

    /// Reads `$6$rounds=5000$salt$hash`, in which the rounds are optional.
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
        let of = Of::Password { salt_len: u8::try_from(salt.len()).ok()? };
        Some(Self { is_sha512, rounds, of }).filter(|_| has_salt && has_hash)
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
        if self.of == Of::Nothing {
            self.digest_blocks();
            return true;
        }
        let Ok(params) = Params::new(self.rounds) else { return false };
        let is_whole = out.len() == self.hash_len();
        if is_whole && self.is_sha512 {
            out.copy_from_slice(&sha_crypt::sha512_crypt(password, salt, params));
        } else if is_whole {
            out.copy_from_slice(&sha_crypt::sha256_crypt(password, salt, params));
        }
        is_whole
    }

    /// Here `hash` is the whole text: the library knows the order of its bytes.
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

    fn units(&self) -> u64 {
        self.rounds.into()
    }

    /// The number of digested blocks, which grows with the password and the salt.
    fn work(&self, password_len: usize) -> u64 {
        match self.of {
            Of::Password { salt_len } => {
                self.before(password_len)
                    + u64::from(self.rounds) * self.cycle(salt_len, password_len) / CYCLE
            }
            Of::Nothing => self.rounds.into(),
        }
    }

    /// As many whole rounds as fit, then single blocks.
    fn part(&self, work: u64, password_len: usize) -> Option<Recipe> {
        let cycle = self.cycle(LONGEST_SALT, password_len);
        let rounds = work.saturating_sub(self.before(password_len)) * CYCLE / cycle;
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).min(self.rounds);
        if rounds >= Params::ROUNDS_MIN {
            return Some(Recipe::ShaCrypt(Self { rounds, ..Self::new(self.is_sha512, rounds) }));
        }
        let blocks = u32::try_from(work).unwrap_or(u32::MAX);
        (blocks > 0).then_some(Recipe::ShaCrypt(Self { rounds: blocks, of: Of::Nothing, ..*self }))
    }

    fn crates(&self) -> &'static [&'static str] {
        &["sha-crypt", "sha2"]
    }

    fn unoptimised(&self) -> Duration {
        Duration::from_micros(10)
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
