//! [`JwkSet`]: the keys of an issuer.

use serde_json::Value;

use crate::error::{InvalidKey, InvalidKeySet};
use crate::key::read_jwk;
use crate::{Header, VerifyingKey};

/// The usable keys of a JWK set (RFC 7517 §5), or keys that you collect.
///
/// An unusable key of the set is left out and does not affect the others: issuers publish keys for encryption next to
/// those for signatures, and new algorithms before everybody supports them. [`ignored`](Self::ignored) lists them.
///
/// ```
/// use auth_jws::JwkSet;
///
/// # let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AA"}]}"#;
/// let keys = JwkSet::parse(text)?;
/// assert!(keys.has_id("2026"));
/// assert_eq!((keys.keys().len(), keys.ignored().len()), (1, 1));
/// # Ok::<(), auth_jws::InvalidKeySet>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<VerifyingKey>,
    ignored: Vec<Ignored>,
}

/// A key of a set that is not used.
///
/// ```
/// use auth_jws::JwkSet;
///
/// # let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AA"}]}"#;
/// for key in JwkSet::parse(text)?.ignored() {
///     println!("key {}: {}", key.position, key.reason);
/// }
/// # Ok::<(), auth_jws::InvalidKeySet>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Its position in the set, from 0.
    pub position: usize,
    /// The reason.
    pub reason: InvalidKey,
}

impl JwkSet {
    /// The longest set that is read, in bytes.
    pub const MAX_LEN: usize = 1024 * 1024;
    /// The most keys that a set may have.
    pub const MAX_KEYS: usize = 100;
    /// How many keys are tried on a token whose `kid` does not select one.
    pub const MAX_TRIED: usize = 8;

    /// Reads a set.
    ///
    /// ```
    /// use auth_jws::JwkSet;
    ///
    /// # let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AA"}]}"#;
    /// assert_eq!(JwkSet::parse(text)?.keys().len(), 1);
    /// # Ok::<(), auth_jws::InvalidKeySet>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidKeySet`] if the text is not a set, or too large. A set without usable keys is not an error: see
    /// [`is_empty`](Self::is_empty).
    pub fn parse(text: &[u8]) -> Result<Self, InvalidKeySet> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidKeySet::TooLong);
        }
        let members = auth_json::object(text).map_err(|_| InvalidKeySet::Malformed)?;
        let Some(Value::Array(entries)) = members.get("keys") else { return Err(InvalidKeySet::Malformed) };
        if entries.len() > Self::MAX_KEYS {
            return Err(InvalidKeySet::TooMany);
        }
        let mut set = Self::default();
        for (position, entry) in entries.iter().enumerate() {
            match entry.as_object().ok_or(InvalidKey::Malformed).and_then(read_jwk) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.ignored.push(Ignored { position, reason }),
            }
        }
        Ok(set)
    }

    /// The usable keys.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The unusable keys, and why.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed a token with this header, by its algorithm and its `kid`. If the token or a key
    /// has no `kid`, the algorithm decides, and the first [`MAX_TRIED`](Self::MAX_TRIED) keys are returned.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use auth_jws::{Algorithm, Expectations, JwkSet, Token, VerifyingKey};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = b"a secret of at least 32 bytes ...";
    /// # let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    /// #     eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJhbGljZSIsImV4cCI6MTgwMDAwMDA2MH0.\
    /// #     xuY7zGjaprkn45tqmgqlmNoOjsKmseZzDdmVofwwZ1k";
    /// # let key = VerifyingKey::hmac(secret, Algorithm::Hs256)?;
    /// # let token = Token::parse(text)?;
    /// let keys: JwkSet = [key].into_iter().collect();
    /// let verified = keys.candidates(token.header()).find_map(|key| token.verify(key).ok());
    /// assert!(verified.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn candidates(&self, header: &Header) -> impl Iterator<Item = &VerifyingKey> {
        let fits = move |key: &&VerifyingKey| match (key.id(), header.key_id()) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        };
        let keys = self.keys.iter().filter(|key| key.is_for(header.algorithm()));
        keys.filter(fits).take(Self::MAX_TRIED)
    }

    /// Whether there is a key with this id, for any algorithm.
    ///
    /// ```
    /// # use auth_jws::JwkSet;
    /// # let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AA"}]}"#;
    /// assert!(JwkSet::parse(text)?.has_id("2026"));
    /// # Ok::<(), auth_jws::InvalidKeySet>(())
    /// ```
    pub fn has_id(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    /// Whether the set contains this key, with the same id and for the same algorithms.
    pub fn contains(&self, key: &VerifyingKey) -> bool {
        self.keys.iter().any(|own| own.is_same(key))
    }
}

impl FromIterator<VerifyingKey> for JwkSet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), ignored: Vec::new() }
    }
}
