//! What provisioning did, on its way to the events.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::right::Right;
use crate::{BackendName, UserId};

/// The changes to a user: collected in [`Reports`], and published as events.
///
/// ```
/// use auth_core::UserId;
/// use auth_core::provisioning::{Changed, Report, Right};
///
/// let mut report = Report::new(UserId::from(7));
/// report.changed.push(Changed::Given(Right::permission("orders.read")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The user.
    pub user: UserId,
    /// Whether this very login created the user. Of many concurrent logins only one did.
    pub created: bool,
    /// What changed.
    pub changed: Vec<Changed>,
    /// What stayed, although the outside system says otherwise.
    pub kept: Vec<Kept>,
    /// A passkey of the user whose counter fell.
    pub passkey: Option<FallenCounter>,
}

/// A passkey whose counter did not rise: there may be a copy of it (`WebAuthn` Level 3, §6.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FallenCounter {
    /// The backend whose user has it.
    pub backend: BackendName,
    /// The id of the passkey, as in lists of factors.
    pub passkey: Box<str>,
    /// Whether it was accepted all the same: devices that share a passkey cause this, too.
    pub accepted: bool,
}

impl fmt::Display for FallenCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.accepted { "accepted, as its devices may share it" } else { "refused" };
        write!(
            f,
            "the counter of the passkey {} did not rise, there may be a copy of it: {end}",
            self.passkey
        )
    }
}

impl FallenCounter {
    /// For this passkey, of a user of this backend.
    pub fn new(backend: BackendName, passkey: impl Into<Box<str>>, accepted: bool) -> Self {
        Self { backend, passkey: passkey.into(), accepted }
    }
}

impl Report {
    /// Without any changes to this user.
    pub fn new(user: UserId) -> Self {
        Self { user, created: false, changed: Vec::new(), kept: Vec::new(), passkey: None }
    }
}

/// A change to a user, without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Changed {
    /// The user belongs to this identity from now on.
    Linked,
    /// The password was removed and all sessions ended.
    Claimed,
    /// The e-mail address, or whether it is verified.
    Email,
    /// A field of this name.
    Attribute(Box<str>),
    /// The user received a right.
    Given(Right),
    /// The user lost a right.
    Taken(Right),
    /// The password that a previous system verified is stored here from now on
    /// ([`Migrating`](crate::provisioning::Migrating)).
    Password,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked => f.write_str("linked"),
            Self::Claimed => f.write_str("password and sessions removed"),
            Self::Email => f.write_str("email"),
            Self::Attribute(field) => f.write_str(field),
            Self::Given(right) => write!(f, "+{right}"),
            Self::Taken(right) => write!(f, "-{right}"),
            Self::Password => f.write_str("password"),
        }
    }
}

/// Something that stays, although the outside system says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// No other active user holds this right.
    LastHolder(Right),
    /// A group gives this right, but it is sensitive, and the policy does not allow raising it.
    NotRaised(Right),
    /// The value for this field is not valid.
    Unfit(Box<str>),
    /// The groups are unknown: the user keeps all rights.
    Rights,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastHolder(right) => write!(f, "{right} is kept: no other active user holds it"),
            Self::NotRaised(right) => write!(f, "{right} is not given: raising it is not allowed"),
            Self::Unfit(field) => write!(f, "{field} is kept: the outside value does not fit"),
            Self::Rights => f.write_str("all rights are kept: the groups are unknown"),
        }
    }
}

/// Collects what a [`Provisioner`](crate::backend::Provisioner) does, as soon as it is done: even a login that is
/// cancelled publishes its events. The chain has one for each attempt
/// ([`Attempt::reports`](crate::backend::Attempt::reports)).
///
/// ```
/// use auth_core::UserId;
/// use auth_core::provisioning::{Report, Reports};
///
/// let reports = Reports::new();
/// let mut report = Report::new(UserId::from(7));
/// report.created = true;
/// reports.add(report);
/// assert_eq!(reports.take().len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Reports(Mutex<Vec<Report>>);

impl Reports {
    /// An empty collection, for provisioning outside a chain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a report.
    pub fn add(&self, report: Report) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    /// Removes and returns all reports.
    pub fn take(&self) -> Vec<Report> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
