//! [`HttpVerifier`]: a microservice verifies passwords.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use auth_core::backend::{Attempt, BackendError, DeclineReason, Health, Identity, Outcome, Verifier};
use auth_core::time::{Clock, SystemClock};
use auth_core::{ConfigError, Credentials as _, Password};
use serde_json::{Value, json};

use crate::cache::Kept;
use crate::client::{Client, JSON};
use crate::error::unexpected;
use crate::template::Template;
use crate::{AnswerCache, Endpoint, IdentityShape, json};

/// A microservice as the authority for passwords: it receives name and password as JSON, and answers whose they are.
///
/// | the service answers | meaning |
/// |---|---|
/// | 200 and a JSON object with a subject | accepted: the [`IdentityShape`] says where to find what |
/// | 401 | a wrong password, or an unknown name |
/// | a status in [`on_status`](HttpVerifierBuilder::on_status) | what is configured there |
/// | 400, 413, 414, 422, 431 and further 4xx | an error about this attempt, which says nothing about others |
/// | 429 | an error; the service is not avoided for it, since it may concern one user |
/// | anything else: 204, 302, 403, 404, 5xx, a 200 that is not understood, no answer in time | an error |
/// | nothing: no connection | an outage |
///
/// So if a gateway has lost the service (404, 502), nobody is told that their password is wrong. The service must not
/// answer 401 because of *this* service's credentials: every password would seem wrong.
///
/// Five outages within 10 s open the backend's circuit breaker in the chain
/// ([`BackendPolicy`](auth_core::BackendPolicy)). Wrong passwords never do. Errors that an odd name may cause, such
/// as a 422, a 500 or no answer in time, count only if the service itself says that it is down
/// ([`Endpoint::health`]). Names and passwords with control characters are not sent at all
/// ([`Password`](auth_core::Password) has the table).
///
/// ```
/// use auth_core::{ConfigError, Secret};
/// use auth_http::{Endpoint, HttpVerifier, IdentityShape};
///
/// fn accounts(key: Secret) -> Result<HttpVerifier, ConfigError> {
///     HttpVerifier::builder(
///         Endpoint::new("https://accounts.example.com/verify").header("X-Api-Key", key),
///         "https://accounts.example.com",
///         IdentityShape::new("/user/id").username("/user/login"),
///     )
///     .build()
/// }
/// ```
#[derive(Clone)]
pub struct HttpVerifier(Arc<Inner>);

struct Inner {
    client: Client,
    request: Template,
    issuer: String,
    shape: IdentityShape,
    statuses: BTreeMap<u16, Refused>,
    cache: Option<Kept>,
    clock: Box<dyn Clock>,
}

/// An answer that does not accept.
pub(crate) type Refused = Outcome<Infallible>;

/// The same answer for any type of user.
pub(crate) fn refused<T>(answer: &Refused) -> Outcome<T> {
    answer.clone().map(|nobody| match nobody {})
}

/// Builds an [`HttpVerifier`], which shows an example.
#[must_use = "nothing is configured until `build` is called"]
pub struct HttpVerifierBuilder {
    endpoint: Endpoint,
    issuer: String,
    shape: IdentityShape,
    request: Value,
    statuses: BTreeMap<u16, Refused>,
    cache: Option<AnswerCache>,
    clock: Box<dyn Clock>,
}

impl HttpVerifier {
    /// Begins with the service at `endpoint`. Its users are known here as those of `issuer`, which is half of the key
    /// by which a user is found again: it must never change. The address will do, if it is permanent.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, HttpVerifier, IdentityShape};
    /// # let endpoint = Endpoint::new("https://accounts.example.com/verify");
    /// # let builder = HttpVerifier::builder(endpoint, "https://accounts.example.com", IdentityShape::new("/id"));
    /// let accounts = HttpVerifier::builder(
    ///     Endpoint::new("https://accounts.example.com/verify"),
    ///     "https://accounts.example.com",
    ///     IdentityShape::new("/user/id"),
    /// );
    /// ```
    pub fn builder(
        endpoint: Endpoint,
        issuer: impl Into<String>,
        shape: IdentityShape,
    ) -> HttpVerifierBuilder {
        HttpVerifierBuilder {
            endpoint,
            issuer: issuer.into(),
            shape,
            request: json!({"username": "{username}", "password": "{password}"}),
            statuses: BTreeMap::from([(401, Outcome::Decline(DeclineReason::WrongSecret))]),
            cache: None,
            clock: Box::new(SystemClock),
        }
    }
}

impl HttpVerifierBuilder {
    /// Sets what is sent: JSON in which the strings `"{username}"` and `"{password}"` are replaced. Each must occur
    /// exactly once.
    ///
    /// ```
    /// # use auth_http::{Endpoint, HttpVerifier, IdentityShape};
    /// # let verifier = HttpVerifier::builder(Endpoint::new("https://a.example"), "a", IdentityShape::new("/id"));
    /// verifier.request(serde_json::json!({
    ///     "login": "{username}",
    ///     "secret": { "kind": "password", "value": "{password}" },
    ///     "realm": "staff",
    /// }));
    /// ```
    pub fn request(mut self, json: Value) -> Self {
        self.request = json;
        self
    }

    /// Sets what a status between 400 and 499 means: `404` for an unknown name, say, or `403` for a user who may not
    /// sign in. Name a status only if nothing between here and the service answers with it.
    ///
    /// ```
    /// # use auth_core::backend::{DeclineReason, DenyReason, Outcome};
    /// # use auth_http::{Endpoint, HttpVerifier, IdentityShape};
    /// # let verifier = HttpVerifier::builder(Endpoint::new("https://a.example"), "a", IdentityShape::new("/id"));
    /// verifier
    ///     .on_status(403, Outcome::Deny(DenyReason::NotPermitted))
    ///     .on_status(404, Outcome::Decline(DeclineReason::UnknownUser));
    /// ```
    pub fn on_status(mut self, status: u16, answer: Outcome<Infallible>) -> Self {
        self.statuses.insert(status, answer);
        self
    }

    /// Keeps answers that accept for a short while: see [`AnswerCache`] for the price.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, HttpVerifier, IdentityShape};
    /// # let endpoint = Endpoint::new("https://accounts.example.com/verify");
    /// # let builder = HttpVerifier::builder(endpoint, "https://accounts.example.com", IdentityShape::new("/id"));
    /// let builder = builder.cache(AnswerCache::new());
    /// ```
    pub fn cache(mut self, cache: AnswerCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// [`ConfigError`] if the endpoint, the shapes or the table of statuses cannot be right.
    pub fn build(self) -> Result<HttpVerifier, ConfigError> {
        self.shape.check()?;
        check_issuer(&self.issuer)?;
        let is_answer = |status: &u16| (400..500).contains(status) && *status != 408 && *status != 429;
        if !self.statuses.keys().all(is_answer) {
            return Err(ConfigError::new(
                "only statuses from 400 to 499 can be answers, but for 408 and 429",
            ));
        }
        Ok(HttpVerifier(Arc::new(Inner {
            client: self.endpoint.connect()?,
            request: Template::new(self.request, ["{username}", "{password}"])?,
            issuer: self.issuer,
            shape: self.shape,
            statuses: self.statuses,
            cache: self.cache.map(Kept::new).transpose()?,
            clock: self.clock,
        })))
    }
}

pub(crate) fn check_issuer(issuer: &str) -> Result<(), ConfigError> {
    if issuer.is_empty() {
        return Err(ConfigError::new("an issuer must be named: users are found again by it"));
    }
    Ok(())
}

impl Verifier<Password> for HttpVerifier {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        let Inner { cache, clock, .. } = &*self.0;
        let credentials = attempt.credentials();
        // A backend made from this checks it as well, but such credentials must never be sent.
        if let Err(reason) = credentials.check_handing_on() {
            return Ok(Outcome::Decline(reason));
        }
        let asked = clock.now();
        let parts = [credentials.username(), credentials.password().expose()];
        let name = cache.as_ref().map(|cache| (cache, cache.name(&parts)));
        if let Some(answer) = name.and_then(|(cache, name)| cache.get(&name, asked)) {
            return self.0.accept(&answer);
        }
        let reply = self.0.client.post(JSON, self.0.request.fill(parts)?).await?;
        if reply.status != 200 {
            let answer = self.0.statuses.get(&reply.status);
            return answer.map(refused).ok_or_else(|| unexpected(reply.status));
        }
        let accepted = self.0.accept(reply.json()?)?;
        if let Some((cache, name)) = name {
            cache.put(name, reply.json()?, asked, None);
        }
        Ok(accepted)
    }

    async fn health(&self) -> Health {
        self.0.client.health().await
    }
}

impl Inner {
    fn accept(&self, answer: &[u8]) -> Result<Outcome<Identity>, BackendError> {
        self.shape.read(&self.issuer, &json::object(answer)?).map(Outcome::Accept)
    }
}

impl fmt::Debug for HttpVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpVerifier").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpVerifierBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
