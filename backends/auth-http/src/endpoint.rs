//! [`Endpoint`]: the address of a service, and how to call it.

use std::fmt;
use std::time::Duration;

use auth_core::{ConfigError, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use url::{Host, Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::Document;
use crate::client::Client;

/// The address of a service, how this service authenticates there, and how long it waits.
///
/// The address is fixed: nothing of a request ever becomes part of it. Redirects are not followed, since they would
/// carry passwords elsewhere. The address must be `https`, except on this machine. Proxies of the environment are not
/// used.
///
/// | limit | default |
/// |---|---|
/// | connection and TLS handshake | 2 s |
/// | the whole request, to the last byte of the answer | 4 s |
/// | the answer's body | 64 KiB |
/// | concurrent requests; more are refused | 256 |
///
/// TLS is rustls with the system's roots and the cryptography that the application installed
/// (`rustls::crypto::CryptoProvider::install_default`), or with the configuration given to [`tls`](Self::tls).
///
/// ```
/// use std::time::Duration;
///
/// use auth_http::Endpoint;
///
/// # let key = "secret";
/// let accounts = Endpoint::new("https://accounts.example.com/verify")
///     .header("X-Api-Key", key)
///     .health("https://accounts.example.com/health")
///     .timeout(Duration::from_secs(2));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Endpoint {
    url: String,
    health: Option<String>,
    headers: Vec<(String, Secret)>,
    tls: Option<ClientConfig>,
    may_be_cleartext: bool,
    asks_environment: bool,
    connect_within: Duration,
    within: Duration,
    pub(crate) max_answer: usize,
    pub(crate) max_at_once: usize,
}

impl Endpoint {
    /// How long connecting may take, unless set.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    /// How long a request may take, unless set: less than a backend's limit in a chain.
    pub const TIMEOUT: Duration = Duration::from_secs(4);
    /// The longest answer, in bytes, unless set.
    pub const MAX_ANSWER_LEN: usize = 64 * 1024;
    /// How many requests may be under way at once, unless set.
    pub const MAX_AT_ONCE: usize = 256;

    /// The service at this address. Mistakes are reported when a verifier is built from it.
    ///
    /// ```
    /// let accounts = auth_http::Endpoint::new("https://accounts.example.com/verify");
    /// ```
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            health: None,
            headers: Vec::new(),
            tls: None,
            may_be_cleartext: false,
            asks_environment: false,
            connect_within: Self::CONNECT_TIMEOUT,
            within: Self::TIMEOUT,
            max_answer: Self::MAX_ANSWER_LEN,
            max_at_once: Self::MAX_AT_ONCE,
        }
    }

    /// The same endpoint at another address.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .header("X-Api-Key", "secret");
    /// let confirm = accounts.clone().at("https://accounts.example.com/status");
    /// ```
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// A JSON document at this address, such as an issuer's keys. [`Document::fetch`] shows how it is read.
    ///
    /// ```
    /// # use auth_http::{Document, Endpoint};
    /// fn keys() -> Result<Document, auth_core::ConfigError> {
    ///     Endpoint::new("https://id.example.com/keys.json").document()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the endpoint cannot be right.
    pub fn document(self) -> Result<Document, ConfigError> {
        self.connect().map(Document::new)
    }

    /// Sets the address of the service's health check: 200 to 299 means that it works, anything else that it does
    /// not. It is called by GET, without credentials, and only after errors that an odd name or token may have caused
    /// ([`BackendError`](auth_core::backend::BackendError)).
    ///
    /// Without it, such errors open no circuit breaker as long as the address answers `OPTIONS` with anything but
    /// 502, 503 or 504; whether the service behind it works stays unknown. Set it if your chain continues during an
    /// outage.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .health("https://accounts.example.com/health");
    /// ```
    pub fn health(mut self, url: impl Into<String>) -> Self {
        self.health = Some(url.into());
        self
    }

    /// Sends a secret in a header of this name, such as `X-Api-Key`.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .header("X-Api-Key", "secret");
    /// ```
    pub fn header(mut self, name: &str, value: impl Into<Secret>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Sends a bearer token (RFC 6750).
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .bearer("token");
    /// ```
    pub fn bearer(self, token: impl Into<Secret>) -> Self {
        let value = Zeroizing::new(format!("Bearer {}", token.into().expose()));
        self.header("authorization", value.as_str())
    }

    /// Sends a name and a password (RFC 7617). An OAuth server expects [`client`](Self::client).
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .basic("shop", "password");
    /// ```
    pub fn basic(self, username: &str, password: impl Into<Secret>) -> Self {
        let pair = Zeroizing::new(format!("{username}:{}", password.into().expose()));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        self.header("authorization", value.as_str())
    }

    /// Sends an OAuth client's id and secret as in RFC 6749 §2.3.1: by HTTP Basic, each form-encoded first.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let tokens = Endpoint::new("https://id.example.com/introspect").client("shop", "secret");
    /// ```
    pub fn client(self, id: &str, secret: impl Into<Secret>) -> Self {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = Zeroizing::new(encoded(secret.into().expose()));
        self.basic(&encoded(id), secret.as_str())
    }

    /// Sets the TLS configuration: your own roots, a client certificate, other cryptography.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// fn internal(config: rustls::ClientConfig) -> Endpoint {
    ///     Endpoint::new("https://accounts.internal/verify").tls(config)
    /// }
    /// ```
    pub fn tls(mut self, config: ClientConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Sets how long the connection with its TLS handshake may take.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .connect_timeout(std::time::Duration::from_secs(1));
    /// ```
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_within = time;
        self
    }

    /// Sets how long a request may take, to the last byte of the answer. Keep it below the backend's limit in the
    /// chain (5 s unless set), so that the error names this service.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .connect_timeout(std::time::Duration::from_secs(1))
    ///     .timeout(std::time::Duration::from_secs(3));
    /// ```
    pub fn timeout(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Sets the longest answer, in bytes.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .max_answer_len(16 * 1024);
    /// ```
    pub fn max_answer_len(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Sets how many requests may be under way at once. Further ones fail at once and do not wait.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .max_at_once(64);
    /// ```
    pub fn max_at_once(mut self, requests: usize) -> Self {
        self.max_at_once = requests;
        self
    }

    /// Uses the proxy that the environment names (`HTTPS_PROXY` …).
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("https://accounts.example.com/verify")
    ///     .proxy_from_environment();
    /// ```
    pub fn proxy_from_environment(mut self) -> Self {
        self.asks_environment = true;
        self
    }

    /// Accepts an `http` address on another machine: anybody on the network path can read every password and token.
    ///
    /// ```
    /// # use auth_http::Endpoint;
    /// let accounts = Endpoint::new("http://accounts.cluster.local/verify").insecure_cleartext();
    /// ```
    pub fn insecure_cleartext(mut self) -> Self {
        self.may_be_cleartext = true;
        self
    }

    /// Whether this service authenticates to the other one.
    pub(crate) fn authenticates(&self) -> bool {
        let has_certificate = self.tls.as_ref().is_some_and(|tls| tls.client_auth_cert_resolver.has_certs());
        has_certificate || !self.headers.is_empty()
    }

    /// The client for this endpoint.
    pub(crate) fn connect(self) -> Result<Client, ConfigError> {
        let url = self.checked_url(&self.url)?;
        let health = self.health.as_deref().map(|url| self.checked_url(url)).transpose()?;
        let bounds = [self.max_answer, self.max_at_once];
        if self.within.is_zero() || self.connect_within.is_zero() || bounds.contains(&0) {
            return Err(ConfigError::new("an endpoint's timeouts and bounds must be above zero"));
        }
        Client::new(&self, self.http()?, url, health, self.checked_headers()?)
    }

    fn http(&self) -> Result<reqwest::Client, ConfigError> {
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_within)
            .timeout(self.within)
            // Shorter than servers keep idle connections: a request on a connection that just closes would be lost.
            .pool_idle_timeout(Duration::from_secs(4))
            .pool_max_idle_per_host(32);
        if !self.asks_environment {
            http = http.no_proxy();
        }
        http = match &self.tls {
            Some(tls) => http.tls_backend_preconfigured(tls.clone()),
            None if CryptoProvider::get_default().is_some() => http,
            None => {
                return Err(ConfigError::new(
                    "rustls has no cryptography: call `CryptoProvider::install_default` at the start of the \
                     program, or name a configuration by `Endpoint::tls`",
                ));
            }
        };
        http.build().map_err(|error| ConfigError::new(format!("the HTTP client cannot be made: {error}")))
    }

    fn checked_url(&self, url: &str) -> Result<Url, ConfigError> {
        let refused = |why: &str| ConfigError::new(format!("an endpoint's address {why}"));
        let url = Url::parse(url).map_err(|_| refused("must be a URL like https://example.com/verify"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("must not hold a password; use `Endpoint::basic`"));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.may_be_cleartext || is_local(&url) => Ok(url),
            "http" => Err(refused("must be https, or passwords and tokens can be read on the way")),
            _ => Err(refused("must be https")),
        }
    }

    fn checked_headers(&self) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let refused = |why: &str| ConfigError::new(format!("the header {name:?} of an endpoint {why}"));
            let key = HeaderName::try_from(name).map_err(|_| refused("is not a valid header name"))?;
            let mut value = HeaderValue::try_from(value.expose())
                .map_err(|_| refused("has a value that is not valid in a header"))?;
            value.set_sensitive(true);
            if matches!(value.as_bytes(), b"" | b"Bearer " | b"Basic Og==") {
                return Err(refused("is empty; was a variable not set?"));
            }
            if matches!(name.as_str(), "accept" | "content-type" | "content-length" | "host") {
                return Err(refused("must not carry a secret"));
            }
            if headers.insert(key, value).is_some() {
                return Err(refused("is set twice; keep one way to authenticate"));
            }
        }
        Ok(headers)
    }
}

/// Whether the host is this machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").finish_non_exhaustive()
    }
}
