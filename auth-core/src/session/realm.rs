//! Which site a session belongs to.

use std::fmt;
use std::sync::Arc;

use crate::BackendName;
use crate::user::is_plain_name;

/// The site that a session belongs to, by a name that is its own where several keep their sessions in one store.
///
/// Ids of users, and even their stamps, may be equal on two sites. A record of another realm is nobody's here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
// Thin: each session in memory holds one.
pub struct Realm(Arc<Box<str>>);

impl Realm {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = BackendName::MAX_LEN;

    /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    pub fn new(name: &str) -> Option<Self> {
        is_plain_name(name).then(|| Self(Arc::new(name.into())))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self.0, f)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
