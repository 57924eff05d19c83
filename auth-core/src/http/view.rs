//! How core sees a native request and response.

use std::net::IpAddr;

/// A header that core reads. What is not in [`Header::ALL`] cannot change a decision, except the headers that a
/// [scheme](super::Scheme) of the application [reads](super::Scheme::headers), and those that
/// [`AuthBuilder::forwarded_for_header`](crate::AuthBuilder::forwarded_for_header) and
/// [`forwarded_proto_header`](crate::AuthBuilder::forwarded_proto_header) name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Header {
    /// `Accept`
    Accept,
    /// `Authorization`
    Authorization,
    /// `Connect-Protocol-Version`, of Connect's clients
    ConnectProtocolVersion,
    /// `Content-Type`
    ContentType,
    /// `Cookie`
    Cookie,
    /// `Forwarded`, of trusted proxies only, and where
    /// [`AuthBuilder::forwarded_for_header`](crate::AuthBuilder::forwarded_for_header) says so
    Forwarded,
    /// `Host`
    Host,
    /// `HX-Request`, of htmx
    HxRequest,
    /// `Origin`
    Origin,
    /// `Sec-Fetch-Dest`
    SecFetchDest,
    /// `Sec-Fetch-Mode`
    SecFetchMode,
    /// `Sec-Fetch-Site`
    SecFetchSite,
    /// `Turbo-Frame`, of Turbo
    TurboFrame,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`, for events and lists of devices only
    UserAgent,
    /// `X-Forwarded-For`, of trusted proxies only
    XForwardedFor,
    /// `X-Forwarded-Proto`, of trusted proxies only
    XForwardedProto,
    /// `X-Inertia`, of Inertia
    XInertia,
    /// `X-Livewire`, of Livewire
    XLivewire,
    /// `X-Requested-With`
    XRequestedWith,
    /// `X-Turbo-Request-Id`, of Turbo
    XTurboRequestId,
    /// `X-Up-Version`, of Unpoly
    XUpVersion,
}

impl Header {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Accept,
        Self::Authorization,
        Self::ConnectProtocolVersion,
        Self::ContentType,
        Self::Cookie,
        Self::Forwarded,
        Self::Host,
        Self::HxRequest,
        Self::Origin,
        Self::SecFetchDest,
        Self::SecFetchMode,
        Self::SecFetchSite,
        Self::TurboFrame,
        Self::Upgrade,
        Self::UserAgent,
        Self::XForwardedFor,
        Self::XForwardedProto,
        Self::XInertia,
        Self::XLivewire,
        Self::XRequestedWith,
        Self::XTurboRequestId,
        Self::XUpVersion,
    ];

    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Authorization => "authorization",
            Self::ConnectProtocolVersion => "connect-protocol-version",
            Self::ContentType => "content-type",
            Self::Cookie => "cookie",
            Self::Forwarded => "forwarded",
            Self::Host => "host",
            Self::HxRequest => "hx-request",
            Self::Origin => "origin",
            Self::SecFetchDest => "sec-fetch-dest",
            Self::SecFetchMode => "sec-fetch-mode",
            Self::SecFetchSite => "sec-fetch-site",
            Self::TurboFrame => "turbo-frame",
            Self::Upgrade => "upgrade",
            Self::UserAgent => "user-agent",
            Self::XForwardedFor => "x-forwarded-for",
            Self::XForwardedProto => "x-forwarded-proto",
            Self::XInertia => "x-inertia",
            Self::XLivewire => "x-livewire",
            Self::XRequestedWith => "x-requested-with",
            Self::XTurboRequestId => "x-turbo-request-id",
            Self::XUpVersion => "x-up-version",
        }
    }
}

/// The longest name of a header that a configuration names, in bytes.
pub(crate) const MAX_NAME_LEN: usize = 64;

/// Whether a configuration may name a header so, in lower case. Names with `_` or `.` are folded into others by some
/// servers.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    starts_well && name.len() <= MAX_NAME_LEN && name.bytes().all(plain)
}

/// The name of a header that the configuration names. Those that core knows cost no look at each letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderName {
    Known(Header),
    /// Another one, in lower case.
    Other(Box<str>),
}

impl HeaderName {
    pub(crate) fn new(name: &str) -> Self {
        let known = Header::ALL.into_iter().find(|header| header.name().eq_ignore_ascii_case(name));
        known.map_or_else(|| Self::Other(name.to_ascii_lowercase().into()), Self::Known)
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(header) => header.name(),
            Self::Other(name) => name,
        }
    }

    pub(crate) fn values<'a>(&self, view: &'a dyn RequestView, each: &mut dyn FnMut(&'a [u8])) {
        match self {
            Self::Known(header) => view.values(*header, each),
            Self::Other(name) => view.named(name, each),
        }
    }

    /// The values, reduced to what a singleton may be.
    pub(crate) fn single<'a>(&self, view: &'a dyn RequestView) -> Single<'a> {
        let mut single = Single::Absent;
        self.values(view, &mut |value| single.add(value));
        single
    }
}

/// A request as core sees it: borrowed, whatever the framework.
pub trait RequestView {
    /// The method, in its own case.
    fn method(&self) -> &str;

    /// The path with the query, as the client sent it: before any router took a prefix off.
    fn target(&self) -> &str;

    /// The authority of the request's URI (HTTP/2's `:authority`), if it has one.
    fn authority(&self) -> Option<&str>;

    /// The socket's other end, if known.
    fn peer(&self) -> Option<IpAddr>;

    /// Whether the server knows that the request came through a Unix socket. Not to be guessed from an unknown peer.
    fn is_unix_socket(&self) -> bool;

    /// Whether the framework knows that the request came over TLS.
    fn is_encrypted(&self) -> bool;

    /// Calls `each` with every value of a header, in their order.
    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        self.named(header.name(), each);
    }

    /// Calls `each` with every value of the header with this name, whatever its case, in their order.
    fn named<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        self.headers(&mut |own, value| {
            if own.eq_ignore_ascii_case(name) {
                each(value);
            }
        });
    }

    /// Calls `each` with the name and value of every header: those of one name in their order, the names in any. Asked
    /// only by [schemes](super::Scheme) that look for look-alikes.
    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8]));
}

impl<V: RequestView + ?Sized> RequestView for &V {
    fn method(&self) -> &str {
        (**self).method()
    }

    fn target(&self) -> &str {
        (**self).target()
    }

    fn authority(&self) -> Option<&str> {
        (**self).authority()
    }

    fn peer(&self) -> Option<IpAddr> {
        (**self).peer()
    }

    fn is_unix_socket(&self) -> bool {
        (**self).is_unix_socket()
    }

    fn is_encrypted(&self) -> bool {
        (**self).is_encrypted()
    }

    fn values<'a>(&'a self, header: Header, each: &mut dyn FnMut(&'a [u8])) {
        (**self).values(header, each);
    }

    fn named<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        (**self).named(name, each);
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        (**self).headers(each);
    }
}

/// One header's values, reduced to what a singleton may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Single<'a> {
    /// There is none.
    Absent,
    /// The only value.
    One(&'a [u8]),
    /// There are several, whatever they are.
    Several,
}

impl<'a> Single<'a> {
    /// Those of a header that core reads.
    pub fn of(view: &'a dyn RequestView, header: Header) -> Self {
        let mut single = Self::Absent;
        view.values(header, &mut |value| single.add(value));
        single
    }

    /// Those of the header with this name.
    pub fn named(view: &'a dyn RequestView, name: &str) -> Self {
        let mut single = Self::Absent;
        view.named(name, &mut |value| single.add(value));
        single
    }

    fn add(&mut self, value: &'a [u8]) {
        *self = if *self == Self::Absent { Self::One(value) } else { Self::Several };
    }

    /// The only value, if it is text.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::One(value) => std::str::from_utf8(value).ok(),
            Self::Absent | Self::Several => None,
        }
    }
}

/// A header that core writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseHeader {
    /// `Cache-Control`
    CacheControl,
    /// `Clear-Site-Data`
    ClearSiteData,
    /// `Content-Type`
    ContentType,
    /// `grpc-message`
    GrpcMessage,
    /// `grpc-status`
    GrpcStatus,
    /// `Location`
    Location,
    /// `Retry-After`
    RetryAfter,
    /// `Set-Cookie`
    SetCookie,
    /// `Vary`
    Vary,
    /// `WWW-Authenticate`
    WwwAuthenticate,
}

impl ResponseHeader {
    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CacheControl => "cache-control",
            Self::ClearSiteData => "clear-site-data",
            Self::ContentType => "content-type",
            Self::GrpcMessage => "grpc-message",
            Self::GrpcStatus => "grpc-status",
            Self::Location => "location",
            Self::RetryAfter => "retry-after",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::WwwAuthenticate => "www-authenticate",
        }
    }
}

/// A response as core sees it.
///
/// Values are visible ASCII; an adapter that is handed another one leaves it out.
pub trait ResponseView {
    /// The status code.
    fn status(&self) -> u16;

    /// Calls `each` with every value of a header, in their order.
    fn values(&self, header: ResponseHeader, each: &mut dyn FnMut(&[u8]));

    /// Replaces all values of a header by this one.
    fn set(&mut self, header: ResponseHeader, value: std::borrow::Cow<'static, str>);

    /// Sets a header that is not there; false if it is.
    fn set_if_absent(&mut self, header: ResponseHeader, value: std::borrow::Cow<'static, str>) -> bool;

    /// Adds a value to a header.
    fn append(&mut self, header: ResponseHeader, value: std::borrow::Cow<'static, str>);
}

/// A request made of a list, for the tests of this module.
#[cfg(test)]
pub(crate) struct TestRequest {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(Header, Vec<u8>)>,
    /// Those that core does not know.
    pub(crate) others: Vec<(&'static str, Vec<u8>)>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) is_unix_socket: bool,
    pub(crate) is_encrypted: bool,
}

#[cfg(test)]
impl TestRequest {
    pub(crate) fn get(headers: &[(Header, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes().to_vec())).collect();
        Self {
            method: "GET",
            target: "/private?x=1".into(),
            headers,
            others: Vec::new(),
            peer: None,
            is_unix_socket: false,
            is_encrypted: false,
        }
    }

    pub(crate) fn post(headers: &[(Header, &str)]) -> Self {
        Self { method: "POST", ..Self::get(headers) }
    }
}

#[cfg(test)]
impl RequestView for TestRequest {
    fn method(&self) -> &str {
        self.method
    }

    fn target(&self) -> &str {
        &self.target
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
        self.headers.iter().for_each(|(header, value)| each(header.name(), value));
        self.others.iter().for_each(|(name, value)| each(name, value));
    }
}
