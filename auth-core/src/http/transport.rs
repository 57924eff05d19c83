//! Whether a request came over TLS.

use super::network::Networks;
use super::{Header, RequestView};
use crate::ConfigError;

/// Whom to believe about the connections of others.
#[derive(Debug, Default)]
pub(crate) struct TransportRules {
    proxies: Networks,
}

impl TransportRules {
    /// Reads addresses and networks, as `10.0.0.7` and `10.0.0.0/8`.
    pub(crate) fn parse(proxies: &[String]) -> Result<Self, ConfigError> {
        let mut rules = Self::default();
        for proxy in proxies {
            rules.proxies.add("trusted proxy", "say that a password came over TLS", proxy)?;
        }
        Ok(rules)
    }

    /// Whether nobody on the network could read the request: it came over TLS, to this server or to a trusted proxy,
    /// or from this machine itself.
    pub(crate) fn is_protected(&self, view: &dyn RequestView) -> bool {
        if view.is_encrypted() {
            return true;
        }
        let Some(peer) = view.peer().map(|peer| peer.to_canonical()) else { return false };
        let is_local = peer.is_loopback();
        if !is_local && !self.proxies.contains(peer) {
            return false;
        }
        // Each proxy on the way may have said what it saw: none may have seen cleartext.
        let (mut is_said, mut is_https) = (false, true);
        view.values(Header::XForwardedProto, &mut |value| {
            is_said = true;
            is_https &= value.split(|byte| *byte == b',').all(|proto| proto.trim_ascii() == b"https");
        });
        if is_said { is_https } else { is_local }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::TestRequest;
    use super::*;

    fn rules(proxies: &[&str]) -> Result<TransportRules, ConfigError> {
        TransportRules::parse(&proxies.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// BA-2.
    #[test]
    fn cleartext_is_seen() {
        let rules = rules(&["10.0.0.0/8", "2001:db8::7"]).unwrap();
        let table: [(&str, &str, &[&str], bool); 17] = [
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
            ("cleartext on the way", "10.1.2.3", &["http, https"], false),
            ("on two lines", "10.1.2.3", &["https", "http"], false),
            ("an empty value", "10.1.2.3", &[""], false),
        ];
        for (name, peer, values, expected) in table {
            let headers: Vec<_> = values.iter().map(|value| (Header::XForwardedProto, *value)).collect();
            let request = TestRequest { peer: peer.parse().ok(), ..TestRequest::get(&headers) };
            assert_eq!(rules.is_protected(&request), expected, "{name}");
            assert!(rules.is_protected(&TestRequest { is_encrypted: true, ..request }), "{name}, over TLS");
        }
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        assert!(rules(&["10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8"]).is_ok());
        for bad in ["", "proxy", "10.0.0.0/33", "10.0.0", "*", "10.0.0.7:80"] {
            let told = rules(&[bad]).unwrap_err().to_string();
            assert!(told.contains("10.0.0.0/8") && told.contains(bad), "{told}");
        }
        for everybody in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "::ffff:0:0/96"] {
            let told = rules(&["10.0.0.7", everybody]).unwrap_err().to_string();
            assert!(told.contains(everybody) && told.contains("name the proxy's address"), "{told}");
        }
    }
}
