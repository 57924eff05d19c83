//! The computations of the formats: five algorithms behind one trait.

use std::time::Duration;

use subtle::ConstantTimeEq;

use super::Argon2Cost;
use super::argon2::Argon2Recipe;
#[cfg(feature = "bcrypt")]
use super::bcrypt::Bcrypt;
use super::format::SALT_LEN;
#[cfg(feature = "pbkdf2")]
use super::pbkdf2::Pbkdf2;
use super::pool::Buffer;
#[cfg(feature = "scrypt")]
use super::scrypt::Scrypt;
#[cfg(feature = "sha-crypt")]
use super::sha_crypt::ShaCrypt;

/// An algorithm at certain costs.
pub(super) trait Algorithm {
    /// Django's name of it, if Django supports it.
    fn name(&self) -> &'static str;

    /// How many of Argon2's blocks of memory a hash needs.
    fn blocks(&self) -> usize {
        0
    }

    /// Fills `out` with the hash; false if the costs or lengths are invalid.
    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], buffer: &mut Buffer) -> bool;

    /// Whether `hash` is the hash of the password, in constant time.
    fn matches(&self, password: &[u8], salt: &[u8], hash: &[u8], buffer: &mut Buffer) -> bool {
        let mut computed = vec![0; hash.len()];
        self.compute(password, salt, &mut computed, buffer) && bool::from(computed.ct_eq(hash))
    }

    /// The length of a new hash in bytes.
    fn hash_len(&self) -> usize;

    /// The salt of a new hash, in Django's notation or the usual one.
    fn salt(&self, _django: bool, random: &[u8; SALT_LEN]) -> Vec<u8> {
        random.to_vec()
    }

    /// The text to store, in Django's notation or the usual one; `None` for a format that is only read.
    fn encode(&self, django: bool, salt: &[u8], hash: &[u8]) -> Option<String>;

    /// The class of computation: variants that differ only in a single initial step share one.
    fn class(&self) -> &'static str {
        self.name()
    }

    /// The costs as one number: the steps of the algorithm that take the time.
    fn units(&self) -> u64;

    /// The work of one hash, in such steps.
    fn work(&self, _password_len: usize) -> u64 {
        self.units()
    }

    /// The largest hash of the same class with at most this much work and no cost above these. The hashes that result
    /// from repeating this add up to exactly the work; `None` if it is less than any hash.
    fn part(&self, work: u64, password_len: usize) -> Option<Recipe>;

    /// The crates that compute it, which should be optimised.
    fn crates(&self) -> &'static [&'static str];

    /// The minimum time of a step if they are not: some ten times the optimised one.
    fn unoptimised(&self) -> Duration;

    /// Whether the costs are valid and at most those of `limits`.
    fn is_within(&self, limits: &Limits) -> bool;

    /// Whether OWASP's Password Storage Cheat Sheet allows the costs for new hashes.
    fn is_strong(&self) -> bool;

    /// Whether it is the variant of the algorithm for new hashes.
    fn is_current(&self) -> bool {
        true
    }

    /// Whether the whole password counts. What an algorithm would truncate must not be ignored.
    fn takes(&self, _password: &[u8]) -> bool {
        true
    }
}

/// One of the algorithms at certain costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recipe {
    Argon2(Argon2Recipe),
    #[cfg(feature = "pbkdf2")]
    Pbkdf2(Pbkdf2),
    #[cfg(feature = "scrypt")]
    Scrypt(Scrypt),
    #[cfg(feature = "bcrypt")]
    Bcrypt(Bcrypt),
    #[cfg(feature = "sha-crypt")]
    ShaCrypt(ShaCrypt),
}

impl Recipe {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Self::Argon2(recipe) => recipe,
            #[cfg(feature = "pbkdf2")]
            Self::Pbkdf2(recipe) => recipe,
            #[cfg(feature = "scrypt")]
            Self::Scrypt(recipe) => recipe,
            #[cfg(feature = "bcrypt")]
            Self::Bcrypt(recipe) => recipe,
            #[cfg(feature = "sha-crypt")]
            Self::ShaCrypt(recipe) => recipe,
        }
    }

    /// The one with the higher costs of two in one class; for bcrypt, including the initial step of either.
    pub(super) fn highest(self, other: Self) -> Self {
        let (higher, lower) =
            if other.algorithm().units() > self.algorithm().units() { (other, self) } else { (self, other) };
        match (higher, lower) {
            #[cfg(feature = "bcrypt")]
            (Self::Bcrypt(higher), Self::Bcrypt(lower)) => {
                Self::Bcrypt(Bcrypt { sha256: higher.sha256 || lower.sha256, ..higher })
            }
            _ => higher,
        }
    }
}

/// The highest costs of stored hashes that are still computed.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) argon2: Argon2Cost,
    #[cfg(feature = "pbkdf2")]
    pub(super) pbkdf2_iterations: u32,
    #[cfg(feature = "scrypt")]
    pub(super) scrypt: Scrypt,
    #[cfg(feature = "bcrypt")]
    pub(super) bcrypt_cost: u32,
    #[cfg(feature = "sha-crypt")]
    pub(super) sha_crypt_rounds: u32,
}

impl Limits {
    /// Each takes a second or so of one thread, and at most 128 MiB.
    pub(super) const DEFAULT: Self = Self {
        argon2: Argon2Cost::STORED_LIMIT,
        #[cfg(feature = "pbkdf2")]
        pbkdf2_iterations: 5_000_000,
        #[cfg(feature = "scrypt")]
        scrypt: Scrypt { log_n: 17, r: 8, p: 4 },
        #[cfg(feature = "bcrypt")]
        bcrypt_cost: 14,
        #[cfg(feature = "sha-crypt")]
        sha_crypt_rounds: 1_000_000,
    };

    /// Sets the limit of one algorithm to the costs of `recipe`.
    pub(super) fn set(&mut self, recipe: Recipe) {
        match recipe {
            Recipe::Argon2(recipe) => self.argon2 = recipe.cost,
            #[cfg(feature = "pbkdf2")]
            Recipe::Pbkdf2(recipe) => self.pbkdf2_iterations = recipe.iterations,
            #[cfg(feature = "scrypt")]
            Recipe::Scrypt(recipe) => self.scrypt = recipe,
            #[cfg(feature = "bcrypt")]
            Recipe::Bcrypt(recipe) => self.bcrypt_cost = recipe.cost,
            #[cfg(feature = "sha-crypt")]
            Recipe::ShaCrypt(recipe) => self.sha_crypt_rounds = recipe.rounds,
        }
    }
}
