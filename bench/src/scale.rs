//! What grows, and with what: with sessions, threads, backends and kinds of credentials; and what requests look up.

mod cases;
mod cookies;
mod lookups;
mod memory;
mod site;
mod stores;
mod threads;

use clap::{Args, ValueEnum};

use crate::table::Table;

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts; results are not saved then
    #[arg(value_enum)]
    pub(crate) parts: Vec<Part>,
    /// How many sessions are held at once; peers hold at most 100000
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    sessions: Vec<usize>,
    /// How long each timed run takes, in milliseconds
    #[arg(long, default_value_t = 1000)]
    milliseconds: u64,
    /// How often each is timed; the tables show medians
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Counts instructions per session too, with valgrind (minutes)
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    instructions: bool,
}

impl Options {
    /// In words.
    pub(crate) fn settings(&self) -> String {
        format!("{} rounds of {} ms", self.rounds, self.milliseconds)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Memory for each session, and the time to resolve one.
    Memory,
    /// Two threads against one.
    Threads,
    /// Backends in a chain, schemes (needs valgrind).
    Chain,
    /// Look-ups per request.
    Lookups,
    /// Each operation of every store (needs `PostgreSQL`, `MariaDB` and Redis).
    Stores,
}

/// One child process of a part.
#[derive(clap::Subcommand)]
pub(crate) enum Child {
    #[command(name = "scale-sessions", hide = true)]
    Sessions(memory::Sessions),
    #[command(name = "scale-threads", hide = true)]
    Threads(threads::Threads),
    #[command(name = "scale-case", hide = true)]
    Case(cases::Requests),
    #[cfg(feature = "servers")]
    #[command(name = "scale-servers", hide = true)]
    Servers(stores::servers::Servers),
}

/// Measures the parts, one table each.
pub(crate) fn run(options: &Options) -> Result<Vec<Table>, String> {
    // What needs servers comes first: one that is missing is missed at once.
    let parts = [Part::Stores, Part::Memory, Part::Threads, Part::Chain, Part::Lookups];
    let wanted = parts.into_iter().filter(|part| options.parts.is_empty() || options.parts.contains(part));
    wanted
        .map(|part| match part {
            Part::Memory => memory::table(options),
            Part::Threads => threads::table(options),
            Part::Chain => cases::table(),
            Part::Lookups => lookups::table(),
            Part::Stores => stores::table(options),
        })
        .collect()
}

/// Does what a child process is for.
pub(crate) fn child(child: &Child) -> Result<(), String> {
    match child {
        Child::Sessions(options) => memory::child(options),
        Child::Threads(options) => threads::child(options),
        Child::Case(options) => cases::child(options),
        #[cfg(feature = "servers")]
        Child::Servers(options) => stores::servers::child(options),
    }
}
