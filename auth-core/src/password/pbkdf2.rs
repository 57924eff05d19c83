//! PBKDF2 (RFC 8018) with HMAC.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;

use super::algorithm::{Algorithm, Limits, Recipe};
use super::encoding::{decimals, django_string, is_whole, phc_string, text_salt};
use super::format::SALT_LEN;
use super::pool::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    #[cfg(feature = "django")]
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pbkdf2 {
    pub(super) digest: Digest,
    pub(super) iterations: u32,
}

/// The minimum that the standard recommends.
const MIN_ITERATIONS: u32 = 1_000;

impl Pbkdf2 {
    pub(super) fn from_phc(phc: &Phc) -> Option<Self> {
        let digest = match phc.algorithm.as_str() {
            "pbkdf2-sha256" => Digest::Sha256,
            "pbkdf2-sha512" => Digest::Sha512,
            _ => return None,
        };
        let [iterations, len] = decimals(&phc.params, ["i", "l"])?;
        let has_len = len.is_none_or(|len| phc.hash.is_some_and(|hash| hash.len() == len as usize));
        let is_valid = phc.version.is_none() && is_whole(phc) && has_len;
        Some(Self { digest, iterations: iterations? }).filter(|_| is_valid)
    }
}

impl Algorithm for Pbkdf2 {
    fn name(&self) -> &'static str {
        match self.digest {
            #[cfg(feature = "django")]
            Digest::Sha1 => "pbkdf2_sha1",
            Digest::Sha256 => "pbkdf2_sha256",
            Digest::Sha512 => "pbkdf2_sha512",
        }
    }

    fn compute(&self, password: &[u8], salt: &[u8], out: &mut [u8], _: &mut Buffer) -> bool {
        // More output than one digest would multiply the work.
        if out.len() > self.hash_len() {
            return false;
        }
        let digest = match self.digest {
            #[cfg(feature = "django")]
            Digest::Sha1 => {
                pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, self.iterations, out);
                return true;
            }
            Digest::Sha256 => pbkdf2::Algorithm::Pbkdf2Sha256,
            Digest::Sha512 => pbkdf2::Algorithm::Pbkdf2Sha512,
        };
        match pbkdf2::Params::new(self.iterations) {
            Ok(params) => pbkdf2::pbkdf2_hmac_with_params(password, salt, digest, params, out),
            // The rest of what a cheaper hash lacks: no stored hash has so few iterations.
            Err(_) if self.digest == Digest::Sha256 => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, self.iterations, out);
            }
            Err(_) => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, self.iterations, out),
        }
        true
    }

    fn hash_len(&self) -> usize {
        match self.digest {
            #[cfg(feature = "django")]
            Digest::Sha1 => 20,
            Digest::Sha256 => 32,
            Digest::Sha512 => 64,
        }
    }

    fn salt(&self, django: bool, random: &[u8; SALT_LEN]) -> Vec<u8> {
        if django { text_salt(random) } else { random.to_vec() }
    }

    fn encode(&self, django: bool, salt: &[u8], hash: &[u8]) -> Option<String> {
        let iterations = self.iterations;
        if django {
            return django_string(self.name(), &iterations.to_string(), salt, "", hash);
        }
        let name = self.name().replace('_', "-");
        Some(phc_string(&format!("{name}$i={iterations},l={}", hash.len()), salt, hash))
    }

    fn units(&self) -> u64 {
        self.iterations.into()
    }

    fn part(&self, work: u64, _: usize) -> Option<Recipe> {
        let iterations = u32::try_from(work).unwrap_or(u32::MAX).min(self.iterations);
        (iterations > 0).then_some(Recipe::Pbkdf2(Self { iterations, ..*self }))
    }

    fn crates(&self) -> &'static [&'static str] {
        match self.digest {
            #[cfg(feature = "django")]
            Digest::Sha1 => &["pbkdf2", "sha1"],
            Digest::Sha256 | Digest::Sha512 => &["pbkdf2", "sha2"],
        }
    }

    fn unoptimised(&self) -> Duration {
        Duration::from_micros(10)
    }

    fn is_within(&self, limits: &Limits) -> bool {
        (MIN_ITERATIONS..=limits.pbkdf2_iterations).contains(&self.iterations)
    }

    fn is_strong(&self) -> bool {
        match self.digest {
            #[cfg(feature = "django")]
            Digest::Sha1 => false,
            Digest::Sha256 => self.iterations >= 600_000,
            Digest::Sha512 => self.iterations >= 210_000,
        }
    }

    /// HMAC pads its key with NULs, so one at the end of a password would not count.
    fn takes(&self, password: &[u8]) -> bool {
        !password.ends_with(&[0])
    }
}
