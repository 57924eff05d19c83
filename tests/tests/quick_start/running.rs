//! A program that runs, and its client.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use integration_tests::process::Process;
use integration_tests::site::{Answer, Request};
use test_servers::Port;

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running program. Dropping it ends it.
pub(crate) struct Running {
    _process: Process,
    _port: Port,
    address: SocketAddr,
    stderr: PathBuf,
}

impl Running {
    /// Starts a program in its folder, where its database will be.
    pub(crate) fn start(program: &Path) -> Self {
        let folder = program.parent().expect("it is in a folder");
        let (stderr, port) = (folder.join("stderr"), Port::free());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let mut command = Command::new(program);
        command.current_dir(folder).stderr(File::create(&stderr).expect("a file can be made"));
        command
            .env("LISTEN", address.to_string())
            .env("SESSION_SECRET", "c2VjcmV0IG9mIGEgdGVzdCwgbm90IHJhbmRvbSE=");
        let running = Self { _process: Process::start(&mut command), _port: port, address, stderr };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "it does not listen: {}", running.stderr());
            sleep(Duration::from_millis(5));
        }
        running
    }

    /// What it wrote to standard error.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).expect("its standard error is a file")
    }

    /// Sends a request on a connection of its own, and reads the answer.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
        let Request { method, target, headers, body, .. } = request;
        let length = body.len();
        let lines =
            headers.iter().map(|(name, value)| format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
        let (lines, close) = (lines.collect::<String>(), "host: localhost\r\nconnection: close\r\n");
        let head = format!("{method} {target} HTTP/1.1\r\n{close}content-length: {length}\r\n{lines}\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        parsed(&answer)
    }
}

fn parsed(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer::new(status.unwrap_or_else(|| panic!("no status: {head}")), headers, body.to_owned())
}
