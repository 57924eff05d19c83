//! A Redis server of the benchmark's own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port of the loopback interface, which keeps nothing. It ends with this value.
pub(crate) struct Redis {
    server: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(10);

impl Redis {
    /// # Errors
    /// If the program is missing, or does not answer.
    pub(crate) fn start() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        let address = free_address().map_err(|error| format!("no free port: {error}"))?;
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn();
        let server = server.map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                "redis-server is missing: apt-get install redis-server (or run scripts/bench)".to_owned()
            }
            _ => format!("redis-server cannot be started: {error}"),
        })?;
        let redis = Self { server, address, _folder: folder };
        redis.wait()?;
        Ok(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    fn wait(&self) -> Result<(), String> {
        let end = Instant::now() + START;
        while !answers(self.address) {
            if Instant::now() > end {
                return Err(format!("redis-server does not answer on {}", self.address));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already: nothing is left to do then.
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn answers(address: SocketAddr) -> bool {
    let ping = || {
        let mut connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(Duration::from_secs(1)))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        connection.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer == *b"+PONG\r\n")
    };
    ping().unwrap_or(false)
}
