//! [`Passkeys`]: the settings of a site's passkeys.

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

/// How long a challenge may take, unless set.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The range that it can be set to.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(60 * 60);
/// How much of a foreign origin the log contains, in characters.
const MAX_TOLD: usize = 300;

/// The passkeys of a site: registers them, and is the [`Backend`](auth_core::backend::Backend) for their signatures.
/// The [crate](crate) shows a complete example.
///
/// `S` stores factors, `O` remembers which challenges were answered. All instances of a site share both.
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

/// The names of a ceremony's challenges: of its cookies, and of its answered challenges.
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
///
/// ```
/// # use std::sync::Arc;
/// # use auth_core::factors::{Factors, MemoryFactors};
/// # use auth_core::once::MemoryOnce;
/// # use auth_core::session::KeyRing;
/// # use auth_core::{MemoryBackend, Passwords, User, UserId};
/// # use auth_passkeys::{Passkeys, UserVerification};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
/// # let origins = ["https://example.com"];
/// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
/// let begun = passkeys.begin_login([b"theme=dark"])?;
/// let body = begun.options; // answer with it, as `application/json`
/// let headers: Vec<String> = begun.cookies.into_iter().collect(); // one `Set-Cookie` each
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the page needs the options, and the response the cookies"]
#[non_exhaustive]
pub struct Begun {
    /// The argument of `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`: for
    /// the page, or as the body of a response to its script ([`SCRIPT`](crate::SCRIPT)).
    pub options: String,
    /// For the response that contains the options. Send `Cache-Control: no-store` with it, as [`SetCookies::write`]
    /// does.
    pub cookies: SetCookies,
}

/// An open challenge of the browser.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) state: State,
    expires: Timestamp,
}

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Passkeys for this domain, whose pages have these origins.
    ///
    /// **The RP id is permanent**: no other site can ever use its passkeys, nor can this site under another RP id.
    /// Choose the domain that people know (`example.com`, not `www.example.com`): its subdomains may be among the
    /// origins.
    ///
    /// Devices show the issuer of the factors as the site's name.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// let origins = ["https://example.com", "https://www.example.com"];
    /// let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10_000), &keys)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the RP id is not a domain, or an origin is invalid, is neither the RP id nor below it, or
    /// does without TLS other than as `http://localhost`. Its text says what to write.
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

    /// Lets the users of a backend have passkeys: the backend of this name, as in
    /// [`AuthBuilder::backend`](auth_core::AuthBuilder::backend). Call it for each. Sessions that begin with a
    /// passkey belong to that backend.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// let passkeys = passkeys.owners("local", users)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the name is invalid, or is repeated.
    pub fn owners(mut self, backend: &str, users: impl UserSource<User = U>) -> Result<Self, ConfigError> {
        let name = BackendName::new(backend)
            .filter(|name| self.owners.iter().all(|(other, _)| other != name))
            .ok_or_else(|| {
                ConfigError::new(format!(
                    "the users of {backend:?} cannot own passkeys: name each backend once"
                ))
            })?;
        self.owners.push((name, Box::new(users)));
        Ok(self)
    }

    /// Sets whether the device must verify users who sign in with a passkey alone: required, unless set. With
    /// anything less, a found security key is enough to sign in.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let passkeys = passkeys.user_verification(UserVerification::Required);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn user_verification(mut self, verification: UserVerification) -> Self {
        self.login = verification;
        self
    }

    /// The same for a passkey as a second factor: preferred, unless set.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let passkeys = passkeys.second_factor_verification(UserVerification::Discouraged);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn second_factor_verification(mut self, verification: UserVerification) -> Self {
        self.second_factor = verification;
        self
    }

    /// Registers only discoverable passkeys, each of which can be used without typing a name. Otherwise devices make
    /// them discoverable if they can, and small security keys may still serve as second factors.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let passkeys = passkeys.require_discoverable();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn require_discoverable(mut self) -> Self {
        self.is_discoverable = true;
        self
    }

    /// Sets how long a browser may take to answer a challenge, 1 minute to 1 hour: 5 minutes, unless set. A page that
    /// offers passkeys in its name field requests a new challenge before that time is over.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let passkeys = passkeys.challenge_lifetime(std::time::Duration::from_secs(120));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn challenge_lifetime(mut self, time: Duration) -> Self {
        self.lifetime = time.clamp(*LIFETIMES.start(), *LIFETIMES.end());
        self
    }

    /// For development without TLS: drops `Secure` and the `__Host-` prefix of the challenge cookies.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let passkeys = passkeys.insecure_cookies(); // never on a public site
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn insecure_cookies(mut self) -> Self {
        self.registering = self.registering.insecure();
        self.asserting = self.asserting.insecure();
        self
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets another source of random bytes, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The factors, among which the passkeys are.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let factors = Arc::clone(passkeys.factors()); // for `SecondFactor::new`
    /// # Ok(())
    /// # }
    /// ```
    pub fn factors(&self) -> &Arc<Factors<S>> {
        &self.factors
    }

    pub(crate) fn users_of(&self, backend: &BackendName) -> Option<&dyn Users<U>> {
        self.owners.iter().find(|(name, _)| name == backend).map(|(_, users)| &**users)
    }

    /// The stored states of the owner's passkeys.
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

    /// Creates a challenge, and the cookie that remembers it.
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

    /// The browser's challenge that this answers, if it is still open and the answer comes from one of the site's
    /// pages.
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

    /// Whether this is the first answer to the challenge among all instances. It is asked before anything is
    /// verified, so that nobody has two tries.
    pub(crate) async fn is_first(&self, open: &Open) -> Result<bool, StoreError> {
        let purpose = &self.channel(open.state.ceremony).purpose;
        let id = OnceId::new(purpose, &open.state.challenge).map_err(StoreError::unavailable)?;
        self.once.use_once(id, open.expires, self.clock.now()).await
    }

    /// Whether the browser says that it was on one of the site's pages, and not in a frame of another site. An origin
    /// that may have been forgotten is logged: nothing else tells why nobody can sign in there.
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
