//! The messages on a page: what is code in the first cells of its tables.

use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

pub(crate) fn first_cells(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut messages, mut cell) = (Vec::new(), usize::MAX);
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableRow) => cell = 0,
            Event::End(TagEnd::TableCell) => cell = cell.saturating_add(1),
            Event::End(TagEnd::Table) => cell = usize::MAX,
            Event::Code(message) if cell == 0 => messages.push(message.into_string()),
            _ => {}
        }
    }
    messages
}
