//! What backends are made of: the traits that outside systems implement, what they are asked, and what they may answer.

use std::future::Future;
use std::sync::Arc;

pub use crate::answers::{AnswerName, Answers};
pub use crate::attempt::Attempt;
pub use crate::backend_fn::{BackendFn, backend_fn};
pub use crate::chain::{BACKEND_TIMEOUT, BackendAnswer, CHAIN_TIMEOUT};
pub use crate::confirm::{Confirm, ConfirmUser, Confirmation, Standing};
pub use crate::error::{BackendError, BackendErrorKind};
use crate::grant::Grant;
pub use crate::health::Health;
pub use crate::identity::{Email, Groups, Identity};
pub use crate::memory::MemoryDirectory;
pub use crate::outcome::{Accepted, DeclineReason, DenyReason, Outcome};
pub use crate::provision_fn::{ProvisionFn, provision_fn};
pub use crate::registered::Registered;
use crate::report::Reports;
use crate::{Credentials, Passwords, User, UserId};

/// A place that holds users and finds them again by id.
///
/// A session remembers the id of its user and the name of the backend that vouched; on the next request that
/// backend, and no other, is asked here. A site may keep the answer for a short while
/// ([`AuthBuilder::cache_users`](crate::AuthBuilder::cache_users)).
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds no users that a session finds again",
    note = "a backend implements `UserSource` and `Backend`"
)]
pub trait UserSource: Send + Sync + 'static {
    /// The application's user.
    type User: User;

    /// The user with this id; `None` if there is none (any more).
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out. That is never "no such user".
    fn get_user(&self, id: &UserId) -> impl Future<Output = Result<Option<Self::User>, BackendError>> + Send;

    /// The user of a session that [keeps an identity](Provisioner::keeps_identity): the one with this id, made of it again. `None` if
    /// there is none any more. By default the user with this id, whatever was kept.
    ///
    /// # Errors
    /// As [`get_user`](Self::get_user).
    fn restore(
        &self,
        id: &UserId,
        identity: &Identity,
    ) -> impl Future<Output = Result<Option<Self::User>, BackendError>> + Send {
        let _ = identity;
        self.get_user(id)
    }

    /// Whether it finds users again at all. No session begins with one that it does not.
    fn reloads(&self) -> bool {
        true
    }

    /// How this place is, asked without anything that a client sent, on a connection that is as good as any: see
    /// [`Health`]. It has half the time of an attempt; later is down.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Unknown }
    }
}

/// One authority that can judge credentials of type `C` and reload its users by id.
///
/// # What odd input may do
/// Names, passwords and tokens are whatever somebody sends. An error that they cause is no outage, or five odd attempts
/// would keep everybody out: answer [`BackendError::undecided`] where the other side refuses one attempt, and
/// [`BackendError::unavailable`] only where it cannot be reached, whatever it is asked. For all between, give the
/// backend a [`health`](Self::health) question.
///
/// # Before a secret is compared
/// Tell the account that a look-up found by [`Attempt::account`]: so all its names share the tries that a
/// [`Throttle`](crate::Throttle) allows, by whichever of them somebody comes in. It costs nothing where there is none.
///
/// Whoever hands secrets on to another system keeps from it what breaks
/// [`check_handing_on`](Credentials::check_handing_on): [`Provisioned`] does that for every [`Verifier`], a backend of
/// your own that does so must ask itself. `conformance::backend::odd` tests both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Backend` for `{C}`",
    label = "no `Backend<{C}>`",
    note = "a `Verifier` (a directory, a service, a token's issuer, a proxy) proves who somebody is but has no users: \
            give it some by `Provisioned {{ verifier, users }}`",
    note = "a table of users is one for `Password`; a type of your own implements `UserSource` and `Backend<{C}>`"
)]
pub trait Backend<C>: UserSource {
    /// Whether this attempt is this backend's to judge at all, say by the realm in the user name.
    ///
    /// `false` is a [`Decline(NotMine)`](crate::backend::DeclineReason::NotMine) that costs nothing: no future is
    /// made. Never answer by what is known about the user: that would be visible in the time it takes.
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        let _ = attempt;
        true
    }

    /// Whether a text is one of its own secrets, by its form: an API key. Where such a text comes as a user name or a password, it was
    /// put into the wrong field, and nobody is asked about it: no hasher, no other system and no log gets it.
    fn owns_secret(&self, text: &str) -> bool {
        let _ = text;
        false
    }

    /// What it compares secrets with, if it calls [`Attempt::verify`] or [`Attempt::verify_secret`].
    ///
    /// An attempt that fails costs a hash of each backend in the chain, also of those that are not asked because
    /// another's word was final; otherwise the time would tell who had that word. The chain learns from a backend that
    /// does not say it here when it is asked for the first time.
    fn passwords(&self) -> Option<&Passwords> {
        None
    }

    /// Judges the credentials.
    ///
    /// # Errors
    /// [`BackendError`] if it could not decide.
    fn authenticate(
        &self,
        attempt: &Attempt<'_, C>,
    ) -> impl Future<Output = Result<Outcome<Accepted<Self::User>>, BackendError>> + Send;

    /// How all of it is that an attempt needs. Asked after faults, to tell an outage from odd attempts: see [`Health`].
    /// By default the word of the [place where its users are](UserSource::health).
    fn health(&self) -> impl Future<Output = Health> + Send {
        UserSource::health(self)
    }
}

/// An outside system that turns credentials into an [`Identity`] but owns no user record: a directory, a
/// token's issuer, a microservice.
///
/// What is said at [`Backend`] about odd input holds here, too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Verifier` for `{C}`",
    label = "no `Verifier<{C}>`",
    note = "what judges credentials by its own users, such as a table of users, is added to the chain by itself: \
            `.backend::<{C}>(name, users)`"
)]
pub trait Verifier<C>: Send + Sync + 'static {
    /// As [`Backend::supports`].
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        let _ = attempt;
        true
    }

    /// As [`Backend::passwords`].
    fn passwords(&self) -> Option<&Passwords> {
        None
    }

    /// Judges the credentials.
    ///
    /// # Errors
    /// [`BackendError`] if it could not decide.
    fn verify(
        &self,
        attempt: &Attempt<'_, C>,
    ) -> impl Future<Output = Result<Outcome<Identity>, BackendError>> + Send;

    /// How the outside system is, asked without anything that a client sent, on the way of an attempt: see [`Health`].
    /// It has half the time of an attempt; later is down.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Unknown }
    }

    /// Whether secrets leave this process. `false` is for who compares them here, with hashes of its own: only then is
    /// it asked about those that [no other system is sent](Credentials::check_handing_on).
    fn hands_on(&self) -> bool {
        true
    }
}

/// Asks a verifier, unless it would hand on what no other system is sent: that is a wrong secret here.
pub(crate) async fn verify<C: Credentials>(
    verifier: &impl Verifier<C>,
    attempt: &Attempt<'_, C>,
) -> Result<Outcome<Identity>, BackendError> {
    let refused = if verifier.hands_on() { attempt.credentials().check_handing_on().err() } else { None };
    match refused {
        Some(reason) => Ok(Outcome::Decline(reason)),
        None => verifier.verify(attempt).await,
    }
}

/// Turns an [`Identity`] into the application's user: finds, creates, updates or refuses.
///
/// It is asked only after the proof succeeded. Parallel first logins of one person must end in one user.
/// [`Provisioning`](crate::provisioning::Provisioning) makes one of a policy and a store.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what becomes of somebody whom an outside system vouches for",
    label = "no `Provisioner`",
    note = "a store of users, such as `SqlUsers`, needs a policy: `Provisioning::default().on(users)?`, or one from \
            `Provisioning::builder()` that says what is copied and which rights follow from groups"
)]
pub trait Provisioner: UserSource {
    /// The user for this identity. What is done on the way goes to `reports`.
    ///
    /// # Errors
    /// [`BackendError`] if the user store could not answer.
    fn provision(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> impl Future<Output = Result<Outcome<Self::User>, BackendError>> + Send;

    /// The same where what was proved comes with every request, as a token does. Whom it provisioned lately, and of whom just the
    /// same is said, it may only load. By default everybody is provisioned each time.
    ///
    /// # Errors
    /// As [`provision`](Self::provision).
    fn recognize(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> impl Future<Output = Result<Outcome<Self::User>, BackendError>> + Send {
        self.provision(identity, reports)
    }

    /// Whether sessions keep the identities of its users, who are made of them again on each request
    /// ([`restore`](UserSource::restore)): for users who are in no table. No, unless this says so.
    fn keeps_identity(&self) -> bool {
        false
    }
}

/// The longest identity that a session keeps, in bytes.
const MAX_KEPT_LEN: usize = 4 * 1024;

const TOO_LONG_TO_KEEP: &str = "an identity that its session keeps has 4 KiB at most: have the verifier tell fewer groups \
                                and attributes, or keep the users in a table";

/// The grant by which a session may begin, with the identity that it is to keep.
fn keeping(grant: Grant, identity: Option<Box<[u8]>>) -> Result<Grant, BackendError> {
    match identity {
        Some(bytes) if bytes.len() > MAX_KEPT_LEN => Err(BackendError::undecided(TOO_LONG_TO_KEEP)),
        Some(bytes) => Ok(grant.keeping(bytes)),
        None => Ok(grant),
    }
}

/// A [`Backend`] made of an outside proof and the application's own users.
///
/// ```
/// # use auth_core::Password;
/// # use auth_core::backend::{Attempt, Backend, BackendError, Identity, Outcome, Provisioned, Provisioner, Verifier};
/// fn backend(directory: impl Verifier<Password>, users: impl Provisioner) -> impl Backend<Password> {
///     Provisioned { verifier: directory, users }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Provisioned<V, P> {
    /// Proves who somebody is.
    pub verifier: V,
    /// Holds the user that results.
    pub users: P,
}

impl<V: Send + Sync + 'static, P: Provisioner> UserSource for Provisioned<V, P> {
    type User = P::User;

    async fn get_user(&self, id: &UserId) -> Result<Option<Self::User>, BackendError> {
        self.users.get_user(id).await
    }

    async fn restore(&self, id: &UserId, identity: &Identity) -> Result<Option<Self::User>, BackendError> {
        self.users.restore(id, identity).await
    }

    fn reloads(&self) -> bool {
        self.users.reloads()
    }

    async fn health(&self) -> Health {
        self.users.health().await
    }
}

impl<C: Credentials, V: Verifier<C>, P: Provisioner> Backend<C> for Provisioned<V, P> {
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        self.verifier.supports(attempt)
    }

    fn passwords(&self) -> Option<&Passwords> {
        self.verifier.passwords()
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, C>,
    ) -> Result<Outcome<Accepted<Self::User>>, BackendError> {
        match verify(&self.verifier, attempt).await? {
            Outcome::Accept(identity) => {
                let grant = identity.grant().clone();
                // A token begins no session, unless it tells of a person's proof.
                let is_kept =
                    self.users.keeps_identity() && (C::FACTOR.is_personal() || grant.begins_session());
                let kept = is_kept.then(|| identity.encode().into_bytes());
                let (users, reports) = (&self.users, attempt.reports());
                let user = if C::FACTOR.is_personal() {
                    users.provision(identity, reports).await?
                } else {
                    users.recognize(identity, reports).await?
                };
                Ok(match user {
                    Outcome::Accept(user) => Outcome::Accept(Accepted::new(user, keeping(grant, kept)?)),
                    Outcome::Decline(reason) => Outcome::Decline(reason),
                    Outcome::Deny(reason) => Outcome::Deny(reason),
                })
            }
            Outcome::Decline(reason) => Ok(Outcome::Decline(reason)),
            Outcome::Deny(reason) => Ok(Outcome::Deny(reason)),
        }
    }

    async fn health(&self) -> Health {
        self.verifier.health().await.and(self.users.health().await)
    }
}

impl<B: UserSource> UserSource for Arc<B> {
    type User = B::User;

    async fn get_user(&self, id: &UserId) -> Result<Option<Self::User>, BackendError> {
        (**self).get_user(id).await
    }

    async fn restore(&self, id: &UserId, identity: &Identity) -> Result<Option<Self::User>, BackendError> {
        (**self).restore(id, identity).await
    }

    fn reloads(&self) -> bool {
        (**self).reloads()
    }

    async fn health(&self) -> Health {
        UserSource::health(&**self).await
    }
}

impl<C: Sync, B: Backend<C>> Backend<C> for Arc<B> {
    fn owns_secret(&self, text: &str) -> bool {
        (**self).owns_secret(text)
    }

    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        (**self).supports(attempt)
    }

    fn passwords(&self) -> Option<&Passwords> {
        Backend::<C>::passwords(&**self)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, C>,
    ) -> Result<Outcome<Accepted<Self::User>>, BackendError> {
        (**self).authenticate(attempt).await
    }

    async fn health(&self) -> Health {
        Backend::health(&**self).await
    }
}

impl<C: Sync, V: Verifier<C>> Verifier<C> for Arc<V> {
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        (**self).supports(attempt)
    }

    fn passwords(&self) -> Option<&Passwords> {
        Verifier::<C>::passwords(&**self)
    }

    async fn verify(&self, attempt: &Attempt<'_, C>) -> Result<Outcome<Identity>, BackendError> {
        (**self).verify(attempt).await
    }

    async fn health(&self) -> Health {
        Verifier::health(&**self).await
    }

    fn hands_on(&self) -> bool {
        (**self).hands_on()
    }
}

impl<P: Provisioner> Provisioner for Arc<P> {
    async fn provision(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> Result<Outcome<Self::User>, BackendError> {
        (**self).provision(identity, reports).await
    }

    async fn recognize(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> Result<Outcome<Self::User>, BackendError> {
        (**self).recognize(identity, reports).await
    }

    fn keeps_identity(&self) -> bool {
        (**self).keeps_identity()
    }
}
