//! The answers of a backend.

use crate::BackendName;
use crate::grant::Grant;

/// A backend's answer to an attempt. Failing to decide is not an answer but a
/// [`BackendError`](crate::backend::BackendError).
///
/// A [`Backend`](crate::backend::Backend) accepts with an [`Accepted`] user, a [`Verifier`](crate::backend::Verifier)
/// with an [`Identity`](crate::backend::Identity).
///
/// ```
/// use auth_core::backend::{DeclineReason, DenyReason, Outcome};
///
/// let outcome: Outcome<&str> = Outcome::Accept("alice");
/// assert_eq!(outcome.map(str::len), Outcome::Accept(5));
/// // The next backend is asked, or none is.
/// let (next, none) = (Outcome::<()>::Decline(DeclineReason::UnknownUser), Outcome::<()>::Deny(DenyReason::Locked));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Outcome<T> {
    /// The user is known and proven. The chain stops with this user.
    Accept(T),
    /// Not mine, unknown, or the wrong secret. The chain asks the next backend.
    Decline(DeclineReason),
    /// Mine, but refused. The chain stops without a user.
    Deny(DenyReason),
}

/// A user whom a backend accepts, and what the acceptance is worth.
///
/// ```
/// use auth_core::backend::{Accepted, Outcome};
/// use auth_core::grant::{Factor, Grant, Proof};
/// use auth_core::time::{Clock, SystemClock};
///
/// let by_card = Grant::new().with_proof(Proof::new(Factor::ClientCertificate, SystemClock.now()));
/// let outcome = Outcome::Accept(Accepted::new("alice", by_card));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted<U> {
    /// The user.
    pub user: U,
    /// Its proofs, its scopes and its expiry.
    pub grant: Grant,
    /// The user's backend, if it is another than the accepting one.
    pub backend: Option<BackendName>,
}

impl<U> Accepted<U> {
    /// A user accepted with this grant.
    pub fn new(user: U, grant: Grant) -> Self {
        Self { user, grant, backend: None }
    }

    /// Says that the user belongs to another backend of the same site: sessions store that one and load the user from
    /// it, and events name it. It is for backends that identify users but have none, such as passkeys. If no backend
    /// has this name, the attempt fails.
    ///
    /// ```
    /// use auth_core::BackendName;
    /// use auth_core::backend::{Accepted, Outcome};
    /// use auth_core::grant::Grant;
    ///
    /// let local = BackendName::new("local").ok_or("not a name")?;
    /// let outcome = Outcome::Accept(Accepted::new("alice", Grant::new()).of_backend(local));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn of_backend(mut self, name: BackendName) -> Self {
        self.backend = Some(name);
        self
    }
}

/// A user accepted by the presented credentials, without further statements.
impl<U> From<U> for Accepted<U> {
    fn from(user: U) -> Self {
        Self::new(user, Grant::new())
    }
}

impl<T> Outcome<T> {
    /// Accepts: most backends return `Outcome::accept(user)`.
    ///
    /// ```
    /// # use auth_core::backend::{Accepted, Outcome};
    /// let outcome: Outcome<Accepted<&str>> = Outcome::accept("alice");
    /// ```
    pub fn accept(value: impl Into<T>) -> Self {
        Self::Accept(value.into())
    }

    /// The same answer with another value.
    ///
    /// ```
    /// # use auth_core::backend::Outcome;
    /// assert_eq!(Outcome::Accept("alice").map(str::len), Outcome::Accept(5));
    /// ```
    pub fn map<V>(self, accepted: impl FnOnce(T) -> V) -> Outcome<V> {
        match self {
            Self::Accept(value) => Outcome::Accept(accepted(value)),
            Self::Decline(reason) => Outcome::Decline(reason),
            Self::Deny(reason) => Outcome::Deny(reason),
        }
    }
}

/// Why a backend left the attempt to others. It appears in events and logs, never in responses.
///
/// ```
/// use auth_core::backend::{DeclineReason, Outcome};
///
/// /// Only names of this realm are ours.
/// fn judged(name: &str) -> Outcome<&str> {
///     match name.strip_suffix("@example.org") {
///         Some(local) => Outcome::Accept(local),
///         None => Outcome::Decline(DeclineReason::NotMine),
///     }
/// }
/// assert_eq!(judged("alice@example.com"), Outcome::Decline(DeclineReason::NotMine));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeclineReason {
    /// The credentials exceed a limit of all backends; none was asked.
    Malformed,
    /// They are of a kind or realm that this backend does not handle.
    NotMine,
    /// The name is unknown here.
    UnknownUser,
    /// The user is known here, but the secret is wrong.
    WrongSecret,
}

/// Why a backend refused for good. It appears in events and logs, never in responses.
///
/// ```
/// use auth_core::backend::{DenyReason, Outcome};
///
/// let locked: Outcome<()> = Outcome::Deny(DenyReason::Locked);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DenyReason {
    /// The user is disabled ([`User::is_active`](crate::User::is_active) is false).
    Disabled,
    /// The user is locked, for instance after too many failures.
    Locked,
    /// The user or the credentials have expired.
    Expired,
    /// The credentials were good once, and have been revoked.
    Revoked,
    /// The password must be changed before it can be used for anything else.
    MustChangePassword,
    /// The user is known, but may not sign in here (required group, creation switched off).
    NotPermitted,
    /// Another user already has the name that the new user would need.
    NameTaken,
    /// The name that the new user would need is not valid.
    InvalidName,
    /// A user here has the person's e-mail address, which is not sufficient to hand the user over
    /// ([`ProvisioningBuilder::link_by_verified_email`](crate::provisioning::ProvisioningBuilder::link_by_verified_email)).
    EmailTaken,
    /// The secret is wrong at a backend whose answer is final
    /// ([`BackendPolicy::authoritative`](crate::BackendPolicy::authoritative)).
    WrongSecret,
}
