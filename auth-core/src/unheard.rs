//! Faults that nobody would hear of.
//!
//! Without a subscriber, [`tracing`] drops whatever it is given: every login of a new application would be a 503, and
//! nothing would say why. So standard error gets each fault once, if nothing else can.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// How many different faults are told: what an attacker or a broken server makes up fills no disk.
const MOST: usize = 16;

static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Logs what the application did wrong, or what went wrong here, as an error; told as all faults are where nobody listens
/// ([`TracingObserver`](crate::event::TracingObserver)).
pub fn log_error(error: &dyn fmt::Display) {
    tracing::error!(target: "auth", "{error}");
    tell(format_args!("{error}"));
}

/// The same for what is no error yet.
pub(crate) fn log_warning(warning: &dyn fmt::Display) {
    tracing::warn!(target: "auth", "{warning}");
    tell(format_args!("{warning}"));
}

/// Writes a fault to standard error, once in this process, unless a subscriber was ever installed.
pub(crate) fn tell(fault: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        return;
    }
    let fault = fault.to_string();
    // Nothing in here can panic half-way: a poisoned lock is as good as any.
    if let Some(line) = line(&mut TOLD.lock().unwrap_or_else(PoisonError::into_inner), fault) {
        // If even that is closed, nobody is there to be told.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// The line for this fault, unless it was told before or it is one too many.
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
