//! scrypt (RFC 7914).
//!
//! The library allocates its memory for each hash and frees it afterwards. It is limited all the same: the costs are
//! checked before, and no more hashes run than there are threads.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::{decimals, django_string, is_whole, phc_string, text_salt};
use super::format::SALT_LEN;
use super::pool::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scrypt {
    pub(super) log_n: u8,
    pub(super) r: u32,
    pub(super) p: u32,
}

impl Scrypt {
    pub(super) fn from_phc(phc: &Phc) -> Option<Self> {
        let [log_n, r, p] = decimals(&phc.params, ["ln", "r", "p"])?;
        let recipe = Self { log_n: u8::try_from(log_n?).ok()?, r: r?, p: p? };
        Some(recipe).filter(|_| phc.version.is_none() && is_whole(phc))
    }

    /// The cost factor N.
    fn n(self) -> u64 {
        1_u64.checked_shl(self.log_n.into()).unwrap_or(u64::MAX)
    }

    /// Blocks of 128 bytes: r times N for the mixing, and p for the data that are mixed.
    fn memory(self) -> u64 {
        self.n().saturating_add(self.p.into()).saturating_mul(self.r.into())
    }

    fn lane(self) -> u64 {
        u64::from(self.r).saturating_mul(self.p.into())
    }
}

impl Algorithm for Scrypt {
    fn name(&self) -> &'static str {
        "scrypt"
    }

    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], _: &mut Buffer) -> bool {
        scrypt::Params::new(self.log_n, self.r, self.p)
            .is_ok_and(|params| scrypt::scrypt(password, salt, &params, out).is_ok())
    }

    fn hash_len(&self) -> usize {
        64
    }

    fn salt(&self, django: bool, random: &[u8; SALT_LEN]) -> Vec<u8> {
        if django { text_salt(random) } else { random.to_vec() }
    }

    fn encode(&self, django: bool, salt: &[u8], hash: &[u8]) -> Option<String> {
        let Self { log_n, r, p } = *self;
        if django {
            return django_string("scrypt", &self.n().to_string(), salt, &format!("{r}${p}$"), hash);
        }
        Some(phc_string(&format!("scrypt$ln={log_n},r={r},p={p}"), salt, hash))
    }

    fn units(&self) -> u64 {
        self.n().saturating_mul(self.lane())
    }

    /// The same width as long as it fits, then less: nothing is left, since every N is even.
    fn part(&self, work: u64, _: usize) -> Option<Recipe> {
        let narrower = [(self.r, self.p), (self.r, 1), (1, 1)];
        narrower.into_iter().find_map(|(r, p)| {
            let width = Self { r, p, ..*self };
            let log_n = u8::try_from(work.checked_div(width.lane())?.checked_ilog2()?).ok()?;
            let part = Self { log_n: log_n.min(self.log_n), ..width };
            // If r is 1, N must be less than 2^16.
            let is_valid = part.log_n >= 1 && u32::from(part.log_n) < 16 * r;
            is_valid.then_some(Recipe::Scrypt(part))
        })
    }

    fn crates(&self) -> &'static [&'static str] {
        &["scrypt", "salsa20", "sha2"]
    }

    fn unoptimised(&self) -> Duration {
        Duration::from_micros(5)
    }

    fn is_within(&self, limits: &Limits) -> bool {
        self.log_n >= 1
            && self.lane() >= 1
            && self.memory() <= limits.scrypt.memory()
            && self.units() <= limits.scrypt.units()
    }

    /// From N = 2¹³, r = 8, p = 10 on: every row of the Cheat Sheet.
    fn is_strong(&self) -> bool {
        self.units() >= 10 << 16 && self.n().saturating_mul(self.r.into()) >= 1 << 16
    }

    /// The password is a key of HMAC, which pads it with NULs: one at the end would not count.
    fn takes(&self, password: &[u8]) -> bool {
        !password.ends_with(&[0])
    }
}
