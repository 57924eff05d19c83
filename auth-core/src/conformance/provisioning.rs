//! The suite for [`ProvisionStore`].

mod fixture;
mod many;
mod one;

use std::sync::Arc;

use crate::UserId;
use crate::backend::{BackendError, Email};
use crate::provisioning::ProvisionStore;

/// A store under test, with what an application does to its users besides provisioning.
///
/// It can hold the attributes `phone` and `town`, the e-mail address, the flag `is_staff`, any permission, and
/// tracked values.
pub trait Site: ProvisionStore {
    /// Adds an active user without an identity, as a registration would.
    ///
    /// # Errors
    /// [`BackendError`] if the store cannot do it.
    fn register(
        &self,
        username: &str,
        email: Email,
    ) -> impl Future<Output = Result<UserId, BackendError>> + Send;

    /// Disables a user.
    ///
    /// # Errors
    /// [`BackendError`] if the store cannot do it.
    fn disable(&self, user: &UserId) -> impl Future<Output = Result<(), BackendError>> + Send;
}

impl<S: Site> Site for Arc<S> {
    async fn register(&self, username: &str, email: Email) -> Result<UserId, BackendError> {
        (**self).register(username, email).await
    }

    async fn disable(&self, user: &UserId) -> Result<(), BackendError> {
        (**self).disable(user).await
    }
}

/// Checks a store against its contract; `fresh` returns an empty one for each case.
///
/// Run it on a multi-threaded runtime: the last cases race.
///
/// # Panics
/// With the rule that the store breaks.
pub async fn provision_store<S: Site>(fresh: impl AsyncFn() -> S) {
    one::check(&fresh).await;
    many::check(&fresh).await;
}
