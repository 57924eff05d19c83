//! What is kept of a request, to read its credentials once more when the request is gone.

use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::RequestView;
use super::view::HeaderName;

/// The headers that a scheme reads, and the connection they came by.
pub(super) struct Kept {
    headers: Arc<[HeaderName]>,
    /// The values, each of the header at its place.
    values: Vec<(usize, Zeroizing<Box<[u8]>>)>,
    peer: Option<IpAddr>,
    is_unix_socket: bool,
    is_encrypted: bool,
}

impl Kept {
    pub(super) fn of(headers: &Arc<[HeaderName]>, view: &dyn RequestView) -> Self {
        let mut values = Vec::with_capacity(headers.len());
        for (place, header) in headers.iter().enumerate() {
            header.values(view, &mut |value| values.push((place, Zeroizing::new(value.into()))));
        }
        let (is_unix_socket, is_encrypted) = (view.is_unix_socket(), view.is_encrypted());
        Self { headers: Arc::clone(headers), values, peer: view.peer(), is_unix_socket, is_encrypted }
    }
}

impl RequestView for Kept {
    fn method(&self) -> &'static str {
        "GET"
    }

    fn target(&self) -> &'static str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn is_unix_socket(&self) -> bool {
        self.is_unix_socket
    }

    fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.values.iter().for_each(|(place, value)| each(self.headers[*place].as_str(), value));
    }
}
