//! The load generator: wrk.

use std::io::{ErrorKind, Write};
use std::process::Command;

use tempfile::NamedTempFile;

/// How hard it pushes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) seconds: u32,
    pub(crate) connections: u32,
    pub(crate) threads: u32,
}

/// What it saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// In milliseconds.
    pub(crate) median: f64,
    /// In milliseconds.
    pub(crate) p99: f64,
}

/// Prints the figures in microseconds: those that wrk prints itself have units that change.
const SCRIPT: &str = "done = function(summary, latency)\n\
    local e = summary.errors\n\
    local failed = e.connect + e.read + e.write + e.status + e.timeout\n\
    io.write(string.format('figures %d %d %d %d %d\\n', summary.requests, summary.duration, failed,\n\
    latency:percentile(50), latency:percentile(99)))\n\
    end\n";

/// Requests one URL for some time.
///
/// # Errors
/// If wrk is missing, or any request failed.
pub(crate) fn wrk(url: &str, cookie: Option<&str>, push: Push) -> Result<Seen, String> {
    let mut script = NamedTempFile::new().map_err(|error| error.to_string())?;
    script.write_all(SCRIPT.as_bytes()).map_err(|error| error.to_string())?;
    let mut command = Command::new("wrk");
    command.args(["-d", &format!("{}s", push.seconds), "-c", &push.connections.to_string()]);
    command.args(["-t", &push.threads.to_string(), "-s"]).arg(script.path());
    if let Some(cookie) = cookie {
        command.args(["-H", &format!("Cookie: {cookie}")]);
    }
    let output = command.arg(url).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => "wrk is missing: apt-get install wrk (or run scripts/bench)".to_owned(),
        _ => format!("wrk cannot be started: {error}"),
    })?;
    let printed = String::from_utf8_lossy(&output.stdout);
    read(&printed).ok_or_else(|| format!("{url}: requests failed:\n{printed}"))
}

/// `None` if a request failed.
fn read(printed: &str) -> Option<Seen> {
    let line = printed.lines().find_map(|line| line.strip_prefix("figures "))?;
    let figures: Vec<f64> = line.split(' ').map(|figure| figure.parse().ok()).collect::<Option<_>>()?;
    match figures[..] {
        [requests, duration, 0.0, median, p99] if requests > 0.0 && duration > 0.0 => {
            Some(Seen { requests, seconds: duration / 1e6, median: median / 1e3, p99: p99 / 1e3 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_failures_are_seen() {
        let seen = Seen { requests: 1000.0, seconds: 2.0, median: 0.25, p99: 1.5 };
        assert_eq!(read("Running 2s test\nfigures 1000 2000000 0 250 1500\n"), Some(seen));
        assert_eq!(read("figures 1000 2000000 3 250 1500\n"), None);
        assert_eq!(read("unable to connect\n"), None);
    }
}
