//! Finds modules and files of a crate that need each other in a circle.
//!
//! ```sh
//! knots CRATE LIST          the figures in a line; fails if there is a knot that the list does not allow
//! knots CRATE LIST --all    what closes the allowed ones, too
//! ```
//!
//! An arrow leads from where a name is used to where it is *defined*: `use crate::Auth` needs `auth.rs`, though
//! `lib.rs` hands it on, and `pub use` alone needs nothing. What only unit tests have does not count, nor does
//! documentation. Two limits: a method is not seen where its type is not named, and what a macro of this crate makes
//! of its tokens is not known.
//!
//! `cargo modules` does not serve: `--acyclic` stops at the first circle, counts modules of every depth as one kind,
//! knows no list of exceptions, and loads the whole workspace into rust-analyzer for minutes; here all is read and
//! told in a second.

mod allowed;
mod graph;
mod names;
mod needs;
mod source;
#[cfg(test)]
mod tests;
mod uses;

use std::path::Path;
use std::process::ExitCode;

use allowed::Allowed;
use needs::{Knot, Needs};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [name, list] => run(name, list, false),
        [name, list, "--all"] => run(name, list, true),
        _ => Err("usage: knots CRATE LIST [--all]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("knots: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &str, list: &str, all: bool) -> Result<(), String> {
    let needs = Needs::of(&Path::new(folder).join("src"))?;
    let text = std::fs::read_to_string(list).map_err(|why| format!("{list}: {why}"))?;
    let allowed = Allowed::parse(&text).map_err(|why| format!("{list}: {why}"))?;

    println!("{}", figures(folder, &needs));
    if all {
        print!("{}", allowed.tell(&needs));
    }
    let wrong = allowed.judge(&needs);
    if wrong.is_empty() { Ok(()) } else { Err(format!("{list}:\n{}", wrong.join("\n"))) }
}

fn figures(name: &str, needs: &Needs) -> String {
    let largest = |knots: Vec<Knot>| knots.first().map_or(0, Knot::len);
    format!(
        "{name}: {} modules, largest knot {}; {} files, largest knot {}",
        needs.modules.len(),
        largest(needs.module_knots()),
        needs.files.len(),
        largest(needs.file_knots()),
    )
}
