//! The proxies in front, and which of the headers that they hand on are read.

use super::hops::{Hops, Syntax};
use super::network::Networks;
use super::view::is_plain_name;
use super::{Header, RequestView};
use crate::ConfigError;

/// Whom to believe about the connections of others, and by which headers.
#[derive(Debug)]
pub(crate) struct Proxies {
    pub(super) networks: Networks,
    unix_socket: bool,
    /// Where they say from which address a request came: one header, for a proxy that sets one hands on the others as
    /// clients send them.
    pub(super) address: Source,
    /// Where they say by which protocol.
    pub(super) proto: Source,
}

/// What a site says about its proxies.
#[derive(Debug, Default)]
pub(crate) struct ProxiesBuilder {
    pub(crate) trusted: Vec<String>,
    pub(crate) address: Option<String>,
    pub(crate) proto: Option<String>,
}

/// The name of all Unix sockets, as in nginx' `set_real_ip_from`.
const UNIX_SOCKET: &str = "unix:";

impl ProxiesBuilder {
    pub(super) fn build(&self) -> Result<Proxies, ConfigError> {
        let (mut networks, mut unix_socket) = (Networks::default(), false);
        for proxy in &self.trusted {
            match proxy.as_str() {
                UNIX_SOCKET => unix_socket = true,
                other => networks.add("trusted proxy", "choose its own address", other)?,
            }
        }
        if let (Some(name), []) = (&self.address, &*self.trusted) {
            return Err(ConfigError::new(format!(
                "the client's address is read from {name}, but from nobody: name the proxies that set it by \
                 `.trusted_proxy(\"10.0.0.7\")`"
            )));
        }
        let address =
            self.address.as_deref().map(|name| Source::parse(name, Header::XForwardedFor)).transpose()?;
        let address = address.unwrap_or(Source::Known(Header::XForwardedFor));
        let proto = match &self.proto {
            Some(name) => Source::parse(name, Header::XForwardedProto)?,
            None if address == Source::Known(Header::Forwarded) => Source::Known(Header::Forwarded),
            None => Source::Known(Header::XForwardedProto),
        };
        Ok(Proxies { networks, unix_socket, address, proto })
    }
}

impl Proxies {
    /// Whether the socket's other end is one of them. Where its address is known, that decides.
    pub(super) fn trust(&self, view: &dyn RequestView) -> bool {
        match view.peer() {
            Some(peer) => self.networks.contains(peer),
            None => self.unix_socket && view.is_unix_socket(),
        }
    }

    /// A header that means something here, by its name in lower case.
    pub(super) fn reads(&self, name: &str) -> bool {
        [&self.address, &self.proto].into_iter().any(|source| source.name() == name)
    }
}

/// The one header in which proxies say something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    Known(Header),
    /// Another one, by its name in lower case.
    Named(Box<str>),
}

impl Source {
    /// `usual` is the one header with a meaning of its own that may be named, besides `Forwarded`.
    fn parse(name: &str, usual: Header) -> Result<Self, ConfigError> {
        let lower = name.to_ascii_lowercase();
        if !is_plain_name(&lower) {
            return Err(ConfigError::new(format!(
                "a header that a proxy sets has letters, digits and '-', like X-Real-IP, and not {name:?}"
            )));
        }
        match Header::ALL.into_iter().find(|header| header.name() == lower) {
            None => Ok(Self::Named(lower.into())),
            Some(header) if header == usual || header == Header::Forwarded => Ok(Self::Known(header)),
            Some(_) => Err(ConfigError::new(format!(
                "the header {lower} means something else; name one that only proxies set, like {}",
                usual.name()
            ))),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Known(header) => header.name(),
            Self::Named(name) => name,
        }
    }

    pub(super) fn is_forwarded(&self) -> bool {
        *self == Self::Known(Header::Forwarded)
    }

    pub(super) fn values<'a>(&self, view: &'a dyn RequestView, each: &mut dyn FnMut(&'a [u8])) {
        match self {
            Self::Known(header) => view.values(*header, each),
            Self::Named(name) => view.named(name, each),
        }
    }

    pub(super) fn hops<'a>(&self, view: &'a dyn RequestView) -> Hops<'a> {
        let mut lines = Vec::new();
        self.values(view, &mut |line| lines.push(line));
        Hops::new(lines, if self.is_forwarded() { Syntax::Forwarded } else { Syntax::Addresses })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::view::TestRequest;
    use super::*;

    pub(in super::super) fn builder(trusted: &[&str], address: &str, proto: &str) -> ProxiesBuilder {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let trusted = trusted.iter().map(ToString::to_string).collect();
        ProxiesBuilder { trusted, address: named(address), proto: named(proto) }
    }

    fn told(trusted: &[&str], address: &str, proto: &str) -> String {
        builder(trusted, address, proto).build().unwrap_err().to_string()
    }

    #[test]
    fn proxies_are_addresses_networks_or_sockets() {
        assert!(builder(&["10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8", "unix:"], "", "").build().is_ok());
        for bad in ["", "proxy", "10.0.0.0/33", "10.0.0", "*", "10.0.0.7:80", "unix", "unix:/run/app.sock"] {
            let told = told(&[bad], "", "");
            assert!(told.contains("10.0.0.0/8") && told.contains(bad), "{told}");
        }
        for everybody in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "::ffff:0:0/96"] {
            let told = told(&["10.0.0.7", everybody], "", "");
            assert!(told.contains(everybody) && told.contains("name the proxy's address"), "{told}");
        }
    }

    #[test]
    fn each_header_is_named_once() {
        let table = [
            ("the usual ones", "", "", "x-forwarded-for", "x-forwarded-proto"),
            (
                "the usual ones by name",
                "X-Forwarded-For",
                "X-Forwarded-Proto",
                "x-forwarded-for",
                "x-forwarded-proto",
            ),
            ("RFC 7239", "Forwarded", "", "forwarded", "forwarded"),
            ("RFC 7239 in another case", "FORWARDED", "", "forwarded", "forwarded"),
            ("RFC 7239 for the address", "Forwarded", "X-Forwarded-Proto", "forwarded", "x-forwarded-proto"),
            ("RFC 7239 for the protocol", "", "Forwarded", "x-forwarded-for", "forwarded"),
            ("others", "CF-Connecting-IP", "X-Scheme", "cf-connecting-ip", "x-scheme"),
            ("another address", "X-Real-IP", "", "x-real-ip", "x-forwarded-proto"),
        ];
        for (name, address, proto, expected_address, expected_proto) in table {
            let proxies = builder(&["10.0.0.7"], address, proto).build().unwrap();
            assert_eq!(
                (proxies.address.name(), proxies.proto.name()),
                (expected_address, expected_proto),
                "{name}"
            );
            assert!(proxies.reads(expected_address) && proxies.reads(expected_proto), "{name}");
        }
    }

    #[test]
    fn names_that_cannot_be_right_are_refused() {
        for bad in [" ", "X_Real_IP", "X Real IP", "x-real-ip:", "9ip", "naïve", &"x".repeat(65)] {
            assert!(told(&["10.0.0.7"], bad, "").contains("letters, digits and '-'"), "{bad}");
            assert!(told(&["10.0.0.7"], "", bad).contains("letters, digits and '-'"), "{bad}");
        }
        for taken in ["Host", "COOKIE", "authorization", "User-Agent", "X-Forwarded-Proto"] {
            let told = told(&["10.0.0.7"], taken, "");
            assert!(told.contains("means something else") && told.contains("x-forwarded-for"), "{told}");
        }
        assert!(told(&["10.0.0.7"], "", "X-Forwarded-For").contains("x-forwarded-proto"));
        assert!(told(&[], "X-Real-IP", "").contains(".trusted_proxy(\"10.0.0.7\")"));
        assert!(builder(&[], "", "X-Scheme").build().is_ok(), "this machine is always believed in that");
    }

    #[test]
    fn the_sockets_other_end_decides() {
        let by_address = builder(&["10.0.0.0/8", "2001:db8::7"], "", "").build().unwrap();
        let by_socket = builder(&["unix:"], "", "").build().unwrap();
        let table: [(&str, &str, bool, bool, bool); 8] = [
            ("in the network", "10.1.2.3", false, true, false),
            ("in the network, mapped", "::ffff:10.1.2.3", false, true, false),
            ("the address", "2001:db8::7", false, true, false),
            ("beside the address", "2001:db8::8", false, false, false),
            ("this machine", "127.0.0.1", false, false, false),
            ("nobody knows", "", false, false, false),
            ("a Unix socket", "", true, false, true),
            ("said to be a Unix socket, and is not", "192.0.2.1", true, false, false),
        ];
        for (name, peer, is_unix_socket, expected_by_address, expected_by_socket) in table {
            let view = TestRequest { peer: peer.parse().ok(), is_unix_socket, ..TestRequest::get(&[]) };
            assert_eq!(by_address.trust(&view), expected_by_address, "{name}");
            assert_eq!(by_socket.trust(&view), expected_by_socket, "{name}");
        }
    }
}
