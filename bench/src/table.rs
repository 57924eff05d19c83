//! Tables of results: printed as Markdown, kept as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A table. `name` is its place in `BENCHMARKS.md`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new<const N: usize>(name: &str, columns: [&str; N]) -> Self {
        Self { name: name.to_owned(), columns: columns.map(str::to_owned).into(), rows: Vec::new() }
    }

    /// Adds a row, with a cell for each column.
    pub(crate) fn push<const N: usize>(&mut self, row: [String; N]) {
        debug_assert_eq!(self.columns.len(), N, "a cell for each column of {}", self.name);
        self.rows.push(row.into());
    }
}

/// As Markdown.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "None.");
        }
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "--:|".repeat(self.columns.len().saturating_sub(1)))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// A whole number with its thousands apart: `12,345`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let (head, tail) = digits.split_at(digits.len() % 3);
    let tail = tail.as_bytes().chunks(3).map(|three| String::from_utf8_lossy(three).into_owned());
    Some(head.to_owned())
        .into_iter()
        .filter(|head| !head.is_empty())
        .chain(tail)
        .collect::<Vec<_>>()
        .join(",")
}

/// The same with its sign: `+12,345`.
pub(crate) fn difference(value: i64) -> String {
    let sign = if value < 0 { '−' } else { '+' };
    format!("{sign}{}", number(value.unsigned_abs()))
}

/// What [`number`] or [`difference`] wrote.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.trim_start_matches('+').replace('−', "-").replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back() {
        for (value, text) in [(0, "+0"), (999, "+999"), (1000, "+1,000"), (-1_234_567, "−1,234,567")] {
            assert_eq!(difference(value), text);
            assert_eq!(parse(text), Some(value));
        }
        assert_eq!(number(100_000), "100,000");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("t", ["site", "cost"]);
        assert_eq!(table.to_string(), "None.\n");
        table.push(["a".into(), "1".into()]);
        assert_eq!(table.to_string(), "| site | cost |\n|---|--:|\n| a | 1 |\n");
    }
}
