//! What a user may do.

use std::fmt;

/// Something that a user may do: a permission, or a flag such as `is_staff` in a column of the user table.
///
/// Flags are sensitive, and so are the rights named by
/// [`guard_last`](crate::provisioning::ProvisioningBuilder::guard_last): groups take them, but give them only after
/// [`allow_raising`](crate::provisioning::ProvisioningBuilder::allow_raising).
///
/// ```
/// use auth_core::provisioning::Right;
///
/// assert_eq!(Right::permission("orders.read").name(), "orders.read");
/// assert_ne!(Right::permission("is_staff"), Right::flag("is_staff"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// A permission, as in [`User::has_permission`](crate::User::has_permission).
    Permission(Box<str>),
    /// A truth value in the user's row.
    Flag(Box<str>),
}

impl Right {
    /// The permission of this name.
    ///
    /// ```
    /// # use auth_core::provisioning::Right;
    /// assert_eq!(Right::permission("orders.read").name(), "orders.read");
    /// ```
    pub fn permission(name: impl Into<Box<str>>) -> Self {
        Self::Permission(name.into())
    }

    /// The flag of this name.
    ///
    /// ```
    /// # use auth_core::provisioning::Right;
    /// assert_eq!(Right::flag("is_staff").name(), "is_staff");
    /// ```
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
