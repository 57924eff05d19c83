//! Real programs in tests: started in a process group of their own, ended with the test, whatever happens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// How long a program may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. Dropping it ends it and everything it started.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    ended: bool,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it still wrote to standard output.
    pub output: Vec<String>,
}

impl Process {
    /// Starts a program; its standard error goes where the test's goes.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started ({error}): run scripts/setup"));
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
                lines.try_for_each(|line| sender.send(line))
            });
        }
        Self { name, child, lines, ended: false }
    }

    /// Waits for the first line of standard output that contains `marker`.
    ///
    /// # Panics
    /// If the program ends, or does not write it in time.
    pub fn line_with(&self, marker: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next_line(deadline) {
                Ok(line) if line.contains(marker) => return line,
                Ok(_) => (),
                Err(why) => panic!("{} did not write `{marker}`: {why}", self.name),
            }
        }
    }

    /// Asks the program to end, as a service manager does, and waits until it has.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn terminate(mut self) -> Ended {
        kill_process(self.pid(), Signal::TERM).expect("a child that was not waited for can be signalled");
        let deadline = Instant::now() + PATIENCE;
        let mut output = Vec::new();
        loop {
            match self.next_line(deadline) {
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} goes on after SIGTERM", self.name),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        self.ended = true;
        Ended { status, output }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn next_line(&self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Before anybody waits for the child its id cannot be another's, even if it has died.
        if !self.ended {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// One of the demo servers, on a free port of the loopback interface.
#[derive(Debug)]
pub struct Demo {
    process: Process,
    address: String,
    folder: TempDir,
}

impl Demo {
    /// Both of them, by the names of their programs.
    pub const NAMES: [&str; 2] = ["axum-demo", "actix-demo"];

    /// Starts a demo with a database of its own, new and temporary.
    ///
    /// # Panics
    /// If it was not built, or does not start.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::start_in(folder, name, arguments)
    }

    /// Ends this demo and starts it again on the same database.
    ///
    /// # Panics
    /// As [`start`](Self::start), or if it does not end.
    #[must_use]
    pub fn restart(self, name: &str, arguments: &[&str]) -> Self {
        self.process.terminate();
        Self::start_in(self.folder, name, arguments)
    }

    fn start_in(folder: TempDir, name: &str, arguments: &[&str]) -> Self {
        let database = format!("sqlite:{}", folder.path().join("demo.sqlite3").display());
        let mut command = Command::new(binary(name));
        command.args(["--listen", "127.0.0.1:0", "--database", &database]).args(arguments);
        let process = Process::start(&mut command);
        let line = process.line_with("listening on ");
        let address = line.rsplit('/').next().unwrap_or_default().to_owned();
        Self { process, address, folder }
    }

    /// Where it listens, as `ip:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its origin by the name `localhost`, to which browsers give production cookies without TLS.
    pub fn origin(&self) -> String {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        format!("http://localhost:{port}")
    }

    /// The folder of its database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it as a service manager does.
    ///
    /// # Panics
    /// If it does not end.
    pub fn terminate(self) -> Ended {
        self.process.terminate()
    }
}

/// A program of this workspace, built and up to date.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("tests are in a folder below the programs").join(name);
    let built = fs::metadata(&path).and_then(|about| about.modified());
    let built = built.unwrap_or_else(|_| panic!("{name} is not built: run `cargo build`, or scripts/test"));
    for source in sources(&path) {
        let changed = fs::metadata(&source).and_then(|about| about.modified());
        let current = changed.is_ok_and(|changed| changed <= built);
        assert!(current, "{name} is older than {}: run `cargo build`, or scripts/test", source.display());
    }
    path
}

/// The files that a program was built from, by the list that cargo keeps beside it: `program: file file …`, with
/// blanks in names escaped.
fn sources(program: &Path) -> Vec<PathBuf> {
    let list = fs::read_to_string(program.with_extension("d")).unwrap_or_default().replace("\\ ", "\0");
    let (_, files) = list.split_once(": ").unwrap_or_default();
    files.split_whitespace().map(|file| file.replace('\0', " ").into()).collect()
}
