//! [`AuthBuilder`]: a configuration, checked before it is used.

mod build;
mod requests;

use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::authenticator::Owns;
use crate::backend::{Backend, CHAIN_TIMEOUT, ConfirmUser, Confirmation};
use crate::chain::{Chain, DynBackend, Entry};
use crate::event::{Observer, TracingObserver};
use crate::gate::{DynGate, Gate};
use crate::http::{self, DynScheme, Scheme};
use crate::random::{OsRandom, Random};
use crate::second_factor::SecondFactor;
use crate::session::{
    Cookie, DynConfirm, DynUsers, Engine, Environment, KeyRing, SessionConfig, SessionEngine, SessionStore,
    Source,
};
use crate::throttle::Throttle;
use crate::time::{Clock, SystemClock};
use crate::{BackendName, BackendPolicy, ConfigError, Credentials, User, UserCache};

/// Configures an [`Auth`](crate::Auth). [`build`](Self::build) reports the first mistake, with the fix.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
/// use auth_core::throttle::{MemoryThrottle, Throttle};
/// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
/// # #[derive(Clone)]
/// # struct Member;
/// # impl User for Member {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
/// # let secret = "a secret of at least 32 bytes ...";
/// let config = SessionConfig::new(KeyRing::new(secret)?).idle_timeout(Duration::from_secs(30 * 60));
/// let auth = Auth::builder()
///     .backend::<Password>("local", users)
///     .sessions(MemorySessions::new(10_000), config)
///     .throttle(Throttle::new(MemoryThrottle::new(100_000)))
///     .login_page("/login")
///     .trusted_proxy("10.0.0.7")
///     .build()?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[must_use = "nothing is configured until `build` is called"]
pub struct AuthBuilder<U> {
    mistake: Option<ConfigError>,
    owned: Vec<(TypeId, Owns)>,
    /// A backend whose users could begin sessions, but cannot be loaded again.
    one_request_only: Option<BackendName>,
    chains: Vec<ChainSlot>,
    sources: Vec<Source<U>>,
    sessions: Option<Sessions<U>>,
    user_cache: Option<UserCache>,
    confirmed: Vec<(String, Confirmation, Box<dyn DynConfirm>)>,
    gate: Option<Arc<dyn DynGate>>,
    chain_timeout: Duration,
    throttle: Option<Throttle>,
    second: Option<SecondFactor<U>>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
    http: http::SettingsBuilder<U>,
    user: PhantomData<fn() -> U>,
}

type MakeEngine<U> = Box<dyn FnOnce(Arc<Environment<U>>) -> Arc<dyn SessionEngine<U>>>;

/// The configuration of sessions. Their engine is made when the rest of the configuration is known.
struct Sessions<U> {
    lifetime: Duration,
    cookie: Cookie,
    keys: KeyRing,
    engine: MakeEngine<U>,
}

impl<U: User> Sessions<U> {
    fn new(store: impl SessionStore, config: SessionConfig) -> Result<Self, ConfigError> {
        let (cookie, realm) = (config.cookie()?, config.checked_realm()?);
        let (lifetime, keys) = (config.absolute, config.keys.clone());
        let engine = Box::new(move |environment| {
            Arc::new(Engine::new(environment, store, config, realm)) as Arc<dyn SessionEngine<U>>
        });
        Ok(Self { lifetime, cookie, keys, engine })
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

struct ChainSlot {
    credentials: TypeId,
    chain: Box<dyn Any + Send + Sync>,
}

impl<U: User> AuthBuilder<U> {
    pub(super) fn new() -> Self {
        Self {
            mistake: None,
            owned: Vec::new(),
            one_request_only: None,
            chains: Vec::new(),
            sources: Vec::new(),
            sessions: None,
            user_cache: None,
            confirmed: Vec::new(),
            gate: None,
            chain_timeout: CHAIN_TIMEOUT,
            throttle: None,
            second: None,
            observer: Arc::new(TracingObserver),
            clock: Arc::new(SystemClock),
            random: Box::new(OsRandom),
            http: http::SettingsBuilder::new(),
            user: PhantomData,
        }
    }

    /// Adds a backend for credentials of type `C`. Backends are asked in the order in which they are added.
    ///
    /// The name goes into sessions and events. It must be unique, whatever its case, and stay the same for as long as
    /// sessions live: 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    ///
    /// ```
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// # let staff = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let auth = Auth::builder()
    ///     .backend::<Password>("staff", staff)                   // asked first
    ///     .backend::<Password>("local", users)                   // asked if the first does not know the name
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn backend<C: Credentials>(self, name: &str, backend: impl Backend<C, User = U>) -> Self {
        self.backend_with::<C>(name, backend, BackendPolicy::new())
    }

    /// Adds a backend as [`backend`](Self::backend) does, with its timeout and its behaviour in an outage.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::BackendPolicy;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let policy = BackendPolicy::new().timeout(Duration::from_secs(3));
    /// let auth = Auth::builder().backend_with::<Password>("local", users, policy).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn backend_with<C: Credentials>(
        mut self,
        name: &str,
        backend: impl Backend<C, User = U>,
        policy: BackendPolicy,
    ) -> Self {
        let Some(name) = BackendName::new(name) else {
            return self.refuse(format!(
                "the backend name {name:?} must have 1 to 64 ASCII letters, digits, '-', '_' or '.'"
            ));
        };
        // People who read a log, and some databases, take names that differ in case only for one.
        let same = |source: &Source<U>| source.name.as_str().eq_ignore_ascii_case(name.as_str());
        if self.sources.iter().any(same) {
            return self.refuse(format!(
                "two backends are named {name:?}: a session could not tell whose user it holds; rename one"
            ));
        }
        if !policy.has_time() {
            return self.refuse(format!("the backend {name:?} has a timeout of zero"));
        }
        if C::FACTOR.is_personal() && !backend.reloads() {
            self.one_request_only.get_or_insert_with(|| name.clone());
        }
        let backend = Arc::new(backend);
        let users: Arc<dyn DynUsers<U>> = Arc::clone(&backend) as _;
        self.sources.push(Source {
            name: name.clone(),
            timeout: policy.limit(),
            users,
            cache: None,
            confirming: None,
        });
        let backend: Arc<dyn DynBackend<C, U>> = backend;
        let owner = Arc::clone(&backend);
        self.owned.push((TypeId::of::<C>(), Box::new(move |text| owner.owns_secret(text))));
        self.chain_mut::<C>().entries.push(Entry::new(name, policy, backend));
        self
    }

    fn chain_mut<C: Credentials>(&mut self) -> &mut Chain<C, U> {
        let credentials = TypeId::of::<C>();
        let at = self.chains.iter().position(|slot| slot.credentials == credentials).unwrap_or_else(|| {
            let chain = Box::new(Chain::<C, U> { entries: Vec::new() });
            self.chains.push(ChainSlot { credentials, chain });
            self.chains.len() - 1
        });
        // A slot's chain is of its slot's type: both are set above, and nowhere else.
        self.chains[at].chain.downcast_mut().expect("the chain has its slot's type")
    }

    /// Keeps sessions in `store`.
    ///
    /// Two `Auth`s with separate users need separate stores (a table, a prefix) or backends of different names. A store
    /// knows a user by the backend's name and the id, so "log out everywhere" at one site would reach the other's users. A
    /// session is never valid at an `Auth` whose cookie has another name.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?);
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .sessions(MemorySessions::new(10_000), config)
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn sessions(mut self, store: impl SessionStore, config: SessionConfig) -> Self {
        if self.sessions.is_some() {
            return self.refuse("sessions are configured twice; keep one `.sessions(…)`");
        }
        match Sessions::new(store, config) {
            Ok(sessions) => self.sessions = Some(sessions),
            Err(error) => _ = self.mistake.get_or_insert(error),
        }
        self
    }

    /// Keeps the users of sessions in memory for a short while, so that not every request of a session asks the backend
    /// (default: each does).
    ///
    /// A user who is disabled in the backend may then be served for up to [`UserCache::ttl`] longer, on each
    /// instance: see [`UserCache`], and call [`Auth::invalidate_user`](crate::Auth::invalidate_user) where the
    /// application changes a user.
    ///
    /// ```
    /// use auth_core::UserCache;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    /// # let sessions = MemorySessions::new(10_000);
    /// # let config = SessionConfig::new(KeyRing::generate()?);
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .sessions(sessions, config)
    ///     .cache_users(UserCache::new())
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn cache_users(mut self, cache: UserCache) -> Self {
        self.user_cache = Some(cache);
        self
    }

    /// Asks the external system behind a backend from time to time whether the users of sessions may still sign in
    /// (default: it is asked at the login only). [`Confirmation`] says what follows from the answer.
    ///
    /// ```
    /// # use auth_core::session::{SessionConfig, SessionStore};
    /// # use auth_core::{Auth, AuthBuilder, Password, User};
    /// # use auth_core::backend::{Confirm, Confirmation, Provisioned, UserSource, Verifier};
    /// # use auth_core::provisioning::{ProvisionStore, ProvisionedUsers};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # fn builder<U: User>(
    /// #     directory: impl Verifier<Password> + Confirm,
    /// #     users: ProvisionedUsers<impl ProvisionStore<User = U>>,
    /// # ) -> AuthBuilder<U> {
    /// let staff = Arc::new(Provisioned { verifier: directory, users });
    /// Auth::builder()
    ///     .backend::<Password>("staff", Arc::clone(&staff))
    ///     .confirm("staff", staff, Confirmation::every(Duration::from_secs(15 * 60)))
    /// # }
    /// ```
    pub fn confirm(
        mut self,
        backend: &str,
        users: impl ConfirmUser<User = U>,
        confirmation: Confirmation,
    ) -> Self {
        if self.confirmed.iter().any(|(name, ..)| name == backend) {
            return self
                .refuse(format!("the users of {backend:?} are confirmed twice; keep one `.confirm(…)`"));
        }
        self.confirmed.push((backend.to_owned(), confirmation, Box::new(users)));
        self
    }

    /// Accepts credentials that come with a request, as a scheme reads them: [`Basic`](crate::http::Basic),
    /// [`Bearer`](crate::http::Bearer), [a trusted proxy's header](crate::remote_user), or a header that the application
    /// defines.
    ///
    /// ```
    /// use auth_core::http::Basic;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let auth = Auth::builder().backend::<Password>("local", users).scheme(Basic::new("files")?).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn scheme(mut self, scheme: impl Scheme) -> Self {
        let credentials = scheme_credentials(&scheme);
        let scheme: Arc<dyn DynScheme<U>> = Arc::new(http::Configured::new(scheme));
        self.http.schemes.push((credentials, scheme));
        self
    }

    /// Has every attempt to authenticate pass a gate before any backend is asked (default: all attempts are made): see
    /// [`Gate`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::backend::BackendError;
    /// use auth_core::gate::{Admission, AttemptEnd, Gate, GateAttempt};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// /// Refuses everything: for maintenance.
    /// struct Closed;
    ///
    /// impl Gate for Closed {
    ///     type Permit = ();
    ///
    ///     async fn reserve(&self, _: &GateAttempt<'_>) -> Result<Admission<()>, BackendError> {
    ///         Ok(Admission::RetryAfter(Duration::from_secs(600)))
    ///     }
    ///
    ///     async fn report(&self, _: (), _: AttemptEnd) {}
    /// }
    ///
    /// let auth = Auth::builder().backend::<Password>("local", users).gate(Closed).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn gate(mut self, gate: impl Gate) -> Self {
        if self.gate.is_some() {
            return self.refuse("two gates are configured; keep one `.gate(…)`, which may ask others");
        }
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Limits how often passwords are tried, for each account and from each source (default: no limit, for applications
    /// behind a system that throttles). See [`throttle`](crate::throttle).
    ///
    /// ```
    /// use auth_core::throttle::{MemoryThrottle, Throttle};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    /// # let sessions = MemorySessions::new(10_000);
    /// # let config = SessionConfig::new(KeyRing::generate()?);
    /// let throttle = Throttle::new(MemoryThrottle::new(100_000)).free_attempts(5);
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .sessions(sessions, config)
    ///     .throttle(throttle)
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        if self.throttle.is_some() {
            return self.refuse("two throttles are configured; keep one `.throttle(…)`");
        }
        self.throttle = Some(throttle);
        self
    }

    /// Requires a second factor at the login, of the users whom a policy names (default: of none): see
    /// [`second_factor`](crate::second_factor). Until the user has given it, extractors, guards and extensions see an
    /// anonymous request.
    ///
    /// ```
    /// use auth_core::factors::{Factors, MemoryFactors};
    /// use auth_core::second_factor::SecondFactor;
    /// # use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// # let keys = KeyRing::generate()?;
    /// let factors = Factors::new("Example", MemoryFactors::new(10_000), &keys)?;
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .sessions(MemorySessions::new(10_000), SessionConfig::new(keys))
    ///     .second_factor(SecondFactor::new(factors).page("/factor"))
    ///     .login_page("/login")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn second_factor(mut self, second: SecondFactor<U>) -> Self {
        if self.second.is_some() {
            return self.refuse("second factors are configured twice; keep one `.second_factor(…)`");
        }
        self.http.factor_page = second.page_path().map(Into::into);
        self.second = Some(second);
        self
    }

    /// How long all backends together may take for one attempt (default: 10 s).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let auth =
    ///     Auth::builder().backend::<Password>("local", users).chain_timeout(Duration::from_secs(5)).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn chain_timeout(mut self, limit: Duration) -> Self {
        self.chain_timeout = limit;
        self
    }

    /// Receives every event (default: [`TracingObserver`], which logs them).
    ///
    /// ```
    /// use auth_core::event::{Event, Observer};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// struct Audit;
    ///
    /// impl Observer for Audit {
    ///     fn on_event(&self, event: &Event<'_>) {
    ///         println!("{event:?}");
    ///     }
    /// }
    ///
    /// let auth = Auth::builder().backend::<Password>("local", users).observer(Audit).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Replaces the clock, for tests (default: [`SystemClock`]).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use auth_core::time::{ManualClock, Timestamp};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    /// let auth = Auth::builder().backend::<Password>("local", users).clock(Arc::clone(&clock)).build()?;
    /// clock.advance(Duration::from_secs(3600));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Replaces the source of random bytes, from which tokens are made, for tests (default: [`OsRandom`]).
    ///
    /// ```
    /// use auth_core::random::{OsRandom, Random, RandomError};
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Member;
    /// # impl User for Member {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"stamp" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # let users = MemoryBackend::<Member>::new(Passwords::new()?);
    /// struct Counted;
    ///
    /// impl Random for Counted {
    ///     fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
    ///         println!("{} random bytes", bytes.len());
    ///         OsRandom.fill(bytes)
    ///     }
    /// }
    ///
    /// let auth = Auth::builder().backend::<Password>("local", users).random(Counted).build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    fn refuse(mut self, what: impl Into<String>) -> Self {
        self.mistake.get_or_insert_with(|| ConfigError::new(what));
        self
    }
}

fn scheme_credentials<S: Scheme>(_: &S) -> TypeId {
    TypeId::of::<S::Credentials>()
}
