//! Problems that nobody would notice.
//!
//! Without a subscriber, [`tracing`] drops every record: each login of a new application could be a 503 without a
//! reason anywhere. So standard error gets each problem once, if no subscriber exists.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// How many different problems are written: an attacker or a broken server must not fill a disk.
const MOST: usize = 16;

static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Logs a mistake of the application, or an internal failure, as an error. Without a subscriber it goes to standard
/// error, as from [`TracingObserver`](crate::event::TracingObserver).
///
/// ```
/// auth_core::http::adapter::log_error(&"the mail server refused a password reset");
/// ```
pub fn log_error(error: &dyn fmt::Display) {
    tracing::error!(target: "auth", "{error}");
    tell(format_args!("{error}"));
}

/// The same for a problem that is not an error yet.
pub(crate) fn log_warning(warning: &dyn fmt::Display) {
    tracing::warn!(target: "auth", "{warning}");
    tell(format_args!("{warning}"));
}

/// Writes a problem to standard error, once in this process, unless a subscriber is installed.
pub(crate) fn tell(fault: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        return;
    }
    let fault = fault.to_string();
    // Nothing in here can panic half-way: the data behind a poisoned lock is valid.
    if let Some(line) = line(&mut TOLD.lock().unwrap_or_else(PoisonError::into_inner), fault) {
        // If standard error is closed, there is nobody to tell.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// The line for this problem, unless it was written before or exceeds the limit.
fn line(told: &mut BTreeSet<String>, fault: String) -> Option<String> {
    if told.len() >= MOST || told.contains(&fault) {
        return None;
    }
    let line = format!("auth: {fault} (told once: the program installs no `tracing` subscriber)");
    told.insert(fault);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_only_so_many() {
        let mut told = BTreeSet::new();
        let mut tell = |n: usize| line(&mut told, format!("fault {n}"));
        assert!(tell(0).is_some_and(|line| line.starts_with("auth: fault 0 (told once")));
        assert_eq!(tell(0), None);
        assert_eq!((1..100).filter_map(&mut tell).count(), MOST - 1);
        assert_eq!(tell(0), None);
    }
}
