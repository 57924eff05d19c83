//! [`Issuer`]: whose tokens are accepted, and which ones.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::time::Timestamp;
use auth_http::{Endpoint, IdentityShape};
use auth_jws::{Algorithm, Claims, Expectations, JwkSet, Token, VerifyingKey};

use crate::cache::Good;
use crate::discovery;
use crate::grant::{SCOPES, grant};
use crate::keys::{Failure, Keys, describe};
use crate::refusal::Refusal;
use crate::remote::{Pace, Remote};
use crate::revocation::Issued;

/// An issuer of tokens: the requirements on its tokens, and where its keys are. Mistakes are reported when a
/// [`Jwt`](crate::Jwt) is built from it.
///
/// It needs an [audience](Self::audience), and keys: from [its discovery document](Self::discover), from [an
/// address](Self::jwks_url), or given directly ([`jwks`](Self::jwks), [`jwk`](Self::jwk), [`pem`](Self::pem),
/// [`secret`](Self::secret), [`key`](Self::key)).
///
/// ```
/// use auth_jwt::{IdentityShape, Issuer};
///
/// let issuer = Issuer::new("https://id.example.com")
///     .discover()
///     .audience("https://orders.example.com")
///     .identity(IdentityShape::new("/sub").username("/preferred_username"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    name: String,
    audiences: Vec<String>,
    /// Empty for the default.
    types: Vec<String>,
    any_type: bool,
    algorithms: Option<Vec<Algorithm>>,
    keys: Vec<VerifyingKey>,
    place: Option<Place>,
    leeway: Duration,
    shape: IdentityShape,
    scopes_in: Vec<String>,
    is_believed: bool,
    pace: Pace,
    mistake: Option<String>,
}

#[derive(Clone)]
enum Place {
    Keys(Endpoint),
    Discovery(Endpoint),
}

impl Issuer {
    /// The clock difference to the issuer that is tolerated, unless set.
    pub const LEEWAY: Duration = Duration::from_secs(30);
    /// The largest difference that can be set.
    pub const MAX_LEEWAY: Duration = Expectations::MAX_LEEWAY;
    /// The age at which keys are fetched again, unless set.
    pub const FETCH_EVERY: Duration = Duration::from_secs(600);
    /// The minimum time between two fetches, unless set.
    pub const FETCH_INTERVAL: Duration = Duration::from_secs(30);
    /// How long keys stay good while they cannot be fetched again, unless set.
    pub const KEEP_KEYS_FOR: Duration = Duration::from_secs(24 * 3600);
    /// The type of an access token (RFC 9068 §2.1), which tokens must have unless another is set.
    pub const ACCESS_TOKEN: &str = "at+jwt";

    /// An issuer of this name: the value that it writes into `iss`, byte for byte. It is half of the key by which a
    /// user is found again.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").discover().audience("orders");
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            audiences: Vec::new(),
            types: Vec::new(),
            any_type: false,
            algorithms: None,
            keys: Vec::new(),
            place: None,
            leeway: Self::LEEWAY,
            shape: IdentityShape::new("/sub"),
            scopes_in: SCOPES.map(Into::into).to_vec(),
            is_believed: false,
            pace: Pace {
                every: Self::FETCH_EVERY,
                interval: Self::FETCH_INTERVAL,
                keep: Self::KEEP_KEYS_FOR,
            },
            mistake: None,
        }
    }

    /// Adds a name of this service in `aud`. A token must be for one of the names given here. At least one is
    /// required: otherwise another service could use here a token that the issuer created for that service.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").audience("https://orders.example.com");
    /// ```
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts tokens of this type (`typ`) instead of those of RFC 9068 (`at+jwt`). Call it for each type. Many
    /// issuers write `JWT` into everything that they sign: an ID token then passes for an access token if its
    /// audience fits.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").typ("JWT");
    /// ```
    pub fn typ(mut self, kind: impl Into<String>) -> Self {
        self.types.push(kind.into());
        self
    }

    /// Accepts tokens of any type, and without one. Only for an issuer that signs nothing else for this audience.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").accept_any_typ();
    /// ```
    pub fn accept_any_typ(mut self) -> Self {
        self.any_type = true;
        self
    }

    /// Sets the algorithms that the issuer signs with. Without it, all that its keys support are accepted; an HMAC
    /// never together with others.
    ///
    /// ```
    /// use auth_jwt::{Algorithm, Issuer};
    ///
    /// let issuer = Issuer::new("https://id.example.com").algorithms([Algorithm::Es256, Algorithm::EdDsa]);
    /// ```
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Fetches the issuer's keys from this address.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").jwks_url("https://id.example.com/keys.json");
    /// ```
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        self.jwks_endpoint(Endpoint::new(url))
    }

    /// Like [`jwks_url`](Self::jwks_url), with your own timeouts, roots or proxy. The endpoint's limit on the answer
    /// does not apply: keys may have 1 MiB.
    ///
    /// ```
    /// use auth_jwt::{Endpoint, Issuer};
    ///
    /// let keys = Endpoint::new("https://id.example.com/keys.json").proxy_from_environment();
    /// let issuer = Issuer::new("https://id.example.com").jwks_endpoint(keys);
    /// ```
    pub fn jwks_endpoint(self, endpoint: Endpoint) -> Self {
        self.at(Place::Keys(endpoint))
    }

    /// Reads the address of the keys from the issuer's discovery document, once, at the start: at the issuer's name
    /// with `/.well-known/openid-configuration`. The document must name exactly this issuer.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").discover().audience("orders");
    /// ```
    pub fn discover(self) -> Self {
        let endpoint = Endpoint::new(discovery::address(&self.name));
        self.discover_by(endpoint)
    }

    /// Like [`discover`](Self::discover), from another address, or with your own timeouts, roots or proxy, which also
    /// apply to the keys.
    ///
    /// ```
    /// use auth_jwt::{Endpoint, Issuer};
    ///
    /// let document = Endpoint::new("https://id.example.com/tenant/.well-known/openid-configuration");
    /// let issuer = Issuer::new("https://id.example.com").discover_by(document);
    /// ```
    pub fn discover_by(self, endpoint: Endpoint) -> Self {
        self.at(Place::Discovery(endpoint))
    }

    fn at(mut self, place: Place) -> Self {
        if self.place.replace(place).is_some() {
            self.mistake.get_or_insert("name one address of the keys".into());
        }
        self
    }

    /// Uses the keys of this JWK set (RFC 7517 §5), which are never fetched again. Unusable keys are left out.
    ///
    /// ```no_run
    /// # use auth_jwt::Issuer;
    /// let issuer = Issuer::new("https://id.example.com").jwks(&std::fs::read_to_string("keys.json")?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn jwks(mut self, text: &str) -> Self {
        match JwkSet::parse(text.as_bytes()) {
            Ok(set) if set.is_empty() => self.note("none of the keys can be used"),
            Ok(set) => self.keys.extend_from_slice(set.keys()),
            Err(why) => self.note(why),
        }
        self
    }

    /// Uses this public key, as JSON (RFC 7517).
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let issuer = Issuer::new("https://id.example.com").jwk(key);
    /// ```
    pub fn jwk(self, text: &str) -> Self {
        self.read(VerifyingKey::from_jwk(text))
    }

    /// Uses this public key, as PEM (`BEGIN PUBLIC KEY`).
    ///
    /// ```no_run
    /// # use auth_jwt::Issuer;
    /// let issuer = Issuer::new("https://id.example.com").pem(&std::fs::read_to_string("issuer.pem")?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pem(self, text: &str) -> Self {
        self.read(VerifyingKey::from_pem(text))
    }

    /// Accepts tokens that are signed with this secret, of at least 32, 48 or 64 bytes for HS256, HS384 and HS512.
    /// Everybody who can verify such tokens can also create them.
    ///
    /// ```
    /// use auth_jwt::{Algorithm, Issuer};
    ///
    /// # let secret = [7; 32];
    /// let issuer = Issuer::new("https://id.example.com").secret(&secret, Algorithm::Hs256);
    /// ```
    pub fn secret(self, secret: &[u8], algorithm: Algorithm) -> Self {
        self.read(VerifyingKey::hmac(secret, algorithm))
    }

    /// Uses a key that was created separately: a secret or a PEM with a name (`kid`), or for one algorithm only.
    ///
    /// ```
    /// use auth_jwt::{Algorithm, Issuer, VerifyingKey};
    ///
    /// let key = VerifyingKey::hmac(b"a secret of at least 32 bytes ...", Algorithm::Hs256)?.with_id("2026");
    /// let issuer = Issuer::new("https://id.example.com").key(key?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(self, key: VerifyingKey) -> Self {
        self.read(Ok(key))
    }

    fn read(mut self, key: Result<VerifyingKey, auth_jws::InvalidKey>) -> Self {
        match key {
            Ok(key) => self.keys.push(key),
            Err(why) => self.note(why),
        }
        self
    }

    fn note(&mut self, mistake: impl fmt::Display) {
        self.mistake.get_or_insert(mistake.to_string());
    }

    /// Sets the clock difference to the issuer that is tolerated: at most [`MAX_LEEWAY`](Self::MAX_LEEWAY).
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").leeway(std::time::Duration::from_secs(5));
    /// ```
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets where the claims hold what. The subject is always `/sub`. A truth value may also be the text `"true"`, as
    /// some issuers write it.
    ///
    /// ```
    /// use auth_jwt::{IdentityShape, Issuer};
    ///
    /// let shape = IdentityShape::new("/sub").username("/preferred_username").groups("/groups");
    /// let issuer = Issuer::new("https://id.example.com").identity(shape);
    /// ```
    pub fn identity(mut self, shape: IdentityShape) -> Self {
        self.shape = shape;
        self
    }

    /// Sets the claims that may hold the scopes: the first one in a token counts. They are texts separated by blanks,
    /// or arrays. Default: `scope`, `scp`, `permissions`. A token with none of them
    /// holds no scopes, and does not limit the permissions of its user.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").scopes_in(["permissions"]);
    /// ```
    pub fn scopes_in<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.scopes_in = claims.into_iter().map(Into::into).collect();
        self
    }

    /// Trusts the issuer on how its user signed in: when (`auth_time`), and by what (`amr`, `acr`). Without it, a
    /// token is no proof of a person, however [fresh](auth_core::Require::fresh).
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").trust_authentication();
    /// ```
    pub fn trust_authentication(mut self) -> Self {
        self.is_believed = true;
        self
    }

    /// Fetches keys again when they are older than this: a key that the issuer has withdrawn stays good for as long.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// let issuer = Issuer::new("https://id.example.com").fetch_every(std::time::Duration::from_secs(300));
    /// ```
    pub fn fetch_every(mut self, age: Duration) -> Self {
        self.pace.every = age;
        self
    }

    /// Sets the minimum time between two fetches, whatever tokens arrive.
    pub fn fetch_interval(mut self, interval: Duration) -> Self {
        self.pace.interval = interval;
        self
    }

    /// Sets how long keys stay good while the issuer is down.
    ///
    /// ```
    /// use auth_jwt::Issuer;
    ///
    /// use std::time::Duration;
    ///
    /// let issuer = Issuer::new("https://id.example.com")
    ///     .fetch_interval(Duration::from_secs(10))
    ///     .keep_keys_for(Duration::from_secs(3600));
    /// ```
    pub fn keep_keys_for(mut self, time: Duration) -> Self {
        self.pace.keep = time;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn build(self, now: Timestamp) -> Result<Trusted, ConfigError> {
        self.check()?;
        let algorithms = self.used_algorithms()?;
        let Self { name, place, keys, pace, .. } = self;
        let endpoint = match place {
            None => None,
            Some(Place::Keys(endpoint)) => Some(endpoint),
            Some(Place::Discovery(endpoint)) => Some(discovery::keys_of(&name, endpoint).await?),
        };
        let keys = match endpoint {
            None => Keys::Fixed(Arc::new(keys.into_iter().collect())),
            Some(endpoint) => {
                let document = endpoint.max_answer_len(JwkSet::MAX_LEN).document()?;
                let remote = Remote::start(&name, document, algorithms.clone(), pace, now).await;
                Keys::Fetched(remote.map_err(|error| {
                    ConfigError::new(format!("the keys of {name} cannot be fetched: {}", describe(&error)))
                })?)
            }
        };
        let types = if self.types.is_empty() { vec![Self::ACCESS_TOKEN.into()] } else { self.types };
        let mut expected = Expectations::of(&name).leeway(self.leeway);
        expected = self.audiences.into_iter().fold(expected, Expectations::audience);
        expected = types.into_iter().fold(expected, Expectations::token_type);
        if self.any_type {
            expected = expected.accept_any_type();
        }
        let shape = self.shape.flags_in_words();
        Ok(Trusted {
            name,
            expected,
            algorithms,
            keys,
            shape,
            scopes_in: self.scopes_in,
            is_believed: self.is_believed,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refused = |why: &str| Err(ConfigError::new(format!("the issuer {:?}: {why}", self.name)));
        self.shape.check()?;
        if let Some(mistake) = &self.mistake {
            return refused(mistake);
        }
        if self.name.is_empty() {
            return refused("it must be named as in the tokens' `iss`");
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return refused("call `.audience(…)` with this service's name in the tokens' `aud`");
        }
        if self.shape.subject() != "/sub" {
            return refused("the subject of an identity is `/sub`, by which its issuer knows somebody");
        }
        if self.leeway > Self::MAX_LEEWAY {
            return refused("the leeway for clocks is 60 s at most");
        }
        let Pace { every, interval, keep } = self.pace;
        if every.is_zero() || interval.is_zero() || keep < every {
            return refused(
                "keys are fetched in times above zero, and kept for no less than until they are fetched again",
            );
        }
        if self.keys.is_empty() == self.place.is_none() {
            return refused(
                "keys come either from an address or from here: `.discover()`, `.jwks_url(…)`, or `.jwks(…)`",
            );
        }
        Ok(())
    }

    /// The algorithms that were set, or all that the keys support.
    fn used_algorithms(&self) -> Result<Vec<Algorithm>, ConfigError> {
        let refused = |why: &str| ConfigError::new(format!("the issuer {:?}: {why}", self.name));
        let is_of_keys = |algorithm: &Algorithm| {
            self.place.is_some() && !algorithm.is_symmetric()
                || self.keys.iter().any(|key| key.is_for(*algorithm))
        };
        let of_keys: Vec<_> = Algorithm::ALL.into_iter().filter(is_of_keys).collect();
        let algorithms = self.algorithms.as_ref().unwrap_or(&of_keys);
        let symmetric = of_keys.iter().chain(algorithms).filter(|algorithm| algorithm.is_symmetric()).count();
        if symmetric != 0 && symmetric != of_keys.len() + algorithms.len() {
            return Err(refused("a secret cannot be combined with public keys"));
        }
        if algorithms.is_empty() || !algorithms.iter().all(|algorithm| of_keys.contains(algorithm)) {
            return Err(refused("there is no key for one of the algorithms"));
        }
        Ok(algorithms.clone())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// An issuer whose tokens are verified.
pub(crate) struct Trusted {
    name: String,
    expected: Expectations,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    shape: IdentityShape,
    scopes_in: Vec<String>,
    is_believed: bool,
}

impl Trusted {
    /// Verifies a token of this issuer: cheap checks first, the signature last.
    pub(crate) async fn judge(&self, token: &Token<'_>, now: Timestamp) -> Result<Good, Failure> {
        if !self.algorithms.contains(&token.header().algorithm()) {
            return Err(Refusal::Algorithm.into());
        }
        token.check(&self.expected, since_1970(now)).map_err(Refusal::Claims)?;
        let (claims, key) = self.keys.verify(token, now).await?;
        Ok(self.accept(claims, key, now)?)
    }

    fn accept(&self, claims: &Claims, key: VerifyingKey, now: Timestamp) -> Result<Good, Refusal> {
        let identity = self.shape.read(&self.name, claims.as_value()).map_err(|_| Refusal::Identity)?;
        let identity = identity.with_grant(grant(claims, &self.scopes_in, self.is_believed)?);
        let issued = Issued {
            issuer: self.name.clone(),
            subject: identity.subject().into(),
            id: claims.id().map(Into::into),
            at: claims.issued_at().map(|at| Timestamp::default().plus(at)),
        };
        let until = Timestamp::default().plus(claims.expires().unwrap_or_default());
        Ok(Good { identity, issued: Arc::new(issued), key, judged: now, until })
    }

    /// Whether the key that verified a token still belongs to this issuer.
    pub(crate) fn holds(&self, key: &VerifyingKey, now: Timestamp) -> bool {
        self.keys.current(now).is_some_and(|keys| keys.contains(key))
    }

    /// Whether there are keys.
    pub(crate) fn serves(&self, now: Timestamp) -> bool {
        self.keys.current(now).is_some()
    }
}

fn since_1970(now: Timestamp) -> Duration {
    Duration::from_millis(now.as_millis())
}
