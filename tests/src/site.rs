//! Requests and answers of a site, whichever framework serves it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

/// A future that stays on its thread: actix-web's requests cannot leave it.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

/// A test site.
pub trait Site {
    /// Which one it is.
    fn name(&self) -> &'static str;

    /// Answers a request.
    fn send(&self, request: Request) -> Answering<'_>;
}

/// An answer that is none of "not now": a busy machine may have none other for a moment.
///
/// # Panics
/// If there is none other at all.
pub async fn answered(site: &dyn Site, request: Request) -> Answer {
    for _ in 0..1_000 {
        let answer = site.send(request.clone()).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("{} {} is always refused", request.method, request.target);
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path and query.
    pub target: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: String,
    /// The socket's other end.
    pub peer: Option<SocketAddr>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: String::new(),
            peer: None,
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of a form.
    pub fn post(target: &str, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Self { body, ..Self::new("POST", target) };
        request.with("content-type", "application/x-www-form-urlencoded")
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Over a connection from this address.
    #[must_use]
    pub fn from(self, peer: IpAddr) -> Self {
        Self { peer: Some((peer, 40_000).into()), ..self }
    }

    /// As a browser navigates.
    #[must_use]
    pub fn navigating(self) -> Self {
        self.with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "document")
    }

    /// With HTTP Basic credentials.
    #[must_use]
    pub fn basic(self, username: &str, password: &str) -> Self {
        use base64::Engine;
        let credentials = format!("{username}:{password}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        self.with("authorization", format!("Basic {encoded}"))
    }

    /// With the cookie of a session.
    #[must_use]
    pub fn cookie(self, token: &str) -> Self {
        self.with("cookie", format!("__Host-session={token}"))
    }
}

/// The headers that both adapters must answer alike.
pub const COMPARED: [&str; 13] = [
    "access-control-allow-origin",
    "cache-control",
    "clear-site-data",
    "content-encoding",
    "content-type",
    "grpc-message",
    "grpc-status",
    "hx-redirect",
    "location",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
];

/// An answer: the status, the compared headers sorted by name, the body. Tokens are masked in comparisons.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The compared headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Keeps the compared headers only.
    pub fn new(status: u16, headers: impl Iterator<Item = (String, String)>, body: String) -> Self {
        let mut headers: Vec<_> = headers.filter(|(name, _)| COMPARED.contains(&name.as_str())).collect();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        Self { status, headers, body }
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of a header, or the empty text.
    pub fn one(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is there several times: {self:?}");
        all.first().copied().unwrap_or_default()
    }

    /// The session token that it hands out, if it does.
    ///
    /// # Panics
    /// If there are two.
    pub fn token(&self) -> Option<String> {
        let cookies = self.all("set-cookie");
        let mut sessions = cookies.iter().filter_map(|cookie| cookie.strip_prefix("__Host-session="));
        let cookie = sessions.next()?;
        assert!(sessions.next().is_none(), "two sessions: {self:?}");
        let value = cookie.split(';').next().unwrap_or_default();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The same with the token masked.
    #[must_use]
    pub fn masked(mut self) -> Self {
        for (name, value) in &mut self.headers {
            if name == "set-cookie" {
                *value = mask(value);
            }
        }
        self
    }
}

fn mask(cookie: &str) -> String {
    let (name, rest) = cookie.split_once('=').unwrap_or((cookie, ""));
    let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
    if let Some(kind) = name.strip_prefix("__Host-auth-core-") {
        let purpose = kind.split('-').next().unwrap_or_default();
        return format!("__Host-auth-core-{purpose}=SEALED;{attributes}");
    }
    let is_token =
        value.len() == 44 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    format!("{name}={};{attributes}", if is_token { "TOKEN" } else { value })
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, "\n    {name}: {value}"))?;
        write!(f, "\n    {:?}", self.body)
    }
}
