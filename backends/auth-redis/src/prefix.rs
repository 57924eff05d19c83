//! Names of the server's keys.

use std::fmt;

use auth_core::session::SessionKey;
use auth_core::throttle::BucketKey;
use auth_core::{BackendName, ConfigError, UserId};

use crate::scripts::Argument;

/// What every key begins with: a name in braces, so that a cluster keeps all of them in one slot.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Prefix(Box<str>);

impl Prefix {
    const MAX_LEN: usize = 64;

    pub(crate) fn new(name: &str) -> Result<Self, ConfigError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if (1..=Self::MAX_LEN).contains(&name.len()) && name.bytes().all(plain) {
            return Ok(Self(format!("{{{name}}}:").into()));
        }
        let shown: String = name.chars().take(80).collect();
        Err(ConfigError::new(format!(
            "{shown:?} is not a valid prefix for keys: use 1 to 64 ASCII letters, digits, `-`, `_`, `.` or `:`"
        )))
    }

    /// The prefix for the scripts, which derive the other keys from it.
    pub(crate) fn argument(&self) -> Argument<'_> {
        (*self.0).into()
    }

    /// The key of a session, or of an alias.
    pub(crate) fn session(&self, key: &SessionKey) -> Vec<u8> {
        [self.0.as_bytes(), b"s:", key.as_bytes()].concat()
    }

    /// The key of the index of a user's sessions.
    pub(crate) fn user(&self, backend: &BackendName, user: &UserId) -> Vec<u8> {
        [&self.0, "u:", backend.as_str(), ":", user.as_str()].concat().into_bytes()
    }

    /// The key of a throttle's counter.
    pub(crate) fn bucket(&self, key: &BucketKey) -> Vec<u8> {
        [self.0.as_bytes(), b"t:", key.as_bytes()].concat()
    }

    /// The key of a used id.
    pub(crate) fn once(&self, key: &[u8; 32]) -> Vec<u8> {
        [self.0.as_bytes(), b"o:", key].concat()
    }

    /// The key of the index of an account's counters.
    pub(crate) fn account(&self, backend: &str, id: &str) -> Vec<u8> {
        [&self.0, "ta:", backend, ":", id].concat().into_bytes()
    }

    /// The key of the index of delaying counters of accounts, ordered by the end of the delay.
    pub(crate) fn delaying(&self) -> Vec<u8> {
        [&self.0, "td"].concat().into_bytes()
    }

    /// The key of the index of all sessions, ordered by their end.
    pub(crate) fn expiry(&self) -> Vec<u8> {
        [&self.0, "expiry"].concat().into_bytes()
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("{auth}:".into())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2011-4136, CVE-2020-13254: nothing in a prefix can end it, or reach another slot.
    #[test]
    fn only_plain_names_are_taken() {
        for good in ["a", "auth", "shop:eu.1-b_2", &"x".repeat(64)] {
            assert_eq!(&*Prefix::new(good).unwrap().0, format!("{{{good}}}:"));
        }
        for bad in ["", "a b", "{", "a}b", "a\0", "a\r\nb", "ä", "*", &"x".repeat(65)] {
            let error = Prefix::new(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "names the culprit: {error}");
        }
    }

    /// A session's key is told apart from an index by what it begins with, whatever bytes it has.
    #[test]
    fn keys_cannot_meet() {
        let prefix = Prefix::default();
        let key = SessionKey::from_bytes([b':'; 32]);
        assert!(prefix.session(&key).starts_with(b"{auth}:s:"));
        let local = BackendName::new("local").unwrap();
        assert_eq!(prefix.user(&local, &UserId::from(7)), b"{auth}:u:local:7");
        assert_eq!(prefix.expiry(), b"{auth}:expiry");
    }
}
