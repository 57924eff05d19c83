//! The knots that may be there, each with its reason.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::graph::Graph;
use crate::needs::{Knot, Needs, told};

/// Files may need each other in a circle as long as a reader can keep all of them in mind.
const FILES: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Modules,
    Files,
}

/// The list, from a file: a line `modules: REASON` or `files: REASON`, and below it what is in the knot, indented and
/// each on a line of its own. Lines that begin with `#` are for people.
#[derive(Debug, Default)]
pub(crate) struct Allowed(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    kind: Kind,
    reason: String,
    knot: Knot,
}

impl Allowed {
    /// # Errors
    ///
    /// The line that is neither, or that lacks its reason.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut allowed = Self::default();
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        for line in lines {
            let member = line.starts_with(char::is_whitespace);
            match allowed.0.last_mut() {
                Some(entry) if member => _ = entry.knot.insert(line.trim().to_owned()),
                _ => allowed.0.push(Entry::parse(line)?),
            }
        }
        Ok(allowed)
    }

    /// Everything that is wrong; nothing if there is no knot but those of the list, and each of these.
    pub(crate) fn judge(&self, needs: &Needs) -> Vec<String> {
        let knots = judged(needs);
        let missing = self.0.iter().filter(|entry| !knots.contains(&(entry.kind, entry.knot.clone())));
        let new = knots.iter().filter(|(kind, knot)| !self.0.iter().any(|entry| entry.is(*kind, knot)));
        let new = new.map(|(kind, knot)| not_allowed(*kind, knot, needs));
        new.chain(missing.map(no_longer)).collect()
    }

    /// What opens each of the allowed knots.
    pub(crate) fn tell(&self, needs: &Needs) -> String {
        let known = judged(needs);
        let listed = self.0.iter().filter(|entry| known.contains(&(entry.kind, entry.knot.clone())));
        let told = listed.map(|Entry { kind, knot, reason }| {
            let closing = told(&kind.graph(needs).closing(knot));
            format!("{} {kind}, allowed ({reason}), closed by:\n{closing}", knot.len())
        });
        told.collect::<Vec<_>>().concat()
    }
}

impl Entry {
    fn parse(line: &str) -> Result<Self, String> {
        let kinds = [("modules:", Kind::Modules), ("files:", Kind::Files)];
        let found = kinds.iter().find_map(|(word, kind)| Some((*kind, line.strip_prefix(word)?.trim())));
        match found {
            Some((kind, reason)) if !reason.is_empty() => {
                Ok(Self { kind, reason: reason.to_owned(), knot: BTreeSet::new() })
            }
            _ => Err(format!("`{line}` is not `modules: REASON` or `files: REASON`, nor indented below one")),
        }
    }

    fn is(&self, kind: Kind, knot: &Knot) -> bool {
        self.kind == kind && self.knot == *knot
    }
}

/// All knots that need a reason.
fn judged(needs: &Needs) -> Vec<(Kind, Knot)> {
    let modules = needs.module_knots().into_iter().map(|knot| (Kind::Modules, knot));
    let files = needs.file_knots().into_iter().filter(|knot| knot.len() > FILES);
    modules.chain(files.map(|knot| (Kind::Files, knot))).collect()
}

impl Kind {
    fn graph(self, needs: &Needs) -> &Graph {
        match self {
            Self::Modules => &needs.modules,
            Self::Files => &needs.files,
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modules => "modules",
            Self::Files => "files",
        })
    }
}

fn not_allowed(kind: Kind, knot: &Knot, needs: &Needs) -> String {
    format!(
        "{} {kind} need each other in a circle. It is open without:\n{}\
         Move what is named to where both sides may need it. If it has to stay, the list needs this, with the reason:\n{}",
        knot.len(),
        told(&kind.graph(needs).closing(knot)),
        entry(kind, "REASON", knot),
    )
}

fn no_longer(Entry { kind, reason, knot }: &Entry) -> String {
    format!(
        "The list allows a knot that is no longer there, or not with the same {kind}. Remove it:\n{}",
        entry(*kind, reason, knot)
    )
}

/// As it stands in the list.
fn entry(kind: Kind, reason: &str, knot: &Knot) -> String {
    let members: Vec<_> = knot.iter().map(|member| format!("    {member}\n")).collect();
    format!("{kind}: {reason}\n{}", members.concat())
}
