//! Asking an outside system about somebody again, without their credentials.

use std::future::Future;
use std::sync::Arc;

use crate::{BackendError, DenyReason, Identity};

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

impl<V: Confirm> Confirm for Arc<V> {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        (**self).confirm(issuer, subject).await
    }
}
