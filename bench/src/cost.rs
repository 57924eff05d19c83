//! What a request costs, in process: instructions, allocations and bytes.
//!
//! All three are differences between N and 2 N requests, divided by N: what happens once falls out. Instructions
//! are those that callgrind counts on all threads of the process, hash threads and database threads included;
//! what a Redis server does is not among them. Callgrind runs SHA-256 in software, about 3,500 instructions a
//! block, where a processor with SHA instructions takes 73 ns.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};

use clap::ValueEnum;

use crate::ask::Ask;
use crate::callgrind;
use crate::sites::Site;
use crate::table::{Table, difference, number};

/// How many times as many requests are sent where a database takes part: there, what happens once is not quite the
/// same in every run.
const STORED: u32 = 4;

/// Which cases are measured, and how exactly.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only sites and requests with all of these in their names, as `axum-ours me`; results are not saved then
    pub(crate) filter: Vec<String>,
    /// How many requests are sent, and then twice as many
    #[arg(long, default_value_t = 500)]
    pub(crate) requests: u32,
}

impl Options {
    /// In words.
    pub(crate) fn settings(&self) -> String {
        let requests = self.requests;
        let (twice, stored) = (2 * requests, STORED * requests);
        format!(
            "difference of {requests} and {twice} requests; with a database, of {stored} and {}",
            2 * stored
        )
    }
}

/// What one request costs.
#[derive(Clone, Copy)]
struct Cost {
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

/// The tables of all requests, and one of what peers do at less cost than ours.
///
/// # Errors
/// If a case cannot be run.
pub(crate) fn run(options: &Options) -> Result<Vec<Table>, String> {
    let redis = crate::start_redis();
    let mut meter = Meter { redis: redis.url(), requests: options.requests, known: HashMap::new() };
    let mut behind = Table::new("behind", ["request", "peer", "its cost", "ours"]);
    let mut tables = Vec::new();
    for ask in Ask::value_variants() {
        let sites = Site::value_variants().iter().copied();
        let sites: Vec<_> = sites.filter(|site| ask.suits(*site) && wanted(options, *site, *ask)).collect();
        if !sites.iter().any(|site| !site.is_bare()) {
            continue;
        }
        tables.push(table(&mut meter, *ask, &sites)?);
        for peer in sites {
            compare(&mut meter, &mut behind, *ask, peer)?;
        }
    }
    tables.push(behind);
    Ok(tables)
}

fn wanted(options: &Options, site: Site, ask: Ask) -> bool {
    let name = format!("{} {}", site.name(), ask.name());
    options.filter.iter().all(|part| name.split(' ').any(|word| word == part))
}

fn table(meter: &mut Meter, ask: Ask, sites: &[Site]) -> Result<Table, String> {
    let columns = ["site", "instructions", "above bare", "allocations", "above bare", "bytes", "above bare"];
    let mut table = Table::new(&ask.name(), columns);
    for site in sites {
        let (cost, floor) = (meter.cost(*site, ask)?, meter.cost(site.bare(), ask)?);
        eprintln!("{} {}: {}", site.name(), ask.name(), number(cost.instructions));
        let above = |cost: u64, floor: u64| if site.is_bare() { String::new() } else { above(cost, floor) };
        table.push([
            site.label().to_owned(),
            number(cost.instructions),
            above(cost.instructions, floor.instructions),
            number(cost.allocations),
            above(cost.allocations, floor.allocations),
            number(cost.bytes),
            above(cost.bytes, floor.bytes),
        ]);
    }
    Ok(table)
}

fn above(cost: u64, floor: u64) -> String {
    difference(cost.cast_signed() - floor.cast_signed())
}

/// Adds a row if a peer costs less than the site of ours that does the same.
fn compare(meter: &mut Meter, behind: &mut Table, ask: Ask, peer: Site) -> Result<(), String> {
    let Some(ours) = peer.ours().filter(|ours| ask.suits(*ours)) else { return Ok(()) };
    let (theirs, ours) = (meter.cost(peer, ask)?, meter.cost(ours, ask)?);
    let floor = meter.cost(peer.bare(), ask)?;
    let figures = [
        ("instructions", theirs.instructions, ours.instructions, floor.instructions),
        ("allocations", theirs.allocations, ours.allocations, floor.allocations),
        ("bytes", theirs.bytes, ours.bytes, floor.bytes),
    ];
    let less: Vec<_> = figures.into_iter().filter(|(_, theirs, ours, _)| theirs < ours).collect();
    if !less.is_empty() {
        let theirs = less.iter().map(|(unit, theirs, _, floor)| format!("{} {unit}", above(*theirs, *floor)));
        let ours = less.iter().map(|(unit, _, ours, floor)| format!("{} {unit}", above(*ours, *floor)));
        let [theirs, ours] = [theirs.collect::<Vec<_>>(), ours.collect()].map(|figures| figures.join(", "));
        behind.push([ask.label(), peer.label().to_owned(), theirs, ours]);
    }
    Ok(())
}

/// Measures each case once.
struct Meter {
    redis: String,
    requests: u32,
    known: HashMap<(Site, Ask), Cost>,
}

impl Meter {
    fn cost(&mut self, site: Site, ask: Ask) -> Result<Cost, String> {
        if let Some(cost) = self.known.get(&(site, ask)) {
            return Ok(*cost);
        }
        let requests = if site.is_stored() { STORED * self.requests } else { self.requests };
        let (once, twice) = (self.total(site, ask, requests)?, self.total(site, ask, 2 * requests)?);
        let each = |once: u64, twice: u64| {
            // Rounded: a table that grows once in a thousand requests is no allocation of each.
            (twice.saturating_sub(once) + u64::from(requests / 2)) / u64::from(requests)
        };
        let cost = Cost {
            instructions: each(once.instructions, twice.instructions),
            allocations: each(once.allocations, twice.allocations),
            bytes: each(once.bytes, twice.bytes),
        };
        self.known.insert((site, ask), cost);
        Ok(cost)
    }

    /// Runs this program under callgrind for the instructions, and the one that counts for the rest.
    fn total(&self, site: Site, ask: Ask, requests: u32) -> Result<Cost, String> {
        let case = ["run", &site.name(), &ask.name(), &requests.to_string(), "--redis", &self.redis];
        let instructions = callgrind::instructions(&case)?;
        let allocated = output(Command::new(counting_program()?).args(case))?.stdout;
        let allocated = String::from_utf8_lossy(&allocated);
        let (allocations, bytes) = allocated.trim().split_once(' ').unwrap_or_default();
        match (allocations.parse(), bytes.parse()) {
            (Ok(allocations), Ok(bytes)) => Ok(Cost { instructions, allocations, bytes }),
            _ => Err(format!("no figures for {} {}:\n{allocated}", site.name(), ask.name())),
        }
    }
}

pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            "valgrind is missing: apt-get install valgrind (or run scripts/bench)".to_owned()
        }
        _ => format!("{command:?} cannot be started: {error}"),
    })
}

/// The path of the program that counts allocations: it is built together with this one.
pub(crate) fn counting_program() -> Result<PathBuf, String> {
    sibling("auth-bench-counting", "cargo build --release -p auth-bench")
}

/// The path of the program that speaks to database servers.
pub(crate) fn program_with_servers() -> Result<PathBuf, String> {
    const NAME: &str = "auth-bench-servers";
    sibling(NAME, "cargo build --release -p auth-bench --features servers --bin auth-bench-servers")
}

fn sibling(name: &str, build: &str) -> Result<PathBuf, String> {
    let program = this_program()?.with_file_name(name);
    if program.exists() { Ok(program) } else { Err(format!("{} is missing: {build}", program.display())) }
}

/// The path of this program, to run it again.
///
/// # Errors
/// If the system does not tell.
pub(crate) fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("where is this program? {error}"))
}
