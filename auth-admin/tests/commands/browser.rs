//! A browser that keeps a cookie.

use std::borrow::Cow;
use std::net::IpAddr;

use auth_core::http::{Begin, Header, RequestView, ResponseHeader, ResponseView, session};
use auth_core::{Auth, Password};
use auth_sql::SqlUser;

/// A request with this `User-Agent` and, once it is signed in, this cookie.
pub(crate) struct Browser {
    agent: &'static str,
    cookie: String,
}

impl Browser {
    /// Signs in.
    pub(crate) async fn signed_in(
        auth: &Auth<SqlUser>,
        username: &str,
        password: &str,
        agent: &'static str,
    ) -> Self {
        let mut browser = Self { agent, cookie: String::new() };
        let Begin::Call(reading) = auth.begin(&browser) else { panic!("the request presents nothing") };
        let mut frame = auth.frame(reading);
        let session = frame.enter(|| session::<SqlUser>(&browser)).unwrap();
        let user = session.authenticate(Password::new(username, password)).await.unwrap();
        session.login(user).await.unwrap();
        let mut response = Response::default();
        frame.finish(&mut response);
        browser.cookie = response.0.split(';').next().unwrap().into();
        browser
    }

    /// Whether the next request is its user's.
    pub(crate) async fn is_signed_in(&self, auth: &Auth<SqlUser>) -> bool {
        let Begin::Resolve(resolving) = auth.begin(self) else { panic!("the request presents a cookie") };
        let (_, user) = resolving.await.caller(self).unwrap();
        user.is_some()
    }
}

impl RequestView for Browser {
    fn method(&self) -> &'static str {
        "POST"
    }
    fn target(&self) -> &'static str {
        "/login"
    }
    fn authority(&self) -> Option<&str> {
        None
    }
    fn peer(&self) -> Option<IpAddr> {
        Some([127, 0, 0, 1].into())
    }
    fn values<'a>(&'a self, header: Header, see: &mut dyn FnMut(&'a [u8])) {
        match header {
            Header::Cookie if !self.cookie.is_empty() => see(self.cookie.as_bytes()),
            Header::UserAgent => see(self.agent.as_bytes()),
            // So that a cookie on a POST is not taken for another site's.
            Header::SecFetchSite => see(b"same-origin"),
            _ => (),
        }
    }
}

#[derive(Default)]
struct Response(String);

impl ResponseView for Response {
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
            self.0 = value.into();
        }
    }
}
