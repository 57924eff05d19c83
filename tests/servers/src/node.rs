//! What runs on node.

use std::path::Path;
use std::process::Command;

/// The folder of our own programs, and of the packages that they need: the last ones that run on node 18, Debian 12's.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node");

/// A program of ours, to be run.
///
/// # Panics
/// If the packages that it needs are not installed.
pub(crate) fn node(name: &str) -> Command {
    let folder = Path::new(FOLDER);
    let is_there = folder.join("node_modules/.installed").exists();
    assert!(is_there, "{name} needs packages of npm: run scripts/setup");
    let mut command = Command::new("node");
    command.arg(folder.join(name));
    command
}
