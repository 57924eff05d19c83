//! What is code in the tables of a page.

use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The code in a column of all tables, with 0 for the first.
pub(crate) fn code_in_column(path: &Path, column: usize) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut found, mut cell) = (Vec::new(), usize::MAX);
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableRow) => cell = 0,
            Event::End(TagEnd::TableCell) => cell = cell.saturating_add(1),
            Event::End(TagEnd::Table) => cell = usize::MAX,
            Event::Code(code) if cell == column => found.push(code.into_string()),
            _ => {}
        }
    }
    found
}
