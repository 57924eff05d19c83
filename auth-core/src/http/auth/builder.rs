//! [`AuthBuilder`]: a configuration, checked before it is used.

use std::any::{Any, TypeId};
use std::hash::{BuildHasher as _, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Auth, Inner};
use crate::authenticator::{Authenticator, Owns};
use crate::backend::{Backend, CHAIN_TIMEOUT, ConfirmUser, Confirmation};
use crate::chain::{Chain, DynBackend, Entry};
use crate::event::{Observer, TracingObserver};
use crate::gate::{DynGate, Gate};
use crate::http::{self, DeviceCookies, DynScheme, Keeps, Scheme, TrustedCookies};
use crate::random::{OsRandom, Random};
use crate::second_factor::SecondFactor;
use crate::session::{
    Confirming, Cookie, DynConfirm, DynUsers, Engine, Environment, KeyRing, SessionConfig, SessionEngine,
    SessionStore, Source,
};
use crate::throttle::{Flights, Gatekeeper, Parts, Throttle};
use crate::time::{Clock, SystemClock};
use crate::user_cache::Cache;
use crate::{BackendName, BackendPolicy, ConfigError, Credentials, User, UserCache};

/// A configuration of [`Auth`]. Mistakes are collected and told by [`build`](Self::build).
#[must_use = "nothing is configured until `build` is called"]
pub struct AuthBuilder<U> {
    mistake: Option<ConfigError>,
    owned: Vec<(TypeId, Owns)>,
    /// A backend whose people would begin sessions, and cannot be loaded again.
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

/// Sessions as they are configured; their engine is made when all that it stands on is known.
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

    /// Adds a backend for credentials of type `C`, asked after those already added.
    ///
    /// The name goes into sessions and events: it must be its own, and stay the same for as long as sessions
    /// live. 1 to 64 ASCII letters, digits, `-`, `_` or `.`; two that differ in case only are one too many.
    pub fn backend<C: Credentials>(self, name: &str, backend: impl Backend<C, User = U>) -> Self {
        self.backend_with::<C>(name, backend, BackendPolicy::new())
    }

    /// As [`backend`](Self::backend), with a policy of its own.
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
        // Names that differ in case only are one to whoever reads them in a log, and to some databases.
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
    /// Two `Auth`s with users of their own need a store each (a table, a prefix), or backends of different names: a store
    /// knows a user by the backend's name and the id, so "log out everywhere" of one would reach the other's. A
    /// session never counts at an `Auth` whose cookie has another name.
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

    /// Keeps the users of sessions in memory for a short while, so that a request of a session need not ask the
    /// backend (default: it does, every time).
    ///
    /// A user who is disabled in the backend may then be served for up to [`UserCache::ttl`] longer, on each
    /// instance: see [`UserCache`], and call [`Auth::invalidate_user`] where the application changes a user.
    pub fn cache_users(mut self, cache: UserCache) -> Self {
        self.user_cache = Some(cache);
        self
    }

    /// Asks the outside system behind a backend from time to time whether the users of sessions may still sign in
    /// (default: nobody is asked after the login). See [`Confirmation`] for what becomes of them.
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

    /// Accepts credentials that a scheme reads, on every request: [`Basic`](crate::http::Basic),
    /// [`Bearer`](crate::http::Bearer), [a trusted proxy's word](crate::remote_user), a header of the application's own.
    pub fn scheme(mut self, scheme: impl Scheme) -> Self {
        let credentials = scheme_credentials(&scheme);
        let scheme: Arc<dyn DynScheme<U>> = Arc::new(http::Configured::new(scheme));
        self.http.schemes.push((credentials, scheme));
        self
    }

    /// Where browsers are sent to log in: a path, or with [`origin`](Self::origin) a page elsewhere. May have a
    /// query, which is kept.
    pub fn login_page(mut self, page: impl Into<String>) -> Self {
        self.http.login_page = Some(page.into());
        self
    }

    /// The field of the login page's query that says where to go afterwards (default: `next`).
    pub fn next_field(mut self, field: impl Into<String>) -> Self {
        self.http.next_field = field.into();
        self
    }

    /// The site's own origin, as `https://example.com`. With it, absolute URLs of this site are accepted as
    /// `next`, and the `Origin` of a request is compared with it instead of the `Host`.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.http.origin = Some(origin.into());
        self
    }

    /// Another origin that a login may lead to: an absolute URL of it is accepted as `next`.
    pub fn next_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.next_origins.push(origin.into());
        self
    }

    /// Another origin whose pages may send state-changing requests with this site's cookie: a site's, or an app shell's
    /// (`capacitor://localhost`, `chrome-extension://…`). What no browser sends does not build.
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.trusted_origins.push(origin.into());
        self
    }

    /// The path under which a proxy publishes this application and which it takes off, as `/app` (Traefik's `StripPrefix`,
    /// nginx' `proxy_pass http://app/;`). Browsers are sent to the login page and to `next` below it, and `next` may not
    /// leave it. All other paths of a configuration are the application's own, without it.
    ///
    /// The session cookie's path stays `/`, as its `__Host-` prefix asks: an application beside this one on the same host
    /// needs a [name of its own](crate::session::SessionConfig::cookie_name) for it.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.http.base_path = Some(path.into());
        self
    }

    /// The header in which [trusted proxies](Self::trusted_proxy) say the [base path](Self::base_path) of each request
    /// (default: none is read), as Traefik's `X-Forwarded-Prefix`. They must replace what clients send in it: who chooses it
    /// chooses where logins lead on this host.
    pub fn base_path_header(mut self, name: impl Into<String>) -> Self {
        self.http.base_path_header = Some(name.into());
        self
    }

    /// A proxy in front of this server, as `10.0.0.7` or `10.0.0.0/8`, or `unix:` for whatever connects through a Unix
    /// socket. It is believed in two things:
    ///
    /// * over which protocol a request came to it, as `X-Forwarded-Proto` says: that decides whether a
    ///   [scheme](Self::scheme)'s credentials came in the clear. This machine is always believed in that.
    /// * from which address, as `X-Forwarded-For` says: that is the [client](crate::RequestFacts::client) in events and in
    ///   the list of a user's devices. It is read from the right, up to the first address that is no trusted proxy's, so
    ///   what a client writes into it itself is never reached. Where a proxy sends nothing that can be read there
    ///   (`unknown`, for instance), the client is that proxy. This machine is believed in that only if it is named.
    ///
    /// The proxy must add to each of the two, or replace it; in nginx by
    /// `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;` and `proxy_set_header X-Forwarded-Proto $scheme;`.
    /// Every other header it may hand on as the client sent it, so none is read:
    /// [`forwarded_for_header`](Self::forwarded_for_header) and
    /// [`forwarded_proto_header`](Self::forwarded_proto_header) name others in their place.
    ///
    /// Who is a proxy is decided by the socket's other end, so the server must know it (axum:
    /// `into_make_service_with_connect_info::<SocketAddr>()`; `UnixSocket` in the adapters). What is no address or network,
    /// or nearly all of them, does not build.
    pub fn trusted_proxy(mut self, proxy: impl Into<String>) -> Self {
        self.http.proxies.trusted.push(proxy.into());
        self
    }

    /// The one header in which [trusted proxies](Self::trusted_proxy) name the client's address (default:
    /// `X-Forwarded-For`). `Forwarded` is read by RFC 7239, and then as the header for the protocol too. Any other has
    /// addresses with commas between them, or just one (`X-Real-IP`, `CF-Connecting-IP`).
    ///
    /// It must be one that *each* of those proxies adds to or replaces: one that lets it pass lets every client choose
    /// its address.
    pub fn forwarded_for_header(mut self, name: impl Into<String>) -> Self {
        if self.http.proxies.address.is_some() {
            return self
                .refuse("two headers are to name the client's address; keep one `.forwarded_for_header(…)`");
        }
        self.http.proxies.address = Some(name.into());
        self
    }

    /// The one header in which [trusted proxies](Self::trusted_proxy) say over which protocol a request came to them
    /// (default: `X-Forwarded-Proto`, or `Forwarded` where that has the address). Credentials are protected if all of its
    /// values are `https` or `wss`; of `Forwarded`, those that trusted proxies wrote. One with a name of its own may say
    /// `on` (`X-Forwarded-Ssl`).
    pub fn forwarded_proto_header(mut self, name: impl Into<String>) -> Self {
        if self.http.proxies.proto.is_some() {
            return self
                .refuse("two headers are to name the protocol; keep one `.forwarded_proto_header(…)`");
        }
        self.http.proxies.proto = Some(name.into());
        self
    }

    /// Has every attempt pass this gate before a backend is asked (default: all are made): see [`Gate`].
    pub fn gate(mut self, gate: impl Gate) -> Self {
        if self.gate.is_some() {
            return self.refuse("two gates are configured; keep one `.gate(…)`, which may ask others");
        }
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Limits how often passwords are tried, for each account and from each source (default: they are not, which suits an
    /// application behind something that does). See [`throttle`](crate::throttle).
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        if self.throttle.is_some() {
            return self.refuse("two throttles are configured; keep one `.throttle(…)`");
        }
        self.throttle = Some(throttle);
        self
    }

    /// Asks users for a second factor, by a policy (default: nobody is asked): see [`second_factor`](crate::second_factor). Whoever
    /// lacks it is nobody to every extractor, guard and extension.
    pub fn second_factor(mut self, second: SecondFactor<U>) -> Self {
        if self.second.is_some() {
            return self.refuse("second factors are configured twice; keep one `.second_factor(…)`");
        }
        self.http.factor_page = second.page_path().map(Into::into);
        self.second = Some(second);
        self
    }

    /// How long the whole chain may take for one attempt (default: 10 s).
    pub fn chain_timeout(mut self, limit: Duration) -> Self {
        self.chain_timeout = limit;
        self
    }

    /// Who hears of every event (default: [`TracingObserver`]).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Where the time comes from (default: [`SystemClock`]).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where tokens come from (default: [`OsRandom`]).
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake, with the fix.
    pub fn build(mut self) -> Result<Auth<U>, ConfigError> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        if self.sources.is_empty() {
            return Err(ConfigError::new(
                "no backend is configured: nobody could ever log in; add `.backend::<Password>(\"local\", …)`",
            ));
        }
        if self.chain_timeout.is_zero() {
            return Err(ConfigError::new("the chain has a timeout of zero"));
        }
        if let (Some(name), Some(_)) = (&self.one_request_only, &self.sessions) {
            return Err(ConfigError::new(format!(
                "the users of the backend {name:?} cannot be loaded again, so no session can begin with them; keep them in a \
                 table (`Provisioning`), let sessions keep their identities (`provision_fn(…).keep_identity()`), or leave out `.sessions(…)`"
            )));
        }
        self.check_schemes()?;
        self.add_caches()?;
        self.add_confirmations()?;
        let cookie = self.sessions.as_ref().map(|sessions| sessions.cookie.clone());
        let (throttle, devices) = self.build_throttle()?.unzip();
        let trusted = self.trusted_cookies();
        let gate = one_gate(throttle.as_ref(), self.gate)?;
        let http = self.http.build(cookie, devices, trusted)?;
        let Self { sources, observer, clock, random, second, .. } = self;
        let environment = Arc::new(Environment { sources, observer, clock, random, second });
        let sessions = self.sessions.map(|sessions| (sessions.engine)(Arc::clone(&environment)));
        let random_keys = RandomState::new();
        let authenticator = Authenticator {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            environment,
            chains: self.chains.into_iter().map(|slot| (slot.credentials, slot.chain)).collect(),
            gate,
            owned: self.owned,
            throttle,
            flights: Flights::default(),
            flight_keys: [random_keys.hash_one(0), random_keys.hash_one(1)],
            chain_timeout: self.chain_timeout,
        };
        Ok(Auth(Arc::new(Inner { authenticator, sessions, http })))
    }

    fn build_throttle(&mut self) -> Result<Option<(Arc<Gatekeeper>, DeviceCookies)>, ConfigError> {
        let Some(throttle) = self.throttle.take() else { return Ok(None) };
        let sessions = self.sessions.as_ref();
        let parts = Parts {
            keys: sessions.map(|sessions| sessions.keys.clone()),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
        };
        let secure = sessions.is_none_or(|sessions| sessions.cookie.secure);
        let (throttle, devices) = throttle.build(parts, |ring| DeviceCookies::new(ring, secure))?;
        Ok(Some((Arc::new(throttle), devices)))
    }

    /// Those of browsers that are trusted.
    fn trusted_cookies(&self) -> Option<TrustedCookies> {
        let lifetime = self.second.as_ref()?.trusted_for()?;
        let sessions = self.sessions.as_ref()?;
        Some(TrustedCookies::new(&sessions.keys, sessions.cookie.secure, lifetime))
    }

    fn check_schemes(&self) -> Result<(), ConfigError> {
        if let Some(second) = &self.second {
            second.check(self.sessions.is_some(), self.http.login_page.is_some())?;
        }
        for (credentials, scheme) in &self.http.schemes {
            scheme.check()?;
            let name = scheme.name();
            if self.sessions.is_none() && matches!(scheme.keeps(), Keeps::Session { .. }) {
                return Err(ConfigError::new(format!(
                    "whom the scheme {name} names is kept in a session, and there are none; add `.sessions(…)`"
                )));
            }
            if scheme.headers().is_empty() {
                return Err(ConfigError::new(format!(
                    "the scheme {name} reads no header; name it in `headers`"
                )));
            }
            if !self.chains.iter().any(|slot| slot.credentials == *credentials) {
                return Err(ConfigError::new(format!(
                    "the scheme {name} is accepted, but no backend judges its credentials; \
                     add a backend for their type"
                )));
            }
        }
        self.check_kept()
    }

    /// Two schemes that each begin a session would take turns at ending each other's.
    fn check_kept(&self) -> Result<(), ConfigError> {
        let is_kept = |scheme: &Arc<dyn DynScheme<U>>| matches!(scheme.keeps(), Keeps::Session { .. });
        let kept: Vec<_> = self.http.schemes.iter().filter(|(_, scheme)| is_kept(scheme)).collect();
        let [_, (_, second), ..] = kept.as_slice() else { return Ok(()) };
        Err(ConfigError::new(format!(
            "a second scheme, {}, begins sessions; keep one of them",
            second.name()
        )))
    }

    fn add_caches(&mut self) -> Result<(), ConfigError> {
        let Some(config) = &self.user_cache else { return Ok(()) };
        config.check()?;
        if self.sessions.is_none() {
            return Err(ConfigError::new(
                "the user cache is for sessions, and there are none; add `.sessions(…)` or drop `.cache_users(…)`",
            ));
        }
        for source in &mut self.sources {
            source.cache = Some(Cache::new(config));
        }
        Ok(())
    }

    fn add_confirmations(&mut self) -> Result<(), ConfigError> {
        for (name, confirmation, by) in std::mem::take(&mut self.confirmed) {
            let Some(sessions) = &self.sessions else {
                return Err(ConfigError::new(
                    "users of sessions are confirmed, and there are none; add `.sessions(…)` or drop `.confirm(…)`",
                ));
            };
            confirmation.check(sessions.lifetime)?;
            let Some(source) = self.sources.iter_mut().find(|source| source.name.as_str() == name) else {
                return Err(ConfigError::new(format!(
                    "the users of {name:?} are confirmed, but no backend has this name"
                )));
            };
            source.confirming = Some(Arc::new(Confirming::new(confirmation, by)));
        }
        Ok(())
    }

    fn refuse(mut self, what: impl Into<String>) -> Self {
        self.mistake.get_or_insert_with(|| ConfigError::new(what));
        self
    }
}

/// A throttle is a gate.
fn one_gate(
    throttle: Option<&Arc<Gatekeeper>>,
    gate: Option<Arc<dyn DynGate>>,
) -> Result<Option<Arc<dyn DynGate>>, ConfigError> {
    match (throttle, gate) {
        (Some(_), Some(_)) => {
            Err(ConfigError::new("a gate and a throttle are configured; a throttle is one, keep either"))
        }
        (Some(throttle), None) => Ok(Some(Arc::clone(throttle) as Arc<dyn DynGate>)),
        (None, gate) => Ok(gate),
    }
}

fn scheme_credentials<S: Scheme>(_: &S) -> TypeId {
    TypeId::of::<S::Credentials>()
}
