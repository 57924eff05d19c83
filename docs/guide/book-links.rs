//! Follows the links of the book that mdBook built: `cargo run -p guide --bin book-links target/guide`. Those that leave the book are
//! not followed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// The names by which a page can be linked to, and where it links.
struct Page {
    anchors: Vec<String>,
    links: Vec<String>,
}

fn main() -> io::Result<ExitCode> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/guide".into()));
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let html = fs::read_to_string(&path)?;
            pages.insert(path, Page { anchors: values(&html, "id"), links: links(&html) });
        }
    }
    let mut dead = 0;
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| !leads_somewhere(link, path, &pages)) {
            eprintln!("guide: {}: {link} leads nowhere", path.display());
            dead += 1;
        }
    }
    let all: usize = pages.values().map(|page| page.links.len()).sum();
    println!("guide: {} pages, {all} links, {dead} of them dead", pages.len());
    Ok(if dead == 0 && !pages.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn links(html: &str) -> Vec<String> {
    ["href", "src", "srcset"].iter().flat_map(|name| values(html, name)).collect()
}

/// The values of an attribute, in tags only: text may show some HTML.
fn values(html: &str, name: &str) -> Vec<String> {
    let attribute = format!(" {name}=\"");
    let tags = html.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    let value = |tag: &str| Some(tag.split_once(&attribute)?.1.split('"').next()?.replace("&amp;", "&"));
    tags.filter_map(value).collect()
}

fn leads_somewhere(link: &str, from: &Path, pages: &BTreeMap<PathBuf, Page>) -> bool {
    if link.contains(':') {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { from.to_owned() } else { from.with_file_name(path) };
    match pages.get(&target) {
        Some(page) => anchor.is_empty() || page.anchors.iter().any(|known| known == anchor),
        None => target.exists(),
    }
}
