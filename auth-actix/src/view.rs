//! actix-web's requests and responses as core sees them.

use std::any::Any;
use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use auth_core::http::ResponseHeader;
use auth_core::http::adapter::{AnyExchange, RequestExtensions, ResponseView};
use auth_core::http::{Header, RequestView};

use crate::UnixSocket;

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

    fn is_unix_socket(&self) -> bool {
        self.0.conn_data::<UnixSocket>().is_some()
    }

    fn is_encrypted(&self) -> bool {
        self.0.app_config().secure()
    }

    #[inline]
    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        self.0.headers().get_all(key(header)).for_each(|value| each(value.as_bytes()));
    }

    fn named<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        self.0.headers().get_all(name).for_each(|value| each(value.as_bytes()));
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.0.headers().iter().for_each(|(name, value)| each(name.as_str(), value.as_bytes()));
    }
}

impl RequestExtensions for Head<'_> {
    fn exchange(&self) -> Option<AnyExchange> {
        self.0.extensions().get().cloned()
    }

    fn extensions(&self, look: &mut dyn FnMut(&dyn Any)) {
        look(&*self.0.extensions());
    }
}

auth_core::native_headers!(header);

/// A response's head.
pub(crate) struct Answer<'a, B>(pub(crate) &'a mut HttpResponse<B>);

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
