//! The first command of the README: it compiles what the demo needs by itself, and no more.

use std::env;
use std::process::Command;

/// A crate more or less is no matter; a driver brings dozens. Eighty are what verifies passkeys.
const MOST: usize = 310;

#[test]
fn the_demos_are_built_with_sqlite_alone() {
    for demo in ["axum-demo", "actix-demo"] {
        let crates = crates_of(demo);
        for heavy in ["sqlx-mysql", "sqlx-postgres", "redis", "rustls", "ring", "reqwest", "regex-automata"] {
            assert!(!crates.iter().any(|name| name == heavy), "{demo} compiles {heavy}");
        }
        assert!(crates.iter().any(|name| name == "sqlx-sqlite"), "{demo}: {crates:?}");
        assert!(crates.len() <= MOST, "{demo} compiles {} crates: {crates:?}", crates.len());
    }
}

/// The crates that are compiled for a program, with its default features.
fn crates_of(program: &str) -> Vec<String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none"]);
    let tree = cargo.args(["--format", "{p}", "--package", program]).output().expect("cargo can be started");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    let mut lines: Vec<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.iter().filter_map(|line| line.split(' ').next()).map(Into::into).collect()
}
