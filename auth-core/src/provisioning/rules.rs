//! The terms of a policy.

use std::fmt;
use std::sync::Arc;

use crate::backend::Identity;

/// Which people may be created or updated.
///
/// ```
/// use auth_core::provisioning::{Creation, Provisioning};
///
/// // People get a user from the administrator only.
/// let policy = Provisioning::builder().creation(Creation::ExistingOnly).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Creation {
    /// Every authenticated person gets a user, which is then kept up to date. The default.
    #[default]
    Create,
    /// Only people with a user are admitted; it is kept up to date.
    UpdateOnly,
    /// Only people with a user are admitted, and nothing is written.
    ExistingOnly,
}

/// What happens if another user has the name that a new user would get. That user is never handed over.
///
/// ```
/// use auth_core::provisioning::{NameCollision, Provisioning};
///
/// // Another person named `alice` becomes `alice2`.
/// let policy = Provisioning::builder().on_taken_name(NameCollision::Suffix).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameCollision {
    /// [`DenyReason::NameTaken`](crate::backend::DenyReason::NameTaken). The default.
    #[default]
    Refuse,
    /// The new user is named `name2`, `name3` and so on, up to 99.
    Suffix,
}

/// Which side determines a value.
///
/// ```
/// use auth_core::provisioning::{AttributeRule, Owner, Provisioning};
///
/// let phone = AttributeRule::of("telephoneNumber").owner(Owner::ExternalUntilEdited);
/// let policy = Provisioning::builder().attribute("phone", phone).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// The outside system, at every login. The default.
    #[default]
    External,
    /// The application. The outside system only proposes the value for a new user.
    Local,
    /// The outside system until somebody edits the value here; from then on the application, as long as the two
    /// differ.
    ExternalUntilEdited,
}

/// What happens if the outside system has no value.
///
/// ```
/// use auth_core::provisioning::{AttributeRule, Missing, Provisioning};
///
/// let phone = AttributeRule::of("telephoneNumber").missing(Missing::Clear);
/// let policy = Provisioning::builder().attribute("phone", phone).build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The user keeps the current one. The default.
    #[default]
    Keep,
    /// The user's value is cleared.
    Clear,
}

type Transform = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where the value of an attribute comes from, and which side determines it. Of several values the first one counts.
///
/// ```
/// use auth_core::provisioning::{AttributeRule, Missing, Owner};
///
/// let phone = AttributeRule::of("telephoneNumber")
///     .owner(Owner::ExternalUntilEdited)
///     .missing(Missing::Clear)
///     .map(|value| value.starts_with('+').then(|| value.replace(' ', "")));
/// ```
#[derive(Clone)]
#[must_use]
pub struct AttributeRule {
    source: Source,
    pub(super) owner: Owner,
    pub(super) missing: Missing,
    transform: Option<Transform>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Attribute(String),
    Name,
}

/// What an identity says about an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Value(String),
    Nothing,
    /// A value that no field can hold.
    Unfit,
}

/// The longest value, in bytes.
const MAX_LEN: usize = 1024;

impl AttributeRule {
    /// Reads the identity's attribute of this name.
    ///
    /// ```
    /// # use auth_core::provisioning::AttributeRule;
    /// let phone = AttributeRule::of("telephoneNumber");
    /// ```
    pub fn of(attribute: impl Into<String>) -> Self {
        Self::from(Source::Attribute(attribute.into()))
    }

    /// Reads the identity's [`name`](Identity::name).
    ///
    /// ```
    /// # use auth_core::provisioning::AttributeRule;
    /// let display_name = AttributeRule::of_name();
    /// ```
    pub fn of_name() -> Self {
        Self::from(Source::Name)
    }

    fn from(source: Source) -> Self {
        Self { source, owner: Owner::External, missing: Missing::Keep, transform: None }
    }

    /// Sets which side determines the value.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Owner};
    /// let phone = AttributeRule::of("telephoneNumber").owner(Owner::Local);
    /// ```
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Sets what happens if the identity has no value.
    ///
    /// ```
    /// # use auth_core::provisioning::{AttributeRule, Missing};
    /// let phone = AttributeRule::of("telephoneNumber").missing(Missing::Clear);
    /// ```
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Converts the external value before it is stored. `None` means that it does not fit: the user keeps the current
    /// value, and an event says so.
    ///
    /// ```
    /// # use auth_core::provisioning::AttributeRule;
    /// let town = AttributeRule::of("l").map(|town| (!town.is_empty()).then(|| town.to_uppercase()));
    /// ```
    pub fn map(mut self, transform: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.transform = Some(Arc::new(transform));
        self
    }

    pub(super) fn has_source(&self) -> bool {
        self.source != Source::Attribute(String::new())
    }

    /// The value to store.
    pub(super) fn read(&self, identity: &Identity) -> Said {
        let value = match &self.source {
            Source::Attribute(name) => identity.attribute(name).first().map(String::as_str),
            Source::Name => identity.name(),
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Said::Nothing };
        let value = match &self.transform {
            Some(transform) => transform(value),
            None => Some(value.to_owned()),
        };
        value.map_or(Said::Unfit, fitting)
    }
}

/// The value, unless no store can hold it.
pub(super) fn fitting(value: String) -> Said {
    let fits = value.len() <= MAX_LEN && !value.contains('\0');
    if fits { Said::Value(value) } else { Said::Unfit }
}

impl fmt::Debug for AttributeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, owner, missing, transform } = self;
        f.debug_struct("AttributeRule")
            .field("source", source)
            .field("owner", owner)
            .field("missing", missing)
            .field("transform", &transform.is_some())
            .finish()
    }
}
