//! Whoever connects: peers that are believed.

use std::net::IpAddr;

use super::RequestView;
use crate::networks::Networks;

/// Peers that are believed: by their address, or as they come through the Unix socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    pub(crate) networks: Networks,
    pub(crate) unix_socket: bool,
}

impl Peers {
    /// Whether nobody is believed.
    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix_socket
    }

    /// Whether the request comes from one of them. Where the peer's address is known, that decides.
    pub(crate) fn trust(&self, view: &dyn RequestView) -> bool {
        self.trust_by(view.peer(), view)
    }

    /// The same, where the peer's address has been looked up.
    pub(crate) fn trust_by(&self, peer: Option<IpAddr>, view: &dyn RequestView) -> bool {
        match peer {
            Some(peer) => self.networks.contains(peer),
            None => self.unix_socket && view.is_unix_socket(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::TestRequest;
    use super::*;

    #[test]
    fn the_sockets_other_end_decides() {
        let mut by_address = Peers::default();
        for network in ["10.0.0.0/8", "2001:db8::7"] {
            by_address.networks.add("trusted peer", "be any user", network).unwrap();
        }
        let by_socket = Peers { unix_socket: true, ..Peers::default() };
        let table: [(&str, &str, bool, bool, bool); 9] = [
            ("in the network", "10.1.2.3", false, true, false),
            ("in the network, mapped", "::ffff:10.1.2.3", false, true, false),
            ("the address", "2001:db8::7", false, true, false),
            ("beside the address", "2001:db8::8", false, false, false),
            ("beside the network", "11.0.0.1", false, false, false),
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
