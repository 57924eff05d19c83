//! From which address a request came.

use std::net::IpAddr;

use super::proxies::{Proxies, hops};
use super::view::Single;
use super::{Header, RequestView};
use crate::RequestFacts;

impl Proxies {
    /// The client's address: the first, from this server outwards, that is no trusted proxy's. `None` where the socket
    /// has none, and no trusted proxy tells another.
    ///
    /// Each hop is told by the proxy after it, so one is believed only if all that came after it are trusted. Where a
    /// trusted proxy tells nothing that can be read, the client is that proxy: what stands further left may be the
    /// client's own choice, and with no address at all such requests would pass any limit for addresses.
    pub(crate) fn client(&self, peer: Option<IpAddr>, view: &dyn RequestView) -> Option<IpAddr> {
        let mut client = peer.map(|peer| peer.to_canonical());
        if !self.peers.trust_by(peer, view) {
            return client;
        }
        for hop in hops(&self.address, view) {
            let Some(address) = hop.address else { break };
            client = Some(address);
            if !self.peers.networks.contains(address) {
                break;
            }
        }
        client
    }
}

/// What events and the list of devices say of a request.
pub(super) fn facts_of(proxies: &Proxies, view: &dyn RequestView) -> RequestFacts {
    let agent = match Single::of(view, Header::UserAgent) {
        Single::One(agent) => Some(agent),
        Single::Absent | Single::Several => None,
    };
    let peer = view.peer();
    let client = proxies.client(peer, view);
    RequestFacts::none().with_peer(peer).with_client(client).with_user_agent(agent)
}

#[cfg(test)]
mod tests {
    use super::super::proxies::tests::builder;
    use super::super::view::{Header, TestRequest};
    use super::*;

    const TRUSTED: [&str; 3] = ["10.0.0.0/8", "2001:db8::/64", "unix:"];

    /// The client of a request with these headers.
    fn client(proxies: &Proxies, peer: &str, headers: &[(&'static str, &str)]) -> String {
        let (mut request, is_unix_socket) = (TestRequest::get(&[]), peer == "unix");
        for (name, value) in headers {
            let value = value.as_bytes().to_vec();
            match Header::ALL.into_iter().find(|header| header.name() == *name) {
                Some(known) => request.headers.push((known, value)),
                None => request.others.push((name, value)),
            }
        }
        let request = TestRequest { peer: peer.parse().ok(), is_unix_socket, ..request };
        proxies.client(request.peer, &request).map_or("-".to_owned(), |address| address.to_string())
    }

    #[test]
    fn the_first_from_the_right_that_is_not_trusted_is_the_client() {
        let table: [(&str, &str, &[&str], &str); 29] = [
            ("no proxy", "192.0.2.1", &[], "192.0.2.1"),
            ("no proxy, and a claim", "192.0.2.1", &["198.51.100.6"], "192.0.2.1"),
            ("no proxy, and a proxy's address", "192.0.2.1", &["10.0.0.7"], "192.0.2.1"),
            ("mapped", "::ffff:192.0.2.1", &["198.51.100.6"], "192.0.2.1"),
            ("this machine, which is not named", "127.0.0.1", &["198.51.100.6"], "127.0.0.1"),
            ("nobody knows", "", &["198.51.100.6"], "-"),
            ("a proxy", "10.0.0.7", &["192.0.2.1"], "192.0.2.1"),
            ("a proxy, mapped", "::ffff:10.0.0.7", &["192.0.2.1"], "192.0.2.1"),
            ("a proxy of IPv6", "2001:db8::7", &["2001:db8:1::1"], "2001:db8:1::1"),
            ("a mapped client", "10.0.0.7", &["::ffff:192.0.2.1"], "192.0.2.1"),
            ("a port", "10.0.0.7", &["192.0.2.1:40000"], "192.0.2.1"),
            ("a claim before it", "10.0.0.7", &["198.51.100.6, 192.0.2.1"], "192.0.2.1"),
            ("a claim of a proxy's address", "10.0.0.7", &["10.0.0.9, 192.0.2.1"], "192.0.2.1"),
            ("a claim on a line of its own", "10.0.0.7", &["198.51.100.6", "192.0.2.1"], "192.0.2.1"),
            ("garbage before it", "10.0.0.7", &["\", , x", "for=, 192.0.2.1"], "192.0.2.1"),
            ("two proxies", "10.0.0.7", &["192.0.2.1, 10.0.0.9"], "192.0.2.1"),
            ("two proxies, two lines, mapped", "10.0.0.7", &["192.0.2.1", "::ffff:10.0.0.9"], "192.0.2.1"),
            (
                "two proxies and a claim",
                "10.0.0.7",
                &["198.51.100.6, 192.0.2.1, [2001:db8::9]:80"],
                "192.0.2.1",
            ),
            ("a proxy that is not named", "10.0.0.7", &["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
            ("a proxy itself", "10.0.0.7", &[], "10.0.0.7"),
            ("a proxy behind a proxy", "10.0.0.7", &["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            ("a proxy tells nothing", "10.0.0.7", &[""], "10.0.0.7"),
            ("a proxy tells nothing after a claim", "10.0.0.7", &["198.51.100.6, "], "10.0.0.7"),
            ("a proxy does not know", "10.0.0.7", &["198.51.100.6, unknown"], "10.0.0.7"),
            ("the second proxy does not know", "10.0.0.7", &["198.51.100.6, unknown, 10.0.0.9"], "10.0.0.9"),
            ("a proxy tells another syntax", "10.0.0.7", &["198.51.100.6, for=192.0.2.1"], "10.0.0.7"),
            ("a Unix socket", "unix", &["198.51.100.6, 192.0.2.1"], "192.0.2.1"),
            ("a Unix socket and a proxy", "unix", &["192.0.2.1, 10.0.0.7"], "192.0.2.1"),
            ("a Unix socket tells nothing", "unix", &["198.51.100.6, unix:"], "-"),
        ];
        let usual = builder(&TRUSTED, "", "").build().unwrap();
        let own = builder(&TRUSTED, "X-Real-IP", "").build().unwrap();
        for (name, peer, values, expected) in table {
            let with = |header| values.iter().map(|value| (header, *value)).collect::<Vec<_>>();
            assert_eq!(client(&usual, peer, &with("x-forwarded-for")), expected, "{name}");
            assert_eq!(client(&own, peer, &with("x-real-ip")), expected, "{name}, in X-Real-IP");
        }
    }

    #[test]
    fn forwarded_is_read_where_it_is_named() {
        let table: [(&str, &str, &[&str], &str); 12] = [
            ("no proxy, and a claim", "192.0.2.1", &["for=198.51.100.6"], "192.0.2.1"),
            ("a proxy", "10.0.0.7", &["for=192.0.2.1;proto=https"], "192.0.2.1"),
            ("a claim before it", "10.0.0.7", &["for=198.51.100.6, for=192.0.2.1"], "192.0.2.1"),
            ("a claim on a line of its own", "10.0.0.7", &["for=198.51.100.6", "for=192.0.2.1"], "192.0.2.1"),
            ("an open quote before it", "10.0.0.7", &["for=\"198.51.100.6, for=192.0.2.1"], "192.0.2.1"),
            ("a claim in a host", "10.0.0.7", &["for=192.0.2.1;host=\"x, for=198.51.100.6\""], "192.0.2.1"),
            ("a second address", "10.0.0.7", &["for=192.0.2.1;host=x;for=198.51.100.6"], "10.0.0.7"),
            ("two proxies", "10.0.0.7", &["for=192.0.2.1, for=\"[2001:db8::9]:80\""], "192.0.2.1"),
            ("hidden", "10.0.0.7", &["for=198.51.100.6, for=_hidden"], "10.0.0.7"),
            ("without an address", "10.0.0.7", &["for=198.51.100.6, proto=https"], "10.0.0.7"),
            ("the other syntax", "10.0.0.7", &["192.0.2.1"], "10.0.0.7"),
            ("a Unix socket", "unix", &["for=198.51.100.6, for=192.0.2.1"], "192.0.2.1"),
        ];
        let proxies = builder(&TRUSTED, "Forwarded", "").build().unwrap();
        for (name, peer, values, expected) in table {
            let headers: Vec<_> = values.iter().map(|value| ("forwarded", *value)).collect();
            assert_eq!(client(&proxies, peer, &headers), expected, "{name}");
        }
    }

    /// A proxy that is trusted sets one header. The others it hands on as clients send them.
    #[test]
    fn one_header_is_read_and_no_other() {
        let claims = |but: &str| {
            let lists = [
                "x-forwarded-for",
                "x-real-ip",
                "cf-connecting-ip",
                "x_real_ip",
                "x-forwarded",
                "true-client-ip",
            ];
            let mut claims: Vec<_> = lists.into_iter().map(|name| (name, "198.51.100.6")).collect();
            claims.push(("forwarded", "for=198.51.100.6"));
            claims.retain(|(name, _)| *name != but);
            claims
        };
        for (named, sets) in [
            ("X-Forwarded-For", ("x-forwarded-for", "192.0.2.1")),
            ("Forwarded", ("forwarded", "for=192.0.2.1")),
            ("X-Real-IP", ("x-real-ip", "192.0.2.1")),
            ("CF-Connecting-IP", ("cf-connecting-ip", "192.0.2.1")),
        ] {
            let proxies = builder(&TRUSTED, named, "").build().unwrap();
            assert_eq!(
                client(&proxies, "10.0.0.7", &[&claims(sets.0)[..], &[sets]].concat()),
                "192.0.2.1",
                "{named}"
            );
            assert_eq!(client(&proxies, "10.0.0.7", &claims(sets.0)), "10.0.0.7", "{named} is not there");
        }
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        let proxies = builder(&[], "", "").build().unwrap();
        for peer in ["127.0.0.1", "::1", "10.0.0.7", "192.0.2.1"] {
            assert_eq!(client(&proxies, peer, &[("x-forwarded-for", "198.51.100.6")]), peer);
        }
        assert_eq!(client(&proxies, "unix", &[("x-forwarded-for", "198.51.100.6")]), "-");
        let local = builder(&["127.0.0.1"], "", "").build().unwrap();
        assert_eq!(client(&local, "127.0.0.1", &[("x-forwarded-for", "192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn a_loop_of_proxies_ends() {
        let proxies = builder(&TRUSTED, "", "").build().unwrap();
        let values = ["198.51.100.6", &vec!["10.0.0.9"; 10_000].join(",")].join(",");
        assert_eq!(client(&proxies, "10.0.0.7", &[("x-forwarded-for", &values)]), "10.0.0.9");
        let long = format!("198.51.100.6,{:>5000}", "192.0.2.1");
        assert_eq!(client(&proxies, "10.0.0.7", &[("x-forwarded-for", &long)]), "10.0.0.7");
    }
}
