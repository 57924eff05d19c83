//! [`Secret`]: text that must not leak.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password or another secret text.
///
/// It is wiped from memory when dropped, its `Debug` is redacted, and it has no `Display`, no `Serialize` and no
/// `==`: the ways in which secrets get into logs, responses and timing leaks do not compile.
///
/// ```
/// use auth_core::Secret;
///
/// let password = Secret::new("correct horse");
/// assert!(!format!("{password:?}").contains("horse"));
/// assert_eq!((password.expose(), password.len()), ("correct horse", 13));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of `text` and wipes it on drop.
    ///
    /// ```
    /// # use auth_core::Secret;
    /// let key = Secret::new(std::env::var("API_KEY").unwrap_or_default());
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. A review should look at every call.
    ///
    /// ```
    /// # use auth_core::Secret;
    /// assert_eq!(Secret::new("correct horse").expose(), "correct horse");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_wiped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&Secret::new("canary-7f3a").0);
    }

    #[test]
    fn debug_is_redacted() {
        let shown = format!("{:?}", Secret::new("canary-7f3a"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
