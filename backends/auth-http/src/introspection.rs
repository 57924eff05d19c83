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
/// Only a 200 with a JSON object in which `active` is `true` accepts, and then only a token that is of this issuer, for
/// this audience, of type Bearer, in its time, and with the required scopes. `"active": false` declines: the next
/// backend may know the token. Everything else could not be decided; so is a 401, which is about this service's own
/// credentials and not about the token. What is an outage is told as by [`HttpVerifier`](crate::HttpVerifier).
///
/// | the token | outcome |
/// |---|---|
/// | is not active | `Decline(UnknownUser)`: the server does not tell why |
/// | is of another issuer, or for another audience | `Decline(NotMine)` |
/// | is of another type, bound to a key (`cnf`), or not valid yet | `Decline(WrongSecret)` |
/// | has expired by its `exp` | `Deny(Expired)` |
/// | lacks a required scope | `Deny(NotPermitted)` |
///
/// What a good token is worth is in its [`Grant`](auth_core::grant::Grant): its scopes, when it ends, and by `auth_time` when its
/// user last proved who they are there. Without that, no [fresh](auth_core::Require::fresh) proof is seen in it.
///
/// For the client all of these are one 401. What a caller with a good token may do is for the routes to say
/// ([`Require::permission`](auth_core::Require::permission)), by groups that
/// [come from its scopes](IdentityShape::groups_in_words).
#[derive(Clone)]
pub struct Introspection(Arc<Inner>);

struct Inner {
    client: Client,
    policy: Policy,
    shape: IdentityShape,
    cache: Option<Cache>,
    clock: Box<dyn Clock>,
}

/// Answers that are kept.
struct Cache {
    active: Kept,
    inactive: Kept,
}

/// A configuration of an [`Introspection`].
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
    /// How far this machine's clock may be from the server's, unless set.
    pub const LEEWAY: Duration = Duration::from_secs(30);
    /// The most that it can be set to.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(300);
    /// For how long it is kept that a token is not active, if answers are kept at all.
    pub const INACTIVE_TTL: Duration = Duration::from_secs(5);
    /// How many such tokens are kept.
    pub const INACTIVE_CAPACITY: usize = 1_000;

    /// The introspection endpoint of the server whose name is `issuer`: what it puts into `iss`.
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
    /// A name of this service in `aud`. A token must be for it, or for another that is named.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Takes tokens for every audience, also those that the server gave for other services: one of these could use here
    /// what its callers sent it. Only for a server that tells no audience.
    pub fn without_audience_check(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// A scope without which no token is good here.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// How far this machine's clock may be from the server's: at most [`Introspection::MAX_LEEWAY`].
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Where in the answer is what (default: `/sub` and `/username`). Tokens that a program got for itself (the client
    /// credentials grant) often have no `sub`, and are then not understood. For them it is `/client_id`; but a person's
    /// token names a client too, so only where no person gets tokens for this audience.
    pub fn identity(mut self, shape: IdentityShape) -> Self {
        self.shape = shape;
        self
    }

    /// Keeps answers for a short while, and none beyond the token's `exp`. A token that was revoked stays good for up to
    /// the cache's ttl. What is required of a token is checked on every use all the same.
    ///
    /// That a token is not active is kept apart from that, 1,000 at most and 5 s at most.
    pub fn cache(mut self, cache: AnswerCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Where the time comes from.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Does not show the server who asks, for one that tells callers apart by the network. RFC 7662 §2.1 forbids it: who
    /// reaches such a server can try tokens there.
    pub fn without_client_authentication(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be right, names no audience, or shows the server no credentials.
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

/// Only the word `true` says so.
fn is_active(claims: &Value) -> Result<bool, BackendError> {
    claims.get("active").and_then(Value::as_bool).ok_or_else(|| invalid("`active` is neither true nor false"))
}

/// The question, in a buffer that never moves: the token leaves no copy behind where it grew.
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

    /// Keeps an answer that was understood. Those of tokens that are not active have places of their own: guesses do
    /// not push out who is in.
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
