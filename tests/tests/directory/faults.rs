//! The directory, and how it fails.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use test_servers::{Certificate, FaultProxy, OpenLdap, Way};

/// Longer than anybody waits.
const LONG: Duration = Duration::from_secs(4);
/// In the middle of a reply, whichever is next.
const HALF: usize = 7;
/// "No", to the request for TLS: an extended response to the first message, of result 52, unavailable.
const NO_TLS: &[u8] = &[0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 52, 4, 0, 4, 0];
/// Bytes that are no message of any kind.
const GARBAGE: &[u8] = b"\x30\x84\xff\xff\xff\xff\x02\x01\x01HTTP/1.1 400 Bad Request\r\n\r\n";

/// The directory, the way to it, and what may be in its place.
pub(crate) struct Servers {
    directory: OpenLdap,
    proxy: FaultProxy,
    own_certificate: Certificate,
    impostor: Option<Impostor>,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let directory = OpenLdap::new().start();
        let proxy = FaultProxy::before(directory.port());
        let own_certificate = directory.certificate().clone();
        Self { directory, proxy, own_certificate, impostor: None }
    }

    pub(crate) fn url(&self) -> String {
        self.proxy.url(&self.directory.url())
    }

    pub(crate) fn authority(&self) -> &str {
        self.directory.authority()
    }

    fn replace(&mut self, says: &'static [u8]) {
        self.directory.kill();
        self.impostor = Some(Impostor::on(self.directory.port(), says));
    }

    fn restore(&mut self) {
        self.impostor = None;
        self.directory.start_again();
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

pub(crate) const FAULTS: [Fault; 10] = [
    fault("killed", |on| on.directory.kill(), |on| on.directory.start_again()),
    fault("hung", |on| on.directory.suspend(), |on| on.directory.resume()),
    fault("refused", |on| on.proxy.set(Way::Refuses), passes),
    fault("slow", |on| on.proxy.set(Way::Delays(LONG)), passes),
    fault("cut off in a reply", |on| on.proxy.set(Way::Cuts(HALF)), passes),
    fault("swallowed", |on| on.proxy.set(Way::Swallows), passes),
    fault("reset", |on| on.proxy.set(Way::Resets), passes),
    fault("refuses StartTLS", |on| on.replace(NO_TLS), Servers::restore),
    fault("answers garbage", |on| on.replace(GARBAGE), Servers::restore),
    fault(
        "wrong certificate",
        |on| on.certify(&Certificate::new()),
        |on| on.certify(&on.own_certificate.clone()),
    ),
];

/// Something that listens in place of the directory, and says the same to everybody.
struct Impostor {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Impostor {
    fn on(port: u16, says: &'static [u8]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the directory is gone");
        let ended = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let connections = listener.incoming().take_while(|_| !ends.load(Ordering::Relaxed));
            for connection in connections.filter_map(Result::ok) {
                thread::spawn(move || answer(connection, says));
            }
        });
        Self { port, ended, thread: Some(thread) }
    }
}

/// Waits for a request, answers it, and listens on until the other end has enough.
fn answer(mut connection: TcpStream, says: &[u8]) {
    let mut asked = [0; 1_024];
    if connection.read(&mut asked).is_ok_and(|read| read > 0) && connection.write_all(says).is_ok() {
        while connection.read(&mut asked).is_ok_and(|read| read > 0) {}
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // One more connection, so that it looks.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
