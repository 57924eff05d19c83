//! [`VerifyingKey`]: what signatures are compared with.

mod jwk;
mod spki;

use std::fmt;
use std::sync::Arc;

use crate::error::{InvalidKey, InvalidSignature};
use crate::primitives::{Material, sha256};
use crate::{Algorithm, Header};

pub(crate) use jwk::read as read_jwk;

/// A key that verifies signatures, for the algorithms that it was bound to when it was made. A token's `alg` never changes
/// which these are: a public key is no secret for an HMAC, whoever says so.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    material: Arc<Material>,
    fingerprint: [u8; 32],
}

impl VerifyingKey {
    /// A public key, as a JSON Web Key (RFC 7517). Its `alg` says for which algorithm it is; without, it is for all that
    /// fit its type and curve.
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used; a private or symmetric one cannot.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidKey> {
        jwk::read(&auth_json::object(text.as_bytes()).map_err(|_| InvalidKey::Malformed)?)
    }

    /// A public key in PEM: `BEGIN PUBLIC KEY`.
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used. One that is `RSA PUBLIC KEY` or a certificate is made one by
    /// `openssl rsa -RSAPublicKey_in -pubout` or `openssl x509 -pubkey -noout`.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        spki::from_pem(text).map(Self::new)
    }

    /// A public key in DER: X.509's `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used.
    pub fn from_der(bytes: &[u8]) -> Result<Self, InvalidKey> {
        spki::from_der(bytes).map(Self::new)
    }

    /// A secret, for this one algorithm. Whoever verifies by it can sign, too.
    ///
    /// # Errors
    /// [`InvalidKey`] if the secret is shorter than the hash (an empty one was often a variable that was not set), or the
    /// algorithm is no HMAC.
    pub fn hmac(secret: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKey> {
        Material::hmac(secret, algorithm).map(Self::new)
    }

    fn new(material: Material) -> Self {
        let algorithms = Algorithm::ALL.into_iter().filter(|algorithm| material.is_for(*algorithm)).collect();
        Self::of(None, algorithms, Arc::new(material))
    }

    fn of(id: Option<String>, algorithms: Vec<Algorithm>, material: Arc<Material>) -> Self {
        let fingerprint = sha256(|context| {
            material.digest_into(context);
            for algorithm in &algorithms {
                context.update(algorithm.name().as_bytes());
            }
            context.update(&[u8::from(id.is_some())]);
            context.update(id.as_deref().unwrap_or_default().as_bytes());
        });
        Self(Arc::new(Inner { id, algorithms, material, fingerprint }))
    }

    /// The same key by this name: it is then asked only about tokens whose `kid` is the same, or that have none.
    ///
    /// # Errors
    /// [`InvalidKey::KeyId`] if the name is too long for a token.
    pub fn with_id(self, id: impl Into<String>) -> Result<Self, InvalidKey> {
        let id = id.into();
        if id.len() > Header::MAX_KEY_ID_LEN {
            return Err(InvalidKey::KeyId);
        }
        Ok(Self::of(Some(id), self.0.algorithms.clone(), Arc::clone(&self.0.material)))
    }

    /// The same key for this algorithm alone.
    ///
    /// # Errors
    /// [`InvalidKey::Algorithm`] if it is not one of those that the key is for.
    pub fn only_for(self, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        if !self.is_for(algorithm) {
            return Err(InvalidKey::Algorithm);
        }
        Ok(Self::of(self.0.id.clone(), vec![algorithm], Arc::clone(&self.0.material)))
    }

    /// Its name (`kid`).
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// For which algorithms it is. Never none.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.0.algorithms
    }

    /// Whether it is for this algorithm.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        self.0.algorithms.contains(&algorithm)
    }

    /// Whether it is the same key as another, by the same name and for the same algorithms.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }

    /// Verifies a signature over any message; for a token there is [`Token::verify`](crate::Token::verify).
    ///
    /// # Errors
    /// [`InvalidSignature`] if the key is not for the algorithm, or the signature is not its.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        if !self.is_for(algorithm) {
            return Err(InvalidSignature::Algorithm);
        }
        if self.0.material.verifies(algorithm, message, signature) {
            Ok(())
        } else {
            Err(InvalidSignature::Mismatch)
        }
    }
}

impl fmt::Debug for VerifyingKey {
    /// Which kind it is, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("material", &self.0.material)
            .field("algorithms", &self.0.algorithms)
            .finish_non_exhaustive()
    }
}
