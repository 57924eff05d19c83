//! Settings of sessions.

use std::time::Duration;

use super::{Cookie, KeyRing, Realm, SessionRecord};
use crate::ConfigError;
use crate::time::Timestamp;

/// When a browser sends the session cookie along with requests that other sites cause.
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

/// Settings of sessions. The defaults are NIST SP 800-63B's for two-factor sites: an hour unused, a day at most.
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
    /// By how much clocks of servers may differ.
    pub const CLOCK_SKEW: Duration = Duration::from_secs(60);
    /// How many sessions a user may have, unless [set](Self::max_per_user).
    pub const MAX_PER_USER: usize = 100;
    /// How many of those a trusted proxy's header began, unless [set](Self::max_per_remote_user).
    pub const MAX_PER_REMOTE_USER: usize = 10;

    /// The defaults, with these keys.
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

    /// How long a session may be unused (default: 1 h).
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// How long after the login a session ends, used or not (default: 24 h).
    pub fn absolute_timeout(mut self, absolute: Duration) -> Self {
        self.absolute = absolute;
        self
    }

    /// How often at most the use of a session is written to the store (default: 60 s).
    pub fn touch_every(mut self, interval: Duration) -> Self {
        self.touch_every = interval;
        self
    }

    /// Replaces a session's id when it is this old (default: never, but at each login). The old id stays valid
    /// for [`Self::ROTATION_GRACE`]. The id is replaced when the answer is made, unless that is a 5xx: a request that is
    /// refused or given up before keeps the old one. A client that misses the answer on its way is logged out.
    pub fn rotate_every(mut self, interval: Duration) -> Self {
        self.rotate_every = Some(interval);
        self
    }

    /// How many sessions one user of a backend may have that began with a login (default: 100). A further login ends the
    /// one that was longest not used, so that nobody alone fills the store and keeps everybody else from signing in.
    /// `None` is for any number.
    ///
    /// Of logins at the same time the last one to finish leaves at most this many. What counts as use is known to
    /// [`touch_every`](Self::touch_every).
    pub fn max_per_user(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.max_per_user = sessions.into();
        self
    }

    /// The same for sessions that began with a [trusted proxy's header](crate::remote_user) (default: 10): a
    /// client that keeps no cookies begins one with each request. A backend that the proxy's word goes to has no other
    /// sessions.
    pub fn max_per_remote_user(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.max_per_remote_user = sessions.into();
        self
    }

    /// How many sessions the user of this one may have.
    pub(crate) fn max_sessions(&self, record: &SessionRecord) -> Option<usize> {
        if record.remote_user.is_some() { self.max_per_remote_user } else { self.max_per_user }
    }

    /// Keeps the [client's address](crate::RequestFacts::client) and `User-Agent` of each login for
    /// [`Session::list`](crate::Session::list).
    pub fn with_client_facts(mut self) -> Self {
        self.client_facts = true;
        self
    }

    /// Lets the cookie end with the browser. The server's limits hold all the same.
    pub fn browser_session(mut self) -> Self {
        self.browser_session = true;
        self
    }

    /// The cookie's name without its `__Host-` prefix (default: `session`).
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie.name = name.into();
        self
    }

    /// What tells the sessions of this site from those of others in the same store (default: the cookie's name, without
    /// prefix): ids of users may be equal there. 1 to 64 letters, digits, `-`, `_` or `.`.
    ///
    /// A session of another realm is nobody's here, and is left alone. All instances of a site must have the same one.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// The cookie's `SameSite` attribute (default: `Lax`).
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// For an application that other sites embed in a frame: a cookie that browsers keep for each embedding site apart
    /// (CHIPS), with `SameSite=None`, so that one user has a session of their own in each. Its name ends in `-p`: a browser that has
    /// an unpartitioned one of the same name sends both.
    ///
    /// A login in the frame is none outside of it, and none in the frame of another site.
    pub fn partitioned(mut self) -> Self {
        self.cookie.partitioned = true;
        self
    }

    /// Asks the browser at logout to forget what it cached and stored for this site (`Clear-Site-Data`), but not its
    /// other cookies.
    pub fn clear_site_data(mut self) -> Self {
        self.cookie.clear_site = true;
        self
    }

    /// How long the store may take to read and to write (default: 1 s and 2 s).
    pub fn store_timeouts(mut self, read: Duration, write: Duration) -> Self {
        (self.read_timeout, self.write_timeout) = (read, write);
        self
    }

    /// Development without TLS: drops `Secure` and the `__Host-` prefix. Anybody on the network can then take
    /// the session over.
    pub fn insecure_cookies(mut self) -> Self {
        self.cookie.secure = false;
        self
    }

    /// The cookie, if this configuration can be right.
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

    /// The realm, by its name or the cookie's.
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
