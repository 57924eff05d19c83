//! Users whom a proxy in front has authenticated, and names in a header: oauth2-proxy, Authelia, nginx
//! `auth_request`, a front end with Kerberos.
//!
//! ```
//! use auth_core::remote_user::{RemoteUser, RemoteUserHeader, RemoteUsers};
//! use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
//! use auth_core::Auth;
//! use auth_core::backend::{Provisioned, Provisioner};
//! # use auth_core::ConfigError;
//!
//! # fn auth<P: Provisioner>(users: P) -> Result<Auth<P::User>, ConfigError> {
//! let proxy = RemoteUsers::new("https://sso.example").clean(|name| {
//!     name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase)
//! });
//! let auth = Auth::builder()
//!     .backend::<RemoteUser>("proxy", Provisioned { verifier: proxy, users })
//!     .sessions(MemorySessions::new(10_000), SessionConfig::new(KeyRing::generate()?))
//!     .scheme(RemoteUserHeader::new("X-Remote-User")?.trusted_peer("10.0.0.7")?)
//!     .build()?;
//! # Ok(auth)
//! # }
//! ```
//!
//! # What happens to a request
//!
//! The header counts only if the peer address is trusted; `X-Forwarded-For` is never used for that. A request from
//! any other peer with this header, or a similar one, gets a 400, even on public pages, so that no handler that reads
//! the header itself is deceived. The event is [`UntrustedHeader`](crate::event::EventKind::UntrustedHeader).
//!
//! | the trusted proxy sends | the session | the request |
//! |---|---|---|
//! | a name | began with this name | belongs to that user; no backend is asked about the name again |
//! | a name | none, or with another name | is judged by the backends for [`RemoteUser`]; a new session begins, and the previous one ends |
//! | a name that is refused | none, or any | is anonymous: 403 if a login is required, because no login page would help |
//! | a name, and a backend is down | stays | 503 |
//! | no name | began with a name | is anonymous; the session ends, unless [`persistent`](RemoteUserHeader::persistent) |
//! | no name | began with a login of the application | belongs to that user |
//! | two names, a list, a similar header | stays | 400, and an event [`AmbiguousHeader`](crate::event::EventKind::AmbiguousHeader) |
//!
//! The header says who the user is *now*, so it outranks a password login: after a login by a form behind such a
//! proxy, the next request belongs to the user whom the proxy names. A request with the header and with credentials
//! in `Authorization` for a configured [scheme](crate::AuthBuilder::scheme) gets a 400. Proxies authenticate users by
//! a cookie or by Kerberos, which browsers send for pages of any site: a request that changes something and comes
//! from a page of another site is refused.
//!
//! A client that keeps no cookies begins a session with each request: the ten most recently used ones are kept,
//! unless [`max_per_remote_user`](crate::SessionConfig::max_per_remote_user) says otherwise. Logging out here ends
//! the session, and the next request begins another: send users to the proxy's own logout.
//! [`Require::fresh`](crate::Require::fresh) counts from the beginning of the session, because only the proxy knows
//! when the user authenticated there.
//!
//! # What the proxy must do
//!
//! The proxy must replace whatever a client sends under the header's name, even if it has no name to send. It should
//! also remove every name that a server may fold into it (`X_Remote_User`, `X.Remote.User`); those that come through
//! are refused here. Only the proxy should be able to reach this server's port: bind it to a Unix socket, or to an
//! address that only the proxy can reach.
//!
//! **nginx** replaces the header by `proxy_set_header`, and sends nothing if the value is empty. It drops names with
//! `_` and `.` by itself, unless configured otherwise (`underscores_in_headers`, `ignore_invalid_headers`). A
//! `location` with any `proxy_set_header` must repeat all of them.
//!
//! ```text
//! location / {
//!     auth_basic "site";                     # or auth_gss, or auth_request as below
//!     auth_basic_user_file /etc/nginx/users;
//!     proxy_set_header X-Remote-User $remote_user;
//!     proxy_set_header Authorization "";
//!     proxy_pass http://unix:/run/app.sock;
//! }
//! ```
//!
//! **oauth2-proxy or Authelia behind nginx** answer `auth_request`, and nginx copies their answer:
//!
//! ```text
//! location / {
//!     auth_request /oauth2/auth;
//!     auth_request_set $user $upstream_http_x_auth_request_user;     # Authelia: $upstream_http_remote_user
//!     auth_request_set $groups $upstream_http_x_auth_request_groups; # Authelia: $upstream_http_remote_groups
//!     proxy_set_header X-Remote-User $user;
//!     proxy_set_header X-Remote-Groups $groups_or_none;
//!     proxy_pass http://10.0.0.8:8000;
//! }
//! # http: nginx sends no empty header; a list without entries says that there are no groups.
//! map $groups $groups_or_none { "" ","; default $groups; }
//! ```
//!
//! oauth2-proxy needs `--reverse-proxy` and `--set-xauthrequest` for that.
//!
//! **oauth2-proxy as the proxy itself** (`--pass-user-headers`, `--upstream`) sends `X-Forwarded-User`,
//! `X-Forwarded-Email` and `X-Forwarded-Groups`. Versions before 7.13 let similar names through (CVE-2025-64484),
//! which are refused here; do not change `--skip-auth-strip-headers`.
//!
//! **Caddy** before Authelia copies the answer's headers. Remove the client's headers first, because some versions
//! leave them if the answer has none (CVE-2026-30851). `route` keeps the order:
//!
//! ```text
//! route {
//!     request_header -*_*
//!     request_header -Remote-*
//!     forward_auth authelia:9091 {
//!         uri /api/authz/forward-auth
//!         copy_headers Remote-User Remote-Email Remote-Name Remote-Groups
//!     }
//!     reverse_proxy 10.0.0.8:8000
//! }
//! ```
//!
//! **Apache** writes `(null)` for a variable that is not set, which counts as no name.

mod header;
mod read;
mod users;

pub use header::RemoteUserHeader;
pub use users::RemoteUsers;

use std::fmt;

use crate::backend::{DeclineReason, Groups};
use crate::grant::Factor;
use crate::{Credentials, hidden};

/// A user whom a trusted proxy says it has authenticated.
///
/// Backends judge it like any credentials. It contains no secret: the only proof is that a trusted peer sent it, so
/// the [scheme](crate::AuthBuilder::scheme) [`RemoteUserHeader`] creates it.
///
/// ```
/// use auth_core::remote_user::RemoteUser;
///
/// // For a test of a backend.
/// let alice = RemoteUser::dangerous_new("alice@EXAMPLE.COM");
/// assert_eq!(alice.username(), "alice@EXAMPLE.COM");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUser {
    username: String,
    email: Option<String>,
    name: Option<String>,
    groups: Groups,
}

impl fmt::Debug for RemoteUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteUser")
            .field("username", &hidden::text(&self.username))
            .field("email", &hidden::optional(self.email()))
            .field("name", &hidden::optional(self.name()))
            .field("groups", &self.groups)
            .finish()
    }
}

impl RemoteUser {
    /// The longest user name, e-mail address or name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// A user of this name whom no proxy named: for tests, and for sources that are as trusted as a proxy. Anybody
    /// who controls the name can be any user.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUser;
    /// let alice = RemoteUser::dangerous_new("alice");
    /// ```
    pub fn dangerous_new(username: impl Into<String>) -> Self {
        Self { username: username.into(), email: None, name: None, groups: Groups::Unknown }
    }

    /// The user name as the proxy sent it.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The e-mail address, if its header is [configured](RemoteUserHeader::email) and was sent.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The display name, if its header is [configured](RemoteUserHeader::name) and was sent.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The groups; unknown if their header is not [configured](RemoteUserHeader::groups) or was not sent.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl Credentials for RemoteUser {
    const KIND: &'static str = "remote-user";
    const FACTOR: Factor = Factor::RemoteUser;

    fn subject(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn check(&self) -> Result<(), DeclineReason> {
        let fits = (1..=Self::MAX_LEN).contains(&self.username.len());
        if fits { Ok(()) } else { Err(DeclineReason::Malformed) }
    }
}
