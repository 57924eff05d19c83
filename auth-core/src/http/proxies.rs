//! The proxies in front, and which of the headers that they hand on are read.

use super::hops::{Hops, Syntax};
use super::peers::Peers;
use super::view::{HeaderName, is_plain_name};
use super::{Header, RequestView};
use crate::ConfigError;

/// Whom to believe about the connections of others, and by which headers.
#[derive(Debug)]
pub(crate) struct Proxies {
    pub(super) peers: Peers,
    /// Where they say from which address a request came: one header, for a proxy that sets one hands on the others as
    /// clients send them.
    pub(super) address: HeaderName,
    /// Where they say by which protocol.
    pub(super) proto: HeaderName,
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
        let mut peers = Peers::default();
        for proxy in &self.trusted {
            match proxy.as_str() {
                UNIX_SOCKET => peers.unix_socket = true,
                other => peers.networks.add(
                    "trusted proxy",
                    "choose its own address; name the proxy's address",
                    other,
                )?,
            }
        }
        if let (Some(name), []) = (&self.address, &*self.trusted) {
            return Err(ConfigError::new(format!(
                "the client's address is read from {name}, but from nobody: name the proxies that set it by \
                 `.trusted_proxy(\"10.0.0.7\")`"
            )));
        }
        let address = self.address.as_deref().map(|name| parse(name, Header::XForwardedFor)).transpose()?;
        let address = address.unwrap_or(HeaderName::Known(Header::XForwardedFor));
        let proto = match &self.proto {
            Some(name) => parse(name, Header::XForwardedProto)?,
            None if address == HeaderName::Known(Header::Forwarded) => HeaderName::Known(Header::Forwarded),
            None => HeaderName::Known(Header::XForwardedProto),
        };
        Ok(Proxies { peers, address, proto })
    }
}

impl Proxies {
    /// Whether a header means something here.
    pub(super) fn reads(&self, name: &HeaderName) -> bool {
        [&self.address, &self.proto].contains(&name)
    }
}

/// The one header in which proxies say something. `usual` is the one with a meaning of its own that may be named, besides
/// `Forwarded`.
fn parse(name: &str, usual: Header) -> Result<HeaderName, ConfigError> {
    let lower = name.to_ascii_lowercase();
    if !is_plain_name(&lower) {
        return Err(ConfigError::new(format!(
            "a header that a proxy sets has letters, digits and '-', like X-Real-IP, and not {name:?}"
        )));
    }
    let name = HeaderName::new(&lower);
    let means_more = |header| header != usual && header != Header::Forwarded;
    if matches!(name, HeaderName::Known(header) if means_more(header)) {
        return Err(ConfigError::new(format!(
            "the header {lower} means something else; name one that only proxies set, like {}",
            usual.name()
        )));
    }
    Ok(name)
}

pub(super) fn is_forwarded(header: &HeaderName) -> bool {
    *header == HeaderName::Known(Header::Forwarded)
}

pub(super) fn hops<'a>(header: &HeaderName, view: &'a dyn RequestView) -> Hops<'a> {
    let mut lines = Vec::new();
    header.values(view, &mut |line| lines.push(line));
    Hops::new(lines, if is_forwarded(header) { Syntax::Forwarded } else { Syntax::Addresses })
}

#[cfg(test)]
pub(super) mod tests {
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
                (proxies.address.as_str(), proxies.proto.as_str()),
                (expected_address, expected_proto),
                "{name}"
            );
            assert!(
                proxies.reads(&HeaderName::new(expected_address))
                    && proxies.reads(&HeaderName::new(expected_proto)),
                "{name}"
            );
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
}
