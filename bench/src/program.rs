//! The programs of the benchmark: each starts the others, which lie in its folder.

use std::path::PathBuf;

const PEERS: &str = "cargo build --release --manifest-path bench/peers/Cargo.toml --target-dir target";

/// A program that can run sites. Each has a twin that counts allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Program {
    /// This one
    This,
    /// The one that links what this one cannot
    Peers,
}

impl Program {
    /// # Errors
    /// If it was not built.
    pub(crate) fn path(self) -> Result<PathBuf, String> {
        match self {
            Self::This => this_program(),
            Self::Peers => sibling("auth-bench-peers", PEERS),
        }
    }

    /// The one that counts allocations: it is built together with the other.
    ///
    /// # Errors
    /// If it was not built.
    pub(crate) fn counting(self) -> Result<PathBuf, String> {
        match self {
            Self::This => sibling("auth-bench-counting", "cargo build --release -p auth-bench"),
            Self::Peers => sibling("auth-bench-peers-counting", PEERS),
        }
    }
}

/// The path of the program that speaks to database servers.
///
/// # Errors
/// If it was not built.
pub(crate) fn program_with_servers() -> Result<PathBuf, String> {
    const NAME: &str = "auth-bench-servers";
    sibling(NAME, "cargo build --release -p auth-bench --features servers --bin auth-bench-servers")
}

/// Why a program cannot run a site.
pub(crate) fn without_peers() -> String {
    format!("this site is linked into a program of its own, auth-bench-peers: {PEERS}")
}

fn sibling(name: &str, build: &str) -> Result<PathBuf, String> {
    let program = this_program()?.with_file_name(name);
    if program.exists() { Ok(program) } else { Err(format!("{} is missing: {build}", program.display())) }
}

/// The path of this program, to run it again.
///
/// # Errors
/// If the system does not tell.
pub(crate) fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("where is this program? {error}"))
}
