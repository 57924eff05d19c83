//! Argon2 (RFC 9106).

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm as Variant, Argon2, Params, Version};

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::phc_string;
use super::pool::Buffer;
use crate::ConfigError;

/// The three costs of Argon2.
///
/// ```
/// use auth_core::Passwords;
/// use auth_core::password::Argon2Cost;
///
/// let cost = Argon2Cost::new(64 * 1024, 3, 1)?; // 64 MiB, three passes, one lane
/// let passwords = Passwords::builder().cost(cost).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Cost {
    /// The minimum of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
    pub const MINIMUM: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    pub(super) const STORED_LIMIT: Self = Self { memory_kib: 128 * 1024, passes: 8, lanes: 8 };

    /// What Django 6.1 uses: 100 MiB, two passes, eight lanes.
    #[cfg(feature = "django")]
    pub(super) const DJANGO: Self = Self { memory_kib: 100 * 1024, passes: 2, lanes: 8 };

    /// Costs with at least the memory and passes of [`Self::MINIMUM`].
    ///
    /// ```
    /// # use auth_core::password::Argon2Cost;
    /// assert!(Argon2Cost::new(64 * 1024, 3, 1).is_ok());
    /// assert!(Argon2Cost::new(1024, 1, 1).is_err(), "weaker than OWASP's minimum");
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if they are weaker, or not valid for Argon2.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        if memory_kib < Self::MINIMUM.memory_kib || passes < Self::MINIMUM.passes {
            return Err(ConfigError::new(
                "password hashing needs at least 19456 KiB and 2 passes (OWASP); \
                 only tests may use Argon2Cost::dangerous_weak",
            ));
        }
        Self::checked(memory_kib, passes, lanes)
    }

    /// Costs of any strength, for tests.
    ///
    /// ```
    /// # use auth_core::password::Argon2Cost;
    /// let cost = Argon2Cost::dangerous_weak(8, 1, 1)?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if they are not valid for Argon2.
    pub fn dangerous_weak(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        Self::checked(memory_kib, passes, lanes)
    }

    fn checked(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ConfigError> {
        let cost = Self { memory_kib, passes, lanes };
        cost.params(HASH_LEN)
            .map(|_| cost)
            .map_err(|error| ConfigError::new(format!("Argon2 costs: {error}")))
    }

    fn params(self, hash_len: usize) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(hash_len))
    }

    fn exceeds(self, limit: Self) -> bool {
        self.memory_kib > limit.memory_kib || self.passes > limit.passes || self.lanes > limit.lanes
    }
}

const HASH_LEN: usize = 32;

/// A variant of Argon2 at certain costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Argon2Recipe {
    variant: Variant,
    version: Version,
    pub(super) cost: Argon2Cost,
}

impl Argon2Recipe {
    /// The recipe of new hashes.
    pub(super) const fn new(cost: Argon2Cost) -> Self {
        Self { variant: Variant::Argon2id, version: Version::V0x13, cost }
    }

    pub(super) fn from_phc(phc: &Phc) -> Option<Self> {
        let params = Params::try_from(phc).ok()?;
        if !params.keyid().is_empty() || !params.data().is_empty() {
            return None;
        }
        Some(Self {
            variant: Variant::new(phc.algorithm.as_str()).ok()?,
            version: phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            cost: Argon2Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() },
        })
    }
}

impl Algorithm for Argon2Recipe {
    fn name(&self) -> &'static str {
        "argon2"
    }

    fn blocks(&self) -> usize {
        self.cost.params(HASH_LEN).map_or(0, |params| params.block_count())
    }

    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], buffer: &mut Buffer) -> bool {
        let Ok(params) = self.cost.params(out.len()) else { return false };
        let argon2 = Argon2::new(self.variant, self.version, params);
        buffer.with(argon2.params().block_count(), |blocks| {
            argon2.hash_password_into_with_memory(password, salt, out, blocks).is_ok()
        })
    }

    fn hash_len(&self) -> usize {
        HASH_LEN
    }

    fn encode(&self, django: bool, salt: &[u8], hash: &[u8]) -> Option<String> {
        let Argon2Cost { memory_kib, passes, lanes } = self.cost;
        let head = format!("argon2id$v=19$m={memory_kib},t={passes},p={lanes}");
        let phc = phc_string(&head, salt, hash);
        Some(if django { format!("argon2{phc}") } else { phc })
    }

    fn units(&self) -> u64 {
        u64::from(self.cost.memory_kib) * u64::from(self.cost.passes)
    }

    /// The number of blocks filled, rounded to what the lanes can share.
    fn work(&self, _: usize) -> u64 {
        self.blocks() as u64 * u64::from(self.cost.passes)
    }

    /// Single passes over as much memory as available. The number of blocks is always a multiple of four, and no hash
    /// has fewer than eight: so the last but one leaves enough for the last.
    fn part(&self, work: u64, _: usize) -> Option<Recipe> {
        let least = u64::from(Params::MIN_M_COST);
        let blocks = work.min(self.blocks() as u64);
        let is_rest_too_small = (1..least).contains(&(work - blocks)) && blocks >= 2 * least;
        let blocks = if is_rest_too_small { blocks - least } else { blocks };
        let memory_kib = u32::try_from(blocks).ok()?;
        let part = Self { cost: Argon2Cost { memory_kib, passes: 1, lanes: 1 }, ..*self };
        (blocks >= least).then_some(Recipe::Argon2(part))
    }

    fn crates(&self) -> &'static [&'static str] {
        &["argon2", "blake2"]
    }

    fn unoptimised(&self) -> Duration {
        Duration::from_micros(6)
    }

    fn is_within(&self, limits: &Limits) -> bool {
        !self.cost.exceeds(limits.argon2)
    }

    /// [`Argon2Cost`] ensures it.
    fn is_strong(&self) -> bool {
        true
    }

    fn is_current(&self) -> bool {
        self.variant == Variant::Argon2id && self.version == Version::V0x13
    }
}
