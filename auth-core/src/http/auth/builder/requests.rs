//! Where the site is, as browsers and proxies see it: pages, origins, headers of proxies.

use super::AuthBuilder;
use crate::User;

/// # Pages, origins and proxies
impl<U: User> AuthBuilder<U> {
    /// The page to which anonymous browsers are redirected: a path, or, with [`origin`](Self::origin), a page on another
    /// host. It may have a query, which is kept. Without a login page, they get a 401.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .login_page("/login")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn login_page(mut self, page: impl Into<String>) -> Self {
        self.http.login_page = Some(page.into());
        self
    }

    /// The field of the login page's query that says where to go afterwards (default: `next`).
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .login_page("/login")
    ///     .next_field("return_to")                               // /login?return_to=/orders
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn next_field(mut self, field: impl Into<String>) -> Self {
        self.http.next_field = field.into();
        self
    }

    /// The origin of the site, as in `https://example.com`. With it, absolute URLs of the site are accepted as `next`, and the
    /// `Origin` of a request is compared with it instead of the `Host`.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .origin("https://example.com")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.http.origin = Some(origin.into());
        self
    }

    /// Another origin to which a login may redirect: an absolute URL of it is accepted as `next`.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .next_origin("https://shop.example.com")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn next_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.next_origins.push(origin.into());
        self
    }

    /// Another origin whose pages may send state-changing requests with this site's cookie: a site, or an app shell
    /// (`capacitor://localhost`, `chrome-extension://…`). `build` refuses an origin that no browser sends.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .trusted_origin("https://app.example.com")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.http.trusted_origins.push(origin.into());
        self
    }

    /// The path under which a proxy publishes this application and which the proxy strips, such as `/app` (Traefik's
    /// `StripPrefix`, nginx's `proxy_pass http://app/;`). Redirects to the login page and to `next` stay below it. Write all
    /// other paths of the configuration without it.
    ///
    /// The path of the session cookie stays `/`, as its `__Host-` prefix requires: give each application on the same host its
    /// own [cookie name](crate::session::SessionConfig::cookie_name).
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .login_page("/login")                                   // browsers go to /app/login
    ///     .base_path("/app")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.http.base_path = Some(path.into());
        self
    }

    /// The header in which [trusted proxies](Self::trusted_proxy) send the [base path](Self::base_path) of each request, such
    /// as Traefik's `X-Forwarded-Prefix` (default: none is read). The proxies must replace it where a client sends it: its
    /// value decides where on this host logins redirect to.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .trusted_proxy("10.0.0.7")
    ///     .base_path_header("X-Forwarded-Prefix")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn base_path_header(mut self, name: impl Into<String>) -> Self {
        self.http.base_path_header = Some(name.into());
        self
    }

    /// A proxy in front of this server: an address or a network (`10.0.0.7`, `10.0.0.0/8`), or `unix:` for connections
    /// through a Unix socket. Its headers are trusted for two things:
    ///
    /// * `X-Forwarded-Proto`: the protocol of the request to the proxy. It decides whether the credentials of a
    ///   [scheme](Self::scheme) came in cleartext. Peers on this machine are always trusted for that.
    /// * `X-Forwarded-For`: the address of the [client](crate::RequestFacts::client), for events and for the list of a user's
    ///   devices. It is read from the right, up to the first address that is not a trusted proxy's, so entries that a client
    ///   wrote are never reached. If a proxy sends nothing readable there (`unknown`, for instance), the proxy counts as the
    ///   client. Peers on this machine are trusted for that only if they are named.
    ///
    /// The proxy must append to both headers or replace them; in nginx,
    /// `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;` and `proxy_set_header X-Forwarded-Proto $scheme;`.
    /// No other header is read, as the proxy may pass it on as the client sent it.
    /// [`forwarded_for_header`](Self::forwarded_for_header) and
    /// [`forwarded_proto_header`](Self::forwarded_proto_header) name other headers instead of these two.
    ///
    /// The peer address decides whether a connection is a proxy's, so the server must provide it (axum:
    /// `into_make_service_with_connect_info::<SocketAddr>()`; `UnixSocket` in the adapters). `build` refuses a text that is not
    /// an address or network, and a network that covers nearly all addresses.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .trusted_proxy("10.0.0.0/24")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn trusted_proxy(mut self, proxy: impl Into<String>) -> Self {
        self.http.proxies.trusted.push(proxy.into());
        self
    }

    /// The one header in which [trusted proxies](Self::trusted_proxy) send the client's address (default:
    /// `X-Forwarded-For`). `Forwarded` is read according to RFC 7239, and then provides the protocol, too. Any other header
    /// holds addresses separated by commas, or a single one (`X-Real-IP`, `CF-Connecting-IP`).
    ///
    /// *Each* of those proxies must append to this header or replace it: a proxy that passes it on lets every client choose
    /// its address.
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .trusted_proxy("10.0.0.7")
    ///     .forwarded_for_header("X-Real-IP")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn forwarded_for_header(mut self, name: impl Into<String>) -> Self {
        if self.http.proxies.address.is_some() {
            return self
                .refuse("two headers are to name the client's address; keep one `.forwarded_for_header(…)`");
        }
        self.http.proxies.address = Some(name.into());
        self
    }

    /// The one header in which [trusted proxies](Self::trusted_proxy) send the protocol of a request (default:
    /// `X-Forwarded-Proto`, or `Forwarded` if that provides the address). The connection counts as encrypted if all values are
    /// `https` or `wss`; of `Forwarded`, only the elements that trusted proxies wrote count. A header with another name may
    /// also say `on` (`X-Forwarded-Ssl`).
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
    /// let auth = Auth::builder()
    ///     .backend::<Password>("local", users)
    ///     .trusted_proxy("10.0.0.7")
    ///     .forwarded_proto_header("X-Forwarded-Ssl")
    ///     .build()?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn forwarded_proto_header(mut self, name: impl Into<String>) -> Self {
        if self.http.proxies.proto.is_some() {
            return self
                .refuse("two headers are to name the protocol; keep one `.forwarded_proto_header(…)`");
        }
        self.http.proxies.proto = Some(name.into());
        self
    }
}
