//! Ports of a test's own.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below those that the system gives to connections.
const FIRST: u16 = 20_000;
const PAIRS: u16 = 5_000;

/// A port of 127.0.0.1, and the one after it, for TLS. As long as this lives no other test gets them, in whatever
/// process: not before its server listens, and not while the server is killed.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// `None` for a port that somebody else chose.
    _claim: Option<UnixListener>,
}

impl Port {
    /// Two that nobody listens on.
    ///
    /// # Panics
    /// If there are none.
    pub fn free() -> Self {
        let start = u16::try_from(RandomState::new().hash_one(()) % u64::from(PAIRS)).unwrap_or_default();
        let numbers = (0..PAIRS).map(|n| FIRST + (start + n) % PAIRS * 2);
        numbers.filter_map(Self::claimed).find(Self::is_free).expect("a port is free")
    }

    /// One that was chosen, whoever else may have it.
    pub(crate) fn chosen(number: u16) -> Self {
        Self { number, _claim: None }
    }

    /// The first of the two.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// `None` if a test has it. The claim is a name that only one can listen on. It is no file: nothing of it
    /// stays, whatever ends the process.
    fn claimed(number: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("test-servers port {number}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        Some(Self { number, _claim: Some(claim) })
    }

    fn is_free(&self) -> bool {
        [self.number, self.number + 1]
            .iter()
            .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;
    use std::thread;

    use super::*;

    /// Set for a child of the test: a port that the parent has.
    const TAKEN: &str = "TEST_SERVERS_TAKEN_PORT";

    #[test]
    fn nobody_gets_the_same() {
        let ports: Vec<_> = (0..8).map(|_| thread::spawn(|| [(); 100].map(|()| Port::free()))).collect();
        let ports: Vec<_> = ports.into_iter().flat_map(|ports| ports.join().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().flat_map(|port| [port.number, port.number + 1]).collect();
        assert_eq!(numbers.len(), 1_600);
    }

    #[test]
    fn no_other_process_gets_it_until_it_is_given_back() {
        if let Some(taken) = std::env::var_os(TAKEN) {
            assert!(Port::claimed(taken.to_str().unwrap().parse().unwrap()).is_none());
            return;
        }
        let port = Port::free();
        let test = "port::tests::no_other_process_gets_it_until_it_is_given_back";
        let mut other = Command::new(std::env::current_exe().unwrap());
        other.args([test, "--exact"]).env(TAKEN, port.number.to_string());
        let said = other.output().unwrap();
        assert!(said.status.success(), "{said:?}");
        assert!(String::from_utf8_lossy(&said.stdout).contains("1 passed"), "{said:?}");
        let number = port.number;
        drop(port);
        assert!(Port::claimed(number).is_some());
    }
}
