//! What a request costs above the bare framework, in instructions and allocations.
//!
//! ```text
//! cargo run --release -p auth-bench               prints the table (needs valgrind)
//! cargo run --release -p auth-bench run CASE N    sends N requests of one case, for a profiler
//! ```
//!
//! Both figures are exact on any machine: instructions are callgrind's difference between N and 2 N requests,
//! divided by N; allocations are counted in process the same way. Callgrind runs SHA-256 in software, about 3,500
//! instructions a block, where a processor with SHA instructions takes 73 ns.

mod actix;
mod axum_site;
mod callgrind;
mod case;
mod child;
mod count;
mod flood;
mod ideal;
mod median;
mod peer;
mod person;
mod scale;
mod table;
mod users;

use std::process::ExitCode;

use case::Case;
use clap::{Parser, Subcommand};

/// What this library costs, beside its peers.
#[derive(Parser)]
#[command(name = "auth-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Real password hashes under many clients: logins, other pages meanwhile, memory.
    Flood(flood::Options),
    /// A server of the flood, until its standard input ends.
    #[command(hide = true)]
    FloodServe(flood::Serve),
    /// Sessions, threads, backends, kinds of credentials, look-ups: what grows, and with what.
    Scale(scale::Options),
    #[command(flatten)]
    ScaleChild(scale::Child),
    /// Sends requests of one case, for a profiler.
    #[command(hide = true)]
    Run { case: String, requests: usize },
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        None => count::table(),
        Some(Command::Flood(options)) => print(flood::run(&options)),
        Some(Command::FloodServe(serve)) => flood::serve(&serve),
        Some(Command::Scale(options)) => print(scale::run(&options)),
        Some(Command::ScaleChild(child)) => scale::child(&child),
        Some(Command::Run { case, requests }) => run(&case, requests),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("auth-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn print(tables: Result<Vec<table::Table>, String>) -> Result<(), String> {
    tables?.iter().for_each(|table| println!("{table}"));
    Ok(())
}

fn run(case: &str, requests: usize) -> Result<(), String> {
    let found = Case::ALL.iter().find(|known| known.name() == case);
    let case = found.ok_or_else(|| format!("there is no case {case}"))?;
    println!("{}", case.send(requests));
    Ok(())
}
