//! Whether a request came over TLS.

use super::hops::is_https;
use super::proxies::{Proxies, hops, is_forwarded};
use super::view::HeaderName;
use super::{Header, RequestView};

impl Proxies {
    /// Whether nobody on the network could read the request: it came over TLS, to this server or to a trusted proxy,
    /// or from this machine itself.
    pub(crate) fn is_protected(&self, view: &dyn RequestView) -> bool {
        if view.is_encrypted() {
            return true;
        }
        let is_local = view.peer().is_some_and(|peer| peer.to_canonical().is_loopback());
        if !is_local && !self.peers.trust(view) {
            return false;
        }
        let said = if is_forwarded(&self.proto) { self.by_hops(view) } else { self.by_values(view) };
        said.unwrap_or(is_local)
    }

    /// Each proxy on the way may have said what it saw, and nobody says which of the values is whose: none may have seen
    /// cleartext.
    fn by_values(&self, view: &dyn RequestView) -> Option<bool> {
        let (mut is_said, mut is_protected) = (false, true);
        self.proto.values(view, &mut |value| {
            is_said = true;
            let is_tls = |said: &[u8]| {
                std::str::from_utf8(said.trim_ascii()).is_ok_and(|said| is_https(said) || self.is_on(said))
            };
            is_protected &= value.split(|byte| *byte == b',').all(is_tls);
        });
        is_said.then_some(is_protected)
    }

    /// Some headers that a configuration names say `on` (`X-Forwarded-Ssl`, `Front-End-Https`).
    fn is_on(&self, said: &str) -> bool {
        self.proto != HeaderName::Known(Header::XForwardedProto) && said.eq_ignore_ascii_case("on")
    }

    /// From the client's connection on, as far as it is told by proxies that are trusted, none may have been cleartext.
    fn by_hops(&self, view: &dyn RequestView) -> Option<bool> {
        let (mut is_said, mut is_protected) = (false, true);
        for hop in hops(&self.proto, view) {
            is_said |= hop.proto.is_some();
            is_protected &= hop.is_https();
            if !hop.address.is_some_and(|address| self.peers.networks.contains(address)) {
                break;
            }
        }
        is_said.then_some(is_protected)
    }
}

#[cfg(test)]
mod tests {
    use super::super::proxies::tests::builder;
    use super::super::view::TestRequest;
    use super::*;

    fn check(proxies: &Proxies, name: &str, peer: &str, header: Header, values: &[&str], expected: bool) {
        let headers: Vec<_> = values.iter().map(|value| (header, *value)).collect();
        let (peer, is_unix_socket) = (peer.parse().ok(), peer == "unix");
        let request = TestRequest { peer, is_unix_socket, ..TestRequest::get(&headers) };
        assert_eq!(proxies.is_protected(&request), expected, "{name}");
        assert!(proxies.is_protected(&TestRequest { is_encrypted: true, ..request }), "{name}, over TLS");
    }

    #[test]
    fn cleartext_is_seen() {
        let proxies = builder(&["10.0.0.0/8", "2001:db8::7", "unix:"], "", "").build().unwrap();
        let table: [(&str, &str, &[&str], bool); 25] = [
            ("nobody knows", "", &[], false),
            ("nobody knows who says so", "", &["https"], false),
            ("the network", "192.0.2.1", &[], false),
            ("a client says so itself", "192.0.2.1", &["https"], false),
            ("this machine", "127.0.0.1", &[], true),
            ("this machine, v6", "::1", &[], true),
            ("this machine, mapped", "::ffff:127.0.0.1", &[], true),
            ("a proxy on this machine, TLS", "127.0.0.1", &["https"], true),
            ("a proxy on this machine, cleartext", "127.0.0.1", &["http"], false),
            ("a trusted proxy says nothing", "10.1.2.3", &[], false),
            ("a trusted proxy, TLS", "10.1.2.3", &["https"], true),
            ("a trusted proxy, v6", "2001:db8::7", &["https"], true),
            ("a trusted proxy, mapped", "::ffff:10.1.2.3", &["https"], true),
            ("a trusted proxy, cleartext", "10.1.2.3", &["http"], false),
            ("a trusted proxy, upper case", "10.1.2.3", &["HTTPS"], true),
            ("a trusted proxy, WebSocket", "10.1.2.3", &["wss"], true),
            ("a trusted proxy, WebSocket in upper case", "10.1.2.3", &["WSS , https"], true),
            ("a trusted proxy, WebSocket in the clear", "10.1.2.3", &["ws"], false),
            ("a word of another header", "10.1.2.3", &["on"], false),
            ("cleartext on the way", "10.1.2.3", &["http, https"], false),
            ("on two lines", "10.1.2.3", &["https", "http"], false),
            ("an empty value", "10.1.2.3", &[""], false),
            ("a trusted Unix socket says nothing", "unix", &[], false),
            ("a trusted Unix socket, TLS", "unix", &["https"], true),
            ("a trusted Unix socket, cleartext", "unix", &["http"], false),
        ];
        for (name, peer, values, expected) in table {
            check(&proxies, name, peer, Header::XForwardedProto, values, expected);
        }
        let by_address = builder(&["10.0.0.0/8"], "", "").build().unwrap();
        check(&by_address, "a Unix socket", "unix", Header::XForwardedProto, &["https"], false);
    }

    #[test]
    fn cleartext_is_seen_in_forwarded() {
        let proxies = builder(&["10.0.0.0/8"], "Forwarded", "").build().unwrap();
        let table: [(&str, &str, &[&str], bool); 22] = [
            ("a client says so itself", "192.0.2.1", &["for=192.0.2.1;proto=https"], false),
            ("this machine", "127.0.0.1", &[], true),
            ("this machine says nothing of it", "127.0.0.1", &["for=192.0.2.1"], true),
            ("a proxy on this machine, TLS", "127.0.0.1", &["for=192.0.2.1;proto=https"], true),
            ("a proxy on this machine, cleartext", "127.0.0.1", &["for=192.0.2.1;proto=http"], false),
            ("garbage on this machine", "127.0.0.1", &["\""], false),
            ("a trusted proxy says nothing", "10.1.2.3", &[], false),
            ("a trusted proxy says nothing of it", "10.1.2.3", &["for=192.0.2.1"], false),
            ("a trusted proxy, TLS", "10.1.2.3", &["for=192.0.2.1;proto=https"], true),
            ("a trusted proxy, upper case", "10.1.2.3", &["for=192.0.2.1;proto=HTTPS"], true),
            ("a trusted proxy, WebSocket", "10.1.2.3", &["for=192.0.2.1;proto=wss"], true),
            ("a trusted proxy hides the client", "10.1.2.3", &["for=_x;proto=https"], true),
            ("a trusted proxy names no client", "10.1.2.3", &["proto=https"], true),
            ("a trusted proxy, cleartext", "10.1.2.3", &["for=192.0.2.1;proto=http"], false),
            (
                "the client claims TLS",
                "10.1.2.3",
                &["for=10.0.0.9;proto=https, for=192.0.2.1;proto=http"],
                false,
            ),
            ("the client claims cleartext", "10.1.2.3", &["proto=http, for=192.0.2.1;proto=https"], true),
            ("an open quote before it", "10.1.2.3", &["a=\", for=192.0.2.1;proto=https"], true),
            (
                "two proxies, TLS",
                "10.1.2.3",
                &["for=192.0.2.1;proto=https", "for=10.0.0.9;proto=https"],
                true,
            ),
            (
                "cleartext between proxies",
                "10.1.2.3",
                &["for=192.0.2.1;proto=https, for=10.0.0.9;proto=http"],
                false,
            ),
            (
                "cleartext to the first",
                "10.1.2.3",
                &["for=192.0.2.1;proto=http, for=10.0.0.9;proto=https"],
                false,
            ),
            ("the first does not say", "10.1.2.3", &["for=192.0.2.1, for=10.0.0.9;proto=https"], false),
            ("said twice", "10.1.2.3", &["for=192.0.2.1;proto=https;proto=https"], false),
        ];
        for (name, peer, values, expected) in table {
            check(&proxies, name, peer, Header::Forwarded, values, expected);
        }
    }

    /// A proxy that is trusted sets one header. The others it hands on as clients send them.
    #[test]
    fn one_header_is_read_and_no_other() {
        let headers = |forwarded, proto, own| {
            let request =
                TestRequest::get(&[(Header::Forwarded, forwarded), (Header::XForwardedProto, proto)]);
            TestRequest { peer: "10.0.0.7".parse().ok(), others: vec![("x-scheme", own)], ..request }
        };
        let (http, https) = (b"http".to_vec(), b"https".to_vec());
        for (name, own, other) in [
            (
                "X-Forwarded-Proto",
                headers("proto=http", "https", http.clone()),
                headers("proto=https", "http", https.clone()),
            ),
            (
                "Forwarded",
                headers("proto=https", "http", http.clone()),
                headers("proto=http", "https", https.clone()),
            ),
            ("X-Scheme", headers("proto=http", "http", https), headers("proto=https", "https", http)),
        ] {
            let proxies = builder(&["10.0.0.0/8"], "", name).build().unwrap();
            assert!(proxies.is_protected(&own), "{name}");
            assert!(!proxies.is_protected(&other), "{name}: another header");
        }
    }
    #[test]
    fn a_header_of_ones_own_may_say_on() {
        let proxies = builder(&["10.0.0.0/8"], "", "X-Forwarded-Ssl").build().unwrap();
        for (said, expected) in [("on", true), ("On", true), ("https", true), ("off", false), ("", false)] {
            let request = TestRequest {
                peer: "10.0.0.7".parse().ok(),
                others: vec![("x-forwarded-ssl", said.into())],
                ..TestRequest::get(&[])
            };
            assert_eq!(proxies.is_protected(&request), expected, "{said:?}");
        }
    }
}
