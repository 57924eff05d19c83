//! A request and a response without a framework, as core sees them.

use std::borrow::Cow;
use std::net::IpAddr;

use auth_core::http::adapter::{Layered, ResponseView};
use auth_core::http::{RequestView, ResponseHeader};

/// A POST without an address, perhaps with cookies.
pub(crate) struct Request {
    pub(crate) cookies: Option<String>,
}

impl RequestView for Request {
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
        true
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.cookies.iter().for_each(|line| each("cookie", line.as_bytes()));
    }
}

/// A single layer around no handler: there are no extensions to put the caller into.
pub(crate) fn alone<U>() -> Layered<U> {
    Layered { shown: Some(|_| None), outer: None }
}

/// An answer, of which the cookies are kept.
#[derive(Default)]
pub(crate) struct SetCookies(pub(crate) Vec<String>);

impl ResponseView for SetCookies {
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
            self.0.push(value.into_owned());
        }
    }
}
