//! Whatever a user can be told is on the page "Troubleshooting", in the same words.

mod sources;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use sources::{config_errors, display_texts, rust_files};

const BEGIN: &str = "<!-- Written by BLESS=1 cargo test -p guide --test troubleshooting -->\n";
const END: &str = "<!-- end -->";

/// Where configurations are refused.
const CRATES: [&str; 9] = [
    "auth-core",
    "backends/auth-http",
    "backends/auth-jwt",
    "backends/auth-ldap",
    "backends/auth-passkeys",
    "backends/auth-redis",
    "backends/auth-sql",
    "auth-tower",
    "auth-actix",
];

/// Types whose `Display` reaches a log or a page.
const TOLD: [(&str, &str); 7] = [
    ("auth-core/src/session/error.rs", "ResolveError"),
    ("auth-core/src/session/error.rs", "SessionError"),
    ("auth-core/src/error.rs", "BackendError"),
    ("auth-core/src/event.rs", "EventKind"),
    ("auth-core/src/http/handler_error.rs", "HandlerError"),
    ("backends/auth-sql/src/users/error.rs", "UserError"),
    ("backends/auth-sql/src/error.rs", "DbError"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> PathBuf {
    repository().join("docs/guide/src/troubleshooting.md")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The errors of the configuration, a block for each crate.
fn section() -> String {
    CRATES.iter().fold(String::new(), |mut section, folder| {
        let files = rust_files(&repository().join(folder).join("src"));
        let mut texts: Vec<_> = files.iter().flat_map(|file| config_errors(&read(file))).collect();
        texts.sort_unstable();
        texts.dedup();
        if !texts.is_empty() {
            let name = folder.rsplit('/').next().expect("a name");
            write!(section, "\n`{name}`:\n\n```text\n{}\n```\n", texts.join("\n")).expect("into memory");
        }
        section
    })
}

#[test]
fn every_error_of_the_configuration_is_there() {
    let text = read(&page());
    let (before, rest) = text.split_once(BEGIN).expect("the page says where it begins");
    let (written, after) = rest.split_once(END).expect("and where it ends");
    let expected = format!("{}\n", section());
    if std::env::var_os("BLESS").is_some() {
        fs::write(page(), format!("{before}{BEGIN}{expected}{END}{after}")).expect("the page can be written");
        return;
    }
    assert_eq!(written, expected, "texts have changed: BLESS=1 cargo test -p guide --test troubleshooting");
}

/// The parts between values, which are what somebody searches for.
#[test]
fn every_other_text_is_there() {
    let page = read(&page()).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut missing = Vec::new();
    for (file, name) in TOLD {
        let texts = display_texts(&read(&repository().join(file)), name);
        let is_missing =
            |text: &String| !text.split('…').all(|part| page.contains(part.trim_matches([':', ' '])));
        missing.extend(texts.into_iter().filter(is_missing));
    }
    assert!(missing.is_empty(), "not on the page: {missing:#?}");
}
