//! Other processes of this program.

use std::io::{BufRead, BufReader, Write};
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use crate::program::{Program, program_with_servers, this_program};

/// A process that is told what to do on its standard input, line by line, and answers on its standard output. It
/// ends when its input does, so also with this process.
pub(crate) struct Child {
    process: process::Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts this program again.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, String> {
        Self::spawn(Command::new(this_program()?).args(arguments))
    }

    /// Starts the program that counts allocations.
    pub(crate) fn counting(arguments: &[&str]) -> Result<Self, String> {
        Self::spawn(Command::new(Program::This.counting()?).args(arguments))
    }

    /// Starts the program that speaks to database servers.
    pub(crate) fn with_servers(arguments: &[&str]) -> Result<Self, String> {
        Self::spawn(Command::new(program_with_servers()?).args(arguments))
    }

    fn spawn(command: &mut Command) -> Result<Self, String> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|error| format!("a child cannot be started: {error}"))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a child has no pipes".into());
        };
        Ok(Self { process, input, output: BufReader::new(output) })
    }

    /// The next line of its output.
    pub(crate) fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) | Err(_) => Err("a child ended without an answer".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
        }
    }

    /// Tells it something and waits for its answer.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String, String> {
        writeln!(self.input, "{line}").map_err(|error| format!("a child does not listen: {error}"))?;
        self.answer()
    }

    /// Its memory now and at its highest, in bytes.
    pub(crate) fn memory(&self) -> Result<Memory, String> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        Ok(Memory { now: field(&status, "VmRSS:")?, peak: field(&status, "VmHWM:")? })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Resident memory, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// How much memory this machine can still give, in bytes.
pub(crate) fn available_memory() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    field(&text, "MemAvailable:")
}

/// A field of a file in `/proc` that counts in kB.
pub(crate) fn field(text: &str, name: &str) -> Result<u64, String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| format!("/proc does not tell {name}"))
}
