//! [`ProvisioningBuilder`]: refuses policies that cannot be right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    AttributeRule, Creation, Linking, NameCollision, Owner, Policy, Provisioning, Right, SeenFor,
    UnknownGroups,
};
use crate::ConfigError;

/// Builds a [`Provisioning`]: [`provisioning`](crate::provisioning) has a complete example.
#[derive(Clone, Default)]
#[must_use]
pub struct ProvisioningBuilder {
    policy: Policy,
    attributes: Vec<(String, AttributeRule)>,
}

/// Fields that identify a user or decide what they may do. They cannot be attributes (CVE-2019-16097).
const RESERVED: &[&str] = &[
    "id",
    "user_id",
    "username",
    "username_key",
    "password",
    "password_hash",
    "security_stamp",
    "active",
    "is_active",
    "is_admin",
    "is_staff",
    "is_superuser",
    "admin",
    "superuser",
    "role",
    "roles",
    "groups",
    "permissions",
    "issuer",
    "subject",
    "email_verified",
];

impl ProvisioningBuilder {
    /// How long a user whose token comes with every request is not provisioned again, unless set.
    pub const SEEN_FOR: Duration = Duration::from_secs(60);
    /// The longest such time.
    pub const MAX_SEEN_FOR: Duration = Duration::from_secs(60 * 60);

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Sets which people may be created or updated.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.creation(Creation::UpdateOnly);
    /// ```
    pub fn creation(mut self, creation: Creation) -> Self {
        self.policy.creation = creation;
        self
    }

    /// Sets what happens if the name of a new user is taken.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.on_taken_name(NameCollision::Suffix);
    /// ```
    pub fn on_taken_name(mut self, collision: NameCollision) -> Self {
        self.policy.collision = collision;
        self
    }

    /// Copies an attribute into this field of the user.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.attribute("phone", AttributeRule::of("telephoneNumber"));
    /// ```
    pub fn attribute(mut self, field: impl Into<String>, rule: AttributeRule) -> Self {
        self.attributes.push((field.into(), rule));
        self
    }

    /// Copies the e-mail address, in lower case, together with whether it is verified. It is never cleared.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.email(Owner::External);
    /// ```
    pub fn email(mut self, owner: Owner) -> Self {
        self.policy.email = Some(owner);
        self
    }

    /// Links a person to an existing user with the same e-mail address at their first login, if both sides verified
    /// it.
    ///
    /// | outside | here | |
    /// |---|---|---|
    /// | not verified | either | refused |
    /// | verified | verified | linked |
    /// | verified | not verified | refused: the creator of that user may not own the address |
    ///
    /// Refusals are [`DenyReason::EmailTaken`](crate::backend::DenyReason::EmailTaken). A user who is disabled, or
    /// already belongs to another identity, is never linked; nor is anybody if two users here have the address.
    /// Addresses are compared byte for byte, the outside one in lower case.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.email(Owner::External).link_by_verified_email();
    /// ```
    pub fn link_by_verified_email(mut self) -> Self {
        self.policy.links = Linking::VerifiedEmail;
        self
    }

    /// As [`link_by_verified_email`](Self::link_by_verified_email), but in the third row of its table the person
    /// takes the user over: the password is removed and the sessions end. The application has to remove what else the
    /// previous owner could have prepared, such as unverified second factors.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.email(Owner::External).link_by_verified_email_or_claim();
    /// ```
    pub fn link_by_verified_email_or_claim(mut self) -> Self {
        self.policy.links = Linking::VerifiedEmailOrClaim;
        self
    }

    /// Gives a right to the members of a group, and takes it from all other provisioned users. Groups are compared
    /// byte for byte.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.grant("sales", Right::permission("orders.read"));
    /// ```
    pub fn grant(mut self, group: impl Into<String>, right: Right) -> Self {
        self.policy.managed.insert(right.clone());
        self.policy.grants.entry(group.into()).or_default().insert(right);
        self
    }

    /// Takes a right from every provisioned user unless a group gives it: for rights that no group gives any more.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.manage(Right::permission("legacy.export"));
    /// ```
    pub fn manage(mut self, right: Right) -> Self {
        self.policy.managed.insert(right);
        self
    }

    /// Lets groups give a sensitive right ([`Right`]), not only take it.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.grant("admins", Right::flag("is_staff")).allow_raising(Right::flag("is_staff"));
    /// ```
    pub fn allow_raising(mut self, right: Right) -> Self {
        self.policy.raised.insert(right);
        self
    }

    /// Never takes this right from the last active user who holds it. The right is then sensitive.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let admin = Right::permission("users.admin");
    /// let builder = builder.grant("admins", admin.clone()).guard_last(admin);
    /// ```
    pub fn guard_last(mut self, right: Right) -> Self {
        self.policy.guarded.insert(right);
        self
    }

    /// Admits people whose groups could not be read, with the rights that they had.
    ///
    /// Without it they are refused as in an outage (503): somebody who was removed from a group may be able to keep
    /// the groups from being read. Without managed rights groups do not matter.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.grant("sales", Right::permission("orders.read")).keep_rights_if_groups_are_unknown();
    /// ```
    pub fn keep_rights_if_groups_are_unknown(mut self) -> Self {
        self.policy.unknown_groups = UnknownGroups::KeepRights;
        self
    }

    /// Sets how long a user whose token comes with every request is not provisioned again (default:
    /// [`SEEN_FOR`](Self::SEEN_FOR)); zero for each time, an hour at most. Logins of people are provisioned each
    /// time.
    ///
    /// A changed claim, such as a further group or a newly verified address, is provisioned with the very request
    /// that contains it; so is a user who was removed here meanwhile. A user who is deactivated here is refused at
    /// once: the user is loaded on every request, and only the search for the user and the changes are skipped. So
    /// this is the longest time until it is noticed that somebody removed the user's link or gave it to another user
    /// here, or edited what belongs to the outside system. Another process may need as long to notice that this one
    /// received different claims.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let builder = builder.seen_for(std::time::Duration::from_secs(300));
    /// ```
    pub fn seen_for(mut self, time: Duration) -> Self {
        self.policy.seen_for = SeenFor(time);
        self
    }

    /// Builds the policy.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Creation, Missing, NameCollision, Owner, Provisioning, Right};
    /// # let builder = Provisioning::builder();
    /// let error = builder.allow_raising(Right::flag("is_staff")).build().unwrap_err();
    /// assert!(error.to_string().contains("no group gives it"));
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be right. Its text says why.
    pub fn build(mut self) -> Result<Provisioning, ConfigError> {
        self.policy.attributes = fields(self.attributes)?;
        check_rights(&self.policy)?;
        check_creation(&self.policy)?;
        if self.policy.seen_for.0 > Self::MAX_SEEN_FOR {
            return Err(ConfigError::new(
                "users of tokens must be provisioned at least once an hour: see `seen_for`",
            ));
        }
        Ok(Provisioning(self.policy.into()))
    }
}

fn fields(rules: Vec<(String, AttributeRule)>) -> Result<BTreeMap<String, AttributeRule>, ConfigError> {
    let mut fields = BTreeMap::new();
    for (field, rule) in rules {
        if field.is_empty() || !rule.has_source() {
            return Err(ConfigError::new("an attribute or its field has an empty name"));
        }
        if RESERVED.iter().any(|reserved| field.eq_ignore_ascii_case(reserved)) {
            return Err(ConfigError::new(format!(
                "the field {field:?} decides who a user is or what they may do: it takes no attribute; \
                 for a right use `grant`"
            )));
        }
        if fields.insert(field.clone(), rule).is_some() {
            return Err(ConfigError::new(format!("the field {field:?} has two rules: remove one")));
        }
    }
    Ok(fields)
}

fn check_rights(policy: &Policy) -> Result<(), ConfigError> {
    if policy.grants.contains_key("") || policy.managed.iter().any(|right| right.name().is_empty()) {
        return Err(ConfigError::new("a group or a right has an empty name"));
    }
    if let Some(right) = policy.guarded.difference(&policy.managed).next() {
        return Err(ConfigError::new(format!(
            "{right} is guarded, but nothing takes it: `grant` or `manage` it"
        )));
    }
    let given = |right: &&Right| policy.grants.values().any(|rights| rights.contains(*right));
    if let Some(right) = policy.raised.iter().find(|right| !given(right)) {
        return Err(ConfigError::new(format!("{right} may be raised, but no group gives it: `grant` it")));
    }
    if policy.unknown_groups == UnknownGroups::KeepRights && policy.managed.is_empty() {
        return Err(ConfigError::new("unknown groups keep rights, but no right is managed: `grant` one"));
    }
    Ok(())
}

fn check_creation(policy: &Policy) -> Result<(), ConfigError> {
    let writes = !policy.attributes.is_empty() || policy.email.is_some() || !policy.managed.is_empty();
    match policy.creation {
        Creation::ExistingOnly if writes || policy.links != Linking::Never => Err(ConfigError::new(
            "with `Creation::ExistingOnly` nothing is written: use `Creation::UpdateOnly`, or remove the rules",
        )),
        Creation::ExistingOnly | Creation::UpdateOnly if policy.collision == NameCollision::Suffix => {
            Err(ConfigError::new("names get a suffix, but no users are created: use `Creation::Create`"))
        }
        _ => Ok(()),
    }
}

impl std::fmt::Debug for ProvisioningBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvisioningBuilder").finish_non_exhaustive()
    }
}
