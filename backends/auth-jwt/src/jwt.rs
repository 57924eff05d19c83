//! [`Jwt`]: tokens are verified here.

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
/// | is no JWT, or of an issuer that is not named | `Decline(NotMine)` |
/// | has expired | `Deny(Expired)` |
/// | was revoked | `Deny(Revoked)` |
/// | is anything else than it should be | `Deny(WrongSecret)` |
/// | is signed by a key that cannot be looked for now | could not be decided, and says nothing of others |
/// | is as it should be | accepted, as (`iss`, `sub`) byte for byte |
///
/// For the client all refusals are one 401. What a good token is worth is in its
/// [`Grant`](auth_core::grant::Grant): the scopes that it names, if it has a claim of them, and its `exp`; and where the issuer
/// [is believed](Issuer::trust_authentication), how and when its user last proved who they are there.
///
/// A token that was verified is kept as such, under a keyed hash, up to its `exp` and no longer than its key.
#[derive(Clone)]
pub struct Jwt(Arc<Inner>);

struct Inner {
    issuers: BTreeMap<String, Trusted>,
    cache: Cache,
    revocation: Option<Revocation>,
    clock: Box<dyn Clock>,
}

/// A configuration of a [`Jwt`].
#[must_use = "nothing is configured until `build` is called"]
pub struct JwtBuilder {
    issuers: Vec<Issuer>,
    capacity: usize,
    revocation: Option<Revocation>,
    clock: Box<dyn Clock>,
}

impl Jwt {
    /// How many verified tokens are kept, unless set. Longer ones than 4 KiB are not.
    pub const CAPACITY: usize = 10_000;
    /// The most that it can be set to.
    pub const MAX_CAPACITY: usize = 1_000_000;

    /// No issuer yet.
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
    /// Takes tokens of this issuer. Call it for each.
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// How many verified tokens are kept, so that their next use costs little; 0 for none. When all places are taken by
    /// tokens that are still good, new ones are not kept.
    pub fn capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// Asks whether a good token was revoked, on every use of it. An error is no answer: the token could not be judged.
    ///
    /// ```
    /// # use auth_core::time::Timestamp;
    /// # struct Logouts;
    /// # impl Logouts { async fn since(&self, _: &str) -> Timestamp { Timestamp::default() } }
    /// # fn configured(logouts: std::sync::Arc<Logouts>) -> auth_jwt::JwtBuilder {
    /// auth_jwt::Jwt::builder().revoked_by(move |token| {
    ///     let logouts = logouts.clone();
    ///     // Whoever was logged out everywhere has no token from before.
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

    /// Where the time comes from.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The verifier, with the keys of all issuers. Those that are fetched are fetched now.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be right, or the keys of an issuer cannot be had: a service that would
    /// refuse everybody does not start.
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
                return Err(ConfigError::new(format!("the issuer {name:?} is there twice")));
            }
        }
        let cache = Cache::new(self.capacity)?;
        Ok(Jwt(Arc::new(Inner { issuers, cache, revocation: self.revocation, clock: self.clock })))
    }
}

impl Verifier<BearerToken> for Jwt {
    /// Nothing but three parts is a token in compact form.
    fn supports(&self, attempt: &Attempt<'_, BearerToken>) -> bool {
        // Counted byte by byte, many at a time: that is done for each token of each request.
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

    /// Whether there are keys. The issuers are not asked.
    async fn health(&self) -> Health {
        let now = self.0.clock.now();
        let serving = self.0.issuers.values().filter(|issuer| issuer.serves(now)).count();
        match serving {
            0 => Health::Down,
            all if all == self.0.issuers.len() => Health::Serving,
            _ => Health::Unknown,
        }
    }

    /// A token is verified here.
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

    /// What a token comes to, by what is kept of it or by its signature.
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
            // Whatever is wrong with it: if it is ours, nobody else is to make something of it.
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
