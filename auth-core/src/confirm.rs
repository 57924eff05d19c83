//! Asking an outside system about somebody again, without their credentials.

mod settings;

use std::future::Future;
use std::sync::Arc;

use crate::UserId;
use crate::backend::{BackendError, DenyReason, Health, Identity, Outcome, UserSource};
use crate::report::Reports;
pub use settings::Confirmation;

/// An outside system that says whether somebody whom it once proved may still sign in, without their credentials.
///
/// It is asked from time to time about the users of sessions: who was disabled or removed there does not stay signed
/// in here.
pub trait Confirm: Send + Sync + 'static {
    /// How the person with this issuer and subject stands now.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out, or the issuer is not the one that it speaks for. That is never
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

/// How somebody stands with an outside system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// They may sign in, and this is what is known of them now.
    Good(Identity),
    /// They are known there, and may not sign in.
    Refused(DenyReason),
    /// Nobody there is them any more.
    Gone,
}

/// Users of whom an outside system can be asked again: what [`AuthBuilder::confirm`](crate::AuthBuilder::confirm) wants.
///
/// [`Provisioned`](crate::backend::Provisioned) is one where its verifier is a [`Confirm`] and its users come from
/// [`Provisioning::on`](crate::Provisioning::on).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot confirm its users",
    label = "no `ConfirmUser`",
    note = "`.confirm(…)` takes the `Provisioned {{ verifier, users }}` of the backend, in an `Arc` that both share, if its \
            verifier is a `Confirm` and its users come from `Provisioning::on`"
)]
pub trait ConfirmUser: UserSource {
    /// Whether the user may stay signed in. Who may is brought up to date as by a login, and never created or linked.
    /// What is done on the way goes to `reports`.
    ///
    /// [`Decline`](Outcome::Decline) says that no outside system knows the user (any more), [`Deny`](Outcome::Deny)
    /// that one does, and refuses. Both end all sessions of the user.
    ///
    /// # Errors
    /// [`BackendError`] if it could not be found out. That ends no session.
    fn confirm_user(
        &self,
        id: &UserId,
        reports: &Reports,
    ) -> impl Future<Output = Result<Outcome<()>, BackendError>> + Send;

    /// As [`Backend::health`](crate::backend::Backend::health), for whoever is asked here.
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
