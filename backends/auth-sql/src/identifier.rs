//! Names of tables and columns.

use std::fmt::Write;

use auth_core::ConfigError;

use crate::driver::Dialect;

/// A name of a table or column: a letter or `_`, then at most 62 letters, digits or `_`. Nothing else gets into the
/// text of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier(Box<str>);

impl Identifier {
    const MAX_LEN: usize = 63;

    pub(crate) fn new(name: &str) -> Result<Self, ConfigError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if starts && name.len() <= Self::MAX_LEN && name.bytes().all(plain) {
            return Ok(Self(name.into()));
        }
        let shown: String = name.chars().take(80).collect();
        Err(ConfigError::new(format!(
            "{shown:?} is not a valid name for a table or column: \
             use a letter or `_`, then up to 62 letters, digits or `_`"
        )))
    }

    /// A name from the source of this crate.
    pub(crate) fn fixed(name: &'static str) -> Self {
        debug_assert!(Self::new(name).is_ok());
        Self(name.into())
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a database may take both for the same name.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The quoted name, which may therefore be a keyword of SQL.
    pub(crate) fn quoted(&self, dialect: &Dialect) -> String {
        let mut quoted = String::with_capacity(self.0.len() + 2);
        // Writing to a String does not fail.
        let _ = write!(quoted, "{q}{}{q}", self.0, q = dialect.quote);
        quoted
    }

    /// This name with a suffix, for an index.
    pub(crate) fn with_ending(&self, ending: &str) -> Self {
        let kept = self.0.len().min(Self::MAX_LEN - ending.len());
        Self(format!("{}{ending}", &self.0[..kept]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        for good in ["a", "_", "auth_users", "T1", &"x".repeat(63)] {
            assert!(Identifier::new(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "1a",
            "a b",
            "a;b",
            "a`b",
            "a\"b",
            "a'b",
            "a.b",
            "a-b",
            "a--",
            "a?",
            "ä",
            "a\0",
            "a\n",
            "users;DROP",
            &"x".repeat(64),
        ];
        for bad in bad {
            let error = Identifier::new(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "names the culprit: {error}");
        }
    }

    #[test]
    fn endings_keep_names_short_enough() {
        let name = Identifier::new(&"x".repeat(63)).unwrap().with_ending("_expires");
        assert!(Identifier::new(&name.0).is_ok());
        assert!(name.0.ends_with("_expires"));
    }
}
