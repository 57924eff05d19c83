//! Tokens that are good by all they say, and are not to be taken any more.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use auth_core::backend::BackendError;
use auth_core::time::Timestamp;

/// By what a revoked token is known: itself, or whose and how old it is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// By whom (`iss`).
    pub issuer: String,
    /// About whom (`sub`).
    pub subject: String,
    /// Its own name (`jti`), if it has one. It is unique within the issuer, if at all.
    pub id: Option<String>,
    /// When (`iat`), if it says so.
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
