//! [`Jwt`]: verifies tokens locally.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use auth_core::backend::{Attempt, BackendError, DeclineReason, Health, Identity, Outcome, Verifier};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{BearerToken, ConfigError};
use auth_jws::{Token, claims_issuer};

use crate::cache::{Cache, Good};
use crate::issuer::{Issuer, Trusted};
use crate::keys::Failure;
use crate::refusal::Refusal;
use crate::revocation::{Issued, Revocation};

/// Signed JSON Web Tokens of known issuers (RFC 7519, RFC 9068) as bearer tokens.
///
/// | the token | outcome |
/// |---|---|
/// | is not a JWT, or its issuer is not configured | `Decline(NotMine)` |
/// | has expired | `Deny(Expired)` |
/// | was revoked | `Deny(Revoked)` |
/// | violates another requirement | `Deny(WrongSecret)` |
/// | is signed by a key that cannot be looked up now | an error, which says nothing about other tokens |
/// | meets all requirements | accepted, as (`iss`, `sub`) byte for byte |
///
/// The client gets the same 401 for all refusals. The [`Grant`](auth_core::grant::Grant) of a good token holds its
/// scopes, if a claim names any, and its `exp`; and if the issuer [is trusted with it](Issuer::trust_authentication),
/// how and when its user last authenticated there.
///
/// A verified token is remembered under a keyed hash, up to its `exp` and no longer than its key.
///
/// ```no_run
/// use auth_core::ConfigError;
/// use auth_jwt::{Issuer, Jwt};
///
/// async fn tokens() -> Result<Jwt, ConfigError> {
///     let issuer = Issuer::new("https://id.example.com").discover().audience("https://orders.example.com");
///     Jwt::builder().issuer(issuer).build().await
/// }
/// ```
#[derive(Clone)]
pub struct Jwt(Arc<Inner>);

struct Inner {
    issuers: BTreeMap<String, Trusted>,
    cache: Cache,
    revocation: Option<Revocation>,
    clock: Box<dyn Clock>,
}

/// Builds a [`Jwt`], which shows an example.
#[must_use = "nothing is configured until `build` is called"]
pub struct JwtBuilder {
    issuers: Vec<Issuer>,
    capacity: usize,
    revocation: Option<Revocation>,
    clock: Box<dyn Clock>,
}

impl Jwt {
    /// How many verified tokens are remembered, unless set. Tokens longer than 4 KiB are not.
    pub const CAPACITY: usize = 10_000;
    /// The largest number that can be set.
    pub const MAX_CAPACITY: usize = 1_000_000;

    /// Begins without an issuer.
    pub fn builder() -> JwtBuilder {
        JwtBuilder {
            issuers: Vec::new(),
            capacity: Self::CAPACITY,
            revocation: None,
            clock: Box::new(SystemClock),
        }
    }
}

impl JwtBuilder {
    /// Accepts tokens of this issuer. Call it for each.
    ///
    /// ```
    /// use auth_jwt::{Issuer, Jwt};
    ///
    /// let staff = Issuer::new("https://id.example.com").discover().audience("orders");
    /// let partners = Issuer::new("https://login.partner.example").discover().audience("orders");
    /// let tokens = Jwt::builder().issuer(staff).issuer(partners);
    /// ```
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets how many verified tokens are remembered, so that their next use is cheap; 0 for none. While all places
    /// hold tokens that are still good, new ones are not remembered.
    ///
    /// ```
    /// let tokens = auth_jwt::Jwt::builder().capacity(100_000);
    /// ```
    pub fn capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// Asks on every use of a good token whether it was revoked. If that fails, the token is neither accepted nor
    /// refused: the chain answers 503.
    ///
    /// ```
    /// # use auth_core::time::Timestamp;
    /// # struct Logouts;
    /// # impl Logouts { async fn since(&self, _: &str) -> Timestamp { Timestamp::default() } }
    /// # fn configured(logouts: std::sync::Arc<Logouts>) -> auth_jwt::JwtBuilder {
    /// auth_jwt::Jwt::builder().revoked_by(move |token| {
    ///     let logouts = logouts.clone();
    ///     // A user who logged out everywhere has no valid token from before.
    ///     async move { Ok(token.at < Some(logouts.since(&token.subject).await)) }
    /// })
    /// # }
    /// ```
    pub fn revoked_by<F>(mut self, is_revoked: impl Fn(Arc<Issued>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, BackendError>> + Send + 'static,
    {
        self.revocation = Some(Revocation::new(is_revoked));
        self
    }

    /// Sets the clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Builds the verifier with the keys of all issuers, which it fetches now.
    ///
    /// ```no_run
    /// # use auth_jwt::{Issuer, Jwt};
    /// # async fn tokens() -> Result<(), auth_core::ConfigError> {
    /// let issuer = Issuer::new("https://id.example.com").discover().audience("orders");
    /// let tokens = Jwt::builder().issuer(issuer).build().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be right, or an issuer's keys cannot be fetched: a service that
    /// would refuse everybody does not start.
    pub async fn build(self) -> Result<Jwt, ConfigError> {
        if self.issuers.is_empty() {
            return Err(ConfigError::new("call `.issuer(…)` for each issuer whose tokens are taken"));
        }
        if self.capacity > Jwt::MAX_CAPACITY {
            return Err(ConfigError::new("at most 1,000,000 verified tokens are kept"));
        }
        let mut issuers = BTreeMap::new();
        for issuer in self.issuers {
            let name = issuer.name().to_owned();
            if issuers.insert(name.clone(), issuer.build(self.clock.now()).await?).is_some() {
                return Err(ConfigError::new(format!("the issuer {name:?} is configured twice")));
            }
        }
        let cache = Cache::new(self.capacity)?;
        Ok(Jwt(Arc::new(Inner { issuers, cache, revocation: self.revocation, clock: self.clock })))
    }
}

impl Verifier<BearerToken> for Jwt {
    /// A token in compact form has exactly three parts.
    fn supports(&self, attempt: &Attempt<'_, BearerToken>) -> bool {
        // Counting bytes one by one vectorises well: it is done for each token of each request.
        attempt.credentials().token().expose().bytes().map(|byte| usize::from(byte == b'.')).sum::<usize>()
            == 2
    }

    async fn verify(&self, attempt: &Attempt<'_, BearerToken>) -> Result<Outcome<Identity>, BackendError> {
        match self.0.judge(attempt.credentials().token().expose()).await {
            Ok(good) => Ok(Outcome::Accept(good.identity.clone())),
            Err(Failure::NotMine) => Ok(Outcome::Decline(DeclineReason::NotMine)),
            Err(Failure::Refused(why)) => {
                tracing::debug!(target: "auth", "a token was refused: {why}");
                Ok(why.outcome())
            }
            Err(Failure::Undecided(error)) => Err(error),
        }
    }

    /// Whether there are keys. The issuers get no request.
    async fn health(&self) -> Health {
        let now = self.0.clock.now();
        let serving = self.0.issuers.values().filter(|issuer| issuer.serves(now)).count();
        match serving {
            0 => Health::Down,
            all if all == self.0.issuers.len() => Health::Serving,
            _ => Health::Unknown,
        }
    }

    /// A token is verified within this process.
    fn hands_on(&self) -> bool {
        false
    }
}

impl Inner {
    async fn judge(&self, text: &str) -> Result<Arc<Good>, Failure> {
        let good = self.verified(text, self.clock.now()).await?;
        match &self.revocation {
            Some(revocation) if revocation.is_revoked(&good.issued).await.map_err(Failure::Undecided)? => {
                Err(Refusal::Revoked.into())
            }
            _ => Ok(good),
        }
    }

    /// The result for a token, remembered or by its signature.
    async fn verified(&self, text: &str, now: Timestamp) -> Result<Arc<Good>, Failure> {
        let Some(name) = self.cache.name(text) else { return self.read(text, now).await.map(Arc::new) };
        if let Some(good) = self.cache.get(&name, now).filter(|good| self.is_still_good(good, now)) {
            return Ok(good);
        }
        let good = Arc::new(self.read(text, now).await?);
        self.cache.put(name, Arc::clone(&good));
        Ok(good)
    }

    fn is_still_good(&self, good: &Good, now: Timestamp) -> bool {
        self.issuers.get(good.identity.issuer()).is_some_and(|issuer| issuer.holds(&good.key, now))
    }

    async fn read(&self, text: &str, now: Timestamp) -> Result<Good, Failure> {
        let token = Token::parse(text).map_err(|why| {
            // Whatever is wrong with it: if the token is from one of these issuers, no other backend may accept it.
            let is_ours = claims_issuer(text, |issuer| self.issuers.contains_key(issuer));
            if is_ours { Refusal::Malformed(why).into() } else { Failure::NotMine }
        })?;
        let issuer = token.issuer().and_then(|issuer| self.issuers.get(issuer));
        issuer.ok_or(Failure::NotMine)?.judge(&token, now).await
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("issuers", &self.0.issuers.keys()).finish_non_exhaustive()
    }
}

impl fmt::Debug for JwtBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBuilder").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}
