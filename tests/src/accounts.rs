//! The users of the test sites.

use auth_core::{User, UserId};

/// A user with everything that a test may want to change.
#[derive(Clone, Debug)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The name that pages show.
    pub name: String,
    /// The security stamp.
    pub stamp: Vec<u8>,
    /// Whether the account is enabled.
    pub active: bool,
    /// What the account may do.
    pub permissions: &'static [&'static str],
}

impl Account {
    /// An enabled account without permissions.
    pub fn new(id: i64, name: &str) -> Self {
        let stamp = format!("stamp of {name}").into_bytes();
        Self { id: UserId::from(id), name: name.into(), stamp, active: true, permissions: &[] }
    }

    /// The account with these permissions.
    #[must_use]
    pub fn may(mut self, permissions: &'static [&'static str]) -> Self {
        self.permissions = permissions;
        self
    }
}

impl User for Account {
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
        self.permissions.contains(&permission)
    }
}
