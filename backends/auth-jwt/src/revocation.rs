//! Revocation: valid tokens that are no longer accepted.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use auth_core::backend::BackendError;
use auth_core::time::Timestamp;

/// What identifies a revoked token: its id, or its user and age.
/// [`JwtBuilder::revoked_by`](crate::JwtBuilder::revoked_by) shows an example.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// The issuer (`iss`).
    pub issuer: String,
    /// The subject (`sub`).
    pub subject: String,
    /// The token's id (`jti`), if it has one: unique within the issuer.
    pub id: Option<String>,
    /// When it was issued (`iat`), if it says so.
    pub at: Option<Timestamp>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("issuer", &self.issuer).field("at", &self.at).finish_non_exhaustive()
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<bool, BackendError>> + Send>>;

/// Asks the application.
pub(crate) struct Revocation(Box<dyn Fn(Arc<Issued>) -> Answer + Send + Sync>);

impl Revocation {
    pub(crate) fn new<F>(is_revoked: impl Fn(Arc<Issued>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, BackendError>> + Send + 'static,
    {
        Self(Box::new(move |issued| Box::pin(is_revoked(issued))))
    }

    pub(crate) async fn is_revoked(&self, issued: &Arc<Issued>) -> Result<bool, BackendError> {
        (self.0)(Arc::clone(issued)).await
    }
}
