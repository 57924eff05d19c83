//! [`ProvisionedUsers`]: a store and a policy.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::decide::decide;
use super::plan::Step;
use super::seen::Seen;
use super::{
    Applied, Found, Linking, NameCollision, NameState, Plan, ProvisionStore, Provisioning, Query, Report,
    Reports, Write,
};
use crate::UserId;
use crate::backend::{BackendError, DeclineReason, Health, Identity, Outcome, Provisioner, UserSource};
use crate::time::{Clock, SystemClock};

/// The users of a store, provisioned by a policy: made by [`Provisioning::on`].
///
/// ```
/// # use auth_core::provisioning::{ProvisionStore, Provisioning};
/// # use auth_core::{Password, ConfigError};
/// # use auth_core::backend::{Backend, Provisioned, Verifier};
/// fn backend<S>(directory: impl Verifier<Password>, users: S) -> Result<impl Backend<Password>, ConfigError>
/// where
///     S: ProvisionStore,
/// {
///     let users = Provisioning::builder().build()?.on(users)?;
///     Ok(Provisioned { verifier: directory, users })
/// }
/// ```
#[derive(Clone)]
pub struct ProvisionedUsers<S> {
    pub(super) store: S,
    policy: Provisioning,
    seen: Option<Arc<Seen>>,
}

/// How often the decision is repeated after concurrent changes to the user.
const ATTEMPTS: u32 = 20;
/// How much longer each pause is than the previous one.
const PAUSE: Duration = Duration::from_millis(1);
/// The highest number appended to a name.
const MAX_SUFFIX: u32 = 99;
/// The longest issuer and the longest subject, in bytes.
const MAX_LEN: usize = 1024;

impl<S: ProvisionStore> ProvisionedUsers<S> {
    pub(super) fn new(store: S, policy: Provisioning) -> Self {
        let seen = Seen::new(policy.0.seen_for.0, SystemClock).map(Arc::new);
        Self { store, policy, seen }
    }

    /// Sets another clock, for tests: it determines how long ago a user was
    /// [seen](super::ProvisioningBuilder::seen_for).
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.seen = Seen::new(self.policy.0.seen_for.0, clock).map(Arc::new);
        self
    }

    /// What the next login of this identity would change, if nothing changes before. It writes nothing.
    ///
    /// ```
    /// # use auth_core::backend::{BackendError, Identity};
    /// # use auth_core::provisioning::{ProvisionStore, ProvisionedUsers};
    /// async fn preview<S: ProvisionStore>(users: &ProvisionedUsers<S>) -> Result<(), BackendError> {
    ///     let alice = Identity::new("https://id.example.com", "1").with_username("alice").with_groups(["staff"]);
    ///     println!("{}", users.plan(&alice).await?);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if the store could not answer, or the groups are unknown and rights depend on them.
    pub async fn plan(&self, identity: &Identity) -> Result<Plan, BackendError> {
        bounded(identity)?;
        let (username, found) = self.look_up(identity).await?;
        self.decide(identity, &username, &found)
    }

    fn decide(&self, identity: &Identity, username: &str, found: &Found) -> Result<Plan, BackendError> {
        decide(&self.policy.0, identity, username, found)
            .map_err(|_| BackendError::undecided("the groups of a person are unknown"))
    }

    /// Plans and writes until there is no concurrent change. With `only`, for this user and no other.
    pub(super) async fn sync(
        &self,
        identity: &Identity,
        only: Option<&UserId>,
        reports: &Reports,
    ) -> Result<Outcome<UserId>, BackendError> {
        bounded(identity)?;
        let seen = self.seen.as_deref().map(|seen| seen.begin(seen.said(identity)));
        for attempt in 1..=ATTEMPTS {
            let (username, found) = self.look_up(identity).await?;
            if only.is_some_and(|id| found.account.as_ref().is_none_or(|account| account.id != *id)) {
                return Ok(Outcome::Decline(DeclineReason::UnknownUser));
            }
            let plan = self.decide(identity, &username, &found)?;
            if let Some(outcome) = self.carry_out(plan, reports).await? {
                if let (Some(seen), Outcome::Accept(id)) = (seen, &outcome) {
                    seen.done(id);
                }
                return Ok(outcome);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(BackendError::undecided("concurrent changes to the user did not end"))
    }

    /// What the store knows, and the name that a new user would get.
    async fn look_up(&self, identity: &Identity) -> Result<(String, Found), BackendError> {
        let email = identity.email().filter(|_| self.policy.0.links != Linking::Never);
        let email = email.map(|email| email.address.to_ascii_lowercase()).filter(|address| is_whole(address));
        let mut n = 1;
        loop {
            let username = match n {
                1 => identity.username().to_owned(),
                n => format!("{}{n}", identity.username()),
            };
            let query = Query::new(identity.issuer(), identity.subject(), &username, &self.policy.0.guarded);
            let query = email.as_deref().map_or(query, |email| query.with_email(email));
            let found = self.store.load(&query).await?;
            if !self.is_worth_a_suffix(&found) || n == MAX_SUFFIX {
                return Ok((username, found));
            }
            n += 1;
        }
    }

    fn is_worth_a_suffix(&self, found: &Found) -> bool {
        self.policy.0.collision == NameCollision::Suffix
            && found.account.is_none()
            && found.by_email.is_empty()
            && found.name == NameState::Taken
    }

    /// Writes a plan. `None` means that it must be made again.
    async fn carry_out(
        &self,
        plan: Plan,
        reports: &Reports,
    ) -> Result<Option<Outcome<UserId>>, BackendError> {
        let Plan { step, kept } = plan;
        let (id, created, changed) = match step {
            Step::Refuse(reason) => return Ok(Some(Outcome::Deny(reason))),
            Step::Leave(id) => (id, false, Vec::new()),
            Step::Write(write) => match self.store.apply(&write).await? {
                Applied::Done(id) => (id, matches!(write, Write::Create(_)), write.summary()),
                Applied::Conflict => return Ok(None),
            },
        };
        if created || !changed.is_empty() || !kept.is_empty() {
            reports.add(Report { created, changed, kept, ..Report::new(id.clone()) });
        }
        Ok(Some(Outcome::Accept(id)))
    }
}

impl<S: ProvisionStore> UserSource for ProvisionedUsers<S> {
    type User = S::User;

    async fn get_user(&self, id: &UserId) -> Result<Option<S::User>, BackendError> {
        self.store.get_user(id).await
    }

    async fn health(&self) -> Health {
        self.store.health().await
    }
}

impl<S: ProvisionStore> Provisioner for ProvisionedUsers<S> {
    async fn provision(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> Result<Outcome<S::User>, BackendError> {
        match self.sync(&identity, None, reports).await? {
            Outcome::Accept(id) => {
                let user = self.store.get_user(&id).await?;
                user.map(Outcome::Accept).ok_or_else(|| BackendError::undecided("the user has disappeared"))
            }
            Outcome::Deny(reason) => Ok(Outcome::Deny(reason)),
            Outcome::Decline(reason) => Ok(Outcome::Decline(reason)),
        }
    }

    async fn recognize(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> Result<Outcome<S::User>, BackendError> {
        let known = self.seen.as_deref().and_then(|seen| seen.user(&seen.said(&identity)));
        if let Some(id) = known
            && let Some(user) = self.store.get_user(&id).await?
        {
            return Ok(Outcome::Accept(user));
        }
        self.provision(identity, reports).await
    }
}

/// An empty issuer or subject would merge many people; some databases cannot store a NUL in a text.
fn bounded(identity: &Identity) -> Result<(), BackendError> {
    if is_whole(identity.issuer()) && is_whole(identity.subject()) {
        return Ok(());
    }
    Err(BackendError::undecided(
        "an identity's issuer and subject have 1 to 1024 bytes each, none of them NUL",
    ))
}

fn is_whole(text: &str) -> bool {
    (1..=MAX_LEN).contains(&text.len()) && !text.contains('\0')
}

impl<S: fmt::Debug> fmt::Debug for ProvisionedUsers<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, policy, .. } = self;
        f.debug_struct("ProvisionedUsers")
            .field("store", store)
            .field("policy", policy)
            .finish_non_exhaustive()
    }
}
