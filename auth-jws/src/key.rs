//! [`VerifyingKey`]: verifies signatures.

mod jwk;
mod spki;

use std::fmt;
use std::sync::Arc;

use crate::error::{InvalidKey, InvalidSignature};
use crate::primitives::{Material, sha256};
use crate::{Algorithm, Header};

pub(crate) use jwk::read as read_jwk;

/// A key that verifies signatures, for the algorithms that it was bound to when it was created. A token's `alg` never
/// changes these: a public key cannot become the secret of an HMAC.
///
/// ```
/// use auth_jws::{Algorithm, VerifyingKey};
///
/// let key = VerifyingKey::from_jwk(
///     r#"{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// assert_eq!((key.id(), key.algorithms()), (Some("2026"), &[Algorithm::EdDsa][..]));
/// # Ok::<(), auth_jws::InvalidKey>(())
/// ```
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
    /// Reads a public key from a JSON Web Key (RFC 7517). It is for the algorithm in its `alg`; without one, for all
    /// that fit its type and curve. The type shows an example.
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used. Private and symmetric keys cannot.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidKey> {
        jwk::read(&auth_json::object(text.as_bytes()).map_err(|_| InvalidKey::Malformed)?)
    }

    /// Reads a public key from PEM: `BEGIN PUBLIC KEY`.
    ///
    /// ```
    /// use auth_jws::{Algorithm, VerifyingKey};
    ///
    /// let key = VerifyingKey::from_pem(
    ///     "-----BEGIN PUBLIC KEY-----\n\
    ///     MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    ///     -----END PUBLIC KEY-----\n",
    /// )?;
    /// assert!(key.is_for(Algorithm::EdDsa));
    /// # Ok::<(), auth_jws::InvalidKey>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used. To convert an `RSA PUBLIC KEY` or a certificate, run `openssl rsa
    /// -RSAPublicKey_in -pubout` or `openssl x509 -pubkey -noout`.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        spki::from_pem(text).map(Self::new)
    }

    /// Reads a public key from DER: X.509's `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// ```no_run
    /// let key = auth_jws::VerifyingKey::from_der(&std::fs::read("issuer.der")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`] if it cannot be used.
    pub fn from_der(bytes: &[u8]) -> Result<Self, InvalidKey> {
        spki::from_der(bytes).map(Self::new)
    }

    /// Creates a key from a secret, for this one algorithm. Everybody who can verify with it can also sign.
    ///
    /// ```
    /// use auth_jws::{Algorithm, InvalidKey, VerifyingKey};
    ///
    /// assert!(VerifyingKey::hmac(b"a secret of at least 32 bytes ...", Algorithm::Hs256).is_ok());
    /// assert_eq!(VerifyingKey::hmac(b"", Algorithm::Hs256).err(), Some(InvalidKey::SecretTooShort));
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`] if the secret is shorter than the hash (an empty one usually comes from a variable that was not
    /// set), or the algorithm is not an HMAC.
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

    /// The same key with this id: it is then used only for tokens with the same `kid`, or without one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?.with_id("2026")?;
    /// assert_eq!(key.id(), Some("2026"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey::KeyId`] if the id is too long for a token.
    pub fn with_id(self, id: impl Into<String>) -> Result<Self, InvalidKey> {
        let id = id.into();
        if id.len() > Header::MAX_KEY_ID_LEN {
            return Err(InvalidKey::KeyId);
        }
        Ok(Self::of(Some(id), self.0.algorithms.clone(), Arc::clone(&self.0.material)))
    }

    /// The same key for this algorithm only.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
    /// assert!(key.only_for(Algorithm::Rs256).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey::Algorithm`] if the key is not for this algorithm.
    pub fn only_for(self, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        if !self.is_for(algorithm) {
            return Err(InvalidKey::Algorithm);
        }
        Ok(Self::of(self.0.id.clone(), vec![algorithm], Arc::clone(&self.0.material)))
    }

    /// Its id (`kid`).
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The algorithms that it is for, at least one.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.0.algorithms
    }

    /// Whether it is for this algorithm.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
    /// assert!(key.is_for(Algorithm::Hs256) && !key.is_for(Algorithm::Hs512));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        self.0.algorithms.contains(&algorithm)
    }

    /// Whether it is the same key as another, with the same id and for the same algorithms.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }

    /// Verifies a signature over any message. For a token, use [`Token::verify`](crate::Token::verify).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
    /// assert!(key.verify(Algorithm::Hs256, b"message", &[0; 32]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidSignature`] if the key is not for the algorithm, or did not create the signature.
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
    /// Shows its kind, and nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("material", &self.0.material)
            .field("algorithms", &self.0.algorithms)
            .finish_non_exhaustive()
    }
}
