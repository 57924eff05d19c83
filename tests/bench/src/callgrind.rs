//! Instructions, counted by callgrind: exact on any machine, however busy.

use std::process::Command;

use crate::child::plain;

/// The instructions of one request: the difference between a child that sends `requests` and one that sends twice as
/// many, so that starting and filling do not count.
pub(crate) fn per_request(arguments: impl Fn(usize) -> Vec<String>, requests: usize) -> Result<u64, String> {
    let twice = total(&arguments(2 * requests))?;
    let once = total(&arguments(requests))?;
    Ok(twice.saturating_sub(once) / requests as u64)
}

/// Runs this program under callgrind and reads the total that it prints.
fn total(arguments: &[String]) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(plain()?)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind cannot be started ({error}): apt-get install valgrind"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let total = text.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    total.ok_or_else(|| format!("valgrind printed no total for {arguments:?}:\n{text}"))
}
