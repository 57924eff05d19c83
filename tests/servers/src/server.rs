//! What all servers have in common.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::guarded::{Guarded, PATIENCE};
use crate::port::Port;

/// A server on a port and in a folder of its own. Dropping it ends it and removes the folder; so does the end of
/// this process, whatever ends it.
#[derive(Debug)]
pub struct Server {
    program: Program,
    /// `None` while it is killed.
    running: Option<Guarded>,
    port: Port,
    folder: TempDir,
}

/// How to start a server.
pub struct Program {
    /// What it is called in messages.
    pub name: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What it writes to standard output or error when it takes connections.
    pub ready: &'static str,
    /// Its command line, for a folder and a port of the loopback interface.
    pub command: Box<CommandLine>,
}

type CommandLine = dyn Fn(&Path, u16) -> Command + Send + Sync;

/// How often another port is tried: somebody who is no test may take a free one before the server does.
const ATTEMPTS: usize = 10;

impl Server {
    /// Starts a server in a new folder.
    ///
    /// # Panics
    /// If it is not installed, or does not start.
    pub fn start(program: Program) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder can be made"), program)
    }

    /// Starts a server in a folder that was prepared for it.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_in(folder: TempDir, program: Program) -> Self {
        let mut server = Self { program, running: None, port: Port::free(), folder };
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            match server.try_start() {
                Ok(()) => return server,
                Err(error) => why = error,
            }
            server.port = Port::free();
        }
        panic!("{} does not start: {why}", server.program.name);
    }

    /// Starts a server on a port that was chosen for it.
    ///
    /// # Panics
    /// As [`start`](Self::start), and if the port is taken.
    pub(crate) fn start_at(folder: TempDir, port: u16, program: Program) -> Self {
        let mut server = Self { program, running: None, port: Port::chosen(port), folder };
        if let Err(why) = server.try_start() {
            panic!("{} does not start: {why}", server.program.name);
        }
        server
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its folder. `server.log` in it is what it wrote since it was last started.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote since it was last started.
    pub fn log(&self) -> String {
        fs::read(self.log_file()).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it was killed.
    pub fn id(&self) -> u32 {
        self.guarded().id()
    }

    /// Ends it at once, with all that it started, as a power failure does.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    ///
    /// # Panics
    /// If it was killed, or goes on.
    pub fn stop(&mut self) {
        self.guarded().signal(Signal::TERM);
        let status = self.running.take().and_then(|mut running| running.ended_by(Instant::now() + PATIENCE));
        assert!(status.is_some(), "{} goes on after SIGTERM", self.program.name);
    }

    /// Starts it again after it was ended, on the same port and in the same folder.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        // What it started may take a moment to notice that it is gone, and until then is in the way.
        let deadline = Instant::now() + PATIENCE;
        while let Err(why) = self.try_start() {
            assert!(Instant::now() < deadline, "{} does not start again: {why}", self.program.name);
        }
    }

    /// Suspends its main process: connections stay open, and nobody answers.
    ///
    /// # Panics
    /// If it was killed.
    pub fn suspend(&self) {
        self.guarded().suspend();
    }

    /// Lets it go on after [`suspend`](Self::suspend).
    ///
    /// # Panics
    /// If it was killed.
    pub fn resume(&self) {
        self.guarded().signal(Signal::CONT);
    }

    fn guarded(&self) -> &Guarded {
        self.running.as_ref().expect("the server was killed")
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    fn try_start(&mut self) -> Result<(), String> {
        let Program { name, package, ready, command } = &self.program;
        let log = File::create(self.log_file()).expect("a file can be made in the folder");
        let mut command = command(self.folder(), self.port());
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        let mut running = Guarded::start(&mut command, Some(self.folder())).unwrap_or_else(|error| {
            panic!("{name} cannot be started ({error}): run scripts/setup, or apt-get install {package}")
        });
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(ready) {
            if running.ended_by(Instant::now()).is_some() {
                return Err(format!("it ended\n{}", self.log()));
            }
            assert!(Instant::now() < deadline, "{name} is not ready in time\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
        self.running = Some(running);
        Ok(())
    }
}

/// Waits until somebody listens on this port, without being a connection.
///
/// # Panics
/// If nobody does in time.
pub(crate) fn wait_for_listener(port: u16) {
    // The second column is the local address, the fourth the state: 0A is LISTEN.
    let local = format!(":{port:04X}");
    let listens = |columns: Vec<&str>| {
        let [_, address, _, state, ..] = &columns[..] else { return false };
        address.ends_with(&local) && *state == "0A"
    };
    let deadline = Instant::now() + PATIENCE;
    let sockets = || fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    while !sockets().lines().any(|line| listens(line.split_whitespace().collect())) {
        assert!(Instant::now() < deadline, "nobody listens on port {port}");
        thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before the folder.
        self.running = None;
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Runs a program that does something for a server in its folder, which is removed if this process is killed.
///
/// # Panics
/// If it is not installed, or fails.
pub(crate) fn run(command: &mut Command, input: impl Into<Stdio>, folder: &Path, package: &str) {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut program = Guarded::start(command, Some(folder)).unwrap_or_else(|error| {
        panic!("{name} cannot be started ({error}): run scripts/setup, or apt-get install {package}")
    });
    let mut said = Vec::new();
    let _ = program.child().stderr.take().map(|mut stderr| stderr.read_to_end(&mut said));
    let succeeds = program.ended_by(Instant::now() + PATIENCE).is_some_and(|status| status.success());
    assert!(succeeds, "{name} (of the package {package}) fails\n{}", String::from_utf8_lossy(&said));
}

/// Where a server's program is: Debian keeps some off the path of ordinary users.
pub(crate) fn program(name: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(name);
    if system.exists() { system } else { name.into() }
}
