//! Verified tokens, so that the next use of one is cheap.

use std::sync::Arc;

use auth_core::ConfigError;
use auth_core::backend::{AnswerName, Answers, Identity};
use auth_core::time::Timestamp;
use auth_jws::VerifyingKey;

use crate::revocation::Issued;

/// The result of verifying a token.
pub(crate) struct Good {
    pub(crate) identity: Identity,
    pub(crate) issued: Arc<Issued>,
    /// The key that verified it. Without that key, the token is no longer good.
    pub(crate) key: VerifyingKey,
    /// When it was verified. If the clock is set back behind that, the token is verified again: it may be too early
    /// for its `nbf`.
    pub(crate) judged: Timestamp,
    /// Its `exp`.
    pub(crate) until: Timestamp,
}

/// The results for tokens, each up to its expiry.
pub(crate) struct Cache {
    is_on: bool,
    answers: Answers<Good>,
}

impl Cache {
    /// The longest token that is remembered, in bytes.
    pub(crate) const MAX_LEN: usize = 4 * 1024;

    pub(crate) fn new(capacity: usize) -> Result<Self, ConfigError> {
        Ok(Self { is_on: capacity > 0, answers: Answers::new(capacity)? })
    }

    /// The key of a token; `None` if it is not to be remembered.
    pub(crate) fn name(&self, token: &str) -> Option<AnswerName> {
        (self.is_on && token.len() <= Self::MAX_LEN).then(|| self.answers.name(&[token]))
    }

    pub(crate) fn get(&self, name: &AnswerName, now: Timestamp) -> Option<Arc<Good>> {
        self.answers.get(name, now)
    }

    pub(crate) fn put(&self, name: AnswerName, good: Arc<Good>) {
        let (judged, until) = (good.judged, good.until);
        self.answers.put(name, good, judged, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(judged: u64, until: u64) -> Arc<Good> {
        let issued = Issued { issuer: "i".into(), subject: "s".into(), id: None, at: None };
        Arc::new(Good {
            identity: Identity::new("i", "s"),
            issued: Arc::new(issued),
            key: VerifyingKey::hmac(&[7; 32], auth_jws::Algorithm::Hs256).unwrap(),
            judged: Timestamp::from_secs(judged),
            until: Timestamp::from_secs(until),
        })
    }

    #[test]
    fn tokens_end() {
        let cache = Cache::new(10).unwrap();
        let name = cache.name("token").unwrap();
        cache.put(name, good(10, 20));
        let is_kept = |secs| cache.get(&name, Timestamp::from_secs(secs)).is_some();
        assert!(is_kept(10) && is_kept(19) && !is_kept(20), "its end");
        assert!(!is_kept(9), "a clock that went back");
    }

    #[test]
    fn some_are_not_kept() {
        assert!(Cache::new(0).unwrap().name("a").is_none(), "off");
        let cache = Cache::new(2).unwrap();
        assert!(cache.name(&"a".repeat(Cache::MAX_LEN)).is_some());
        assert!(cache.name(&"a".repeat(Cache::MAX_LEN + 1)).is_none(), "too long");
    }
}
