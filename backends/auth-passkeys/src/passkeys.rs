//! [`Passkeys`]: how a site has passkeys.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::UserSource;
use auth_core::factors::{FactorOwner, FactorStore, Factors};
use auth_core::http::sealed::{Opened, SealedCookies, SetCookies};
use auth_core::once::{OnceId, OnceStore};
use auth_core::random::{OsRandom, Random};
use auth_core::session::{KeyRing, Purpose, StoreError};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{BackendName, ConfigError, User};

use crate::error::PasskeyError;
use crate::kept::Kept;
use crate::options::UserVerification;
use crate::response::Answer;
use crate::site::Site;
use crate::state::{Ceremony, Challenge, State};
use crate::users::Users;
use crate::verify::Verifier;

/// How long a challenge may take, unless something else is said.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// What it can be set to.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(60 * 60);
/// How much of a foreign origin is told, in characters.
const MAX_TOLD: usize = 300;

/// The passkeys of a site: registers them, and is the [`Backend`](auth_core::backend::Backend) for what they sign. See the
/// [crate](crate).
///
/// `S` is where factors are kept, `O` where it is noted which challenges were answered. All instances of a site share both.
pub struct Passkeys<S, O, U> {
    pub(crate) site: Site,
    pub(crate) verifier: Verifier,
    pub(crate) factors: Arc<Factors<S>>,
    once: O,
    registering: Channel,
    asserting: Channel,
    pub(crate) owners: Vec<(BackendName, Box<dyn Users<U>>)>,
    pub(crate) login: UserVerification,
    pub(crate) second_factor: UserVerification,
    pub(crate) is_discoverable: bool,
    pub(crate) lifetime: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
}

/// What a ceremony's challenges are kept under, in browsers and where it is noted that they were answered.
struct Channel {
    purpose: Purpose,
    cookies: SealedCookies,
}

impl Channel {
    fn new(keys: &KeyRing, purpose: &str) -> Result<Self, ConfigError> {
        let purpose = Purpose::new(purpose)?;
        Ok(Self { cookies: SealedCookies::new(keys, &purpose), purpose })
    }

    fn insecure(self) -> Self {
        Self { cookies: self.cookies.insecure_cookies(), ..self }
    }
}

/// A challenge for a browser.
#[derive(Debug)]
#[must_use = "the page needs the options, and the response the cookies"]
#[non_exhaustive]
pub struct Begun {
    /// What `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()` takes: for the page, or as the
    /// body of an answer to its script ([`SCRIPT`](crate::SCRIPT)).
    pub options: String,
    /// For the response with the options. Send `Cache-Control: no-store` with it; [`SetCookies::write`] does.
    pub cookies: SetCookies,
}

/// A challenge of a browser's that an answer is to.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) state: State,
    expires: Timestamp,
}

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Passkeys for this domain, whose pages have these origins.
    ///
    /// **The RP id is for ever**: a passkey is made for it, and no other site, nor this one under another RP id, can ever use it. Take
    /// the domain that people know (`example.com`, not `www.example.com`): its subdomains may be among the origins.
    ///
    /// The name that devices show is the issuer of the factors.
    ///
    /// # Errors
    /// [`ConfigError`] if the RP id is no domain, or an origin is none, is not on it or below it, or does without TLS other than as
    /// `http://localhost`. It says what to give.
    pub fn new<T: AsRef<str>>(
        rp_id: &str,
        origins: impl IntoIterator<Item = T>,
        factors: Arc<Factors<S>>,
        once: O,
        keys: &KeyRing,
    ) -> Result<Self, ConfigError> {
        let site = Site::new(rp_id, origins)?;
        Ok(Self {
            verifier: Verifier::new(&site, factors.issuer(), LIFETIME),
            site,
            factors,
            once,
            registering: Channel::new(keys, "passkeys.register")?,
            asserting: Channel::new(keys, "passkeys.assert")?,
            owners: Vec::new(),
            login: UserVerification::Required,
            second_factor: UserVerification::Preferred,
            is_discoverable: false,
            lifetime: LIFETIME,
            clock: Arc::new(SystemClock),
            random: Box::new(OsRandom),
        })
    }

    /// Whose users may have passkeys: the backend of this name, as [`AuthBuilder::backend`](auth_core::AuthBuilder::backend) has it.
    /// May be said of several. Sessions that begin with a passkey are of that backend.
    ///
    /// # Errors
    /// [`ConfigError`] if that is no name, or was said before.
    pub fn owners(mut self, backend: &str, users: impl UserSource<User = U>) -> Result<Self, ConfigError> {
        let name = BackendName::new(backend)
            .filter(|name| self.owners.iter().all(|(other, _)| other != name))
            .ok_or_else(|| {
                ConfigError::new(format!(
                    "the users of {backend:?} cannot own passkeys: name a backend, once"
                ))
            })?;
        self.owners.push((name, Box::new(users)));
        Ok(self)
    }

    /// Whether whoever signs in by a passkey alone must be verified by its device; they must, unless something else is said. With
    /// anything less, a found security key is enough to sign in.
    #[must_use]
    pub fn user_verification(mut self, verification: UserVerification) -> Self {
        self.login = verification;
        self
    }

    /// The same where a passkey is a second factor: if the device can, unless something else is said.
    #[must_use]
    pub fn second_factor_verification(mut self, verification: UserVerification) -> Self {
        self.second_factor = verification;
        self
    }

    /// Registers only passkeys that their device finds by itself, so that each is good for signing in without a name. Otherwise
    /// devices do so if they can, and small security keys may still serve as second factors.
    #[must_use]
    pub fn require_discoverable(mut self) -> Self {
        self.is_discoverable = true;
        self
    }

    /// How long a browser may take to answer a challenge, 1 minute to 1 hour; 5 minutes, unless something else is said. A page that
    /// offers passkeys in its name field asks for a new challenge before that is over.
    #[must_use]
    pub fn challenge_lifetime(mut self, time: Duration) -> Self {
        self.lifetime = time.clamp(*LIFETIMES.start(), *LIFETIMES.end());
        self
    }

    /// Development without TLS: drops `Secure` and the `__Host-` prefix of the cookies that hold challenges.
    #[must_use]
    pub fn insecure_cookies(mut self) -> Self {
        self.registering = self.registering.insecure();
        self.asserting = self.asserting.insecure();
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another source of random bytes, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The factors that passkeys are among.
    pub fn factors(&self) -> &Arc<Factors<S>> {
        &self.factors
    }

    pub(crate) fn users_of(&self, backend: &BackendName) -> Option<&dyn Users<U>> {
        self.owners.iter().find(|(name, _)| name == backend).map(|(_, users)| &**users)
    }

    /// What is kept of the owner's passkeys.
    pub(crate) async fn kept_of(&self, owner: &FactorOwner) -> Result<Vec<Kept>, PasskeyError> {
        let all = self.factors.passkeys(owner).await?;
        Ok(all.iter().filter_map(|passkey| Kept::from_bytes(passkey.secret())).collect())
    }

    pub(crate) fn draw<const N: usize>(&self) -> Result<[u8; N], PasskeyError> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn challenge(&self) -> Result<Challenge, PasskeyError> {
        self.draw()
    }

    fn channel(&self, ceremony: Ceremony) -> &Channel {
        match ceremony {
            Ceremony::Registration => &self.registering,
            Ceremony::Assertion => &self.asserting,
        }
    }

    /// Has the browser remember what it was asked.
    pub(crate) fn begin<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        state: &State,
        options: String,
    ) -> Result<Begun, PasskeyError> {
        let channel = &self.channel(state.ceremony).cookies;
        let (payload, now) = (state.to_bytes(), self.clock.now());
        let cookies = channel.seal(cookies, &payload, self.lifetime, now, &*self.random)?;
        Ok(Begun { options, cookies })
    }

    /// The challenge of this browser's that is answered, if it is still open and of one of our pages.
    pub(crate) fn opened<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        ceremony: Ceremony,
        answer: &Answer,
    ) -> Option<Open> {
        let opened = self.channel(ceremony).cookies.open(cookies, self.clock.now());
        let open = |opened: &Opened| {
            let state = State::from_bytes(opened.payload())?;
            Some(Open { state, expires: opened.expires() })
        };
        let mut all = opened.iter().filter_map(open);
        all.find(|open| open.state.ceremony == ceremony && open.state.challenge[..] == answer.challenge)
    }

    /// Whether this is the first answer to the challenge, of all that came to any instance. Asked before anything is verified, so that
    /// nobody has two tries.
    pub(crate) async fn is_first(&self, open: &Open) -> Result<bool, StoreError> {
        let purpose = &self.channel(open.state.ceremony).purpose;
        let id = OnceId::new(purpose, &open.state.challenge).map_err(StoreError::unavailable)?;
        self.once.use_once(id, open.expires, self.clock.now()).await
    }

    /// Whether the browser says that it was on one of our pages, and that page in no frame of another site's. What could be one that
    /// was forgotten is told: nothing else says why nobody can sign in there.
    pub(crate) fn is_of_our_pages(&self, answer: &Answer) -> bool {
        let is_ours = self.site.has_origin(&answer.origin);
        if !is_ours {
            let origin: String = answer.origin.chars().take(MAX_TOLD).collect();
            tracing::warn!(
                target: "auth",
                "a passkey of a page at {origin:?} was refused: if it is one of yours, name it among the origins of \
                 `Passkeys::new`"
            );
        }
        is_ours && !answer.is_framed
    }
}

impl<S, O, U> fmt::Debug for Passkeys<S, O, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").field("site", &self.site).finish_non_exhaustive()
    }
}
