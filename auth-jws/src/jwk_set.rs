//! [`JwkSet`]: the keys of an issuer.

use serde_json::Value;

use crate::error::{InvalidKey, InvalidKeySet};
use crate::key::read_jwk;
use crate::{Header, VerifyingKey};

/// The keys of an issuer: those of a JWK set (RFC 7517 §5) that can be used, or some that were put together.
///
/// A key of the set that cannot be used is left out, and does not spoil the others: issuers publish keys for encryption
/// beside those for signatures, and new algorithms before everybody knows them. [`ignored`](Self::ignored) tells which.
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    keys: Vec<VerifyingKey>,
    ignored: Vec<Ignored>,
}

/// A key of a set that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// Its place in the set, from 0.
    pub position: usize,
    /// Why.
    pub reason: InvalidKey,
}

impl JwkSet {
    /// The longest set that is read, in bytes.
    pub const MAX_LEN: usize = 1024 * 1024;
    /// The most keys that a set may have.
    pub const MAX_KEYS: usize = 100;
    /// How many keys are tried on one token at most, where its `kid` does not tell which.
    pub const MAX_TRIED: usize = 8;

    /// Reads a set.
    ///
    /// # Errors
    /// [`InvalidKeySet`] if it is none, or too large. That no key in it can be used is no error here: see
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

    /// The keys that can be used.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Those that cannot, and why.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed a token with this header: for its algorithm, and by its `kid`. Where the token has
    /// none, or a key, the algorithm decides, and the first [`MAX_TRIED`](Self::MAX_TRIED) are given.
    pub fn candidates(&self, header: &Header) -> impl Iterator<Item = &VerifyingKey> {
        let fits = move |key: &&VerifyingKey| match (key.id(), header.key_id()) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        };
        let keys = self.keys.iter().filter(|key| key.is_for(header.algorithm()));
        keys.filter(fits).take(Self::MAX_TRIED)
    }

    /// Whether there is a key of this name, for whichever algorithm.
    pub fn has_id(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
    }

    /// Whether this key is in the set, by the same name and for the same algorithms.
    pub fn contains(&self, key: &VerifyingKey) -> bool {
        self.keys.iter().any(|own| own.is_same(key))
    }
}

impl FromIterator<VerifyingKey> for JwkSet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), ignored: Vec::new() }
    }
}
