//! Backends: the traits that outside systems implement, what they are asked, and what they may answer.

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

/// A source of users that finds them again by id.
///
/// A session remembers the id of its user and the name of the backend that vouched for them. On the next request that
/// backend, and no other, is asked here. A site may cache the answer for a short while
/// ([`AuthBuilder::cache_users`](crate::AuthBuilder::cache_users)).
///
/// ```
/// use std::collections::HashMap;
///
/// use auth_core::backend::{BackendError, UserSource};
/// use auth_core::{User, UserId};
///
/// #[derive(Clone)]
/// struct Member { id: i64, stamp: Vec<u8> }
///
/// impl User for Member {
///     fn id(&self) -> UserId { self.id.into() }
///     fn security_stamp(&self) -> &[u8] { &self.stamp }
///     fn is_active(&self) -> bool { true }
/// }
///
/// struct Members(HashMap<UserId, Member>);
///
/// impl UserSource for Members {
///     type User = Member;
///
///     async fn get_user(&self, id: &UserId) -> Result<Option<Member>, BackendError> {
///         Ok(self.0.get(id).cloned())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of users",
    note = "a backend implements `UserSource` and `Backend`"
)]
pub trait UserSource: Send + Sync + 'static {
    /// The application's user.
    type User: User;

    /// The user with this id; `None` if there is none (any more).
    ///
    /// # Errors
    /// [`BackendError`] if the source could not find out. That is never "no such user".
    fn get_user(&self, id: &UserId) -> impl Future<Output = Result<Option<Self::User>, BackendError>> + Send;

    /// The user of a session that [keeps an identity](Provisioner::keeps_identity): the user with this id, built from
    /// it again; `None` if they no longer exist. By default it ignores the identity and asks
    /// [`get_user`](Self::get_user).
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

    /// Whether it can find users again at all. No session begins with a user who cannot be found again.
    fn reloads(&self) -> bool {
        true
    }

    /// The [`Health`] of this source, checked without anything from a client, on a connection like any other. It has
    /// half the time of an attempt; no answer in that time means down.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Unknown }
    }
}

/// An authority that judges credentials of type `C` and finds its users again by id.
///
/// ```
/// use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
/// use auth_core::password::Verdict;
/// use auth_core::{Password, Passwords, User, UserId};
///
/// # #[derive(Clone)]
/// # struct Member { id: i64 }
/// # impl User for Member {
/// #     fn id(&self) -> UserId { self.id.into() }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// struct Members { passwords: Passwords }
///
/// impl Members {
///     /// A member and the hash of their password.
///     async fn find(&self, name: &str) -> Result<Option<(Member, String)>, BackendError> {
///         // … `SELECT`, with errors as `BackendError::unavailable(error)`
/// #       _ = name; Ok(None)
///     }
/// }
///
/// impl UserSource for Members {
///     type User = Member;
/// #   async fn get_user(&self, _: &UserId) -> Result<Option<Member>, BackendError> { Ok(None) }
///     // …
/// }
///
/// impl Backend<Password> for Members {
///     fn passwords(&self) -> Option<&Passwords> {
///         Some(&self.passwords)
///     }
///
///     async fn authenticate(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Accepted<Member>>, BackendError> {
///         let (member, hash) = self.find(attempt.credentials().username()).await?.unzip();
///         // Also for an unknown name, so that the time is the same.
///         let verdict = attempt.verify(&self.passwords, hash.as_deref()).await?;
///         Ok(match (member, verdict) {
///             (Some(member), Verdict::Match { .. }) => Outcome::accept(member),
///             (Some(_), _) => Outcome::Decline(DeclineReason::WrongSecret),
///             (None, _) => Outcome::Decline(DeclineReason::UnknownUser),
///         })
///     }
/// }
/// ```
///
/// # Errors and odd input
/// Clients send arbitrary names, passwords and tokens. An error that they cause is not an outage; otherwise five odd
/// attempts would keep everybody out. Return [`BackendError::undecided`] if the other system refuses one attempt, and
/// [`BackendError::unavailable`] only if it cannot be reached whatever the request. For everything in between,
/// implement the [`health`](Self::health) check.
///
/// # Before a secret is compared
/// Report the account that a look-up found to [`Attempt::account`]. All its names then share the attempts that a
/// [`Throttle`](crate::Throttle) allows. Without a throttle it costs nothing.
///
/// A backend that sends secrets to another system must not send those that violate
/// [`check_handing_on`](Credentials::check_handing_on). [`Provisioned`] enforces that for every [`Verifier`]; a
/// backend of your own has to call it. `conformance::backend::odd` tests both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Backend` for `{C}`",
    label = "no `Backend<{C}>`",
    note = "a `Verifier` (a directory, a service, a token's issuer, a proxy) proves who somebody is but has no users: \
            give it some by `Provisioned {{ verifier, users }}`",
    note = "a table of users is one for `Password`; a type of your own implements `UserSource` and `Backend<{C}>`"
)]
pub trait Backend<C>: UserSource {
    /// Whether this backend is responsible for this attempt at all, for instance by the realm in the user name.
    ///
    /// `false` has the effect of [`Decline(NotMine)`](crate::backend::DeclineReason::NotMine), without creating a
    /// future. Never decide by what is known about the user: the time would reveal it.
    fn supports(&self, attempt: &Attempt<'_, C>) -> bool {
        let _ = attempt;
        true
    }

    /// Whether a text has the form of one of its secrets, such as an API key. If such a text arrives as a user name
    /// or a password, it was put into the wrong field, and no backend is asked about it: no hasher, no other system
    /// and no log gets it.
    fn owns_secret(&self, text: &str) -> bool {
        let _ = text;
        false
    }

    /// The hashes that it verifies with, if it calls [`Attempt::verify`] or [`Attempt::verify_secret`].
    ///
    /// A failed attempt costs a hash of each backend in the chain, including those that are not asked because
    /// another's answer was final; otherwise the time would reveal which one that was. If a backend does not declare
    /// them here, the chain learns them when the backend is first asked.
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

    /// The [`Health`] of everything that an attempt needs. It is checked after failures, to tell an outage from odd
    /// attempts. By default it is that of the [source of its users](UserSource::health).
    fn health(&self) -> impl Future<Output = Health> + Send {
        UserSource::health(self)
    }
}

/// An outside system that turns credentials into an [`Identity`] but has no user records: a directory, a token's
/// issuer, a microservice.
///
/// What [`Backend`] says about odd input applies here, too.
///
/// ```
/// use auth_core::BearerToken;
/// use auth_core::backend::{Attempt, BackendError, DeclineReason, Identity, Outcome, Verifier};
///
/// /// Tokens of a partner, who is asked about each.
/// struct Partner;
///
/// impl Partner {
///     async fn user_of(&self, token: &str) -> Result<Option<String>, BackendError> {
/// #       _ = token; Ok(None)
///         // … a request, with its errors as `BackendError`
///     }
/// }
///
/// impl Verifier<BearerToken> for Partner {
///     async fn verify(&self, attempt: &Attempt<'_, BearerToken>) -> Result<Outcome<Identity>, BackendError> {
///         let user = self.user_of(attempt.credentials().token().expose()).await?;
///         Ok(match user {
///             Some(user) => Outcome::Accept(Identity::new("https://partner.example", user)),
///             None => Outcome::Decline(DeclineReason::UnknownUser),
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Verifier` for `{C}`",
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

    /// The [`Health`] of the outside system, checked on the path of an attempt, without anything from a client. It
    /// has half the time of an attempt; no answer in that time means down.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Unknown }
    }

    /// Whether secrets leave this process. Return `false` if they are compared here, with local hashes: only then is
    /// it asked about secrets that [no other system may receive](Credentials::check_handing_on).
    fn hands_on(&self) -> bool {
        true
    }
}

/// Asks a verifier, unless it would send what no other system may receive: that is a wrong secret.
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
/// It is asked only after the proof succeeded. Concurrent first logins of one person must result in one user.
/// [`Provisioning`](crate::provisioning::Provisioning) makes one from a policy and a store;
/// [`provision_fn`] makes one from a closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not turn an `Identity` into a user",
    label = "no `Provisioner`",
    note = "a store of users, such as `SqlUsers`, needs a policy: `Provisioning::default().on(users)?`, or one from \
            `Provisioning::builder()` that says what is copied and which rights follow from groups"
)]
pub trait Provisioner: UserSource {
    /// The user for this identity. Changes on the way are reported to `reports`.
    ///
    /// # Errors
    /// [`BackendError`] if the user store could not answer.
    fn provision(
        &self,
        identity: Identity,
        reports: &Reports,
    ) -> impl Future<Output = Result<Outcome<Self::User>, BackendError>> + Send;

    /// The same for credentials that come with every request, such as tokens. If it recently provisioned this user
    /// with the same data, it may just load them. By default everybody is provisioned each time.
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

    /// Whether sessions store the identities of its users, who are built from them again on each request
    /// ([`restore`](UserSource::restore)): for users who are in no table. `false` by default.
    fn keeps_identity(&self) -> bool {
        false
    }
}

/// The longest identity that a session stores, in bytes.
const MAX_KEPT_LEN: usize = 4 * 1024;

const TOO_LONG_TO_KEEP: &str = "an identity in a session has 4 KiB at most: let the verifier report fewer groups \
                                and attributes, or keep the users in a table";

/// The grant for a session, with the identity that it will store.
fn keeping(grant: Grant, identity: Option<Box<[u8]>>) -> Result<Grant, BackendError> {
    match identity {
        Some(bytes) if bytes.len() > MAX_KEPT_LEN => Err(BackendError::undecided(TOO_LONG_TO_KEEP)),
        Some(bytes) => Ok(grant.keeping(bytes)),
        None => Ok(grant),
    }
}

/// A [`Backend`] that combines an outside proof with the application's own users.
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
    /// Identifies the person.
    pub verifier: V,
    /// Provides the resulting user.
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
                // A token begins no session, unless it says that a person authenticated.
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
