//! What authentication costs, compared with other libraries. `BENCHMARKS.md` says what the figures mean;
//! `scripts/bench` installs what is needed and makes them all.
//!
//! ```text
//! cargo build --release -p auth-bench
//! target/release/auth-bench cost                    every case; or some: cost axum-ours me
//! target/release/auth-bench load --seconds 2        over loopback, with wrk
//! target/release/auth-bench scale threads           what grows, or some parts of it
//! target/release/auth-bench flood --rounds 1 axum   many logins at once, with real hashes
//! target/release/auth-bench timing                  whether refused logins can be told apart by the clock
//! target/release/auth-bench report                  writes the tables into BENCHMARKS.md
//! target/release/auth-bench run axum-ours me 500    sends requests of one case, for a profiler
//! ```
//!
//! There are more programs of the same code: one has an allocator that counts; one, which `scale stores` needs, the
//! drivers of database servers; and two of a package of their own run sites of other peers for `cost` and `load`:
//!
//! ```text
//! cargo build --release -p auth-bench --features servers --bin auth-bench-servers
//! cargo build --release --manifest-path bench/peers/Cargo.toml --target-dir target
//! ```

mod ask;
mod callgrind;
mod chart;
mod child;
mod cost;
mod drive;
mod flood;
mod load;
mod peers;
mod person;
mod program;
mod report;
mod results;
mod scale;
mod serve;
mod server;
mod sites;
mod table;
mod timing;
mod wrk;

use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use ask::Ask;
use peers::Linked;
use results::Results;
use sites::{Place, Site};
use table::Table;
use test_servers::Redis;

#[doc(hidden)]
pub use peers::{MakingRouter, Peer};
#[doc(hidden)]
pub use sites::{ALICE, AUDIENCE, ISSUER, PASSWORD, PeerUser, PeerUsers, Signed};

/// What authentication costs, compared with other libraries.
#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Instructions, allocations and bytes per request, in process (needs valgrind and redis-server)
    Cost(cost::Options),
    /// Requests per second and processor time over loopback (needs wrk and redis-server)
    Load(load::Options),
    /// What grows, and with what: sessions, stores, threads, backends, schemes; and look-ups (needs valgrind and servers)
    Scale(scale::Options),
    /// Many logins at once with real hashes: how many, how other pages fare, memory
    Flood(flood::Options),
    /// Whether the time of a refused login tells whom it was for (Welch's t-test; saves nothing)
    Timing(timing::Options),
    /// Writes the tables of the last results into BENCHMARKS.md, and draws docs/benchmarks.svg
    Report,
    /// All of these, one after the other, with their defaults
    All,
    #[command(flatten)]
    Case(Case),
    #[command(flatten)]
    ScaleChild(scale::Child),
    /// Serves a site for the flood until standard input ends
    #[command(hide = true)]
    FloodServe(flood::Serve),
}

/// Other peers' sites, and the bare framework beside them, for `cost` and `load` of `auth-bench`.
#[derive(Parser)]
struct PeersArguments {
    #[command(subcommand)]
    case: Case,
}

/// What `cost` and `load` ask of a program.
#[derive(Subcommand)]
enum Case {
    /// Sends requests of one case and prints how often it allocated, and how many bytes
    #[command(hide = true)]
    Run {
        site: Site,
        ask: Ask,
        requests: usize,
        #[arg(long)]
        redis: Option<String>,
    },
    /// Serves one site until standard input ends
    #[command(hide = true)]
    Serve {
        site: Site,
        #[arg(long, default_value_t = 1)]
        workers: usize,
        #[arg(long)]
        redis: Option<String>,
    },
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    ended(run(Arguments::parse().mode))
}

/// The same in the program that links other peers, and makes their sites: `cost` and `load` start it.
#[doc(hidden)]
pub fn main_with_peers(router: fn(Peer) -> MakingRouter) -> ExitCode {
    ended(run_case(PeersArguments::parse().case, Some(router)))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("auth-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode) -> Result<(), String> {
    match mode {
        Mode::Cost(options) => {
            done("cost", options.filter.is_empty(), &options.settings(), cost::run(&options)?)
        }
        Mode::Load(options) => {
            done("load", options.only.is_empty(), &options.settings(), load::run(&options)?)
        }
        Mode::Scale(options) => {
            done("scale", options.parts.is_empty(), &options.settings(), scale::run(&options)?)
        }
        Mode::ScaleChild(child) => scale::child(&child),
        Mode::Flood(options) => {
            done("flood", options.sites.is_empty(), &options.settings(), flood::run(&options)?)
        }
        Mode::Timing(options) => timing::run(&options),
        Mode::FloodServe(serve) => flood::serve(&serve),
        Mode::Report => report::run(),
        Mode::All => all(),
        Mode::Case(case) => run_case(case, None),
    }
}

fn run_case(case: Case, linked: Option<Linked>) -> Result<(), String> {
    match case {
        Case::Run { site, ask, requests, redis } => {
            let allocated = with_place(site, redis, linked, |place| drive::send(site, ask, requests, place))?;
            println!("{} {}", allocated.times, allocated.bytes);
            Ok(())
        }
        Case::Serve { site, workers, redis } => {
            with_place(site, redis, linked, |place| serve::run(site, workers, place))
        }
    }
}

/// Every measuring mode as its own command: what one leaves in memory does not disturb the next.
fn all() -> Result<(), String> {
    let program = program::this_program()?;
    for mode in report::MODES.iter().copied().chain(["report"]) {
        let ended = Command::new(&program).arg(mode).status().map_err(|error| error.to_string())?;
        if !ended.success() {
            return Err(format!("{mode} failed"));
        }
    }
    Ok(())
}

/// Prints tables, and saves them if they are whole.
fn done(mode: &str, whole: bool, settings: &str, tables: Vec<Table>) -> Result<(), String> {
    for table in &tables {
        println!("### {}\n\n{table}", table.name);
    }
    if whole { Results::save(mode, settings, tables) } else { Ok(()) }
}

/// Does something where a site finds its database, and its Redis server if it needs one.
fn with_place<T>(
    site: Site,
    redis: Option<String>,
    linked: Option<Linked>,
    work: impl FnOnce(&Place) -> Result<T, String>,
) -> Result<T, String> {
    let own = if redis.is_none() && site.needs_redis() { Some(start_redis()) } else { None };
    work(&Place::new(redis.or_else(|| own.as_ref().map(Redis::url)), linked)?)
}

/// A Redis server of the benchmark's own, which keeps nothing on disk.
///
/// # Panics
/// If it is not installed, or does not start.
fn start_redis() -> Redis {
    Redis::new().with("appendonly", "no").start()
}
