//! Texts in Rust sources.

use std::fs;
use std::path::{Path, PathBuf};

/// All files of Rust below a folder.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort_unstable();
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let each = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    files.into_iter().flat_map(each).filter(is_rust).collect()
}

/// What is said by `ConfigError::new("…")` and `ConfigError::new(format!("…"))`, outside tests.
pub(crate) fn config_errors(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let calls = source.split("ConfigError::new(").skip(1);
    let texts = calls.filter_map(|call| {
        let call = call.trim_start();
        let call = call.strip_prefix("format!(").unwrap_or(call).trim_start();
        literal(call.strip_prefix('"')?)
    });
    texts.map(|(text, _)| shown(&text)).filter(|text| text.contains(' ')).collect()
}

/// What the `Display` of a type says: its literals of more than a word.
pub(crate) fn display_texts(source: &str, name: &str) -> Vec<String> {
    let begin = source.find(&format!("impl fmt::Display for {name}")).expect("there is one");
    let block = source[begin..].split("\n}\n").next().unwrap_or_default();
    let mut texts = Vec::new();
    let mut rest = block;
    while let Some((_, after)) = rest.split_once('"') {
        let Some((text, after)) = literal(after) else { break };
        texts.push(shown(&text));
        rest = after;
    }
    texts.retain(|text| text.chars().filter(|c| c.is_alphabetic()).count() > 4);
    texts
}

/// A literal behind its first quote, and what follows it.
fn literal(source: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = source.chars();
    loop {
        match rest.next()? {
            '"' => return Some((text, rest.as_str())),
            '\\' => match rest.next()? {
                // A line that goes on.
                '\n' => rest = rest.as_str().trim_start().chars(),
                escaped => text.push(escaped),
            },
            c => text.push(c),
        }
    }
}

/// With `…` for each value.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        shown.push_str(before);
        shown.push('…');
        rest = after;
    }
    shown + rest
}
