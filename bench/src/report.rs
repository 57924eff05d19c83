//! Puts the results into `BENCHMARKS.md`, and draws the chart.

use std::fmt::Write;

use crate::chart;
use crate::results::{Fact, Results, read, repository, write};
use crate::table::Table;

/// The modes whose results are put together.
pub(crate) const MODES: [&str; 4] = ["cost", "load", "scale", "flood"];

/// Rewrites each table of the latest results between its marks, `<!-- table: NAME -->` and `<!-- end -->`.
///
/// # Errors
/// If a file cannot be read or written, or a table has no place.
pub(crate) fn run() -> Result<(), String> {
    let path = repository().join("BENCHMARKS.md");
    let mut text = read(&path)?;
    let mut facts = Vec::new();
    for mode in MODES {
        let Some(results) = Results::load(mode)? else { continue };
        for table in &results.tables {
            text = splice(&text, &table.name, &table.to_string())?;
        }
        if mode == "cost" {
            write(&repository().join("docs/benchmarks.svg"), &chart::draw(&results.tables)?)?;
        }
        facts.push((mode, results.facts));
    }
    text = splice(&text, "machine", &machine(&facts).to_string())?;
    write(&path, &text)
}

/// Replaces what stands between a table's marks.
fn splice(text: &str, name: &str, table: &str) -> Result<String, String> {
    let mark = format!("<!-- table: {name} -->\n");
    let parts =
        text.split_once(&mark).and_then(|(head, rest)| Some((head, rest.split_once("<!-- end -->")?.1)));
    let (head, tail) = parts.ok_or_else(|| format!("BENCHMARKS.md has no place for the table {name}"))?;
    Ok(format!("{head}{mark}\n{table}\n<!-- end -->{tail}"))
}

/// Under which conditions the figures were made. Where modes differ, each is told.
fn machine(modes: &[(&str, Vec<Fact>)]) -> Table {
    let mut table = Table::new("machine", ["", ""]);
    for (mode, Fact { name, value }) in
        modes.iter().flat_map(|(mode, facts)| facts.iter().map(move |fact| (mode, fact)))
    {
        match table.rows.iter_mut().find(|row| row[0] == *name) {
            None => table.push([name.clone(), value.clone()]),
            Some(row) if row[1] == *value => {}
            // A `String` takes all that is written to it.
            Some(row) => _ = write!(row[1], "; {mode}: {value}"),
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_replaced_and_nothing_else() {
        let text = "a\n<!-- table: t -->\n\nold\n\n<!-- end -->\nb\n<!-- table: u -->\n<!-- end -->\n";
        let once = splice(text, "t", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- table: t -->\n\nnew\n\n<!-- end -->\nb\n<!-- table: u -->\n<!-- end -->\n");
        assert_eq!(splice(&once, "t", "new\n").unwrap(), once);
        assert!(splice(text, "v", "new").is_err());
    }

    #[test]
    fn conditions_that_differ_are_told() {
        let facts = |value: &str| vec![Fact { name: "kernel".into(), value: value.into() }];
        let table = machine(&[("cost", facts("1")), ("load", facts("1")), ("scale", facts("2"))]);
        assert_eq!(table.rows, [["kernel", "1; scale: 2"]]);
    }
}
