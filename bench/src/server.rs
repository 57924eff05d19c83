//! A site in a process of its own, as the program that measures it sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::program::Program;
use crate::sites::Site;

/// A running server. It ends with this value, and with this program.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a program, to serve a site with so many worker threads.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) fn start(program: Program, site: Site, workers: usize, redis: &str) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{} cannot be served: {error}", site.name());
        let mut process = Command::new(program.path()?)
            .args(["serve", &site.name(), "--workers", &workers.to_string(), "--redis", redis])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut line = String::new();
        let told = process.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        if let (Some(Ok(_)), Ok(address)) = (told, line.trim().parse()) {
            return Ok(Self { process, address });
        }
        _ = process.kill();
        _ = process.wait();
        Err(failed(&"it told no address"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Logs Alice in: the cookie of her session.
    ///
    /// # Errors
    /// If there is no cookie in the answer.
    pub(crate) fn login(&self) -> Result<String, String> {
        let answer = self.post("/login").map_err(|error| format!("no answer to the login: {error}"))?;
        let cookie = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next())?
        });
        cookie.map(|cookie| cookie.trim().to_owned()).ok_or_else(|| format!("no cookie in {answer}"))
    }

    fn post(&self, path: &str) -> std::io::Result<String> {
        let mut connection = TcpStream::connect(self.address)?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n", self.address);
        connection.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The processor time that it has used, in seconds.
    ///
    /// # Errors
    /// If the system does not tell.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/stat", self.process.id());
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // proc(5): utime and stime are fields 14 and 15; the name in field 2 may have blanks and brackets.
        let fields = text.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
        let ticks: Option<u32> = fields.map(|field| field.parse::<u32>().ok()).sum();
        Ok(f64::from(ticks.ok_or_else(|| format!("{path} is not as expected: {text}"))?) / TICKS_PER_SECOND)
    }
}

/// Of the clock in `/proc`: `sysconf(_SC_CLK_TCK)` is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: nothing is left to do then.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
