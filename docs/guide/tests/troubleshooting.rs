//! Whatever somebody can be told is on the page "Troubleshooting", in the same words.

mod cells;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use cells::code_in_column;
use sources::{display_texts, texts, variants};

/// Where texts are.
const CRATES: [&str; 12] = [
    "auth-core",
    "auth-json",
    "auth-jws",
    "auth-tower",
    "auth-actix",
    "auth-admin",
    "backends/auth-http",
    "backends/auth-jwt",
    "backends/auth-ldap",
    "backends/auth-passkeys",
    "backends/auth-redis",
    "backends/auth-sql",
];

/// Types whose `Display` is short, in part.
const SHORT: [(&str, &str); 1] = [("auth-core/src/event.rs", "EventKind")];

/// Enums that a log or a program shows by the names of their variants.
const KINDS: [(&str, &str); 12] = [
    ("auth-core/src/denied.rs", "DeniedKind"),
    ("auth-core/src/outcome.rs", "DenyReason"),
    ("auth-core/src/event.rs", "EventKind"),
    ("auth-core/src/event.rs", "SessionEnd"),
    ("auth-core/src/event.rs", "NotJudged"),
    ("auth-core/src/event.rs", "CodeRefusal"),
    ("auth-core/src/session/error.rs", "SessionErrorKind"),
    ("auth-core/src/error.rs", "BackendErrorKind"),
    ("auth-core/src/store_error.rs", "StoreErrorKind"),
    ("auth-core/src/factor_error.rs", "FactorErrorKind"),
    ("backends/auth-sql/src/users/error.rs", "UserErrorKind"),
    ("auth-core/src/password/policy.rs", "Weakness"),
];

/// What begins so is SQL, a name of a key, or help for a command.
const NO_MESSAGES: [&str; 19] = [
    "(? ",
    "; Path=",
    "ALTER ",
    "CASE ",
    "CREATE ",
    "Create users with",
    "DELETE ",
    "Exit codes:",
    "GRANT ",
    "INSERT ",
    "SELECT ",
    "Show what logins",
    "UPDATE ",
    "WHERE ",
    "WITH ",
    "auth-core 2026",
    "auth-core: ",
    "auth-sql 2026",
    "… WHERE ",
];

/// What a program says when all is well, and parts of what is on the page as a whole.
const FINE: &str = include_str!("sources/fine.txt");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> PathBuf {
    repository().join("docs/guide/src/troubleshooting.md")
}

/// What has to be on the page, and from which file.
fn told() -> BTreeMap<String, PathBuf> {
    let repository = repository();
    let mut told: BTreeMap<_, _> =
        CRATES.iter().flat_map(|name| texts(&repository.join(name).join("src"))).collect();
    for (file, name) in SHORT {
        let path = repository.join(file);
        told.extend(display_texts(&path, name).into_iter().map(|text| (text, path.clone())));
    }
    let is_fine = |text: &str| FINE.lines().any(|line| line == text);
    told.retain(|text, _| !is_fine(text) && !NO_MESSAGES.iter().any(|start| text.starts_with(start)));
    told.retain(|text, _| !text.contains("Sec-Fetch-Dest,"));
    told
}

/// What is there.
fn on_the_page() -> BTreeSet<String> {
    code_in_column(&page(), 0)
        .into_iter()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn every_text_is_there_and_no_other() {
    let (told, there) = (told(), on_the_page());
    let missing: Vec<_> = told.keys().filter(|text| !there.contains(*text)).collect();
    let is_text = |text: &&String| text.split_whitespace().count() > 2 && !told.contains_key(*text);
    let stale: Vec<_> = there.iter().filter(is_text).collect();
    if std::env::var_os("BLESS").is_some() {
        return follow(&missing, &stale);
    }
    let mut report = String::new();
    for text in &missing {
        let file = told[*text].strip_prefix(repository()).expect("it is in there").display();
        writeln!(report, "not on the page: {text}\n    of {file}").expect("into memory");
    }
    for text in &stale {
        writeln!(report, "in no source: {text}").expect("into memory");
    }
    assert!(
        report.is_empty(),
        "\n{report}\nTexts that changed: BLESS=1 cargo test -p guide --test troubleshooting. New ones: write a row."
    );
}

#[test]
fn every_kind_is_there() {
    let there = fs::read_to_string(page()).expect("the page");
    let kinds = KINDS.iter().flat_map(|(file, name)| variants(&repository().join(file), name));
    let missing: Vec<_> = kinds.filter(|kind| !there.contains(&format!("`{kind}`"))).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

/// Puts texts in the place of those that they were before.
fn follow(missing: &[&String], stale: &[&String]) {
    let mut page_text = fs::read_to_string(page()).expect("the page");
    for old in stale {
        let alike = |text: &&&String| likeness(old, text);
        let Some(new) = missing.iter().max_by_key(alike).filter(|text| likeness(old, text) > 50) else {
            continue;
        };
        page_text = page_text.replace(old.as_str(), new);
    }
    fs::write(page(), page_text).expect("the page can be written");
}

/// How many of the words of two texts are the same, in percent.
fn likeness(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|text| text.split_whitespace().collect::<BTreeSet<_>>());
    100 * one.intersection(&other).count() / one.union(&other).count().max(1)
}
