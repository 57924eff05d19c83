//! What credentials may be used for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What credentials may be used for: scopes of OAuth 2.0 (RFC 6749 §3.3), or everything.
///
/// The default is none. A session has all, because only a person's proof begins one.
///
/// ```
/// use auth_core::grant::Scopes;
///
/// let scopes = Scopes::parse("orders:read orders:write")?;
/// assert!(scopes.contains("orders:read") && !scopes.contains("orders"));
/// # Ok::<(), auth_core::grant::InvalidScopes>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Scopes(Granted);

#[derive(Clone, Default, PartialEq, Eq)]
enum Granted {
    #[default]
    Nothing,
    /// Shared: each request with a key or a token has a copy.
    These(Arc<BTreeSet<Box<str>>>),
    Everything,
}

impl Scopes {
    /// How many scopes there may be.
    pub const MAX: usize = 100;
    /// How long they may be in total, in bytes.
    pub const MAX_LEN: usize = 4 * 1024;

    /// Nothing at all.
    pub const fn none() -> Self {
        Self(Granted::Nothing)
    }

    /// Everything that the user may do.
    pub const fn all() -> Self {
        Self(Granted::Everything)
    }

    /// Parses scopes separated by blanks, as in a token or its introspection.
    ///
    /// ```
    /// # use auth_core::grant::Scopes;
    /// assert!(Scopes::parse("orders:read orders:write").is_ok());
    /// assert!(Scopes::parse("\"all\"").is_err());
    /// ```
    ///
    /// # Errors
    /// [`InvalidScopes`] if one contains an invalid character (RFC 6749 §3.3: visible ASCII without `"` and `\`), or
    /// there are too many.
    pub fn parse(text: &str) -> Result<Self, InvalidScopes> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidScopes);
        }
        let scopes: BTreeSet<Box<str>> =
            text.split(' ').filter(|scope| !scope.is_empty()).map(Into::into).collect();
        if scopes.len() > Self::MAX || !scopes.iter().all(|scope| scope.bytes().all(is_of_scope)) {
            return Err(InvalidScopes);
        }
        Ok(Self(if scopes.is_empty() { Granted::Nothing } else { Granted::These(Arc::new(scopes)) }))
    }

    /// Whether this scope is granted. It is compared byte for byte.
    ///
    /// ```
    /// # use auth_core::grant::Scopes;
    /// assert!(Scopes::all().contains("orders:read"));
    /// assert!(!Scopes::none().contains("orders:read"));
    /// ```
    pub fn contains(&self, scope: &str) -> bool {
        match &self.0 {
            Granted::Nothing => false,
            Granted::These(scopes) => scopes.contains(scope),
            Granted::Everything => true,
        }
    }

    /// The scopes that pass. `all` stays `all`, since the user's permissions limit it.
    pub(crate) fn held_by(self, holds: impl Fn(&str) -> bool) -> Self {
        let Granted::These(scopes) = &self.0 else { return self };
        // Nearly always; then nothing is copied.
        if scopes.iter().all(|scope| holds(scope)) {
            return self;
        }
        let held: BTreeSet<_> = scopes.iter().filter(|scope| holds(scope)).cloned().collect();
        Self(if held.is_empty() { Granted::Nothing } else { Granted::These(Arc::new(held)) })
    }

    /// Whether nothing is granted.
    pub fn is_none(&self) -> bool {
        self.0 == Granted::Nothing
    }

    /// Whether everything is granted.
    pub fn is_all(&self) -> bool {
        self.0 == Granted::Everything
    }

    /// The scopes by name, sorted; empty if nothing or everything is granted.
    ///
    /// ```
    /// # use auth_core::grant::Scopes;
    /// let scopes = Scopes::parse("orders:write orders:read")?;
    /// assert!(scopes.iter().eq(["orders:read", "orders:write"]));
    /// # Ok::<(), auth_core::grant::InvalidScopes>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let these = match &self.0 {
            Granted::These(scopes) => Some(&**scopes),
            Granted::Nothing | Granted::Everything => None,
        };
        these.into_iter().flatten().map(|scope| &**scope)
    }
}

/// `%x21 / %x23-5B / %x5D-7E`
fn is_of_scope(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"\\".contains(&byte)
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Granted::Nothing => f.write_str("Scopes(none)"),
            Granted::These(scopes) => f.debug_tuple("Scopes").field(scopes).finish(),
            Granted::Everything => f.write_str("Scopes(all)"),
        }
    }
}

/// The text does not consist of scopes.
///
/// ```
/// # use auth_core::grant::{InvalidScopes, Scopes};
/// assert_eq!(Scopes::parse("\"all\"").unwrap_err(), InvalidScopes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidScopes;

impl fmt::Display for InvalidScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scopes are at most 100 names of visible ASCII without quotes and backslashes, separated by blanks")
    }
}

impl std::error::Error for InvalidScopes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_kept() {
        let many = (0..101).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        let long = "x".repeat(Scopes::MAX_LEN + 1);
        let table: [(&str, &str, Option<&[&str]>); 11] = [
            ("nothing", "", Some(&[])),
            ("blanks", "  ", Some(&[])),
            ("one", "read", Some(&["read"])),
            ("several, sorted, once", "write read  write", Some(&["read", "write"])),
            ("all characters", "!#[]~:/", Some(&["!#[]~:/"])),
            ("a quote", "a\"b", None),
            ("a backslash", "a\\b", None),
            ("a tab", "a\tb", None),
            ("not ASCII", "é", None),
            ("too many", &many, None),
            ("too long", &long, None),
        ];
        for (name, text, expected) in table {
            let found = Scopes::parse(text).ok();
            let found = found.as_ref().map(|scopes| scopes.iter().collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_granted() {
        let read = Scopes::parse("read").unwrap();
        assert!(read.contains("read") && !read.contains("READ") && !read.contains(""));
        assert!(Scopes::all().contains("anything") && Scopes::all().is_all());
        assert!(!Scopes::default().contains("read") && Scopes::default().is_none());
        assert_eq!(Scopes::parse(" ").unwrap(), Scopes::none());
    }
}
