//! Requests and responses of `http` 1 as core sees them.

use std::any::Any;
use std::borrow::Cow;
use std::net::IpAddr;

use auth_core::http::ResponseHeader;
use auth_core::http::adapter::{AnyExchange, RequestExtensions, ResponseView};
use auth_core::http::{Header, RequestView};
use http::header::{self, Entry, HeaderMap};
use http::{Extensions, Method, Response, Uri};

use crate::{Encrypted, UnixSocket};

/// A request's head.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a http::Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    pub(crate) fn of_parts(parts: &'a http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }

    #[cfg(feature = "axum")]
    fn original_uri(&self) -> &'a Uri {
        self.extensions.get::<axum::extract::OriginalUri>().map_or(self.uri, |original| &original.0)
    }

    #[cfg(not(feature = "axum"))]
    fn original_uri(&self) -> &'a Uri {
        self.uri
    }
}

impl RequestView for Head<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &str {
        self.original_uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    fn authority(&self) -> Option<&str> {
        self.original_uri().authority().map(http::uri::Authority::as_str)
    }

    #[cfg(feature = "axum")]
    fn peer(&self) -> Option<IpAddr> {
        type Info = axum::extract::ConnectInfo<std::net::SocketAddr>;
        self.extensions.get::<Info>().map(|info| info.0.ip())
    }

    #[cfg(not(feature = "axum"))]
    fn peer(&self) -> Option<IpAddr> {
        self.extensions.get::<std::net::SocketAddr>().map(std::net::SocketAddr::ip)
    }

    fn is_unix_socket(&self) -> bool {
        self.extensions.get::<UnixSocket>().is_some()
    }

    fn is_encrypted(&self) -> bool {
        self.extensions.get::<Encrypted>().is_some()
    }

    #[inline]
    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        let key = key(header);
        let Some(first) = self.headers.get(&key) else { return };
        // Most requests repeat no header: then there is nothing to iterate over.
        if self.headers.len() == self.headers.keys_len() {
            each(first.as_bytes());
        } else {
            self.headers.get_all(&key).iter().for_each(|value| each(value.as_bytes()));
        }
    }

    fn named<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        self.headers.get_all(name).iter().for_each(|value| each(value.as_bytes()));
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.headers.iter().for_each(|(name, value)| each(name.as_str(), value.as_bytes()));
    }
}

impl RequestExtensions for Head<'_> {
    fn exchange(&self) -> Option<AnyExchange> {
        self.extensions.get().cloned()
    }

    fn extensions(&self, look: &mut dyn FnMut(&dyn Any)) {
        look(self.extensions);
    }
}

auth_core::native_headers!(header);

/// A response's head.
pub(crate) struct Answer<'a, B>(pub(crate) &'a mut Response<B>);

impl<B> ResponseView for Answer<'_, B> {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn values(&self, header: ResponseHeader, each: &mut dyn FnMut(&[u8])) {
        self.0.headers().get_all(name(header)).iter().for_each(|value| each(value.as_bytes()));
    }

    fn set(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if let Some(value) = native(value) {
            self.0.headers_mut().insert(name(header), value);
        }
    }

    fn set_if_absent(&mut self, header: ResponseHeader, value: Cow<'static, str>) -> bool {
        match (self.0.headers_mut().entry(name(header)), native(value)) {
            (Entry::Vacant(place), Some(value)) => {
                place.insert(value);
                true
            }
            _ => false,
        }
    }

    fn append(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if let Some(value) = native(value) {
            self.0.headers_mut().append(name(header), value);
        }
    }
}
