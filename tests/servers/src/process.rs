//! Programs whose standard output a test reads.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::guarded::{Guarded, PATIENCE};

/// A running program. Dropping it ends it and everything it started.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: Guarded,
    lines: Receiver<String>,
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
        let mut program = Guarded::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), None)
            .unwrap_or_else(|error| panic!("{name} cannot be started ({error}): run scripts/setup"));
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = program.child().stdout.take() {
            thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
                lines.try_for_each(|line| sender.send(line))
            });
        }
        Self { name, program, lines }
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
        self.program.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        let mut output = Vec::new();
        loop {
            match self.next_line(deadline) {
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} goes on after SIGTERM", self.name),
            }
        }
        let status = self.program.ended_by(deadline);
        let status = status.unwrap_or_else(|| panic!("{} goes on after SIGTERM", self.name));
        Ended { status, output }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    fn next_line(&self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    }
}
