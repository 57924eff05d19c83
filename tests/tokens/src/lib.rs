//! Whoever signs tokens in tests: right ones, and such as no library would write.
// Helpers panic where the test that calls them fails.
#![allow(clippy::missing_panics_doc)]

use std::fmt;

use auth_jws::{Algorithm, VerifyingKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// A secret that is long enough for all HMACs.
pub const SECRET: &[u8] = b"a secret that is 64 bytes long, as HS512 wants it: 0123456789abc";

/// Base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that [`encode`] wrote.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// The vectors of RFC 7520 §4 and RFC 8037 appendix A.
pub fn published() -> Value {
    serde_json::from_str(include_str!("../vectors/rfc7520.json")).expect("JSON")
}

/// A key pair.
pub enum Signer {
    /// One of RSA: that of RFC 7520.
    Rsa(Box<RsaKeyPair>),
    /// One on the curve of this name.
    Ec(&'static str, EcdsaKeyPair),
    /// One of Ed25519.
    Ed(Ed25519KeyPair),
    /// The [`SECRET`].
    Hmac,
}

impl Signer {
    /// The one for this algorithm. The RSA key is always that of RFC 7520, since ring makes none.
    pub fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ec("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => Self::ec("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDsa => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
                Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key"))
            }
            symmetric if symmetric.is_symmetric() => Self::Hmac,
            _ => Self::Rsa(Box::new(rsa())),
        }
    }

    fn ec(curve: &'static str, algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self::Ec(curve, EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key"))
    }

    /// The signature of a message.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(rsa_encoding(algorithm), &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(_, key) => {
                key.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
            }
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Hmac => {
                hmac::sign(&hmac::Key::new(hmac_algorithm(algorithm), SECRET), message).as_ref().to_vec()
            }
        }
    }

    /// The public key as JSON; of a secret there is none.
    pub fn jwk(&self) -> Value {
        match self {
            Self::Rsa(_) => {
                let key = &published()["4.1"]["key"];
                json!({"kty": "RSA", "n": key["n"], "e": key["e"]})
            }
            Self::Ec(curve, key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key())}),
            Self::Hmac => json!({"kty": "oct", "k": encode(SECRET)}),
        }
    }

    /// What verifies its signatures.
    pub fn key(&self, algorithm: Algorithm) -> VerifyingKey {
        match self {
            Self::Hmac => VerifyingKey::hmac(SECRET, algorithm).expect("a key"),
            _ => VerifyingKey::from_jwk(&self.jwk().to_string()).expect("a key"),
        }
    }

    /// A token with this header and these claims, whatever they are.
    pub fn token(&self, algorithm: Algorithm, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(self.sign(algorithm, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

fn rsa() -> RsaKeyPair {
    let key = &published()["4.1"]["key"];
    let part = |name: &str| decode(key[name].as_str().expect("a text"));
    RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n: part("n"), e: part("e") },
        d: part("d"),
        p: part("p"),
        q: part("q"),
        dP: part("dp"),
        dQ: part("dq"),
        qInv: part("qi"),
    })
    .expect("a key")
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        _ => &RSA_PSS_SHA512,
    }
}

fn hmac_algorithm(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    }
}
