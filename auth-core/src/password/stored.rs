//! Parsing stored hashes.

use argon2::password_hash::phc::PasswordHash as Phc;

use super::algorithm::Recipe;
use super::argon2::Argon2Recipe;
#[cfg(feature = "bcrypt")]
use super::bcrypt::Bcrypt;
#[cfg(feature = "django")]
use super::django;
use super::format::Format;
#[cfg(feature = "pbkdf2")]
use super::pbkdf2::Pbkdf2;
#[cfg(feature = "scrypt")]
use super::scrypt::Scrypt;
#[cfg(feature = "sha-crypt")]
use super::sha_crypt::ShaCrypt;

/// The longest value of every format is shorter than this.
const MAX_STORED_LEN: usize = 512;

/// A parsed hash. The table determines its costs: nothing is computed or allocated by them yet.
pub(super) struct StoredHash {
    pub(super) format: Format,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl StoredHash {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_STORED_LEN {
            return None;
        }
        if !text.starts_with('$') {
            #[cfg(feature = "django")]
            return django::parse(text);
            #[cfg(not(feature = "django"))]
            return None;
        }
        #[cfg(feature = "bcrypt")]
        if let Some((recipe, salt, hash)) = Bcrypt::parse(text) {
            return Some(Self::own(Recipe::Bcrypt(recipe), salt, hash));
        }
        #[cfg(feature = "sha-crypt")]
        if let Some(recipe) = ShaCrypt::parse(text) {
            return Some(Self::own(Recipe::ShaCrypt(recipe), Vec::new(), text.into()));
        }
        Self::parse_phc(text)
    }

    fn parse_phc(text: &str) -> Option<Self> {
        let phc = Phc::new(text).ok()?;
        let (salt, hash) = (phc.salt?, phc.hash?);
        Some(Self::own(recipe(&phc)?, salt.to_vec(), hash.as_bytes().to_vec()))
    }

    /// Reads Django's `argon2` with the PHC string that follows.
    #[cfg(feature = "django")]
    pub(super) fn parse_django_argon2(phc: &str) -> Option<Self> {
        let Self { format, salt, hash } = Self::parse_phc(phc)?;
        let format = Format { django: true, ..format };
        Some(Self { format, salt, hash }).filter(|_| matches!(format.recipe, Recipe::Argon2(_)))
    }

    fn own(recipe: Recipe, salt: Vec<u8>, hash: Vec<u8>) -> Self {
        Self { format: Format { recipe, django: false }, salt, hash }
    }
}

fn recipe(phc: &Phc) -> Option<Recipe> {
    match phc.algorithm.as_str() {
        #[cfg(feature = "pbkdf2")]
        "pbkdf2-sha256" | "pbkdf2-sha512" => Pbkdf2::from_phc(phc).map(Recipe::Pbkdf2),
        #[cfg(feature = "scrypt")]
        "scrypt" => Scrypt::from_phc(phc).map(Recipe::Scrypt),
        // A password could match a hash of a few bytes by chance.
        _ if phc.hash.is_none_or(|hash| hash.len() < 16) => None,
        _ => Argon2Recipe::from_phc(phc).map(Recipe::Argon2),
    }
}
