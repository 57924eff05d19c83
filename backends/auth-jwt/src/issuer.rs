//! [`Issuer`]: whose tokens are taken, and which.

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
use crate::keys::{Failure, Keys, told};
use crate::refusal::Refusal;
use crate::remote::{Pace, Remote};
use crate::revocation::Issued;

/// An issuer of tokens: what its tokens must be, and where its keys are. Mistakes are told when a [`Jwt`](crate::Jwt) is
/// built of it.
///
/// It needs an [audience](Self::audience), and keys: from [its discovery document](Self::discover), from
/// [an address](Self::jwks_url), or as they are ([`jwks`](Self::jwks), [`jwk`](Self::jwk), [`pem`](Self::pem),
/// [`secret`](Self::secret), [`key`](Self::key)).
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    name: String,
    audiences: Vec<String>,
    /// None for the default.
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
    /// How far this machine's clock may be from the issuer's, unless set.
    pub const LEEWAY: Duration = Duration::from_secs(30);
    /// The most that it can be set to.
    pub const MAX_LEEWAY: Duration = Expectations::MAX_LEEWAY;
    /// Keys that are older are fetched again, unless set.
    pub const FETCH_EVERY: Duration = Duration::from_secs(600);
    /// The least time between two fetches, unless set.
    pub const FETCH_INTERVAL: Duration = Duration::from_secs(30);
    /// For how long keys are good while they cannot be fetched again, unless set.
    pub const KEEP_KEYS_FOR: Duration = Duration::from_secs(24 * 3600);
    /// The type of an access token (RFC 9068 §2.1), which tokens must have, unless set.
    pub const ACCESS_TOKEN: &str = "at+jwt";

    /// The issuer of this name: what it writes into `iss`, byte for byte. Half of the key by which a user is found again.
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

    /// A name of this service in `aud`. A token must be for it, or for another that is named. Required: a token that the
    /// issuer gave for another service could be used here by that service.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Takes tokens of this type (`typ`) and not those of RFC 9068 (`at+jwt`); call it for each. Many issuers write `JWT`
    /// into all that they sign: an ID token passes for an access token then, if its audience fits.
    pub fn typ(mut self, kind: impl Into<String>) -> Self {
        self.types.push(kind.into());
        self
    }

    /// Takes tokens of any type, and without one. Only for an issuer that signs nothing else for this audience.
    pub fn accept_any_typ(mut self) -> Self {
        self.any_type = true;
        self
    }

    /// The algorithms that the issuer signs by. Without it, all that its keys are for; an HMAC never beside others.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Fetches the issuer's keys from this address.
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        self.jwks_endpoint(Endpoint::new(url))
    }

    /// As [`jwks_url`](Self::jwks_url), with times, roots or a proxy of your own. Its bound for the answer does not count:
    /// keys have 1 MiB.
    pub fn jwks_endpoint(self, endpoint: Endpoint) -> Self {
        self.at(Place::Keys(endpoint))
    }

    /// Asks the issuer's discovery document for the address of the keys, once, at the start: the issuer's name with
    /// `/.well-known/openid-configuration`. The document must be of exactly this issuer.
    pub fn discover(self) -> Self {
        let endpoint = Endpoint::new(discovery::address(&self.name));
        self.discover_by(endpoint)
    }

    /// As [`discover`](Self::discover), from another address, or with times, roots or a proxy of your own. The keys are
    /// fetched in the same way.
    pub fn discover_by(self, endpoint: Endpoint) -> Self {
        self.at(Place::Discovery(endpoint))
    }

    fn at(mut self, place: Place) -> Self {
        if self.place.replace(place).is_some() {
            self.mistake.get_or_insert("keys come from one address".into());
        }
        self
    }

    /// Takes the keys of this JWK set (RFC 7517 §5), which are never fetched again. Those that cannot be used are left
    /// out.
    pub fn jwks(mut self, text: &str) -> Self {
        match JwkSet::parse(text.as_bytes()) {
            Ok(set) if set.is_empty() => self.note("none of the keys can be used"),
            Ok(set) => self.keys.extend_from_slice(set.keys()),
            Err(why) => self.note(why),
        }
        self
    }

    /// Takes this public key, as JSON (RFC 7517).
    pub fn jwk(self, text: &str) -> Self {
        self.read(VerifyingKey::from_jwk(text))
    }

    /// Takes this public key, as PEM (`BEGIN PUBLIC KEY`).
    pub fn pem(self, text: &str) -> Self {
        self.read(VerifyingKey::from_pem(text))
    }

    /// Takes tokens that are signed by this secret, of at least 32, 48 or 64 bytes for HS256, HS384 and HS512. Whoever
    /// can verify them can also make them.
    pub fn secret(self, secret: &[u8], algorithm: Algorithm) -> Self {
        self.read(VerifyingKey::hmac(secret, algorithm))
    }

    /// Takes a key that was made before: a secret or a PEM with a name (`kid`), or for one algorithm alone.
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

    /// How far this machine's clock may be from the issuer's: at most [`MAX_LEEWAY`](Self::MAX_LEEWAY).
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Where in the claims is what. The subject is always `/sub`. A truth value may also be the text `"true"`, as some
    /// issuers write it.
    pub fn identity(mut self, shape: IdentityShape) -> Self {
        self.shape = shape;
        self
    }

    /// In which claims scopes are: the first that a token has counts. Texts with blanks between, or arrays. Default:
    /// `scope`, `scp`, `permissions`. A token without any grants nothing.
    pub fn scopes_in<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.scopes_in = claims.into_iter().map(Into::into).collect();
        self
    }

    /// Believes what the issuer says of its user's login: when it was (`auth_time`), and by what (`amr`, `acr`). Without
    /// it, a token proves no person, however [fresh](auth_core::Require::fresh).
    pub fn trust_authentication(mut self) -> Self {
        self.is_believed = true;
        self
    }

    /// Fetches keys again that are older than this: for so long is a key good that the issuer has withdrawn.
    pub fn fetch_every(mut self, age: Duration) -> Self {
        self.pace.every = age;
        self
    }

    /// The least time between two fetches, whatever tokens come.
    pub fn fetch_interval(mut self, interval: Duration) -> Self {
        self.pace.interval = interval;
        self
    }

    /// For how long keys are good while the issuer is down.
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
                    ConfigError::new(format!("the keys of {name} cannot be fetched: {}", told(&error)))
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

    /// Those that are named, or all that the keys are for.
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
            return Err(refused("a secret never stands beside public keys"));
        }
        if algorithms.is_empty() || !algorithms.iter().all(|algorithm| of_keys.contains(algorithm)) {
            return Err(refused("an algorithm is named for which there is no key"));
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

/// An issuer whose tokens are judged.
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
    /// Judges a token of this issuer: what costs nothing first, the signature last.
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

    /// Whether what a token was verified with is still a key of this issuer.
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
