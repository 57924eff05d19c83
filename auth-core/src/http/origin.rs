//! Origins, and whether a state-changing request comes from another site's page.

use url::Url;

use super::negotiate::is_websocket;
use super::view::Single;
use super::{Header, RequestView};
use crate::ConfigError;

/// A site's origin as browsers send it: `https://example.com`, or `capacitor://localhost` of an app's shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(Box<str>);

/// Schemes that no `Origin` has: pages are not loaded by them, or are nobody's in particular (RFC 6454 §4 and §7).
const NEVER_SENT: [&str; 8] = ["ws", "wss", "ftp", "data", "blob", "about", "javascript", "filesystem"];

impl Origin {
    /// Reads the configured origin of a page or an app's shell, and writes it as browsers do.
    pub(crate) fn parse(origin: &str) -> Result<Self, ConfigError> {
        let refuse = |why| Err(ConfigError::new(format!("no browser sends {origin:?} as its origin: {why}")));
        if origin == "null" {
            return refuse(
                "null is what pages of nobody in particular send, and any site can make one; name an origin",
            );
        }
        let Ok(url) = Url::parse(origin) else {
            return refuse("it is a scheme and a host, like https://example.com");
        };
        if NEVER_SENT.contains(&url.scheme()) {
            return refuse("name the origin of the page, like https://example.com");
        }
        let is_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        if is_more || !url.username().is_empty() || url.password().is_some() {
            return refuse("it has no path, query or user; leave them out");
        }
        match url.host_str() {
            _ if url.scheme() == "file" && url.host().is_none() => Ok(Self("file://".into())),
            Some(host) if host.contains('*') => refuse("there are no patterns; name each origin"),
            Some(host) if !host.is_empty() && url.port() != Some(0) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                Ok(Self(format!("{}://{host}{port}", url.scheme()).into()))
            }
            _ => refuse("it is a scheme and a host, like https://example.com"),
        }
    }

    /// As [`parse`](Self::parse), for what a browser is sent to.
    pub(crate) fn of_site(origin: &str) -> Result<Self, ConfigError> {
        let site = Self::parse(origin)?;
        match site.parts().scheme {
            "https" | "http" => Ok(site),
            _ => Err(ConfigError::new(format!(
                "a site's origin is like https://example.com, and not {origin:?}"
            ))),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this one, however it is written.
    pub(crate) fn is(&self, origin: &str) -> bool {
        *self.0 == *origin || Parts::of(origin).is_some_and(|parts| parts.is_same(self.parts()))
    }

    /// What follows this origin in an absolute or scheme-relative URL.
    pub(crate) fn strip<'a>(&self, url: &'a str) -> Option<&'a str> {
        let own = self.parts();
        let (scheme, rest) = match url.strip_prefix("//") {
            Some(rest) => (own.scheme, rest),
            None => url.split_once("://")?,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_own = Parts::new(scheme, authority).is_some_and(|parts| parts.is_same(own));
        is_own.then_some(if path.is_empty() { "/" } else { path })
    }

    /// Whether browsers keep and send cookies there that are for TLS only.
    pub(crate) fn is_secure(&self) -> bool {
        let Parts { scheme, host, .. } = self.parts();
        scheme != "http" || is_local(host)
    }

    fn parts(&self) -> Parts<'_> {
        Parts::of(&self.0).unwrap_or(Parts { scheme: "file", host: "", port: None })
    }
}

/// What an origin is made of. How it is written may differ: in the case of scheme and host, and by naming the port that the
/// scheme has anyway (RFC 6454 §4).
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    /// Unless it is the scheme's own.
    port: Option<u16>,
}

impl<'a> Parts<'a> {
    fn of(origin: &'a str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        Self::new(scheme, authority)
    }

    fn new(scheme: &'a str, authority: &'a str) -> Option<Self> {
        // The colons of an IPv6 address stand in brackets.
        let (host, port) =
            authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((authority, ""));
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { scheme, host, port: port.filter(|port| Some(*port) != default_port(scheme)) })
    }

    fn is_same(self, other: Self) -> bool {
        self.port == other.port
            && self.scheme.eq_ignore_ascii_case(other.scheme)
            && self.host.eq_ignore_ascii_case(other.host)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Some(443),
        _ if scheme.eq_ignore_ascii_case("http") => Some(80),
        _ => None,
    }
}

/// Whose page sent a request: another site's, of this origin if it has one.
#[derive(Clone, Debug)]
pub(crate) struct OtherSite(pub(crate) Option<Box<str>>);

/// What the check compares with.
pub(crate) struct OriginRules {
    pub(crate) own: Option<Origin>,
    pub(crate) trusted: Vec<Origin>,
    /// Whether the site is served over TLS only.
    pub(crate) secure: bool,
}

impl OriginRules {
    /// The page of another site that a request comes from which changes something or opens a WebSocket.
    ///
    /// Browsers say so themselves: by Fetch Metadata where they have it, else by `Origin`. A request with neither
    /// is no browser's (as in Go 1.25's `CrossOriginProtection`). A WebSocket is opened by a GET, but pages of all
    /// sites may open one and talk through it (CWE-1385); its `Origin` is always sent.
    pub(crate) fn other_site(&self, view: &dyn RequestView) -> Option<OtherSite> {
        self.is_cross_origin(view).then(|| {
            let origin = Single::of(view, Header::Origin).text().filter(|origin| *origin != "null");
            OtherSite(origin.map(Into::into))
        })
    }

    fn is_cross_origin(&self, view: &dyn RequestView) -> bool {
        let is_websocket = is_websocket(view);
        if !is_websocket && matches!(view.method(), "GET" | "HEAD" | "OPTIONS") {
            return false;
        }
        let origin = Single::of(view, Header::Origin);
        let site = if is_websocket { Single::Absent } else { Single::of(view, Header::SecFetchSite) };
        match site {
            Single::One(b"same-origin" | b"none") => false,
            Single::Absent if origin == Single::Absent => false,
            Single::Absent => !self.is_own(origin, view) && !self.is_trusted(origin),
            Single::One(_) | Single::Several => !self.is_trusted(origin),
        }
    }

    fn is_trusted(&self, origin: Single<'_>) -> bool {
        origin.text().is_some_and(|origin| self.trusted.iter().any(|trusted| trusted.is(origin)))
    }

    fn is_own(&self, origin: Single<'_>, view: &dyn RequestView) -> bool {
        let Some(origin) = origin.text() else { return false };
        if let Some(own) = &self.own {
            return own.is(origin);
        }
        let Some(page) = Parts::of(origin) else { return false };
        let is_scheme_fine = match default_port(page.scheme) {
            Some(443) => true,
            Some(_) => !self.secure || is_local(page.host),
            None => false,
        };
        let host = Single::of(view, Header::Host).text().or(view.authority());
        is_scheme_fine
            && host.and_then(|host| Parts::new(page.scheme, host)).is_some_and(|site| site.is_same(page))
    }
}

/// Hosts that browsers treat as secure without TLS.
fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let is_loopback = || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || is_loopback()
}

#[cfg(test)]
mod tests {
    use super::super::view::TestRequest;
    use super::Header::{Host, Origin as O, SecFetchSite as Site};
    use super::*;

    type Row<'a> = (&'a str, &'a [(Header, &'a str)], bool);

    fn rules() -> OriginRules {
        let trusted = ["https://app.example.com", "capacitor://localhost"];
        let trusted = trusted.map(|origin| Origin::parse(origin).unwrap()).into();
        OriginRules { own: None, trusted, secure: true }
    }

    /// By the origin, scheme included, or by Fetch Metadata.
    #[test]
    fn other_sites_are_seen() {
        let host = (Host, "example.com");
        let table: [Row<'_>; 29] = [
            ("no browser", &[host], false),
            ("same origin", &[host, (Site, "same-origin")], false),
            ("typed in", &[host, (Site, "none")], false),
            ("other site", &[host, (Site, "cross-site")], true),
            ("sub-domain", &[host, (Site, "same-site")], true),
            ("unknown word", &[host, (Site, "whatever")], true),
            ("metadata beats origin", &[host, (Site, "cross-site"), (O, "https://example.com")], true),
            ("twice", &[host, (Site, "same-origin"), (Site, "same-origin")], true),
            ("trusted", &[host, (Site, "same-site"), (O, "https://app.example.com")], false),
            ("trusted, old browser", &[host, (O, "https://app.example.com")], false),
            ("own", &[host, (O, "https://example.com")], false),
            ("own with other case of host", &[(Host, "Example.com"), (O, "https://example.com")], false),
            ("other", &[host, (O, "https://evil.example")], true),
            ("without TLS", &[host, (O, "http://example.com")], true),
            ("null", &[host, (O, "null")], true),
            ("port", &[host, (O, "https://example.com:8443")], true),
            ("development", &[(Host, "localhost:3000"), (O, "http://localhost:3000")], false),
            ("development, sub-domain", &[(Host, "a.localhost"), (O, "http://a.localhost")], false),
            ("development, address", &[(Host, "127.0.0.2:80"), (O, "http://127.0.0.2")], false),
            ("default port of the host", &[(Host, "example.com:443"), (O, "https://example.com")], false),
            ("default port of the origin", &[host, (O, "https://example.com:443")], false),
            ("port of the other scheme", &[(Host, "example.com:80"), (O, "https://example.com")], true),
            ("IPv6", &[(Host, "[2001:db8::1]:443"), (O, "https://[2001:db8::1]")], false),
            ("IPv6, other port", &[(Host, "[2001:db8::1]:8443"), (O, "https://[2001:db8::1]")], true),
            ("case of the scheme", &[host, (O, "HTTPS://example.com")], false),
            ("no port", &[(Host, "example.com:https"), (O, "https://example.com")], true),
            ("signed port", &[(Host, "example.com:+443"), (O, "https://example.com")], true),
            ("trusted, default port", &[host, (O, "https://APP.example.com:443")], false),
            ("app", &[host, (Site, "cross-site"), (O, "capacitor://localhost")], false),
        ];
        for (name, headers, expected) in table {
            assert_eq!(rules().is_cross_origin(&TestRequest::post(headers)), expected, "{name}");
            assert!(!rules().is_cross_origin(&TestRequest::get(headers)), "{name}");
        }
    }

    /// CWE-1385: a page of another site opens a WebSocket with the visitor's cookie.
    #[test]
    fn websockets_of_other_sites_are_seen() {
        let table: [Row<'_>; 4] = [
            ("no browser", &[], false),
            ("own", &[(O, "https://example.com")], false),
            ("trusted", &[(O, "https://app.example.com")], false),
            ("other", &[(O, "https://evil.example")], true),
        ];
        for (name, headers, expected) in table {
            let handshake = [(Host, "example.com"), (Header::Upgrade, "websocket")];
            let upgrade = TestRequest::get(&[&handshake, headers].concat());
            assert_eq!(rules().is_cross_origin(&upgrade), expected, "{name}");
            let connect = TestRequest::get(&[&[(Host, "example.com")], headers].concat());
            let connect = TestRequest { method: "CONNECT", ..connect };
            assert_eq!(rules().is_cross_origin(&connect), expected, "{name}, HTTP/2");
        }
    }

    #[test]
    fn a_configured_origin_is_compared_instead_of_the_host() {
        let rules = OriginRules { own: Origin::parse("https://example.com").ok(), ..rules() };
        let cross = |host, origin| rules.is_cross_origin(&TestRequest::post(&[(Host, host), (O, origin)]));
        assert!(!cross("backend:8080", "https://example.com"));
        assert!(cross("evil.example", "https://evil.example"));
    }

    /// What can be configured is compared as browsers write it.
    #[test]
    fn origins_are_written_as_browsers_do() {
        let table = [
            ("https://example.com", "https://example.com"),
            ("https://Example.COM:443/", "https://example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://example.com:80", "http://example.com"),
            ("https://[0:0::1]:8443", "https://[::1]:8443"),
            ("https://127.1", "https://127.0.0.1"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
            ("https://my_host", "https://my_host"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("tauri://localhost", "tauri://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("file://", "file://"),
        ];
        for (written, expected) in table {
            let origin = Origin::parse(written).unwrap();
            assert_eq!(origin.as_str(), expected, "{written}");
            assert!(origin.is(expected) && origin.is(&expected.to_uppercase()), "{written}");
        }
    }

    /// What no browser ever sends would trust nobody, and nobody would know why.
    #[test]
    fn what_is_never_sent_is_refused() {
        let bad = [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://*.example.com",
            "https://a:99999",
            "https://a:0",
            "wss://a",
            "ftp://a",
            "data:text/html,x",
            "file:///home",
            "capacitor:localhost",
        ];
        for bad in bad {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        assert!(Origin::of_site("capacitor://localhost").is_err(), "nobody is sent there");
    }
}
