//! The tests that the security checklist names are there.

mod cells;

use std::fs;
use std::path::Path;

use cells::code_in_column;

/// The column "shown by".
const SHOWN_BY: usize = 4;

/// Where there are tests.
const FOLDERS: [&str; 7] =
    ["auth-core", "auth-jws", "auth-tower", "auth-actix", "auth-admin", "backends", "tests"];

fn add_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            add_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *sources +=
                &fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

#[test]
fn named_tests_are_there() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in FOLDERS {
        add_sources(&guide.join("../..").join(folder), &mut sources);
    }
    let named = code_in_column(&guide.join("src/security-checklist.md"), SHOWN_BY);
    assert!(named.len() > 30, "the column has moved: {named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
