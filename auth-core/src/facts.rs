//! What is remembered about the request behind an attempt.

use std::fmt;
use std::net::IpAddr;

use crate::hidden;

/// Facts about a request, for events and the list of a user's devices. None of them identifies a user.
///
/// ```
/// use auth_core::RequestFacts;
///
/// let facts = RequestFacts::none()
///     .with_peer("10.0.0.7".parse().ok())
///     .with_client("203.0.113.9".parse().ok())
///     .with_user_agent(Some(b"curl/8.9"));
/// assert_eq!(facts.client().map(|address| address.to_string()).as_deref(), Some("203.0.113.9"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    peer: Option<IpAddr>,
    client: Option<IpAddr>,
    user_agent: Option<Box<str>>,
    /// Cookies that identify devices, as the client sent them.
    devices: Option<Box<[u8]>>,
}

impl fmt::Debug for RequestFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFacts")
            .field("has_peer", &self.peer.is_some())
            .field("has_client", &self.client.is_some())
            .field("user_agent", &hidden::optional(self.user_agent()))
            .field("has_devices", &self.devices.is_some())
            .finish()
    }
}

impl RequestFacts {
    /// How much of a `User-Agent` is kept, in bytes.
    pub const MAX_USER_AGENT_LEN: usize = 256;

    pub(crate) const NONE: Self = Self { peer: None, client: None, user_agent: None, devices: None };

    /// The facts of an attempt without a request: in a shell, in a test.
    ///
    /// ```
    /// # use auth_core::RequestFacts;
    /// assert_eq!(RequestFacts::none().client(), None);
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets the peer address.
    ///
    /// ```
    /// # use auth_core::RequestFacts;
    /// let facts = RequestFacts::none().with_peer("10.0.0.7".parse().ok());
    /// assert!(facts.peer().is_some() && facts.client() == facts.peer());
    /// ```
    #[must_use]
    pub fn with_peer(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// Sets the client's address, if it differs from the peer's.
    ///
    /// ```
    /// use std::net::{IpAddr, Ipv4Addr};
    ///
    /// use auth_core::RequestFacts;
    ///
    /// let client = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    /// assert_eq!(RequestFacts::none().with_client(Some(client)).client(), Some(client));
    /// ```
    #[must_use]
    pub fn with_client(mut self, client: Option<IpAddr>) -> Self {
        self.client = client;
        self
    }

    /// Sets the `User-Agent`. Control characters are dropped, and the rest is cut at 256 bytes.
    ///
    /// ```
    /// use auth_core::RequestFacts;
    ///
    /// let facts = RequestFacts::none().with_user_agent(Some(b"curl/8.9\x1b[2J"));
    /// assert_eq!(facts.user_agent(), Some("curl/8.9[2J"));
    /// ```
    #[must_use]
    pub fn with_user_agent(mut self, agent: Option<&[u8]>) -> Self {
        self.user_agent = agent.map(|raw| match std::str::from_utf8(raw) {
            Ok(text) => printable(text, Self::MAX_USER_AGENT_LEN),
            Err(_) => printable(&String::from_utf8_lossy(raw), Self::MAX_USER_AGENT_LEN),
        });
        self
    }

    pub(crate) fn with_devices(mut self, cookies: Option<Box<[u8]>>) -> Self {
        self.devices = cookies;
        self
    }

    /// The cookies that identify devices, in the form of one `Cookie` header.
    pub(crate) fn devices(&self) -> &[u8] {
        self.devices.as_deref().unwrap_or_default()
    }

    /// The peer address: a proxy's, if there is one.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The client's address, as [trusted proxies](crate::AuthBuilder::trusted_proxy) report it, or else the
    /// [peer's](Self::peer). An IPv4-mapped IPv6 address is an IPv4 address here.
    ///
    /// A client cannot choose it. Several clients may share one, and one may have many. If a trusted proxy reports no
    /// valid address, it is the proxy's. `None` if the server does not know the peer, or for a Unix socket.
    pub fn client(&self) -> Option<IpAddr> {
        self.client.or(self.peer).map(|address| address.to_canonical())
    }

    /// The `User-Agent` of the client.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

/// `text` without control characters, cut at a character boundary of at most `max` bytes.
pub(crate) fn printable(text: &str, max: usize) -> Box<str> {
    // Nearly all texts are. All bytes are examined without a branch, which vectorises.
    let is_plain = || text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if text.len() <= max && is_plain() {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control() && *c != '\u{2028}' && *c != '\u{2029}') {
        if kept.len() + c.len_utf8() > max {
            break;
        }
        kept.push(c);
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_peer_unless_said() {
        let (peer, client) = ("::ffff:10.0.0.7".parse().ok(), "::ffff:192.0.2.1".parse().ok());
        let facts = RequestFacts::none().with_peer(peer);
        assert_eq!((facts.peer(), facts.client()), (peer, "10.0.0.7".parse().ok()));
        let facts = facts.with_client(client);
        assert_eq!((facts.peer(), facts.client()), (peer, "192.0.2.1".parse().ok()));
        assert_eq!(RequestFacts::none().client(), None);
    }

    #[test]
    fn user_text_is_cut_and_cleaned() {
        assert_eq!(&*printable("a\r\nb\u{1b}[31m\u{2028}c", 100), "ab[31mc");
        assert_eq!(&*printable(&"ä".repeat(200), 255), "ä".repeat(127));
        let facts = RequestFacts::none().with_user_agent(Some(&[b'x'; 10_000]));
        assert_eq!(facts.user_agent().unwrap().len(), RequestFacts::MAX_USER_AGENT_LEN);
    }
}
