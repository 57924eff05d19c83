//! A Redis server of the benchmark's own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port of the loopback interface, which keeps nothing. It ends with this value, and with this
/// program however that ends.
pub(crate) struct Redis {
    guard: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// Ends the server when its own input ends: a program that is killed cannot do it.
const GUARD: &str = "trap '' INT; \"$@\" & cat > /dev/null; kill $!; wait";
/// How long it may take until it answers.
const START: Duration = Duration::from_secs(10);

impl Redis {
    /// # Errors
    /// If the program is missing, or does not answer.
    pub(crate) fn start() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no temporary folder: {error}"))?;
        let address = free_address().map_err(|error| format!("no free port: {error}"))?;
        let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        version.map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                "redis-server is missing: apt-get install redis-server (or run scripts/bench)".to_owned()
            }
            _ => format!("redis-server cannot be started: {error}"),
        })?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "sh", "redis-server", "--bind", "127.0.0.1"])
            .args(["--port", &address.port().to_string(), "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let guard = guard.map_err(|error| format!("redis-server cannot be started: {error}"))?;
        let redis = Self { guard, address, _folder: folder };
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
        drop(self.guard.stdin.take());
        // Only so that it has ended when this returns.
        _ = self.guard.wait();
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
