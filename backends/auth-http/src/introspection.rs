//! [`Introspection`]: an OAuth server judges tokens (RFC 7662).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::{
    AnswerName, Attempt, BackendError, DeclineReason, Health, Identity, Outcome, Verifier,
};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{BearerToken, ConfigError};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::cache::Kept;
use crate::client::{Client, FORM};
use crate::error::{invalid, unexpected};
use crate::policy::{Policy, end, grant};
use crate::verifier::{check_issuer, refused};
use crate::{AnswerCache, Endpoint, IdentityShape, json};

/// An OAuth 2.0 introspection endpoint (RFC 7662) as the authority for bearer tokens.
///
/// It accepts a token only for a 200 with a JSON object in which `active` is `true`, and only if the token is from
/// this issuer, for this audience, of type Bearer, within its time, and has the required scopes. `"active": false`
/// declines: the next backend may know the token. Everything else is an error. This includes a 401, which concerns
/// this service's own credentials and not the token. [`HttpVerifier`](crate::HttpVerifier) says which errors count as
/// an outage.
///
/// | the token | outcome |
/// |---|---|
/// | is not active | `Decline(UnknownUser)`: the server does not say why |
/// | has another issuer or another audience | `Decline(NotMine)` |
/// | has another type, is bound to a key (`cnf`), or is not valid yet | `Decline(WrongSecret)` |
/// | has expired by its `exp` | `Deny(Expired)` |
/// | lacks a required scope | `Deny(NotPermitted)` |
///
/// The [`Grant`](auth_core::grant::Grant) of a good token holds its scopes, its expiry, and by `auth_time` when the
/// user last proved their identity at the server. Without `auth_time` the token is no
/// [fresh](auth_core::Require::fresh) proof.
///
/// The client gets the same 401 for all of these. What a caller with a good token may do is decided by the routes
/// ([`Require::permission`](auth_core::Require::permission)), for instance by groups that [come from its
/// scopes](IdentityShape::groups_in_words).
///
/// ```
/// use auth_core::{ConfigError, Secret};
/// use auth_http::{Endpoint, Introspection};
///
/// fn tokens(secret: Secret) -> Result<Introspection, ConfigError> {
///     let endpoint = Endpoint::new("https://id.example.com/introspect").client("orders", secret);
///     Introspection::builder(endpoint, "https://id.example.com")
///         .audience("https://orders.example.com")
///         .scope("orders.read")
///         .build()
/// }
/// ```
#[derive(Clone)]
pub struct Introspection(Arc<Inner>);

struct Inner {
    client: Client,
    policy: Policy,
    shape: IdentityShape,
    cache: Option<Cache>,
    clock: Box<dyn Clock>,
}

/// The answers that are kept.
struct Cache {
    active: Kept,
    inactive: Kept,
}

/// Builds an [`Introspection`], which shows an example.
#[must_use = "nothing is configured until `build` is called"]
pub struct IntrospectionBuilder {
    endpoint: Endpoint,
    issuer: String,
    audiences: Vec<String>,
    any_audience: bool,
    anonymous: bool,
    scopes: Vec<String>,
    leeway: Duration,
    shape: IdentityShape,
    cache: Option<AnswerCache>,
    clock: Box<dyn Clock>,
}

impl Introspection {
    /// The clock difference to the server that is tolerated, unless set.
    pub const LEEWAY: Duration = Duration::from_secs(30);
    /// The largest difference that can be set.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(300);
    /// How long a token is remembered as not active, if answers are kept at all.
    pub const INACTIVE_TTL: Duration = Duration::from_secs(5);
    /// How many such tokens are remembered.
    pub const INACTIVE_CAPACITY: usize = 1_000;

    /// Begins with the introspection endpoint of the server whose name is `issuer`: the value that it puts into
    /// `iss`.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let tokens = Introspection::builder(
    ///     Endpoint::new("https://id.example.com/introspect").client("orders", "secret"),
    ///     "https://id.example.com",
    /// );
    /// ```
    pub fn builder(endpoint: Endpoint, issuer: impl Into<String>) -> IntrospectionBuilder {
        IntrospectionBuilder {
            endpoint,
            issuer: issuer.into(),
            audiences: Vec::new(),
            any_audience: false,
            anonymous: false,
            scopes: Vec::new(),
            leeway: Self::LEEWAY,
            shape: IdentityShape::new("/sub").username("/username"),
            cache: None,
            clock: Box::new(SystemClock),
        }
    }
}

impl IntrospectionBuilder {
    /// Adds a name of this service in `aud`. A token must be for one of the names given here.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.audience("https://orders.example.com").audience("orders");
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts tokens for every audience, including those issued for other services: such a service could use here
    /// the tokens that its callers sent it. Only for a server that does not report the audience.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.without_audience_check();
    /// ```
    pub fn without_audience_check(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Requires a scope. A token without it is refused.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.scope("orders.read").scope("orders.write");
    /// ```
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Sets the clock difference to the server that is tolerated: at most [`Introspection::MAX_LEEWAY`].
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.leeway(std::time::Duration::from_secs(5));
    /// ```
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets where the answer holds what (default: `/sub` and `/username`). Tokens that a program obtained for itself
    /// (the client credentials grant) often have no `sub`, and are not understood. Use `/client_id` for them, but
    /// only if no person gets tokens for this audience: a person's token names a client, too.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.identity(IdentityShape::new("/sub").username("/email").groups_in_words("/scope"));
    /// ```
    pub fn identity(mut self, shape: IdentityShape) -> Self {
        self.shape = shape;
        self
    }

    /// Keeps answers for a short while, but never beyond the token's `exp`. A revoked token stays good for up to the
    /// cache's ttl. The requirements on a token are checked on every use all the same.
    ///
    /// Tokens that are not active are remembered separately, at most 1,000 of them for at most 5 s.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.cache(AnswerCache::new().ttl(std::time::Duration::from_secs(10)));
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

    /// Does not authenticate to the server, for a server that identifies callers by their network. RFC 7662 §2.1
    /// forbids it: anybody who can reach such a server can try tokens there.
    ///
    /// ```
    /// # use auth_http::{AnswerCache, Endpoint, IdentityShape, Introspection};
    /// # let endpoint = Endpoint::new("https://id.example.com/introspect");
    /// # let builder = Introspection::builder(endpoint, "https://id.example.com");
    /// let builder = builder.without_client_authentication();
    /// ```
    pub fn without_client_authentication(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be right, names no audience, or has no credentials for the server.
    pub fn build(self) -> Result<Introspection, ConfigError> {
        self.check()?;
        let Self { endpoint, issuer, audiences, scopes, leeway, shape, cache, clock, .. } = self;
        let client = endpoint.connect()?;
        let cache = cache.map(Cache::new).transpose()?;
        let policy = Policy { issuer, audiences, scopes, leeway };
        Ok(Introspection(Arc::new(Inner { client, policy, shape, cache, clock })))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.shape.check()?;
        check_issuer(&self.issuer)?;
        if self.any_audience != self.audiences.is_empty() {
            return Err(ConfigError::new(
                "introspection needs either `.audience(…)`, this service's name in the tokens' `aud`, or \
                 `.without_audience_check()`",
            ));
        }
        if self.anonymous == self.endpoint.authenticates() {
            return Err(ConfigError::new(
                "introspection needs credentials for the server: `Endpoint::client(id, secret)`, a bearer token or a \
                 client certificate; or, without any, `.without_client_authentication()`",
            ));
        }
        let is_scope = |scope: &String| !scope.is_empty() && !scope.contains(' ');
        if !self.scopes.iter().all(is_scope) {
            return Err(ConfigError::new("a scope is one word; call `.scope(…)` for each"));
        }
        if self.leeway > Introspection::MAX_LEEWAY {
            return Err(ConfigError::new("the leeway for clocks is 300 s at most"));
        }
        Ok(())
    }
}

impl Verifier<BearerToken> for Introspection {
    async fn verify(&self, attempt: &Attempt<'_, BearerToken>) -> Result<Outcome<Identity>, BackendError> {
        let token = attempt.credentials().token().expose();
        let asked = self.0.clock.now();
        let Some(cache) = &self.0.cache else { return self.0.judge(&self.0.ask(token).await?, asked) };
        let name = cache.active.name(&[token]);
        if let Some(answer) = cache.get(&name, asked) {
            return self.0.judge(&answer, asked);
        }
        let answer = self.0.ask(token).await?;
        let outcome = self.0.judge(&answer, asked)?;
        cache.put(name, &answer, asked)?;
        Ok(outcome)
    }

    async fn health(&self) -> Health {
        self.0.client.health().await
    }
}

impl Inner {
    async fn ask(&self, token: &str) -> Result<Vec<u8>, BackendError> {
        let reply = self.client.post(FORM, form(token)).await?;
        if reply.status != 200 {
            return Err(unexpected(reply.status));
        }
        reply.json().map(<[u8]>::to_vec)
    }

    fn judge(&self, answer: &[u8], now: Timestamp) -> Result<Outcome<Identity>, BackendError> {
        let claims = json::object(answer)?;
        if !is_active(&claims)? {
            return Ok(Outcome::Decline(DeclineReason::UnknownUser));
        }
        if let Some((outcome, why)) = self.policy.refuse(&claims, now)? {
            tracing::debug!(target: "auth", "a token was refused: {why}");
            return Ok(refused(&outcome));
        }
        let issuer = &self.policy.issuer;
        let identity = self.shape.read(issuer, &claims)?;
        Ok(Outcome::Accept(identity.with_grant(grant(issuer, &claims)?)))
    }
}

/// Only `true` means active.
fn is_active(claims: &Value) -> Result<bool, BackendError> {
    claims.get("active").and_then(Value::as_bool).ok_or_else(|| invalid("`active` is neither true nor false"))
}

/// The request body, in a buffer that never moves, so that growing leaves no copy of the token behind.
fn form(token: &str) -> Zeroizing<Vec<u8>> {
    const HINT: &[u8] = b"token_type_hint=access_token&token=";
    let mut form = Zeroizing::new(Vec::with_capacity(HINT.len() + 3 * token.len()));
    form.extend_from_slice(HINT);
    byte_serialize(token.as_bytes()).for_each(|part| form.extend_from_slice(part.as_bytes()));
    form
}

impl Cache {
    fn new(settings: AnswerCache) -> Result<Self, ConfigError> {
        let inactive = settings.at_most(Introspection::INACTIVE_TTL, Introspection::INACTIVE_CAPACITY);
        Ok(Self { active: Kept::new(settings)?, inactive: Kept::new(inactive)? })
    }

    fn get(&self, name: &AnswerName, now: Timestamp) -> Option<Arc<[u8]>> {
        self.active.get(name, now).or_else(|| self.inactive.get(name, now))
    }

    /// Keeps an answer that was understood. Tokens that are not active have separate places, so that guesses do not
    /// push out good tokens.
    fn put(&self, name: AnswerName, answer: &[u8], asked: Timestamp) -> Result<(), BackendError> {
        let claims = json::object(answer)?;
        if is_active(&claims)? {
            self.active.put(name, answer, asked, end(&claims)?);
        } else {
            self.inactive.put(name, answer, asked, None);
        }
        Ok(())
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("issuer", &self.0.policy.issuer).finish_non_exhaustive()
    }
}

impl fmt::Debug for IntrospectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
