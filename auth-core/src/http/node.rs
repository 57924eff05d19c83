//! Addresses as proxies write them: RFC 7239 §6, and what is usual in `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address, whatever port stands after it. `unknown` and names like `_hidden` (RFC 7239 §6.2, §6.3) are none,
/// nor is the address of nobody.
pub(super) fn node(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            is_port(port).then(|| v6(address))?
        }
        None => text.parse().ok().or_else(|| v6(text)).or_else(|| v4_with_port(text)),
    };
    address.map(|address| address.to_canonical()).filter(|address| !address.is_unspecified())
}

fn v4_with_port(text: &str) -> Option<IpAddr> {
    let (address, _) = text.split_once(':')?;
    is_port(&text[address.len()..]).then(|| address.parse::<Ipv4Addr>().ok().map(IpAddr::from))?
}

/// Without the zone (RFC 4007 §11), which means something on the machine that wrote it only.
fn v6(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "none"));
    let is_zone =
        !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_zone.then(|| address.parse::<Ipv6Addr>().ok().map(IpAddr::from))?
}

/// Nothing, or a colon and a port: a number, or a name that hides it (RFC 7239 §6).
fn is_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return text.is_empty() };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_hidden = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    is_number || port.strip_prefix('_').is_some_and(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        let table = [
            ("IPv4", "192.0.2.7", "192.0.2.7"),
            ("IPv4 and a port", "192.0.2.7:80", "192.0.2.7"),
            ("IPv4 and the last port", "192.0.2.7:65535", "192.0.2.7"),
            ("IPv4 and a hidden port", "192.0.2.7:_x9", "192.0.2.7"),
            ("IPv6", "2001:db8::7", "2001:db8::7"),
            ("IPv6, upper case", "2001:DB8::A", "2001:db8::a"),
            ("IPv6 in brackets", "[2001:db8::7]", "2001:db8::7"),
            ("IPv6 in brackets and a port", "[2001:db8::7]:443", "2001:db8::7"),
            ("this machine", "[::1]:443", "::1"),
            ("mapped", "::ffff:192.0.2.7", "192.0.2.7"),
            ("mapped, in hexadecimal", "::ffff:c000:207", "192.0.2.7"),
            ("mapped, in brackets", "[::ffff:192.0.2.7]:80", "192.0.2.7"),
            ("a zone", "fe80::1%eth0", "fe80::1"),
            ("a zone in brackets", "[fe80::1%25.en-0]:80", "fe80::1"),
        ];
        for (name, text, expected) in table {
            assert_eq!(node(text), expected.parse().ok(), "{name}: {text}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        let table = [
            ("nothing", ""),
            ("unknown", "unknown"),
            ("hidden", "_hidden"),
            ("hidden and a port", "_hidden:80"),
            ("a Unix socket", "unix:"),
            ("nobody's", "0.0.0.0"),
            ("nobody's, IPv6", "[::]"),
            ("nobody's, mapped", "::ffff:0.0.0.0"),
            ("a name", "localhost"),
            ("a name and a port", "example.com:80"),
            ("too large", "192.0.2.256"),
            ("too short", "192.0.2"),
            ("too long", "192.0.2.7.8"),
            ("octal", "192.0.02.7"),
            ("one number", "3221225991"),
            ("hexadecimal", "0xc0000207"),
            ("a network", "192.0.2.0/24"),
            ("two", "192.0.2.7 192.0.2.8"),
            ("a sign", "192.0.2.7:+80"),
            ("no port", "192.0.2.7:"),
            ("no port in brackets", "[::1]:"),
            ("no such port", "192.0.2.7:65536"),
            ("two ports", "192.0.2.7:80:80"),
            ("no hidden port", "192.0.2.7:_"),
            ("IPv4 in brackets", "[192.0.2.7]"),
            ("an open bracket", "[::1"),
            ("a closed bracket", "::1]"),
            ("more after the bracket", "[::1]80"),
            ("brackets in brackets", "[[::1]]"),
            ("an empty zone", "fe80::1%"),
            ("an odd zone", "fe80::1%a b"),
            ("a zone of IPv4", "192.0.2.7%eth0"),
            ("quoted", "\"192.0.2.7\""),
            ("other digits", "١٩٢.0.2.7"),
        ];
        for (name, text) in table {
            assert_eq!(node(text), None, "{name}: {text}");
        }
    }
}
