//! What a page of Markdown has: blocks of code, links, headings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A block of code.
pub(crate) struct Block {
    /// What stands behind its fence; nothing for one that is only indented.
    pub(crate) language: String,
    pub(crate) line: usize,
}

#[derive(Default)]
pub(crate) struct Page {
    pub(crate) blocks: Vec<Block>,
    /// Of links and pictures, also those in HTML.
    pub(crate) links: Vec<String>,
    /// What can stand behind a `#`.
    pub(crate) anchors: BTreeSet<String>,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
        for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let line = text[..range.start].lines().count() + 1;
                    page.blocks.push(Block { language: language(&kind), line });
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => page.links.extend(sources(&html)),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|text| anchor(&text)));
                }
                Event::Text(part) | Event::Code(part) => {
                    if let Some(text) = &mut heading {
                        text.push_str(&part);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

fn language(kind: &CodeBlockKind<'_>) -> String {
    match kind {
        CodeBlockKind::Fenced(language) => language.to_string(),
        CodeBlockKind::Indented => String::new(),
    }
}

/// Where pictures and links in HTML lead.
fn sources(html: &str) -> impl Iterator<Item = String> {
    let quoted = |name| html.split(name).skip(1).filter_map(|rest| rest.split('"').next()).map(String::from);
    quoted("src=\"").chain(quoted("srcset=\"")).chain(quoted("href=\""))
}

/// As GitHub and mdBook make it of a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim().to_lowercase();
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}
