//! Names of keys that an issuer does not have.

use std::collections::HashMap;
use std::time::Duration;

use auth_core::time::Timestamp;

/// How many are remembered.
pub(crate) const CAPACITY: usize = 128;
/// For how long.
pub(crate) const TTL: Duration = Duration::from_secs(300);

/// Names that a fetch did not find. A client that invents names pushes out only invented names.
#[derive(Default)]
pub(crate) struct Unknown(HashMap<Box<str>, Timestamp>);

impl Unknown {
    pub(crate) fn contains(&self, id: &str, now: Timestamp) -> bool {
        self.0.get(id).is_some_and(|since| is_fresh(*since, now))
    }

    pub(crate) fn insert(&mut self, id: &str, now: Timestamp) {
        if self.0.len() >= CAPACITY && !self.0.contains_key(id) {
            self.0.retain(|_, since| is_fresh(*since, now));
        }
        if self.0.len() >= CAPACITY && !self.0.contains_key(id) {
            let oldest = self.0.iter().min_by_key(|(_, since)| **since).map(|(id, _)| id.clone());
            oldest.map(|id| self.0.remove(&id));
        }
        self.0.insert(id.into(), now);
    }
}

/// A clock that was set back must not prolong anything.
fn is_fresh(since: Timestamp, now: Timestamp) -> bool {
    since <= now && now.since(since) < TTL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    #[test]
    fn names_are_bounded_and_end() {
        let mut unknown = Unknown::default();
        for n in 0..10_000 {
            unknown.insert(&n.to_string(), at(n / 100));
        }
        assert_eq!(unknown.0.len(), CAPACITY);
        assert!(unknown.contains("9999", at(100)) && !unknown.contains("0", at(100)), "the oldest goes");
        assert!(unknown.contains("9999", at(398)) && !unknown.contains("9999", at(399)));
        assert!(!unknown.contains("9999", at(98)), "a clock that went back");
        unknown.insert("new", at(1_000));
        assert_eq!(unknown.0.len(), 1, "what has ended makes room");
    }
}
