//! A client without a framework or a network: for tests that need a real session in a store.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::http::{self, Begin, Header, RequestView, ResponseHeader, ResponseView};
use crate::session::Session;
use crate::{Auth, Credentials, User};

/// A POST that presents nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl RequestView for Nothing {
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

    fn is_encrypted(&self) -> bool {
        false
    }

    fn values<'a>(&'a self, _: Header, _: &mut dyn FnMut(&'a [u8])) {}
}

/// The session handle of a request that presents nothing.
///
/// # Panics
/// If there is none.
pub fn session<U: User>(auth: &Auth<U>) -> Session<U> {
    let Begin::Call(reading) = auth.begin(&Nothing) else { panic!("nothing is presented") };
    let mut frame = auth.frame(reading);
    frame.enter(|| http::session(&Nothing)).expect("the frame is around")
}

/// Logs somebody in, and gives the value of the session cookie: what must not be found in a dump of the store.
///
/// # Panics
/// If the credentials are not accepted, or the store refuses.
pub async fn log_in<U: User, C: Credentials>(auth: &Auth<U>, credentials: C) -> String {
    let session = session(auth);
    let authenticated = session.authenticate(credentials).await.expect("the credentials are accepted");
    session.login(authenticated).await.expect("the store takes the session");
    let mut cookie = SetCookie::default();
    http::apply_effects(&session, &mut cookie);
    let (_, value) = cookie.0.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
    value.to_owned()
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
