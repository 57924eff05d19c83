//! Tokens that were verified, so that the next use of one costs little.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth_core::ConfigError;
use auth_core::backend::Identity;
use auth_core::random::{OsRandom, Random};
use auth_core::time::Timestamp;
use auth_jws::VerifyingKey;
use zeroize::{Zeroize, Zeroizing};

use crate::revocation::Issued;

/// What a token came to.
pub(crate) struct Good {
    pub(crate) identity: Identity,
    pub(crate) issued: Arc<Issued>,
    /// What it was verified with. Without that, it is good for nothing.
    pub(crate) key: VerifyingKey,
    /// When it was judged.
    pub(crate) judged: Timestamp,
    /// Its `exp`.
    pub(crate) until: Timestamp,
}

/// A keyed hash of a token, under a random key of this process: no token is kept.
pub(crate) type Name = [u8; 32];

pub(crate) struct Cache {
    key: Zeroizing<[u8; 32]>,
    capacity: usize,
    entries: Mutex<HashMap<Name, Arc<Good>>>,
}

impl Cache {
    /// Longer tokens are not kept, in bytes.
    pub(crate) const MAX_LEN: usize = 4 * 1024;

    pub(crate) fn new(capacity: usize) -> Result<Self, ConfigError> {
        let mut key = Zeroizing::new([0; 32]);
        OsRandom.fill(&mut *key).map_err(|error| ConfigError::new(format!("no key for a cache: {error}")))?;
        Ok(Self { key, capacity, entries: Mutex::default() })
    }

    /// The name of a token; `None` if it is not to be kept.
    pub(crate) fn name(&self, token: &str) -> Option<Name> {
        if self.capacity == 0 || token.len() > Self::MAX_LEN {
            return None;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(token.as_bytes());
        let name = *hasher.finalize().as_bytes();
        // The state holds the key, and the end of the token.
        hasher.zeroize();
        Some(name)
    }

    pub(crate) fn get(&self, name: &Name, now: Timestamp) -> Option<Arc<Good>> {
        self.lock().get(name).filter(|good| is_in_time(good, now)).cloned()
    }

    /// Keeps one. When all places are taken by tokens that are still good, new ones are not kept.
    pub(crate) fn put(&self, name: Name, good: Arc<Good>) {
        if good.until <= good.judged {
            return;
        }
        let mut entries = self.lock();
        if entries.len() >= self.capacity && !entries.contains_key(&name) {
            entries.retain(|_, kept| is_in_time(kept, good.judged));
        }
        if entries.len() < self.capacity || entries.contains_key(&name) {
            entries.insert(name, good);
        }
    }

    // Nothing in here can panic half-way: a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Good>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that went back behind the judgement has it judged again: it may be early for its `nbf`.
fn is_in_time(good: &Good, now: Timestamp) -> bool {
    good.judged <= now && now < good.until
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn good(judged: u64, until: u64) -> Arc<Good> {
        let issued = Issued { issuer: "i".into(), subject: "s".into(), id: None, at: None };
        Arc::new(Good {
            identity: Identity::new("i", "s"),
            issued: Arc::new(issued),
            key: VerifyingKey::hmac(&[7; 32], auth_jws::Algorithm::Hs256).unwrap(),
            judged: at(judged),
            until: at(until),
        })
    }

    #[test]
    fn tokens_end() {
        let cache = Cache::new(10).unwrap();
        let name = cache.name("token").unwrap();
        cache.put(name, good(10, 20));
        let is_kept = |secs| cache.get(&name, at(secs)).is_some();
        assert!(is_kept(10) && is_kept(19) && !is_kept(20), "its end");
        assert!(!is_kept(9), "a clock that went back");
        assert!(cache.get(&cache.name("tokem").unwrap(), at(10)).is_none());
    }

    #[test]
    fn places_are_bounded() {
        let cache = Cache::new(2).unwrap();
        let names = ["a", "b", "c"].map(|token| cache.name(token).unwrap());
        for name in names {
            cache.put(name, good(0, 10));
        }
        let is_kept = |at_name: usize, secs| cache.get(&names[at_name], at(secs)).is_some();
        assert!(is_kept(0, 1) && is_kept(1, 1) && !is_kept(2, 1), "those who are in stay in");
        cache.put(names[0], good(2, 30));
        assert!(is_kept(0, 29), "its own place it has");
        cache.put(names[2], good(10, 20));
        assert!(is_kept(2, 10) && !is_kept(1, 9), "what ended makes room");
        assert_eq!(cache.lock().len(), 2);
        assert!(Cache::new(0).unwrap().name("a").is_none(), "off");
        assert!(cache.name(&"a".repeat(Cache::MAX_LEN + 1)).is_none(), "too long");
        assert_ne!(cache.name("a"), Cache::new(1).unwrap().name("a"), "the key is random");
    }
}
