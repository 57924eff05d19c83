//! Whether a state-changing request comes from another site's page.

use super::negotiate::is_websocket;
use super::view::Single;
use super::{Header, RequestView};
use crate::ConfigError;

/// A site's origin: scheme and authority, as `https://example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// Reads a configured origin.
    pub(crate) fn parse(origin: &str) -> Result<Self, ConfigError> {
        let origin = origin.to_ascii_lowercase();
        let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        match authority {
            Some(host) if !host.is_empty() && host.bytes().all(plain) => Ok(Self(origin)),
            _ => Err(ConfigError::new(format!(
                "an origin is a scheme and a host without a path, like https://example.com, and not {origin:?}"
            ))),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme with its colon, as `https:`.
    pub(crate) fn scheme(&self) -> &str {
        self.0.split_once("//").map_or("", |(scheme, _)| scheme)
    }
}

/// What the check compares with.
pub(crate) struct OriginRules {
    pub(crate) own: Option<Origin>,
    pub(crate) trusted: Vec<Origin>,
    /// Whether the site is served over TLS only.
    pub(crate) secure: bool,
}

impl OriginRules {
    /// Whether the request changes something, or opens a WebSocket, and comes from a page of another site.
    ///
    /// Browsers say so themselves: by Fetch Metadata where they have it, else by `Origin`. A request with neither
    /// is no browser's (as in Go 1.25's `CrossOriginProtection`). A WebSocket is opened by a GET, but pages of all
    /// sites may open one and talk through it (CWE-1385); its `Origin` is always sent.
    pub(crate) fn is_cross_origin(&self, view: &dyn RequestView) -> bool {
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
        origin.text().is_some_and(|origin| self.trusted.iter().any(|trusted| trusted.0 == origin))
    }

    fn is_own(&self, origin: Single<'_>, view: &dyn RequestView) -> bool {
        let Some(origin) = origin.text() else { return false };
        if let Some(own) = &self.own {
            return own.0 == origin;
        }
        let host = Single::of(view, Header::Host).text().or(view.authority());
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_scheme_fine = scheme == "https" || scheme == "http" && (!self.secure || is_local(authority));
        is_scheme_fine && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    }
}

/// Hosts that browsers treat as secure without TLS.
fn is_local(authority: &str) -> bool {
    let host =
        authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(h, _)| h);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::super::view::TestRequest;
    use super::Header::{Host, Origin as O, SecFetchSite as Site};
    use super::*;

    type Row<'a> = (&'a str, &'a [(Header, &'a str)], bool);

    fn rules() -> OriginRules {
        let trusted = vec![Origin::parse("https://app.example.com").unwrap()];
        OriginRules { own: None, trusted, secure: true }
    }

    /// By the origin, scheme included, or by Fetch Metadata.
    #[test]
    fn other_sites_are_seen() {
        let host = (Host, "example.com");
        let table: [Row<'_>; 17] = [
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
            let request = TestRequest::get(&[&handshake, headers].concat());
            assert_eq!(rules().is_cross_origin(&request), expected, "{name}");
        }
    }

    #[test]
    fn a_configured_origin_is_compared_instead_of_the_host() {
        let rules = OriginRules { own: Origin::parse("https://example.com").ok(), ..rules() };
        let cross = |host, origin| rules.is_cross_origin(&TestRequest::post(&[(Host, host), (O, origin)]));
        assert!(!cross("backend:8080", "https://example.com"));
        assert!(cross("evil.example", "https://evil.example"));
    }

    #[test]
    fn origins_have_no_path() {
        for good in ["https://example.com", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "example.com", "https://", "https://a/", "https://a/b", "ftp://a", "https://u@a", "*"]
        {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
