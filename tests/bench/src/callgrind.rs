//! Instructions, counted by callgrind: exact on any machine, however busy.

use std::process::Command;

use crate::cost::this_program;

/// What a run of this program was.
pub(crate) struct Counted {
    /// Of all threads.
    pub(crate) instructions: u64,
    /// What it printed.
    pub(crate) printed: String,
}

/// Runs this program under callgrind.
///
/// # Errors
/// If callgrind prints no total.
pub(crate) fn run(arguments: &[String]) -> Result<Counted, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this_program()?)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind cannot be started ({error}): apt-get install valgrind"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr);
    let total = log.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    let instructions = total.ok_or_else(|| format!("no total of {arguments:?}:\n{printed}{log}"))?;
    Ok(Counted { instructions, printed })
}
