//! The primitives of ring, which only this module calls.

use std::fmt;

use ring::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey};
use ring::digest::{Context, SHA256};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use crate::Algorithm;
use crate::algorithm::Family;
use crate::error::InvalidKey;

/// The material of a key, validated once.
pub(crate) enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point in uncompressed form (SEC 1 §2.3.3).
    P256(Vec<u8>),
    /// As above.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    Hmac(Algorithm, hmac::Key),
}

impl Material {
    /// An RSA key, from its numbers without leading zeros. Exponents below 65537 are sound arithmetic, but have
    /// broken many padding checks.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        let (Some((top, _)), Some((&first, _))) = (modulus.split_first(), exponent.split_first()) else {
            return Err(InvalidKey::Malformed);
        };
        if *top == 0 || first == 0 {
            return Err(InvalidKey::Malformed);
        }
        let unused = usize::try_from(top.leading_zeros()).unwrap_or_default();
        if !(2048..=8192).contains(&(modulus.len() * 8 - unused)) {
            return Err(InvalidKey::RsaSize);
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        // From 2^16 + 1 to what ring supports.
        let is_in_range = matches!(exponent.len(), 3 | 4) || exponent.len() == 5 && first == 1;
        if !is_odd(modulus) || !is_odd(exponent) || !is_in_range {
            return Err(InvalidKey::RsaExponent);
        }
        Ok(Self::Rsa { modulus: modulus.into(), exponent: exponent.into() })
    }

    /// A point of P-256.
    pub(crate) fn p256(point: Vec<u8>) -> Result<Self, InvalidKey> {
        if is_on_curve(&ECDH_P256, &point) { Ok(Self::P256(point)) } else { Err(InvalidKey::Point) }
    }

    /// A point of P-384.
    pub(crate) fn p384(point: Vec<u8>) -> Result<Self, InvalidKey> {
        if is_on_curve(&ECDH_P384, &point) { Ok(Self::P384(point)) } else { Err(InvalidKey::Point) }
    }

    /// A point of Ed25519, in compressed form. An invalid one verifies nothing.
    pub(crate) fn ed25519(point: Vec<u8>) -> Result<Self, InvalidKey> {
        if point.len() == 32 { Ok(Self::Ed25519(point)) } else { Err(InvalidKey::Point) }
    }

    /// A secret for this algorithm only.
    pub(crate) fn hmac(secret: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(InvalidKey::Algorithm),
        };
        if secret.len() < hash.digest_algorithm().output_len() {
            return Err(InvalidKey::SecretTooShort);
        }
        Ok(Self::Hmac(algorithm, hmac::Key::new(hash, secret)))
    }

    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => algorithm.family() == Family::Rsa,
            Self::P256(_) => algorithm.family() == Family::P256,
            Self::P384(_) => algorithm.family() == Family::P384,
            Self::Ed25519(_) => algorithm.family() == Family::Ed25519,
            Self::Hmac(own, _) => *own == algorithm,
        }
    }

    /// Whether this is the signature of the message.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.is_for(algorithm) {
            return false;
        }
        match self {
            Self::Rsa { modulus, exponent } => rsa_parameters(algorithm).is_some_and(|parameters| {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(parameters, message, signature).is_ok()
            }),
            Self::P256(point) => is_signed(&ECDSA_P256_SHA256_FIXED, point, message, signature),
            Self::P384(point) => is_signed(&ECDSA_P384_SHA384_FIXED, point, message, signature),
            Self::Ed25519(point) => is_signed(&ED25519, point, message, signature),
            Self::Hmac(_, key) => hmac::verify(key, message, signature).is_ok(),
        }
    }

    /// Adds what distinguishes this key from others. For a secret it is a MAC, which reveals nothing.
    pub(crate) fn digest_into(&self, context: &mut Context) {
        let (kind, parts): (u8, [&[u8]; 2]) = match self {
            Self::Rsa { modulus, exponent } => (1, [modulus, exponent]),
            Self::P256(point) => (2, [point, &[]]),
            Self::P384(point) => (3, [point, &[]]),
            Self::Ed25519(point) => (4, [point, &[]]),
            Self::Hmac(_, key) => {
                context.update(&[5]);
                return context.update(hmac::sign(key, b"which key this is").as_ref());
            }
        };
        context.update(&[kind]);
        for part in parts {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
    }
}

/// The hash of everything that `add` adds.
pub(crate) fn sha256(add: impl FnOnce(&mut Context)) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    add(&mut context);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn is_signed(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
}

/// ring validates a point only when it computes with it, so this makes it do so: an unusable key is reported at once.
fn is_on_curve(curve: &'static agreement::Algorithm, point: &[u8]) -> bool {
    let Ok(own) = EphemeralPrivateKey::generate(curve, &SystemRandom::new()) else { return false };
    agreement::agree_ephemeral(own, &agreement::UnparsedPublicKey::new(curve, point), |_| ()).is_ok()
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa { .. } => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::Ed25519(_) => "Ed25519",
            Self::Hmac(..) => "HMAC",
        })
    }
}
