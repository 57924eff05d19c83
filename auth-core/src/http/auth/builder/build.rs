//! What is checked before a configuration is used.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{AuthBuilder, NEXT_ID};
use crate::authenticator::Authenticator;
use crate::gate::DynGate;
use crate::http::auth::Inner;
use crate::http::{DeviceCookies, DynScheme, Keeps, TrustedCookies};
use crate::session::{Confirming, Environment};
use crate::throttle::{Flights, Gatekeeper, Parts};
use crate::user_cache::Cache;
use crate::{Auth, ConfigError, User};

impl<U: User> AuthBuilder<U> {
    /// Checks the configuration, and makes the [`Auth`].
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
    /// let twice = MemoryBackend::<Member>::new(Passwords::new()?);
    /// let mistake = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .backend::<Password>("local", twice)
    ///     .build()
    ///     .unwrap_err();
    /// assert!(mistake.to_string().contains("rename one"));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
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

    /// The cookies of trusted browsers, if a browser can be trusted.
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
                    "the scheme {name} keeps the user it names in a session, and there are none; add `.sessions(…)`"
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

    /// Refuses two schemes that begin sessions: each would end the other's.
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
