//! The requirements on a store of provisioned users.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::{Provisioning, Right, Write};
use crate::backend::{BackendError, UserSource};
use crate::hidden;
use crate::identity::Email;
use crate::{ConfigError, UserId};

/// A store of users vouched for by an outside system.
///
/// It finds and writes, and decides nothing. Every implementation has to pass the suite `conformance::provisioning`
/// (feature `conformance`). `SqlUsers` of auth-sql is one.
///
/// ```
/// use auth_core::provisioning::{ProvisionStore, ProvisionedUsers, Provisioning, Right};
///
/// fn staff<S: ProvisionStore>(table: S) -> Result<ProvisionedUsers<S>, auth_core::ConfigError> {
///     Provisioning::builder().grant("sales", Right::permission("orders.read")).build()?.on(table)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of provisioned users",
    label = "no `ProvisionStore`",
    note = "`.on(…)` takes a store of users, such as `SqlUsers`; one of your own implements `ProvisionStore`"
)]
pub trait ProvisionStore: UserSource {
    /// Checks that it can hold everything that the policy names.
    ///
    /// # Errors
    /// [`ConfigError`] that says what is missing.
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError>;

    /// What is known about a person. It changes nothing.
    ///
    /// Look up the identity no earlier than the name and the address. Otherwise a user created in between by a
    /// concurrent login of the same person would look like a name collision. Everything else may be outdated.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out. That is never "nobody".
    fn load(&self, query: &Query<'_>) -> impl Future<Output = Result<Found, BackendError>> + Send;

    /// The issuer and the subject that a user belongs to; `None` if they belong to none, or there is no such user.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out. That is never "to nobody".
    fn identity_of(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Option<(String, String)>, BackendError>> + Send;

    /// Writes everything or nothing, and only if the data behind the decision have not changed: see [`Applied`].
    ///
    /// # Errors
    /// [`BackendError`] if the store could not answer.
    fn apply(&self, write: &Write) -> impl Future<Output = Result<Applied, BackendError>> + Send;
}

impl<S: ProvisionStore> ProvisionStore for Arc<S> {
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError> {
        (**self).check(policy)
    }

    async fn load(&self, query: &Query<'_>) -> Result<Found, BackendError> {
        (**self).load(query).await
    }

    async fn identity_of(&self, user: &UserId) -> Result<Option<(String, String)>, BackendError> {
        (**self).identity_of(user).await
    }

    async fn apply(&self, write: &Write) -> Result<Applied, BackendError> {
        (**self).apply(write).await
    }
}

/// A query to a store.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Query<'a> {
    /// Together with [`subject`](Self::subject) the key of a link, compared byte for byte.
    pub issuer: &'a str,
    /// See [`issuer`](Self::issuer).
    pub subject: &'a str,
    /// The name that a new user would get.
    pub username: &'a str,
    /// The address by which a user may be linked; `None` if none may be.
    pub email: Option<&'a str>,
    /// The rights whose last active holder must be found.
    pub guarded: &'a BTreeSet<Right>,
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("issuer", &self.issuer)
            .field("subject", &hidden::text(self.subject))
            .field("username", &hidden::text(self.username))
            .field("email", &hidden::optional(self.email))
            .field("guarded", &self.guarded)
            .finish()
    }
}

impl<'a> Query<'a> {
    /// A query for an identity and a name.
    pub fn new(issuer: &'a str, subject: &'a str, username: &'a str, guarded: &'a BTreeSet<Right>) -> Self {
        Self { issuer, subject, username, email: None, guarded }
    }

    /// The same query, also for users with this address.
    #[must_use]
    pub fn with_email(self, email: &'a str) -> Self {
        Self { email: Some(email), ..self }
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The user with this issuer and subject.
    pub account: Option<Account>,
    /// If there is no such user: those with the requested address, compared byte for byte.
    pub by_email: Vec<Account>,
    /// If there is no such user: whether a new one may have the name.
    pub name: NameState,
    /// The guarded rights that no active user holds except [`account`](Self::account), or the one in
    /// [`by_email`](Self::by_email) if there is exactly one.
    pub sole: BTreeSet<Right>,
}

/// Whether a new user may have a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameState {
    /// No user has it.
    #[default]
    Free,
    /// A user has it, perhaps in different case or width.
    Taken,
    /// It is not a valid name.
    Invalid,
}

/// A user as a store holds it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The name.
    pub username: Arc<str>,
    /// Whether they may sign in.
    pub active: bool,
    /// The issuer and the subject that they belong to.
    pub identity: Option<(String, String)>,
    /// The address, and whether the application has verified it.
    pub email: Option<Email>,
    /// The fields that have a value.
    pub attributes: BTreeMap<String, String>,
    /// What they may do.
    pub rights: BTreeSet<Right>,
    /// The value that each field last received from outside ([`Change::Track`](super::Change::Track)).
    pub tracked: BTreeMap<String, String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = self.identity.as_ref().map(|(issuer, subject)| (issuer, hidden::text(subject)));
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("username", &hidden::text(&*self.username))
            .field("active", &self.active)
            .field("identity", &identity)
            .field("email", &self.email)
            .field("attributes", &hidden::Names(&self.attributes, String::len))
            .field("rights", &self.rights)
            .field("tracked", &hidden::Names(&self.tracked, String::len))
            .finish()
    }
}

impl Account {
    /// An active user without further data.
    pub fn new(id: UserId, username: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            username: username.into(),
            active: true,
            identity: None,
            email: None,
            attributes: BTreeMap::new(),
            rights: BTreeSet::new(),
            tracked: BTreeMap::new(),
        }
    }
}

/// The result of a [`Write`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// It is written, and this is the user.
    Done(UserId),
    /// Nothing is written, because the data behind the decision have changed. For a new user, another user now has
    /// the identity or the name. For an update, the account differs from [`before`](super::Update::before), is gone,
    /// or would lose a guarded right as its last holder.
    Conflict,
}
