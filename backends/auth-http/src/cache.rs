//! [`AnswerCache`]: answers that are reused for a short while.

use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::backend::{AnswerName, Answers};
use auth_core::time::Timestamp;

/// How long, and how many, answers are kept and reused. Off unless configured.
///
/// **A change at the authority takes effect here up to [`ttl`](Self::ttl) later**: a disabled user, a new password
/// (the old one still works), a revoked token.
///
/// Answers are stored under a keyed hash of the credentials with a random key of this process: neither passwords nor
/// tokens are kept. Only answers that accept are kept, each up to 4 KiB. A wrong password is never kept, because it
/// may be the right one a moment later, and because guesses would push out good answers.
/// ([`IntrospectionBuilder::cache`](crate::IntrospectionBuilder::cache) says what is kept about tokens that are not
/// active.)
///
/// ```
/// use std::time::Duration;
///
/// use auth_http::AnswerCache;
///
/// const ANSWERS: AnswerCache = AnswerCache::new().ttl(Duration::from_secs(10)).capacity(50_000);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AnswerCache {
    ttl: Duration,
    capacity: usize,
}

impl AnswerCache {
    /// How long an answer is kept, unless set.
    pub const TTL: Duration = Duration::from_secs(30);
    /// The longest [`ttl`](Self::ttl): whatever is configured, a disabled user is out within a minute.
    pub const MAX_TTL: Duration = Duration::from_secs(60);
    /// How many answers are kept, unless set: 40 MiB at most.
    pub const CAPACITY: usize = 10_000;
    /// The largest [`capacity`](Self::capacity).
    pub const MAX_CAPACITY: usize = 1_000_000;
    /// The longest answer that is kept, in bytes.
    pub const MAX_LEN: usize = 4 * 1024;

    /// Keeps 10,000 answers for 30 s.
    pub const fn new() -> Self {
        Self { ttl: Self::TTL, capacity: Self::CAPACITY }
    }

    /// Sets how long an answer is kept, counted from the request: above zero, at most [`MAX_TTL`](Self::MAX_TTL).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let answers = auth_http::AnswerCache::new().ttl(Duration::from_secs(10));
    /// ```
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how many answers are kept: 1 to [`MAX_CAPACITY`](Self::MAX_CAPACITY). While all places hold answers that
    /// are still good, new ones are not kept.
    ///
    /// ```
    /// let answers = auth_http::AnswerCache::new().capacity(50_000);
    /// ```
    pub const fn capacity(mut self, answers: usize) -> Self {
        self.capacity = answers;
        self
    }

    /// The same for a shorter time and fewer answers.
    pub(crate) fn at_most(self, ttl: Duration, capacity: usize) -> Self {
        Self { ttl: self.ttl.min(ttl), capacity: self.capacity.min(capacity) }
    }
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self::new()
    }
}

/// The answers that are kept.
pub(crate) struct Kept {
    settings: AnswerCache,
    answers: Answers<[u8]>,
}

impl Kept {
    pub(crate) fn new(settings: AnswerCache) -> Result<Self, ConfigError> {
        if settings.ttl.is_zero() || settings.ttl > AnswerCache::MAX_TTL {
            return Err(ConfigError::new("answers are kept for more than zero and at most 60 s"));
        }
        if !(1..=AnswerCache::MAX_CAPACITY).contains(&settings.capacity) {
            return Err(ConfigError::new("a cache has room for 1 to 1,000,000 answers"));
        }
        Ok(Self { settings, answers: Answers::new(settings.capacity)? })
    }

    pub(crate) fn name(&self, parts: &[&str]) -> AnswerName {
        self.answers.name(parts)
    }

    pub(crate) fn get(&self, name: &AnswerName, now: Timestamp) -> Option<Arc<[u8]>> {
        self.answers.get(name, now)
    }

    /// Keeps an answer to a request sent at `asked`, for the ttl and not beyond `end`.
    pub(crate) fn put(&self, name: AnswerName, answer: &[u8], asked: Timestamp, end: Option<Timestamp>) {
        let last = asked.plus(self.settings.ttl);
        if answer.len() <= AnswerCache::MAX_LEN {
            self.answers.put(name, answer.into(), asked, end.map_or(last, |end| end.min(last)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    #[test]
    fn answers_end() {
        let cache = Kept::new(AnswerCache::new()).unwrap();
        let name = cache.name(&["token"]);
        let is_kept = |secs| cache.get(&name, at(secs)).is_some();
        cache.put(name, b"{}", at(10), None);
        assert!(is_kept(10) && is_kept(39) && !is_kept(40), "the ttl");
        assert!(!is_kept(9), "a clock that went back");
        cache.put(name, b"{}", at(10), Some(at(15)));
        assert!(is_kept(14) && !is_kept(15), "their own end");
        cache.put(name, b"{}", at(10), Some(at(1_000)));
        assert!(!is_kept(40), "an end that is far off");
        let long = cache.name(&["long"]);
        cache.put(long, &[b' '; AnswerCache::MAX_LEN + 1], at(10), None);
        assert!(cache.get(&long, at(10)).is_none());
    }

    #[test]
    fn settings_are_bounded() {
        let table = [
            ("no time", AnswerCache::new().ttl(Duration::ZERO)),
            ("too long", AnswerCache::new().ttl(Duration::from_secs(61))),
            ("no place", AnswerCache::new().capacity(0)),
            ("too many", AnswerCache::new().capacity(1_000_001)),
        ];
        for (name, settings) in table {
            assert!(Kept::new(settings).is_err(), "{name}");
        }
    }
}
