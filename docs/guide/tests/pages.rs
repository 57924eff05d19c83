//! What can be wrong with a page besides its code: that nobody compiles it, that no chapter leads to it, that a link leads
//! nowhere.

mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use markdown::{Block, Page};

/// Languages of blocks that are no Rust. A block of none is taken for Rust by rustdoc.
const LANGUAGES: &[&str] =
    &["console", "html", "ini", "json", "nginx", "python", "sh", "sql", "text", "toml"];

/// What may stand behind `rust`: all of it is compiled.
const ATTRIBUTES: &[&str] = &["no_run", "should_panic", "compile_fail"];

fn guide() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn repository() -> PathBuf {
    normal(&guide().join("../.."))
}

fn chapters() -> BTreeSet<String> {
    let summary = Page::read(&guide().join("src/SUMMARY.md"));
    summary.links.into_iter().collect()
}

fn pages_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let files = entries.map(|entry| entry.expect("it can be read").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "md")).collect()
}

/// A path without `..` in it, also of a file that is not there.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = normal.pop(),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn every_page_is_a_chapter_and_is_compiled() {
    let chapters = chapters();
    let names = pages_in(&guide().join("src")).into_iter();
    let names = names.map(|page| page.file_name().expect("a file").to_string_lossy().into_owned());
    let pages: BTreeSet<_> = names.filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(chapters, pages, "SUMMARY.md and the files beside it");

    let lib = fs::read_to_string(guide().join("lib.rs")).expect("lib.rs");
    let included = lib.lines().filter_map(|line| line.trim().strip_prefix("#[doc = include_str!(\"src/"));
    let included: BTreeSet<_> =
        included.filter_map(|line| line.strip_suffix("\")]")).map(String::from).collect();
    assert_eq!(chapters, included, "SUMMARY.md and lib.rs");
}

#[test]
fn every_block_of_rust_is_compiled() {
    let readme = [repository().join("README.md")];
    for path in pages_in(&guide().join("src")).into_iter().chain(readme) {
        for Block { language, line } in Page::read(&path).blocks {
            let mut words = language.split(',');
            let is_right = match words.next() {
                Some("rust") => words.all(|word| ATTRIBUTES.contains(&word)),
                Some(other) => LANGUAGES.contains(&other) && words.next().is_none(),
                None => false,
            };
            assert!(is_right, "{}:{line}: a block of {language:?}", path.display());
        }
    }
}

/// It says what this is and how to begin, and leads to the guide for the rest.
#[test]
fn the_readme_is_a_front_page() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README");
    assert!(
        readme.lines().count() <= 120,
        "{} lines: move some to a page of the guide",
        readme.lines().count()
    );
    for command in ["\ncargo run -p axum-demo -- --insecure-cookies ", "\nscripts/test "] {
        assert!(readme.contains(command), "{command}");
    }
    let links = Page::read(&repository().join("README.md")).links;
    for chapter in chapters() {
        assert!(links.contains(&format!("docs/guide/src/{chapter}")), "no link to {chapter}");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut files = vec![repository().join("README.md"), repository().join("ARCHITECTURE.md")];
    files.extend(["CONTRIBUTING.md", "SECURITY.md", "BENCHMARKS.md"].map(|name| repository().join(name)));
    files.extend(pages_in(&repository().join("docs")));
    files.extend(pages_in(&guide().join("src")));
    let dead: Vec<_> = files.iter().flat_map(|file| dead_links(file)).collect();
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

fn dead_links(file: &Path) -> Vec<String> {
    let page = Page::read(file);
    let is_dead = |link: &&String| why_dead(file, &page, link).is_some();
    let dead = page.links.iter().filter(is_dead);
    dead.map(|link| {
        format!("{}: {link}: {}", file.display(), why_dead(file, &page, link).unwrap_or_default())
    })
    .collect()
}

fn why_dead(file: &Path, page: &Page, link: &str) -> Option<&'static str> {
    if link.starts_with("https://") || link.starts_with("http://localhost") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = normal(&file.parent().expect("a file is in a folder").join(path));
    // What mdBook does not copy is not in the book.
    let (book, is_page) = (guide().join("src"), path.is_empty());
    if !is_page && file.starts_with(&book) && !target.starts_with(&book) {
        return Some("leads out of the book");
    }
    if !is_page && !target.exists() {
        return Some("no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let anchors = if is_page { page.anchors.clone() } else { Page::read(&target).anchors };
    (!anchors.contains(anchor)).then_some("no such heading")
}
