//! [`HttpConfirm`]: a microservice says whether a user may stay signed in.

use std::fmt;
use std::sync::Arc;

use auth_core::ConfigError;
use auth_core::backend::{BackendError, Confirm, DenyReason, Health, Standing};
use serde_json::json;

use crate::client::{Client, JSON};
use crate::error::{foreign, unexpected};
use crate::template::Template;
use crate::verifier::check_issuer;
use crate::{Endpoint, IdentityShape, json};

/// A microservice that says whether a user whom it once vouched for may still sign in: the counterpart of
/// [`HttpVerifier`](crate::HttpVerifier).
///
/// It receives `{"issuer": …, "subject": …}` by POST at a fixed address.
///
/// | the service answers | meaning |
/// |---|---|
/// | 200 and a JSON object about this subject | good |
/// | 403 with a JSON object | disabled |
/// | 404 or 410 with a JSON object | gone |
/// | anything else | an error |
///
/// A 404 without JSON comes from a gateway that has lost the service, and ends no session.
///
/// ```
/// use auth_core::{ConfigError, Secret};
/// use auth_http::{Endpoint, HttpConfirm, IdentityShape};
///
/// fn confirm(key: Secret) -> Result<HttpConfirm, ConfigError> {
///     let endpoint = Endpoint::new("https://accounts.example.com/status").header("X-Api-Key", key);
///     HttpConfirm::new(endpoint, "https://accounts.example.com", IdentityShape::new("/user/id"))
/// }
/// ```
#[derive(Clone)]
pub struct HttpConfirm(Arc<Inner>);

struct Inner {
    client: Client,
    request: Template,
    issuer: String,
    shape: IdentityShape,
}

impl HttpConfirm {
    /// Asks the service at `endpoint` about users of `issuer`.
    ///
    /// # Errors
    /// [`ConfigError`] if the endpoint or the shape cannot be right.
    pub fn new(
        endpoint: Endpoint,
        issuer: impl Into<String>,
        shape: IdentityShape,
    ) -> Result<Self, ConfigError> {
        let issuer = issuer.into();
        shape.check()?;
        check_issuer(&issuer)?;
        let request = json!({"issuer": "{issuer}", "subject": "{subject}"});
        let request = Template::new(request, ["{issuer}", "{subject}"])?;
        Ok(Self(Arc::new(Inner { client: endpoint.connect()?, request, issuer, shape })))
    }
}

impl Confirm for HttpConfirm {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        let Inner { client, request, issuer: own, shape } = &*self.0;
        if issuer != own {
            return Err(foreign("it is asked about another issuer"));
        }
        let reply = client.post(JSON, request.fill([issuer, subject])?).await?;
        if !matches!(reply.status, 200 | 403 | 404 | 410) {
            return Err(unexpected(reply.status));
        }
        let answer = json::object(reply.json()?)?;
        match reply.status {
            200 => match shape.read(own, &answer)? {
                identity if identity.subject() == subject => Ok(Standing::Good(identity)),
                _ => Err(foreign("the answer is about another user")),
            },
            403 => Ok(Standing::Refused(DenyReason::Disabled)),
            _ => Ok(Standing::Gone),
        }
    }

    async fn health(&self) -> Health {
        self.0.client.health().await
    }
}

impl fmt::Debug for HttpConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfirm").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}
