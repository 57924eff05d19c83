//! Networks that are trusted with something, or exempt from something.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::ConfigError;

/// Networks whose members are trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(Vec<IpNet>);

/// The shortest prefixes: no network of a single site is larger than `10.0.0.0/8` or `fc00::/7`, and none on the
/// public Internet larger than an IPv6 /16.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 16;
const UNIQUE_LOCAL: &str = "fc00::/7";

/// IPv6 networks that represent all of IPv4: mapped addresses (RFC 4291 §2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056)
/// and Teredo (RFC 4380).
const WHOLE_OF_V4: [&str; 4] = ["::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"];

impl Networks {
    /// Adds an address or a network. In messages, `what` names the setting, and `risk` says what a trusted peer could
    /// do and what to do instead.
    ///
    /// # Errors
    /// [`ConfigError`] if it is neither, combines an address with a prefix that does not fit, or covers (almost)
    /// everybody.
    pub(crate) fn add(&mut self, what: &str, risk: &str, text: &str) -> Result<(), ConfigError> {
        let net = parse(text).ok_or_else(|| {
            ConfigError::new(format!(
                "a {what} is an address or a network, like 10.0.0.7 or 10.0.0.0/8, and not {text:?}"
            ))
        })?;
        if is_everybody(net) {
            return Err(ConfigError::new(format!(
                "{text:?} covers (almost) all addresses: anybody could then {risk}"
            )));
        }
        if net.network() != net.addr() {
            return Err(ConfigError::new(format!(
                "{text:?} is one address and a whole network; write {} or {}",
                net.addr(),
                net.trunc()
            )));
        }
        self.0.push(net);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them contains the address, in any notation.
    pub(crate) fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|net| net.contains(&peer))
    }
}

/// As written, except for IPv4-mapped IPv6: peers are compared in their own form, so a mapped network would match
/// nobody.
fn parse(text: &str) -> Option<IpNet> {
    let net = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let (IpNet::V6(v6), Some(address)) = (net, mapped(net)) else { return Some(net) };
    let prefix = v6.prefix_len().checked_sub(96)?;
    Ipv4Net::new(address, prefix).ok().map(IpNet::from)
}

fn mapped(net: IpNet) -> Option<std::net::Ipv4Addr> {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped(),
        IpNet::V6(_) | IpNet::V4(_) => None,
    }
}

fn is_everybody(net: IpNet) -> bool {
    let within = |outer: &str| outer.parse::<IpNet>().is_ok_and(|outer| outer.contains(&net));
    let around = |inner: &str| inner.parse::<IpNet>().is_ok_and(|inner| net.contains(&inner));
    match net {
        IpNet::V4(net) => net.prefix_len() < SHORTEST_V4 || net.addr().is_unspecified(),
        IpNet::V6(v6) => {
            v6.prefix_len() < SHORTEST_V6 && !within(UNIQUE_LOCAL)
                || v6.addr().is_unspecified()
                || WHOLE_OF_V4.into_iter().any(around)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str) -> Result<Networks, String> {
        let mut networks = Networks::default();
        let added = networks.add("trusted proxy", "be any user; name the proxy's address", text);
        added.map(|()| networks).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_and_networks_are_read_as_what_they_are() {
        for (text, within, beside) in [
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.0.0/16", "192.168.9.9", "192.169.0.1"),
            ("127.0.0.0/8", "127.0.0.2", "128.0.0.1"),
            ("fd00::/8", "fd12::1", "fc00::1"),
            ("fc00::/7", "fd12::1", "fe80::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("10.0.0.7", "::ffff:10.0.0.7", "::ffff:10.0.0.8"),
            ("::ffff:10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"),
        ] {
            let networks = add(text).unwrap_or_else(|error| panic!("{error}"));
            assert!(networks.contains(within.parse().unwrap()), "{within} is in {text}");
            assert!(!networks.contains(beside.parse().unwrap()), "{beside} is not in {text}");
        }
    }

    #[test]
    fn nobody_trusts_everybody() {
        let everybody = [
            "0.0.0.0/0",
            "0.0.0.0",
            "1.2.3.4/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "64.0.0.0/2",
            "10.0.0.0/7",
            "::/0",
            "::",
            "2001:db8::1/0",
            "::/1",
            "8000::/1",
            "2000::/3",
            "fc00::/6",
            "::ffff:0:0/96",
            "::ffff:0.0.0.0/96",
            "::ffff:128.0.0.0/97",
            "::ffff:0:0/95",
            "::/96",
            "::/80",
            "64:ff9b::/96",
            "64:ff9b::/32",
            "2002::/16",
            "2001::/16",
            "2001::/32",
        ];
        for text in everybody {
            let told = add(text).expect_err(text);
            assert!(told.contains(text) && told.contains("anybody could then be any user"), "{told}");
            assert!(told.ends_with("name the proxy's address"), "{told}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "proxy", "10.0.0.0/33", "10.0.0", "*", "10.0.0.7:80", "10.0.0.0/-1", "::ffff:10.0.0.7/129"]
        {
            let told = add(text).expect_err(text);
            assert!(told.contains("like 10.0.0.7 or 10.0.0.0/8") && told.contains(text), "{told}");
        }
    }

    #[test]
    fn what_may_mean_two_things_is_refused() {
        for (text, address, network) in [
            ("10.0.0.7/8", "10.0.0.7", "10.0.0.0/8"),
            ("192.168.1.1/24", "192.168.1.1", "192.168.1.0/24"),
            ("fd00::7/64", "fd00::7", "fd00::/64"),
            ("::ffff:10.0.0.7/104", "10.0.0.7", "10.0.0.0/8"),
        ] {
            let told = add(text).expect_err(text);
            assert!(told.contains(&format!("write {address} or {network}")), "{told}");
        }
    }
}
