//! Instructions, counted by callgrind: exact on any machine, however busy.

use std::process::Command;

use crate::cost::output;
use crate::program::Program;

/// How many instructions a program takes for these arguments, on all its threads.
///
/// # Errors
/// If the program was not built, or callgrind prints no total.
pub(crate) fn instructions(program: Program, arguments: &[&str]) -> Result<u64, String> {
    let callgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let log = output(Command::new("valgrind").args(callgrind).arg(program.path()?).args(arguments))?.stderr;
    let log = String::from_utf8_lossy(&log);
    let total = log.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    total.ok_or_else(|| format!("callgrind printed no total for {arguments:?}:\n{log}"))
}
