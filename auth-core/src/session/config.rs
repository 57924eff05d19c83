//! [`SessionConfig`]: the settings of sessions.

use std::time::Duration;

use super::{Cookie, KeyRing, Realm, SessionRecord};
use crate::ConfigError;
use crate::time::Timestamp;

/// When a browser sends the session cookie with requests that pages of other sites make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// With top-level navigation only. The default.
    #[default]
    Lax,
    /// Never.
    Strict,
    /// Always: for pages that are embedded elsewhere. Every state-changing request is still checked for its origin.
    None,
}

impl SameSite {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// The settings of sessions. The default timeouts are those of NIST SP 800-63B for two-factor sites: an hour without use,
/// and a day at most.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::session::{KeyRing, SessionConfig};
///
/// # let secret = "a secret of at least 32 bytes ...";
/// let config = SessionConfig::new(KeyRing::new(secret)?)
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .absolute_timeout(Duration::from_secs(12 * 60 * 60))
///     .with_client_facts();
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionConfig {
    pub(crate) keys: KeyRing,
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
    pub(crate) touch_every: Duration,
    pub(crate) rotate_every: Option<Duration>,
    pub(crate) max_per_user: Option<usize>,
    pub(crate) max_per_remote_user: Option<usize>,
    pub(crate) client_facts: bool,
    pub(crate) browser_session: bool,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// As configured: its name has no prefix yet.
    cookie: Cookie,
    /// As configured; unless it was, it is what the cookie needs.
    same_site: Option<SameSite>,
    /// As configured; unless it was, it is the cookie's name.
    realm: Option<String>,
}

impl SessionConfig {
    /// How long a rotated id stays valid, so that the parallel requests of a page survive.
    pub const ROTATION_GRACE: Duration = Duration::from_secs(10);
    /// By how much the clocks of servers may differ.
    pub const CLOCK_SKEW: Duration = Duration::from_secs(60);
    /// How many sessions a user may have, unless [set](Self::max_per_user).
    pub const MAX_PER_USER: usize = 100;
    /// How many of those may have begun with a trusted proxy's header, unless [set](Self::max_per_remote_user).
    pub const MAX_PER_REMOTE_USER: usize = 10;

    /// The default settings, with these keys.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn new(keys: KeyRing) -> Self {
        Self {
            keys,
            idle: Duration::from_secs(60 * 60),
            absolute: Duration::from_secs(24 * 60 * 60),
            touch_every: Duration::from_secs(60),
            rotate_every: None,
            max_per_user: Some(Self::MAX_PER_USER),
            max_per_remote_user: Some(Self::MAX_PER_REMOTE_USER),
            client_facts: false,
            browser_session: false,
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(2),
            cookie: Cookie {
                name: "session".into(),
                secure: true,
                same_site: SameSite::Lax,
                partitioned: false,
                clear_site: false,
            },
            same_site: None,
            realm: None,
        }
    }

    /// How long a session may go unused (default: 1 h).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).idle_timeout(Duration::from_secs(15 * 60));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// How long after the login a session ends, used or not (default: 24 h).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).absolute_timeout(Duration::from_secs(8 * 60 * 60));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn absolute_timeout(mut self, absolute: Duration) -> Self {
        self.absolute = absolute;
        self
    }

    /// How often, at most, the use of a session is written to the store (default: 60 s).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).touch_every(Duration::from_secs(5 * 60));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn touch_every(mut self, interval: Duration) -> Self {
        self.touch_every = interval;
        self
    }

    /// Replaces the id of a session when the id is this old (default: only at each login). The old id stays valid
    /// for [`Self::ROTATION_GRACE`].
    ///
    /// The id is replaced when the response is made, unless that is a 5xx: a request that is refused or cancelled earlier
    /// keeps the old id. A client that never receives the response is logged out.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).rotate_every(Duration::from_secs(60 * 60));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn rotate_every(mut self, interval: Duration) -> Self {
        self.rotate_every = Some(interval);
        self
    }

    /// How many sessions that began with a login one user of a backend may have (default: 100); `None` for any number. A
    /// further login ends the least recently used one, so that no single user can fill the store and keep all others from
    /// signing in.
    ///
    /// Among logins at the same time, the last one to finish leaves at most this many. The time of the last use is known to
    /// within [`touch_every`](Self::touch_every).
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).max_per_user(5);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn max_per_user(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.max_per_user = sessions.into();
        self
    }

    /// How many sessions that began with a [trusted proxy's header](crate::remote_user) one user may have (default: 10;
    /// `None` for any number). A client that keeps no cookies begins one with each request. The users of a backend that
    /// judges the proxy's header have no other sessions.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).max_per_remote_user(3);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn max_per_remote_user(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.max_per_remote_user = sessions.into();
        self
    }

    /// How many sessions the user of this record may have.
    pub(crate) fn max_sessions(&self, record: &SessionRecord) -> Option<usize> {
        if record.remote_user.is_some() { self.max_per_remote_user } else { self.max_per_user }
    }

    /// Stores the [client's address](crate::RequestFacts::client) and `User-Agent` of each login, for
    /// [`Session::list`](crate::Session::list).
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).with_client_facts();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn with_client_facts(mut self) -> Self {
        self.client_facts = true;
        self
    }

    /// Makes the cookie one that browsers delete when they are closed. The server's timeouts still apply.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).browser_session();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn browser_session(mut self) -> Self {
        self.browser_session = true;
        self
    }

    /// The cookie's name without its `__Host-` prefix (default: `session`).
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).cookie_name("shop");
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// The name that distinguishes the sessions of this site from those of other sites in the same store, whose users may
    /// have the same ids (default: the cookie's name, without prefix). 1 to 64 letters, digits, `-`, `_` or `.`.
    ///
    /// A session of another realm is not valid here, and stays in the store. All instances of a site must use the same realm.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).realm("shop-eu");
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// The cookie's `SameSite` attribute (default: `Lax`).
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SameSite, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).same_site(SameSite::Strict);
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// For an application that other sites embed in a frame: browsers keep a separate cookie for each embedding site (CHIPS,
    /// with `SameSite=None`), so that a user has a separate session in each. The cookie's name ends in `-p`, as a browser
    /// that also has an unpartitioned cookie of the same name would send both.
    ///
    /// A user who logs in in the frame is not logged in outside of it, nor in the frame of another site.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).partitioned();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn partitioned(mut self) -> Self {
        self.cookie.partitioned = true;
        self
    }

    /// At logout, asks the browser to delete what it has cached and stored for this site (`Clear-Site-Data`), except other
    /// cookies.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).clear_site_data();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn clear_site_data(mut self) -> Self {
        self.cookie.clear_site = true;
        self
    }

    /// How long the store may take for a read and for a write (default: 1 s and 2 s). A request that waits longer gets a 503.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let config = SessionConfig::new(KeyRing::new(secret)?).store_timeouts(Duration::from_millis(500), Duration::from_secs(1));
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn store_timeouts(mut self, read: Duration, write: Duration) -> Self {
        (self.read_timeout, self.write_timeout) = (read, write);
        self
    }

    /// For development without TLS: drops `Secure` and the `__Host-` prefix. Anybody on the network can then hijack the
    /// session.
    ///
    /// ```
    /// use auth_core::session::{KeyRing, SessionConfig};
    ///
    /// # let secret = "a secret of at least 32 bytes ...";
    /// let mut config = SessionConfig::new(KeyRing::new(secret)?);
    /// if cfg!(debug_assertions) {
    ///     config = config.insecure_cookies();
    /// }
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn insecure_cookies(mut self) -> Self {
        self.cookie.secure = false;
        self
    }

    /// The cookie, if the configuration is consistent.
    pub(crate) fn cookie(&self) -> Result<Cookie, ConfigError> {
        self.check_times()?;
        // RFC 9110 §5.6.2 tokens, kept short and plain.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let Cookie { name, secure, partitioned, .. } = &self.cookie;
        if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(ConfigError::new("a cookie name has 1 to 64 letters, digits, '-', '_' or '.'"));
        }
        if name.to_ascii_lowercase().starts_with("__") {
            return Err(ConfigError::new("leave the `__Host-` prefix out of the cookie name: it is added"));
        }
        let default = if *partitioned { SameSite::None } else { SameSite::Lax };
        let same_site = self.same_site.unwrap_or(default);
        if *partitioned && same_site != SameSite::None {
            return Err(ConfigError::new(
                "a partitioned cookie is for frames of other sites, and those need SameSite=None: leave `.same_site(…)` out",
            ));
        }
        if same_site == SameSite::None && !secure {
            return Err(ConfigError::new(
                "SameSite=None and partitioned cookies need secure ones: browsers refuse them otherwise",
            ));
        }
        let prefix = if *secure { "__Host-" } else { "" };
        let suffix = if *partitioned { "-p" } else { "" };
        Ok(Cookie { name: format!("{prefix}{name}{suffix}"), same_site, ..self.cookie.clone() })
    }

    /// The realm: as configured, or the cookie's name.
    pub(crate) fn checked_realm(&self) -> Result<Realm, ConfigError> {
        let name = self.realm.as_ref().unwrap_or(&self.cookie.name);
        let realm = Realm::new(name);
        realm.ok_or_else(|| ConfigError::new("a realm has 1 to 64 letters, digits, '-', '_' or '.'"))
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let refuse = |what| Err(ConfigError::new(what));
        if self.idle.is_zero() || self.absolute.is_zero() {
            return refuse("a session needs an idle and an absolute timeout above zero");
        }
        if self.touch_every > self.idle / 2 {
            return refuse(
                "touch_every must be at most half the idle timeout, or used sessions would expire",
            );
        }
        if self.rotate_every.is_some_and(|every| every < Self::ROTATION_GRACE * 2) {
            return refuse("rotate_every must be at least 20 s, twice the grace period");
        }
        if self.max_per_user == Some(0) {
            return refuse("max_per_user(0) would end every session at its login");
        }
        if self.max_per_remote_user == Some(0) {
            return refuse("max_per_remote_user(0) would end every session at its login");
        }
        if self.read_timeout.is_zero() || self.write_timeout.is_zero() {
            return refuse("the session store's timeouts must be above zero");
        }
        Ok(())
    }

    /// When a session used at `now` and begun by a login at `authenticated` ends.
    pub(crate) fn expires(&self, authenticated: Timestamp, now: Timestamp) -> Timestamp {
        now.plus(self.idle).min(authenticated.plus(self.absolute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_refused() {
        let new = || SessionConfig::new(KeyRing::generate().unwrap());
        let second = Duration::from_secs(1);
        let table = [
            ("defaults", new(), true),
            ("insecure", new().insecure_cookies(), true),
            ("none and secure", new().same_site(SameSite::None), true),
            ("none and insecure", new().same_site(SameSite::None).insecure_cookies(), false),
            ("partitioned", new().partitioned(), true),
            ("partitioned and none", new().partitioned().same_site(SameSite::None), true),
            ("partitioned and lax", new().same_site(SameSite::Lax).partitioned(), false),
            ("partitioned and insecure", new().insecure_cookies().partitioned(), false),
            ("prefix", new().cookie_name("__Host-sid"), false),
            ("prefix in small letters", new().cookie_name("__secure-sid"), false),
            ("name", new().cookie_name("s;d"), false),
            ("no name", new().cookie_name(""), false),
            ("idle", new().idle_timeout(Duration::ZERO), false),
            ("touch", new().idle_timeout(second * 90), false),
            ("rotate", new().rotate_every(second), false),
            ("none at all", new().max_per_user(0), false),
            ("none by a header", new().max_per_remote_user(0), false),
            ("any number", new().max_per_user(None).max_per_remote_user(None), true),
        ];
        for (name, config, good) in table {
            assert_eq!(config.cookie().is_ok(), good, "{name}");
        }
        assert_eq!(new().cookie().unwrap().name, "__Host-session");
        assert_eq!(new().insecure_cookies().cookie().unwrap().name, "session");
        let embedded = new().partitioned().cookie().unwrap();
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned";
        assert_eq!(embedded.set("x", None), format!("__Host-session-p=x{attributes}"));
        assert_eq!(embedded.remove(), format!("__Host-session-p={attributes}; Max-Age=0"));
    }
}
