//! Django's notation of hashes: the algorithm's name first, without a `$` before it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::algorithm::{Algorithm as _, Recipe};
use super::bcrypt::Bcrypt;
use super::encoding::{decimal, fixed};
use super::format::Format;
use super::pbkdf2::{Digest, Pbkdf2};
use super::scrypt::Scrypt;
use super::stored::StoredHash;

/// Reads a stored value of one of Django's hashers.
pub(super) fn parse(text: &str) -> Option<StoredHash> {
    let (name, rest) = text.split_once('$')?;
    match name {
        "argon2" => StoredHash::parse_django_argon2(text.strip_prefix("argon2")?),
        "pbkdf2_sha256" => pbkdf2(Digest::Sha256, rest),
        "pbkdf2_sha1" => pbkdf2(Digest::Sha1, rest),
        "scrypt" => scrypt(rest),
        "bcrypt" => bcrypt(false, rest),
        "bcrypt_sha256" => bcrypt(true, rest),
        _ => None,
    }
}

/// `iterations$salt$hash`
fn pbkdf2(digest: Digest, text: &str) -> Option<StoredHash> {
    let [iterations, salt, hash] = fields(text)?;
    let recipe = Pbkdf2 { digest, iterations: decimal(iterations)? };
    stored(Recipe::Pbkdf2(recipe), salt, hash, recipe.hash_len())
}

/// `N$salt$r$p$hash`
fn scrypt(text: &str) -> Option<StoredHash> {
    let [n, salt, r, p, hash] = fields(text)?;
    let n = decimal(n).filter(|n| n.is_power_of_two())?;
    let log_n = u8::try_from(n.ilog2()).ok()?;
    let recipe = Scrypt { log_n, r: decimal(r)?, p: decimal(p)? };
    stored(Recipe::Scrypt(recipe), salt, hash, recipe.hash_len())
}

fn bcrypt(sha256: bool, text: &str) -> Option<StoredHash> {
    let (recipe, salt, hash) = Bcrypt::parse(text)?;
    Some(StoredHash { format: Format::django(Recipe::Bcrypt(Bcrypt { sha256, ..recipe })), salt, hash })
}

fn stored(recipe: Recipe, salt: &str, hash: &str, len: usize) -> Option<StoredHash> {
    let hash = fixed(BASE64_STANDARD.decode(hash).ok()?, len)?;
    let stored = StoredHash { format: Format::django(recipe), salt: salt.into(), hash };
    Some(stored).filter(|stored| !stored.salt.is_empty())
}

fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}
