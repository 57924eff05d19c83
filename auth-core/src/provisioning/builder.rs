//! [`ProvisioningBuilder`]: refuses policies that cannot be right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    AttributeRule, Creation, Linking, NameCollision, Owner, Policy, Provisioning, Right, SeenFor,
    UnknownGroups,
};
use crate::ConfigError;

/// Builds a [`Provisioning`].
#[derive(Clone, Default)]
#[must_use]
pub struct ProvisioningBuilder {
    policy: Policy,
    attributes: Vec<(String, AttributeRule)>,
}

/// Fields that decide who somebody is or what they may do. They are no attributes (CVE-2019-16097).
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
    /// For how long somebody whose token comes with every request is not provisioned again, unless set.
    pub const SEEN_FOR: Duration = Duration::from_secs(60);
    /// The longest such time.
    pub const MAX_SEEN_FOR: Duration = Duration::from_secs(60 * 60);

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// For whom the table is written.
    pub fn creation(mut self, creation: Creation) -> Self {
        self.policy.creation = creation;
        self
    }

    /// What happens if the name of a new user is taken.
    pub fn on_taken_name(mut self, collision: NameCollision) -> Self {
        self.policy.collision = collision;
        self
    }

    /// Copies an attribute into a field of the user's own, of this name.
    pub fn attribute(mut self, field: impl Into<String>, rule: AttributeRule) -> Self {
        self.attributes.push((field.into(), rule));
        self
    }

    /// Copies the e-mail address, in lower case, together with whether it is verified. It is never cleared.
    pub fn email(mut self, owner: Owner) -> Self {
        self.policy.email = Some(owner);
        self
    }

    /// At the first login of a person whose address a user here has: they become one, if both sides verified it.
    ///
    /// | outside | here | |
    /// |---|---|---|
    /// | not verified | either | refused |
    /// | verified | verified | linked |
    /// | verified | not verified | refused: whoever made that user may not own the address |
    ///
    /// Refusals are [`DenyReason::EmailTaken`](crate::backend::DenyReason::EmailTaken). A user who is disabled, or already
    /// belongs to another identity, is never linked; nor is anybody if two users here have the address. Addresses are
    /// compared byte for byte, the outside one in lower case.
    pub fn link_by_verified_email(mut self) -> Self {
        self.policy.links = Linking::VerifiedEmail;
        self
    }

    /// As [`link_by_verified_email`](Self::link_by_verified_email), but in the third row of its table the person takes
    /// the user over: its password is removed and its sessions end. The application removes what else somebody could
    /// have prepared there, such as second factors that nobody verified.
    pub fn link_by_verified_email_or_claim(mut self) -> Self {
        self.policy.links = Linking::VerifiedEmailOrClaim;
        self
    }

    /// Gives a right to the people of a group, and takes it from all others who are provisioned. Groups are compared
    /// byte for byte.
    pub fn grant(mut self, group: impl Into<String>, right: Right) -> Self {
        self.policy.managed.insert(right.clone());
        self.policy.grants.entry(group.into()).or_default().insert(right);
        self
    }

    /// Takes a right from everybody who is provisioned, unless a group gives it. For those that no group gives any more.
    pub fn manage(mut self, right: Right) -> Self {
        self.policy.managed.insert(right);
        self
    }

    /// Lets groups give a right that is sensitive ([`Right`]), not only take it.
    pub fn allow_raising(mut self, right: Right) -> Self {
        self.policy.raised.insert(right);
        self
    }

    /// Never takes this right from the last active user who holds it. It is then a sensitive one.
    pub fn guard_last(mut self, right: Right) -> Self {
        self.policy.guarded.insert(right);
        self
    }

    /// Lets people in whose groups could not be read, with the rights that they had.
    ///
    /// Without it they are turned away as while a backend is down (503): who was thrown out of a group may be able to
    /// keep it from being read. Without managed rights groups do not matter.
    pub fn keep_rights_if_groups_are_unknown(mut self) -> Self {
        self.policy.unknown_groups = UnknownGroups::KeepRights;
        self
    }

    /// For how long somebody whose token comes with every request is not provisioned again (default:
    /// [`SEEN_FOR`](Self::SEEN_FOR)); zero for each time, an hour at most. Logins of people are provisioned each time.
    ///
    /// Whatever else is said of them, a group more or less, or an address that is verified by now, is provisioned with the very
    /// request that says it; so is who was removed here meanwhile. Who is deactivated here is refused at once: the user is
    /// loaded on every request, and only whose it is and what is to change is not found out. So this is the time after which
    /// it is noticed, at the latest, that somebody here took the user's link away or gave it to another user, or edited what
    /// belongs to the outside system; another process may need as long to notice that this one was told something else.
    pub fn seen_for(mut self, time: Duration) -> Self {
        self.policy.seen_for = SeenFor(time);
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be right. Its text says why.
    pub fn build(mut self) -> Result<Provisioning, ConfigError> {
        self.policy.attributes = fields(self.attributes)?;
        check_rights(&self.policy)?;
        check_creation(&self.policy)?;
        if self.policy.seen_for.0 > Self::MAX_SEEN_FOR {
            return Err(ConfigError::new(
                "whom a token names is provisioned once an hour at least: see `seen_for`",
            ));
        }
        Ok(Provisioning(self.policy.into()))
    }
}

fn fields(rules: Vec<(String, AttributeRule)>) -> Result<BTreeMap<String, AttributeRule>, ConfigError> {
    let mut fields = BTreeMap::new();
    for (field, rule) in rules {
        if field.is_empty() || !rule.has_source() {
            return Err(ConfigError::new("an attribute or its field has no name"));
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
        return Err(ConfigError::new("a group or a right has no name"));
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
            Err(ConfigError::new("names get a suffix, but nobody is created: use `Creation::Create`"))
        }
        _ => Ok(()),
    }
}

impl std::fmt::Debug for ProvisioningBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvisioningBuilder").finish_non_exhaustive()
    }
}
