//! A client without a framework or a network: for tests that need a real session in a store.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::Session;
use crate::hidden;
use crate::http::ResponseHeader;
use crate::http::adapter::{Begin, Layered, ResponseView};
use crate::http::{Header, RequestView};
use crate::{Auth, Credentials, User};

/// A POST with these headers: for tests of a [`Scheme`](crate::http::Scheme).
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(pub &'a [(&'a str, &'a [u8])]);

impl RequestView for Headers<'_> {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn target(&self) -> &'static str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn is_unix_socket(&self) -> bool {
        false
    }

    fn is_encrypted(&self) -> bool {
        false
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.0.iter().for_each(|(name, value)| each(name, value));
    }
}

/// The session handle of a request that presents nothing, and is not answered yet.
pub fn session<U: User>(auth: &Auth<U>) -> Session<U> {
    // Without the exchange, whose end belongs to the response.
    let session = Session::anonymous(auth.clone(), alone());
    session.describe(&Headers(&[]));
    session
}

/// A layer of its kind, without any extensions.
pub fn alone<U>() -> Layered<U> {
    Layered { shown: Some(|_| None), outer: None }
}

/// Logs a user in, and returns the value of the session cookie, which a dump of the store must not contain.
///
/// # Panics
/// If the credentials are not accepted, or the store refuses.
pub async fn log_in<U: User, C: Credentials>(auth: &Auth<U>, credentials: C) -> String {
    let mut browser = Browser::new("");
    browser.log_in(auth, credentials).await;
    let (_, value) = browser.cookie.split_once('=').expect("a name and a value");
    value.to_owned()
}

/// A browser that keeps its session cookie, and sends POSTs from the site's pages.
#[derive(Clone)]
pub struct Browser {
    user_agent: &'static str,
    cookie: String,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookie = hidden::text(&self.cookie);
        f.debug_struct("Browser").field("user_agent", &self.user_agent).field("cookie", &cookie).finish()
    }
}

impl Browser {
    /// A new browser of this name.
    pub fn new(user_agent: &'static str) -> Self {
        Self { user_agent, cookie: String::new() }
    }

    /// Logs a user in.
    ///
    /// # Panics
    /// If a user is logged in already, the credentials are not accepted, or the store refuses.
    pub async fn log_in<U: User, C: Credentials>(&mut self, auth: &Auth<U>, credentials: C) {
        let Begin::Call(exchange) = auth.begin(self, alone()) else {
            panic!("somebody is logged in already")
        };
        let session = exchange.session(self);
        let authenticated = session.authenticate(credentials).await.expect("the credentials are accepted");
        let _ = session.login(authenticated).await.expect("the store takes the session");
        let mut cookie = SetCookie::default();
        exchange.finish(&mut cookie);
        cookie.0.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
    }

    /// Whether the next request belongs to a user.
    ///
    /// # Panics
    /// If that cannot be found out, or no user ever logged in.
    pub async fn is_logged_in<U: User>(&self, auth: &Auth<U>) -> bool {
        let Begin::Resolve(resolving) = auth.begin(self, alone()) else {
            panic!("the browser has no cookie")
        };
        let Ok((_, user)) = resolving.await.caller(self) else { panic!("the store or the backend is down") };
        user.is_some()
    }
}

impl RequestView for Browser {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn target(&self) -> &'static str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        Some(Ipv4Addr::LOCALHOST.into())
    }

    fn is_unix_socket(&self) -> bool {
        false
    }

    fn is_encrypted(&self) -> bool {
        false
    }

    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        match header {
            Header::Cookie if !self.cookie.is_empty() => each(self.cookie.as_bytes()),
            Header::UserAgent => each(self.user_agent.as_bytes()),
            Header::SecFetchSite => each(b"same-origin"),
            _ => {}
        }
    }

    fn named<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        let header = Header::ALL.into_iter().find(|header| header.name().eq_ignore_ascii_case(name));
        if let Some(header) = header {
            self.values(header, each);
        }
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        for header in Header::ALL {
            self.values(header, &mut |value| each(header.name(), value));
        }
    }
}

/// A response of which only the cookie matters.
#[derive(Default)]
struct SetCookie(String);

impl ResponseView for SetCookie {
    fn status(&self) -> u16 {
        200
    }

    fn values(&self, _: ResponseHeader, _: &mut dyn FnMut(&[u8])) {}

    fn set(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        self.append(header, value);
    }

    fn set_if_absent(&mut self, header: ResponseHeader, value: Cow<'static, str>) -> bool {
        self.append(header, value);
        true
    }

    fn append(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if header == ResponseHeader::SetCookie {
            self.0 = value.into_owned();
        }
    }
}
