//! A user for tests of applications that have no other at hand.

use std::collections::BTreeSet;

use auth_core::{User, UserId};

/// A user for tests: whatever [`User`] asks for can be set.
///
/// If a test can build the application's user, take that one: then the code under test sees what it sees in production.
/// This one is for libraries, and for handlers that are generic over the user.
///
/// ```
/// use auth_core::User;
/// use auth_test::TestUser;
///
/// let alice = TestUser::new("alice").with_permission("members");
/// assert_eq!(alice.id().as_str(), "alice");
/// assert!(alice.has_permission("members") && !alice.has_permission("staff") && alice.is_active());
///
/// let root = TestUser::new("root").with_id(0).with_every_permission();
/// assert!(root.has_permission("whatever"));
/// assert!(!TestUser::new("mallory").disabled().is_active());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TestUser {
    id: UserId,
    name: String,
    stamp: Vec<u8>,
    is_active: bool,
    permissions: BTreeSet<String>,
    holds_every_permission: bool,
}

impl TestUser {
    /// An active user without permissions. The id is the name, unless [`with_id`](Self::with_id) says something else.
    ///
    /// # Panics
    /// If the name is empty, or longer than [`UserId::MAX_LEN`].
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let id = UserId::new(name.as_str()).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        Self {
            id,
            name,
            stamp: b"test stamp".to_vec(),
            is_active: true,
            permissions: BTreeSet::new(),
            holds_every_permission: false,
        }
    }

    /// With this id.
    pub fn with_id(mut self, id: impl Into<UserId>) -> Self {
        self.id = id.into();
        self
    }

    /// With this permission as well.
    pub fn with_permission(mut self, permission: impl Into<String>) -> Self {
        self.permissions.insert(permission.into());
        self
    }

    /// With these permissions as well.
    pub fn with_permissions<P: Into<String>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.permissions.extend(permissions.into_iter().map(Into::into));
        self
    }

    /// With every permission there is, as a superuser.
    pub fn with_every_permission(mut self) -> Self {
        self.holds_every_permission = true;
        self
    }

    /// With this [security stamp](User::security_stamp): another one is what a changed password leaves behind.
    pub fn with_stamp(mut self, stamp: impl Into<Vec<u8>>) -> Self {
        self.stamp = stamp.into();
        self
    }

    /// Not active: may neither sign in nor stay signed in.
    pub fn disabled(mut self) -> Self {
        self.is_active = false;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl User for TestUser {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn has_permission(&self, permission: &str) -> bool {
        self.holds_every_permission || self.permissions.contains(permission)
    }
}
