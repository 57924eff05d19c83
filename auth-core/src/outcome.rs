//! What a backend answers.

use crate::BackendName;
use crate::grant::Grant;

/// A backend's answer to an attempt. That it could not decide is no answer but a
/// [`BackendError`](crate::backend::BackendError).
///
/// A [`Backend`](crate::backend::Backend) accepts with an [`Accepted`] user, a [`Verifier`](crate::backend::Verifier) with an
/// [`Identity`](crate::backend::Identity).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Outcome<T> {
    /// Known and proven. The chain stops: this is the user.
    Accept(T),
    /// Not mine, unknown, or the wrong secret. The chain asks the next backend.
    Decline(DeclineReason),
    /// Mine, and refused. The chain stops: nobody.
    Deny(DenyReason),
}

/// A user whom a backend accepts, and what that is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted<U> {
    /// The user.
    pub user: U,
    /// By which proofs, for what, and for how long.
    pub grant: Grant,
    /// Whose user it is, if that is another backend than the one that accepts.
    pub backend: Option<BackendName>,
}

impl<U> Accepted<U> {
    /// A user who is accepted with this grant.
    pub fn new(user: U, grant: Grant) -> Self {
        Self { user, grant, backend: None }
    }

    /// The user is that of another backend of the same site: sessions remember that one and load the user from it, and events name
    /// it. For what proves who somebody is, and has no users of its own: passkeys. Where no backend has this name, nobody is
    /// accepted.
    #[must_use]
    pub fn of_backend(mut self, name: BackendName) -> Self {
        self.backend = Some(name);
        self
    }
}

/// A user who is accepted by what was presented, of which there is nothing more to say.
impl<U> From<U> for Accepted<U> {
    fn from(user: U) -> Self {
        Self::new(user, Grant::new())
    }
}

impl<T> Outcome<T> {
    /// Accepts: `Outcome::accept(user)` is what most backends say.
    pub fn accept(value: impl Into<T>) -> Self {
        Self::Accept(value.into())
    }

    /// The same answer about another value.
    pub fn map<V>(self, accepted: impl FnOnce(T) -> V) -> Outcome<V> {
        match self {
            Self::Accept(value) => Outcome::Accept(accepted(value)),
            Self::Decline(reason) => Outcome::Decline(reason),
            Self::Deny(reason) => Outcome::Deny(reason),
        }
    }
}

/// Why a backend left the attempt to others. Seen by events and logs, never by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeclineReason {
    /// The credentials break a bound that holds for all backends; none was asked.
    Malformed,
    /// They are of a kind or realm that this backend does not judge.
    NotMine,
    /// Nobody of that name is known here.
    UnknownUser,
    /// The user is known here, and the secret is wrong.
    WrongSecret,
}

/// Why a backend refused for good. Seen by events and logs, never by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DenyReason {
    /// The user is disabled ([`User::is_active`](crate::User::is_active) is false).
    Disabled,
    /// The user is locked, for instance after too many failures.
    Locked,
    /// The user or the credentials have expired.
    Expired,
    /// The credentials were good once, and somebody took that back.
    Revoked,
    /// The password must be changed before it is good for anything else.
    MustChangePassword,
    /// The user is known, but not one of those who may sign in here (required group, creation switched off).
    NotPermitted,
    /// Another person already holds the name that the new user would need.
    NameTaken,
    /// The name that the new user would need can be nobody's.
    InvalidName,
    /// A user here has the person's e-mail address, and that is no reason to hand the user over
    /// ([`ProvisioningBuilder::link_by_verified_email`](crate::provisioning::ProvisioningBuilder::link_by_verified_email)).
    EmailTaken,
    /// The secret is wrong at a backend whose word is final
    /// ([`BackendPolicy::authoritative`](crate::BackendPolicy::authoritative)).
    WrongSecret,
}
