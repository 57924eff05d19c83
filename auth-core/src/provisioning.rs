//! Provisioning: what becomes of an [`Identity`](crate::backend::Identity) in the application's own table.
//!
//! A [`Provisioning`] says who gets a user, what is copied into it, and which rights follow from which groups.
//! Nothing is stored unless it is named there. A [`ProvisionStore`] holds the users and decides nothing: one function
//! makes a [`Plan`] of changes from what the store found, the identity and the policy.
//!
//! ```
//! use auth_core::provisioning::{AttributeRule, Owner, Provisioning, Right};
//!
//! let policy = Provisioning::builder()
//!     .attribute("phone", AttributeRule::of("telephoneNumber").owner(Owner::ExternalUntilEdited))
//!     .grant("sales", Right::permission("orders.read"))
//!     .grant("admins", Right::permission("orders.delete"))
//!     .grant("admins", Right::flag("is_staff"))
//!     .allow_raising(Right::flag("is_staff"))
//!     .guard_last(Right::permission("orders.delete"))
//!     .allow_raising(Right::permission("orders.delete"))
//!     .build()?;
//! # Ok::<(), auth_core::ConfigError>(())
//! ```
//!
//! [`Provisioning::on`] combines it with a store. The result is the [`Provisioner`](crate::backend::Provisioner) for
//! [`Provisioned`](crate::backend::Provisioned), and it can [`plan`](ProvisionedUsers::plan) without changing
//! anything. If the verifier can be asked again ([`Confirm`](crate::backend::Confirm)), so can the combination: see
//! [`AuthBuilder::confirm`](crate::AuthBuilder::confirm).

mod builder;
mod decide;
mod migrating;
mod plan;
mod refresh;
mod rules;
mod seen;
mod store;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ConfigError;
pub use crate::report::{Changed, FallenCounter, Kept, Report, Reports};
pub use crate::right::Right;
pub use builder::ProvisioningBuilder;
pub use migrating::{Awaits, Migrating, MigrationStore};
pub use plan::{Change, NewUser, Plan, Update, Write};
pub use rules::{AttributeRule, Creation, Missing, NameCollision, Owner};
pub use store::{Account, Applied, Found, NameState, ProvisionStore, Query};
pub use users::ProvisionedUsers;

/// Says who gets a user, what is copied into it, and which rights follow from which groups. Cheap to clone.
///
/// The default creates users and copies nothing. [`provisioning`](crate::provisioning) has a complete example.
#[derive(Clone, Default)]
pub struct Provisioning(Arc<Policy>);

/// The rules, validated by the builder.
#[derive(Clone, Default)]
pub(crate) struct Policy {
    pub(crate) creation: Creation,
    pub(crate) collision: NameCollision,
    pub(crate) attributes: BTreeMap<String, AttributeRule>,
    pub(crate) email: Option<Owner>,
    pub(crate) links: Linking,
    /// The rights that each group gives.
    pub(crate) grants: BTreeMap<String, BTreeSet<Right>>,
    /// The rights that users lose without a group that gives them.
    pub(crate) managed: BTreeSet<Right>,
    /// The rights that the last active holder keeps.
    pub(crate) guarded: BTreeSet<Right>,
    /// The sensitive rights that a group may also give, not only take.
    pub(crate) raised: BTreeSet<Right>,
    pub(crate) unknown_groups: UnknownGroups,
    pub(crate) seen_for: SeenFor,
}

/// How long a user whose token comes with every request is not provisioned again.
#[derive(Clone, Copy)]
pub(crate) struct SeenFor(pub(crate) Duration);

impl Default for SeenFor {
    fn default() -> Self {
        Self(ProvisioningBuilder::SEEN_FOR)
    }
}

/// What a known address is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Linking {
    #[default]
    Never,
    VerifiedEmail,
    VerifiedEmailOrClaim,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnknownGroups {
    #[default]
    Unavailable,
    KeepRights,
}

impl Provisioning {
    /// Begins a policy that creates users and copies nothing.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let policy = Provisioning::builder().grant("sales", Right::permission("orders.read")).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn builder() -> ProvisioningBuilder {
        ProvisioningBuilder::new()
    }

    /// The users of a store, provisioned by this policy.
    ///
    /// ```
    /// use auth_core::ConfigError;
    /// use auth_core::provisioning::{ProvisionStore, ProvisionedUsers, Provisioning};
    ///
    /// fn users<S: ProvisionStore>(table: S) -> Result<ProvisionedUsers<S>, ConfigError> {
    ///     Provisioning::default().on(table)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the store cannot hold something that the policy names.
    pub fn on<S: ProvisionStore>(&self, store: S) -> Result<ProvisionedUsers<S>, ConfigError> {
        store.check(self)?;
        Ok(ProvisionedUsers::new(store, self.clone()))
    }

    /// The fields that attributes are copied into.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.attributes.keys().map(String::as_str)
    }

    /// The rights that the policy manages.
    pub fn managed(&self) -> impl Iterator<Item = &Right> {
        self.0.managed.iter()
    }

    /// Whether addresses are copied, or used to find users.
    pub fn uses_email(&self) -> bool {
        self.0.email.is_some() || self.0.links != Linking::Never
    }

    /// Whether it may take over a user ([`ProvisioningBuilder::link_by_verified_email_or_claim`]).
    pub fn may_claim(&self) -> bool {
        self.0.links == Linking::VerifiedEmailOrClaim
    }

    /// Whether the store must remember values from outside ([`Owner::ExternalUntilEdited`]).
    pub fn needs_tracking(&self) -> bool {
        let tracks = |owner| owner == Owner::ExternalUntilEdited;
        self.0.email.is_some_and(tracks) || self.0.attributes.values().any(|rule| tracks(rule.owner))
    }
}

impl fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioning")
            .field("creation", &self.0.creation)
            .field("attributes", &self.0.attributes.keys())
            .field("managed", &self.0.managed)
            .finish_non_exhaustive()
    }
}
