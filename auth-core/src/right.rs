//! What a user may do.

use std::fmt;

/// Something that a user may do: a permission, or a flag such as `is_staff` in a column of its own.
///
/// Flags are sensitive, and so is what [`guard_last`](crate::provisioning::ProvisioningBuilder::guard_last) names: groups take
/// them, but give them only if [`allow_raising`](crate::provisioning::ProvisioningBuilder::allow_raising) says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// What [`User::has_permission`](crate::User::has_permission) answers to.
    Permission(Box<str>),
    /// A truth value of the user.
    Flag(Box<str>),
}

impl Right {
    /// The permission of this name.
    pub fn permission(name: impl Into<Box<str>>) -> Self {
        Self::Permission(name.into())
    }

    /// The flag of this name.
    pub fn flag(name: impl Into<Box<str>>) -> Self {
        Self::Flag(name.into())
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Permission(name) | Self::Flag(name) => name,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission(name) => write!(f, "permission {name:?}"),
            Self::Flag(name) => write!(f, "flag {name:?}"),
        }
    }
}
