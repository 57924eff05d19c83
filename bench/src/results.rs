//! Results as files: `bench/results/MODE.json`, with the facts under which they were made.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::table::Table;

/// What one mode measured.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    pub(crate) facts: Vec<Fact>,
    pub(crate) tables: Vec<Table>,
}

/// Something that a figure depends on, as the processor.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The libraries whose versions are told.
const CRATES: [&str; 17] = [
    "axum",
    "actix-web",
    "tokio",
    "axum-login",
    "tower-sessions",
    "tower-sessions-moka-store",
    "tower-sessions-redis-store",
    "axess",
    "tower-http",
    "jwt-authorizer",
    "tower-oauth2-resource-server",
    "actix-identity",
    "actix-session",
    "actix-web-httpauth",
    "sqlx",
    "libsqlite3-sys",
    "argon2",
];

impl Results {
    /// Saves what was just measured, on this machine and with these settings.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn save(mode: &str, settings: &str, tables: Vec<Table>) -> Result<(), String> {
        let settings = Fact { name: format!("`{mode}`"), value: settings.to_owned() };
        let facts = std::iter::once(settings).chain(facts()).collect();
        let text = serde_json::to_string_pretty(&Self { facts, tables });
        write(&path(mode), &(text.map_err(|error| error.to_string())? + "\n"))
    }

    /// What a mode last measured; `None` if it never did.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub(crate) fn load(mode: &str) -> Result<Option<Self>, String> {
        let path = path(mode);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&read(&path)?).map(Some).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn path(mode: &str) -> PathBuf {
    repository().join("bench/results").join(mode).with_extension("json")
}

/// The repository that this program was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// # Errors
/// If the file cannot be read.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// # Errors
/// If the file cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, text)).map_err(|error| format!("{}: {error}", path.display()))
}

fn facts() -> Vec<Fact> {
    let fact = |name: &str, value: Option<String>| {
        let value = value.unwrap_or_else(|| "unknown".to_owned());
        Fact { name: name.to_owned(), value }
    };
    let cores = std::thread::available_parallelism().map(|cores| cores.to_string()).ok();
    let mut facts = vec![
        fact("date", printed("date", &["-u", "+%F"])),
        fact("revision", printed("git", &["describe", "--always", "--dirty"])),
        fact("processor", in_file("/proc/cpuinfo", "model name")),
        fact("cores", cores),
        fact("memory", in_file("/proc/meminfo", "MemTotal")),
        fact("kernel", printed("uname", &["-sr"])),
        fact("rustc", printed("rustc", &["--version"])),
        fact("valgrind", printed("valgrind", &["--version"])),
        // It prints its version together with its usage, and fails.
        fact("wrk", printed("wrk", &["-v"]).and_then(|text| text.split(" [").next().map(str::to_owned))),
        fact("Redis", printed("redis-server", &["--version"])),
        // Their clients, which come with them: the servers are not on everybody's path.
        fact("PostgreSQL", printed("psql", &["--version"])),
        fact("MariaDB", printed("mariadb", &["--version"])),
    ];
    facts.extend(CRATES.map(|name| fact(name, locked(name))));
    facts
}

/// The first line that a program prints.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(repository()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned())
}

/// The value of the first line `name: value` of a file.
fn in_file(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// The version of a crate that this program was built with, or the one that links other peers. Of several, the newest.
fn locked(name: &str) -> Option<String> {
    in_lock(LOCK, name).or_else(|| in_lock(PEERS_LOCK, name))
}

const LOCK: &str = include_str!("../../Cargo.lock");
const PEERS_LOCK: &str = include_str!("../peers/Cargo.lock");

fn in_lock(lock: &str, name: &str) -> Option<String> {
    let start = format!("name = \"{name}\"\nversion = \"");
    let version = lock.rsplit_once(&start)?.1;
    version.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(CRATES.iter().all(|name| locked(name).is_some_and(|version| version.contains('.'))));
        assert_eq!(locked("no such crate"), None);
    }

    #[test]
    fn peers_are_measured_on_the_same_versions() {
        for name in ["axum", "axum-core", "hyper", "tokio", "tower", "http", "argon2"] {
            assert_eq!(in_lock(PEERS_LOCK, name), in_lock(LOCK, name), "{name}");
        }
    }
}
