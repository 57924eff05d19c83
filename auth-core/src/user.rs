//! The application's user, and the ids that refer to one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The application's user type, as the chain and the sessions need it.
///
/// ```
/// use auth_core::{User, UserId};
///
/// struct Member { id: i64, stamp: [u8; 32], enabled: bool, rights: Vec<String> }
///
/// impl User for Member {
///     fn id(&self) -> UserId {
///         self.id.into()
///     }
///     fn security_stamp(&self) -> &[u8] {
///         &self.stamp
///     }
///     fn is_active(&self) -> bool {
///         self.enabled
///     }
///     fn has_permission(&self, permission: &str) -> bool {
///         self.rights.iter().any(|right| right == permission)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `User`",
    label = "no `User`",
    note = "implement `User` for the application's own type: `id`, `security_stamp` and `is_active`",
    note = "an `Arc` or a reference of a user is none: name the type itself, which is shared wherever it is kept"
)]
pub trait User: Send + Sync + 'static {
    /// The id by which the backend's [`get_user`](crate::backend::UserSource::get_user) finds this user again.
    fn id(&self) -> UserId;

    /// Bytes that change when all sessions of this user must end: password changed, "log out everywhere".
    ///
    /// Renewing the hash of the same password must not change them. Best is a random value that is drawn anew on each
    /// of those occasions. It never leaves the server (sessions store a keyed hash).
    fn security_stamp(&self) -> &[u8];

    /// Whether this user may sign in and stay signed in. Checked at the login and on every request.
    fn is_active(&self) -> bool;

    /// Whether this user holds `permission`. `false`, unless the application implements it.
    fn has_permission(&self, permission: &str) -> bool {
        let _ = permission;
        false
    }
}

/// A user's id as text of 1 to 255 bytes: a number, a UUID, a name. Cheap to clone.
///
/// ```
/// use auth_core::UserId;
///
/// let id = UserId::from(42);
/// assert_eq!(id.parse::<i64>(), Some(42));
/// assert!(UserId::new("").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

impl UserId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Uses this text as an id.
    ///
    /// ```
    /// # use auth_core::UserId;
    /// assert!(UserId::new("7f1c").is_ok());
    /// assert!(UserId::new("").is_err());
    /// ```
    ///
    /// # Errors
    /// [`InvalidUserId`] if it is empty or longer than [`Self::MAX_LEN`] bytes.
    pub fn new(id: impl Into<Arc<str>>) -> Result<Self, InvalidUserId> {
        let id = id.into();
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(InvalidUserId);
        }
        Ok(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the application's key type; `None` if it is not one.
    ///
    /// ```
    /// # use auth_core::UserId;
    /// assert_eq!(UserId::from(7).parse::<i64>(), Some(7));
    /// assert_eq!(UserId::new("seven")?.parse::<i64>(), None);
    /// # Ok::<(), auth_core::InvalidUserId>(())
    /// ```
    pub fn parse<T: FromStr>(&self) -> Option<T> {
        self.0.parse().ok()
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for UserId {
            fn from(id: $integer) -> Self {
                Self(id.to_string().into())
            }
        }
    )*};
}
from_integer!(i32, i64, u32, u64, u128);

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a user id: it is empty, or longer than [`UserId::MAX_LEN`] bytes.
///
/// ```
/// # use auth_core::UserId;
/// let error = UserId::new("").unwrap_err();
/// assert_eq!(error.to_string(), "a user id has 1 to 255 bytes");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUserId;

impl fmt::Display for InvalidUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user id has 1 to 255 bytes")
    }
}

impl std::error::Error for InvalidUserId {}

/// The configured name of a backend. A session stores it, to know which backend vouched for its user.
///
/// ```
/// use auth_core::BackendName;
///
/// assert_eq!(BackendName::new("local").as_ref().map(BackendName::as_str), Some("local"));
/// assert!(BackendName::new("two words").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendName(Arc<str>);

impl BackendName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The name, if it has 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    ///
    /// ```
    /// # use auth_core::BackendName;
    /// assert!(BackendName::new("staff").is_some() && BackendName::new("").is_none());
    /// ```
    pub fn new(name: &str) -> Option<Self> {
        is_plain_name(name).then(|| Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The characters of names of backends and realms: stores join both with ids of users, and separate them by
/// characters that no name contains.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=BackendName::MAX_LEN).contains(&name.len()) && name.bytes().all(plain)
}

impl fmt::Debug for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded() {
        assert!(UserId::new("").is_err());
        assert!(UserId::new("x".repeat(255)).is_ok());
        assert!(UserId::new("x".repeat(256)).is_err());
    }

    #[test]
    fn backend_names_are_plain() {
        for good in ["local", "ldap.corp-1_b", &"x".repeat(64)] {
            assert!(BackendName::new(good).is_some(), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            assert!(BackendName::new(bad).is_none(), "{bad}");
        }
    }
}
