//! actix-web's requests and responses as core sees them.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use auth_core::http::{Header, RequestView, ResponseHeader, ResponseView};

/// A request's head.
pub(crate) struct Head<'a>(pub(crate) &'a HttpRequest);

impl RequestView for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn target(&self) -> &str {
        self.0.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    fn authority(&self) -> Option<&str> {
        self.0.uri().authority().map(actix_web::http::uri::Authority::as_str)
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|address| address.ip())
    }

    #[inline]
    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        each_value(self.0.headers(), header, each);
    }
}

/// All values of a header. The well-known names cost no hash of their text.
#[inline]
fn each_value<'a>(headers: &'a HeaderMap, header: Header, each: &mut dyn FnMut(&'a [u8])) {
    let values = match header {
        Header::Accept => headers.get_all(header::ACCEPT),
        Header::Authorization => headers.get_all(header::AUTHORIZATION),
        Header::ContentType => headers.get_all(header::CONTENT_TYPE),
        Header::Cookie => headers.get_all(header::COOKIE),
        Header::Host => headers.get_all(header::HOST),
        Header::Origin => headers.get_all(header::ORIGIN),
        Header::Upgrade => headers.get_all(header::UPGRADE),
        Header::UserAgent => headers.get_all(header::USER_AGENT),
        other => headers.get_all(other.name()),
    };
    values.for_each(|value| each(value.as_bytes()));
}

/// A response's head.
pub(crate) struct Answer<'a, B>(pub(crate) &'a mut ServiceResponse<B>);

impl<B> ResponseView for Answer<'_, B> {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn values(&self, header: ResponseHeader, each: &mut dyn FnMut(&[u8])) {
        self.0.headers().get_all(name(header)).for_each(|value| each(value.as_bytes()));
    }

    fn set(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if let Some(value) = native(value) {
            self.0.headers_mut().insert(name(header), value);
        }
    }

    fn set_if_absent(&mut self, header: ResponseHeader, value: Cow<'static, str>) -> bool {
        let is_absent = !self.0.headers().contains_key(name(header));
        if is_absent {
            self.set(header, value);
        }
        is_absent
    }

    fn append(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if let Some(value) = native(value) {
            self.0.headers_mut().append(name(header), value);
        }
    }
}

/// The well-known names cost no parse of their text.
pub(crate) fn name(header: ResponseHeader) -> HeaderName {
    match header {
        ResponseHeader::CacheControl => header::CACHE_CONTROL,
        ResponseHeader::ContentType => header::CONTENT_TYPE,
        ResponseHeader::Location => header::LOCATION,
        ResponseHeader::RetryAfter => header::RETRY_AFTER,
        ResponseHeader::SetCookie => header::SET_COOKIE,
        ResponseHeader::Vary => header::VARY,
        ResponseHeader::WwwAuthenticate => header::WWW_AUTHENTICATE,
        other => HeaderName::from_static(other.name()),
    }
}

pub(crate) fn native(value: Cow<'static, str>) -> Option<HeaderValue> {
    match value {
        Cow::Borrowed(text) => Some(constant(text)),
        Cow::Owned(text) => HeaderValue::try_from(text).ok(),
    }
}

/// Core's constants, all visible ASCII. Those of most responses are checked when this is compiled.
fn constant(text: &'static str) -> HeaderValue {
    macro_rules! known {
        ($($text:literal),*) => {
            match text {
                $($text => const { HeaderValue::from_static($text) },)*
                other => HeaderValue::from_static(other),
            }
        };
    }
    known!("Cookie", "Authorization", "Authorization, Cookie", "no-store")
}
