//! The formats of stored hashes.

use super::Argon2Cost;
use super::algorithm::Recipe;
use super::argon2::Argon2Recipe;
#[cfg(feature = "bcrypt")]
use super::bcrypt::Bcrypt;
#[cfg(feature = "pbkdf2")]
use super::pbkdf2::{Digest, Pbkdf2};
#[cfg(feature = "scrypt")]
use super::scrypt::Scrypt;
#[cfg(feature = "sha-crypt")]
use super::sha_crypt::ShaCrypt;

/// A format of stored hashes, with costs.
///
/// For [`prefer`](super::PasswordsBuilder::prefer) these are the costs of new hashes; for
/// [`accept`](super::PasswordsBuilder::accept) the highest costs in the table, which every failed attempt computes;
/// for [`stored_limit`](super::PasswordsBuilder::stored_limit) the highest costs that are computed at all.
///
/// | stored value | | feature | limit, unless set | source |
/// |---|---|---|---|---|
/// | `$argon2id$v=19$m=…,t=…,p=…$…`, also `argon2i`, `argon2d` | [`argon2`](Self::argon2) | | 128 MiB, 8 passes, 8 lanes | RFC 9106 |
/// | `$pbkdf2-sha256$i=…,l=…$…`, `$pbkdf2-sha512$…` | `pbkdf2_sha256`, `pbkdf2_sha512` | `pbkdf2` | 1,000 to 5,000,000 iterations | RFC 8018, PHC |
/// | `$scrypt$ln=…,r=…,p=…$…` | `scrypt` | `scrypt` | 128 MiB, N · r · p = 2²² | RFC 7914, PHC |
/// | `$2b$12$…`, also `$2a$`, `$2y$`; passwords of at most 72 bytes without NUL | `bcrypt` | `bcrypt` | cost 14 | crypt(5) |
/// | `$5$…`, `$6$…`; only read; passwords of at most 512 bytes without NUL | `sha256_crypt`, `sha512_crypt` | `sha-crypt` | 1,000 to 1,000,000 rounds | crypt(5) |
/// | `pbkdf2_sha256$…`, `pbkdf2_sha1$…`, `argon2$…`, `scrypt$…`, `bcrypt$…`, `bcrypt_sha256$…` | `django_…` | `django` | as above | Django 6.1 |
///
/// Values that begin with `!` (Django's unusable passwords) match nothing. Nor does anything else: a password that
/// the algorithm would truncate, a salt or hash of another length, a number that is not plain digits.
///
/// ```
/// use auth_core::Passwords;
/// use auth_core::password::{Argon2Cost, Format};
///
/// let passwords = Passwords::builder().prefer(Format::argon2(Argon2Cost::MINIMUM)).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub(super) recipe: Recipe,
    pub(super) django: bool,
}

impl Format {
    /// `$argon2id$…`, and for reading also the two other variants. The best for new hashes.
    ///
    /// ```
    /// # use auth_core::password::{Argon2Cost, Format};
    /// let format = Format::argon2(Argon2Cost::MINIMUM);
    /// ```
    pub const fn argon2(cost: Argon2Cost) -> Self {
        Self::own(Recipe::Argon2(Argon2Recipe::new(cost)))
    }

    /// `$pbkdf2-sha256$…`
    #[cfg(feature = "pbkdf2")]
    pub const fn pbkdf2_sha256(iterations: u32) -> Self {
        Self::own(Recipe::Pbkdf2(Pbkdf2 { digest: Digest::Sha256, iterations }))
    }

    /// `$pbkdf2-sha512$…`
    #[cfg(feature = "pbkdf2")]
    pub const fn pbkdf2_sha512(iterations: u32) -> Self {
        Self::own(Recipe::Pbkdf2(Pbkdf2 { digest: Digest::Sha512, iterations }))
    }

    /// `$scrypt$…`, with N = 2^`log_n`.
    #[cfg(feature = "scrypt")]
    pub const fn scrypt(log_n: u8, r: u32, p: u32) -> Self {
        Self::own(Recipe::Scrypt(Scrypt { log_n, r, p }))
    }

    /// `$2b$…`, and for reading also `$2a$` and `$2y$`. It does not support passwords over 72 bytes.
    #[cfg(feature = "bcrypt")]
    pub const fn bcrypt(cost: u32) -> Self {
        Self::own(Recipe::Bcrypt(Bcrypt::new(cost)))
    }

    /// `$5$…`, for reading only.
    #[cfg(feature = "sha-crypt")]
    pub const fn sha256_crypt(rounds: u32) -> Self {
        Self::own(Recipe::ShaCrypt(ShaCrypt::new(false, rounds)))
    }

    /// `$6$…`, for reading only.
    #[cfg(feature = "sha-crypt")]
    pub const fn sha512_crypt(rounds: u32) -> Self {
        Self::own(Recipe::ShaCrypt(ShaCrypt::new(true, rounds)))
    }

    const fn own(recipe: Recipe) -> Self {
        Self { recipe, django: false }
    }

    /// Whether a hash of one is also a hash of the other, at any costs.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.django == other.django && self.recipe.algorithm().name() == other.recipe.algorithm().name()
    }
}

/// The number of random bytes in a salt.
pub(super) const SALT_LEN: usize = 16;

/// Django's notations.
#[cfg(feature = "django")]
impl Format {
    /// Django's `pbkdf2_sha256$…`, its default. Django 6.1 uses 1,500,000 iterations, Django 4.2 used 600,000.
    pub const fn django_pbkdf2_sha256(iterations: u32) -> Self {
        Self::django(Recipe::Pbkdf2(Pbkdf2 { digest: Digest::Sha256, iterations }))
    }

    /// Django's `pbkdf2_sha1$…`
    pub const fn django_pbkdf2_sha1(iterations: u32) -> Self {
        Self::django(Recipe::Pbkdf2(Pbkdf2 { digest: Digest::Sha1, iterations }))
    }

    /// Django's `argon2$argon2id$…`. Django 6.1 uses 100 MiB, two passes and eight lanes.
    pub const fn django_argon2(cost: Argon2Cost) -> Self {
        Self::django(Recipe::Argon2(Argon2Recipe::new(cost)))
    }

    /// Django's `scrypt$…`, with N = 2^`log_n`. Django 6.1 uses 14, 8, 5.
    pub const fn django_scrypt(log_n: u8, r: u32, p: u32) -> Self {
        Self::django(Recipe::Scrypt(Scrypt { log_n, r, p }))
    }

    /// Django's `bcrypt$$2b$…`. It does not support passwords over 72 bytes. Django 6.1 uses 12.
    pub const fn django_bcrypt(cost: u32) -> Self {
        Self::django(Recipe::Bcrypt(Bcrypt::new(cost)))
    }

    /// Django's `bcrypt_sha256$$2b$…`, for passwords of any length. Django 6.1 uses 12.
    pub const fn django_bcrypt_sha256(cost: u32) -> Self {
        Self::django(Recipe::Bcrypt(Bcrypt { cost, sha256: true }))
    }

    /// All formats that Django reads, at the costs of Django 6.1.
    ///
    /// It is better to name the formats in your table: each failed attempt costs a hash of each of these algorithms.
    pub const DJANGO: [Self; 6] = [
        Self::django_pbkdf2_sha256(1_500_000),
        Self::django_pbkdf2_sha1(1_500_000),
        Self::django_argon2(Argon2Cost::DJANGO),
        Self::django_bcrypt_sha256(12),
        Self::django_bcrypt(12),
        Self::django_scrypt(14, 8, 5),
    ];

    pub(super) const fn django(recipe: Recipe) -> Self {
        Self { recipe, django: true }
    }
}

impl From<Argon2Cost> for Format {
    fn from(cost: Argon2Cost) -> Self {
        Self::argon2(cost)
    }
}
