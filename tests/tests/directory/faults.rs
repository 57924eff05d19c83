//! The directory, and how it fails.

use std::time::Duration;

use test_servers::{Certificate, FaultProxy, OpenLdap, START_TLS_REFUSED, Way};

/// Longer than anybody waits.
const LONG: Duration = Duration::from_secs(30);
/// In the middle of a reply, whichever is next.
const HALF: usize = 7;
/// Bytes that are no message of any kind.
const GARBAGE: &[u8] = b"\x30\x84\xff\xff\xff\xff\x02\x01\x01HTTP/1.1 400 Bad Request\r\n\r\n";

/// The directory, the way to it, and what may vouch for it.
pub(crate) struct Servers {
    directory: OpenLdap,
    proxy: FaultProxy,
    own: Certificate,
    of_another: Certificate,
    expired: Certificate,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let directory = OpenLdap::new().start();
        let proxy = FaultProxy::before(directory.port());
        let own = directory.certificate().clone();
        let (of_another, expired) = (Certificate::of("ldap.example.org"), Certificate::expired());
        Self { directory, proxy, own, of_another, expired }
    }

    pub(crate) fn url(&self) -> String {
        self.proxy.url(&self.directory.url())
    }

    /// Whom the site trusts: that a certificate is another's, or too old, is then all that is wrong with it.
    pub(crate) fn authorities(&self) -> String {
        [&self.own, &self.of_another, &self.expired].map(|certificate| &*certificate.authority).join("\n")
    }

    /// For what happens to new connections only.
    fn start_anew(&mut self, way: Way) {
        self.directory.kill();
        self.directory.start_again();
        self.proxy.set(way);
    }

    fn certify(&mut self, certificate: &Certificate) {
        self.directory.kill();
        certificate.write_to(self.directory.folder());
        self.directory.start_again();
    }
}

/// Something that can happen to the directory.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) begin: fn(&mut Servers),
    pub(crate) end: fn(&mut Servers),
}

const fn fault(name: &'static str, begin: fn(&mut Servers), end: fn(&mut Servers)) -> Fault {
    Fault { name, begin, end }
}

fn passes(servers: &mut Servers) {
    servers.proxy.set(Way::Passes);
}

fn has_its_own(servers: &mut Servers) {
    servers.certify(&servers.own.clone());
}

pub(crate) const FAULTS: [Fault; 12] = [
    fault("killed", |on| on.directory.kill(), |on| on.directory.start_again()),
    fault("hung", |on| on.directory.suspend(), |on| on.directory.resume()),
    fault("refused", |on| on.proxy.set(Way::Refuses), passes),
    fault("slow", |on| on.proxy.set(Way::Delays(LONG)), passes),
    fault("cut off in a reply", |on| on.proxy.set(Way::Cuts(HALF)), passes),
    fault("swallowed", |on| on.proxy.set(Way::Swallows), passes),
    fault("reset", |on| on.proxy.set(Way::Resets), passes),
    fault("refuses StartTLS", |on| on.start_anew(Way::Answers(START_TLS_REFUSED)), passes),
    fault("answers garbage", |on| on.proxy.set(Way::Answers(GARBAGE)), passes),
    fault("certificate of a stranger", |on| on.certify(&Certificate::new()), has_its_own),
    fault("certificate of another name", |on| on.certify(&on.of_another.clone()), has_its_own),
    fault("certificate that expired", |on| on.certify(&on.expired.clone()), has_its_own),
];
