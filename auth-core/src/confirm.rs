//! Asking an outside system about a user again, without their credentials.

mod settings;

use std::future::Future;
use std::sync::Arc;

use crate::UserId;
use crate::backend::{BackendError, DenyReason, Health, Identity, Outcome, UserSource};
use crate::report::Reports;
pub use settings::Confirmation;

/// An outside system that says whether a person whom it once authenticated may still sign in, without their
/// credentials.
///
/// It is asked from time to time about the users of sessions: a person who is disabled or removed there does not stay
/// signed in here.
///
/// ```
/// use auth_core::backend::{BackendError, Confirm, Identity, Standing};
///
/// struct Staff;
///
/// impl Confirm for Staff {
///     async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
///         if issuer != "staff.example" {
///             return Err(BackendError::undecided("another issuer"));
///         }
///         // … look the person up
///         Ok(Standing::Good(Identity::new(issuer, subject)))
///     }
/// }
/// ```
pub trait Confirm: Send + Sync + 'static {
    /// The current standing of the person with this issuer and subject.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out, or this system does not speak for the issuer. That is never
    /// [`Standing::Gone`].
    fn confirm(
        &self,
        issuer: &str,
        subject: &str,
    ) -> impl Future<Output = Result<Standing, BackendError>> + Send;

    /// As [`Verifier::health`](crate::backend::Verifier::health).
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Unknown }
    }
}

/// The standing of a person with an outside system: see [`Confirm`].
///
/// ```
/// use auth_core::backend::{DenyReason, Identity, Standing};
///
/// fn standing(known: Option<bool>, identity: Identity) -> Standing {
///     match known {
///         Some(true) => Standing::Good(identity),
///         Some(false) => Standing::Refused(DenyReason::Disabled),
///         None => Standing::Gone,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// They may sign in, and this is their current data.
    Good(Identity),
    /// They are known there, and may not sign in.
    Refused(DenyReason),
    /// The person no longer exists there.
    Gone,
}

/// Users whom an outside system can be asked about again: the argument of
/// [`AuthBuilder::confirm`](crate::AuthBuilder::confirm).
///
/// [`Provisioned`](crate::backend::Provisioned) implements it if its verifier is a [`Confirm`] and its users come
/// from [`Provisioning::on`](crate::Provisioning::on).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot confirm its users",
    label = "no `ConfirmUser`",
    note = "`.confirm(…)` takes the `Provisioned {{ verifier, users }}` of the backend, in an `Arc` that both share, if its \
            verifier is a `Confirm` and its users come from `Provisioning::on`"
)]
pub trait ConfirmUser: UserSource {
    /// Checks whether the user may stay signed in. If so, updates them as a login would, but never creates or links
    /// anybody. Changes on the way are reported to `reports`.
    ///
    /// [`Decline`](Outcome::Decline) means that no outside system knows the user (any more), [`Deny`](Outcome::Deny)
    /// that one does and refuses them. Both end all sessions of the user.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out. That ends no session.
    fn confirm_user(
        &self,
        id: &UserId,
        reports: &Reports,
    ) -> impl Future<Output = Result<Outcome<()>, BackendError>> + Send;

    /// As [`Backend::health`](crate::backend::Backend::health), for the outside system.
    fn health(&self) -> impl Future<Output = Health> + Send {
        UserSource::health(self)
    }
}

impl<B: ConfirmUser> ConfirmUser for Arc<B> {
    async fn confirm_user(&self, id: &UserId, reports: &Reports) -> Result<Outcome<()>, BackendError> {
        (**self).confirm_user(id, reports).await
    }

    async fn health(&self) -> Health {
        ConfirmUser::health(&**self).await
    }
}

impl<V: Confirm> Confirm for Arc<V> {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        (**self).confirm(issuer, subject).await
    }

    async fn health(&self) -> Health {
        Confirm::health(&**self).await
    }
}
