//! [`SqlUser`]: a row of the user table.

use std::fmt;
use std::sync::Arc;

use auth_core::{User, UserId};

/// A user as the table holds it. Cheap to clone.
#[derive(Clone)]
pub struct SqlUser {
    pub(crate) id: UserId,
    pub(crate) username: Arc<str>,
    pub(crate) active: bool,
    pub(crate) stamp: Arc<[u8]>,
    /// Sorted.
    pub(crate) permissions: Arc<[Box<str>]>,
}

impl SqlUser {
    /// The name as it was given when the user was created.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The permissions, sorted.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.iter().map(|permission| &**permission)
    }
}

impl User for SqlUser {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.binary_search_by(|held| (**held).cmp(permission)).is_ok()
    }
}

impl fmt::Debug for SqlUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlUser")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("active", &self.active)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}
