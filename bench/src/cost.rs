//! What a request costs, in process: instructions, allocations and bytes.
//!
//! All three are differences between N and 2 N requests, divided by N: what happens once falls out. Instructions
//! are those that callgrind counts on all threads of the process, hash threads and database threads included;
//! what a Redis server does is not among them. Callgrind runs SHA-256 in software, about 3,500 instructions a
//! block, where a processor with SHA instructions takes 73 ns.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::process::{Command, Output};

use clap::ValueEnum;

use crate::ask::Ask;
use crate::callgrind;
use crate::program::Program;
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
    meter.try_all(options)?;
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
        let cost = meter.cost(*site, ask)?;
        eprintln!("{} {}: {}", site.name(), ask.name(), number(cost.instructions));
        let above = if site.is_bare() {
            [const { String::new() }; 3]
        } else {
            meter.above_bare(*site, ask)?.map(difference)
        };
        let [instructions, allocations, bytes] = above;
        table.push([
            site.label().to_owned(),
            number(cost.instructions),
            instructions,
            number(cost.allocations),
            allocations,
            number(cost.bytes),
            bytes,
        ]);
    }
    Ok(table)
}

/// Adds a row if a peer costs less than the site of ours that does the same, each above its bare framework.
fn compare(meter: &mut Meter, behind: &mut Table, ask: Ask, peer: Site) -> Result<(), String> {
    let Some(ours) = peer.ours().filter(|ours| ask.suits(*ours)) else { return Ok(()) };
    let (theirs, ours) = (meter.above_bare(peer, ask)?, meter.above_bare(ours, ask)?);
    let figures = ["instructions", "allocations", "bytes"].into_iter().zip(theirs.into_iter().zip(ours));
    let less: Vec<_> = figures.filter(|(_, (theirs, ours))| theirs < ours).collect();
    if !less.is_empty() {
        let theirs = less.iter().map(|(unit, (theirs, _))| format!("{} {unit}", difference(*theirs)));
        let ours = less.iter().map(|(unit, (_, ours))| format!("{} {unit}", difference(*ours)));
        let [theirs, ours] = [theirs.collect::<Vec<_>>(), ours.collect()].map(|figures| figures.join(", "));
        behind.push([ask.label(), peer.label().to_owned(), theirs, ours]);
    }
    Ok(())
}

/// Measures each case once.
struct Meter {
    redis: String,
    requests: u32,
    known: HashMap<(Program, Site, Ask), Cost>,
}

impl Meter {
    /// Sends one request of each case: what cannot be run is told now, and not when half an hour was spent on the others.
    fn try_all(&self, options: &Options) -> Result<(), String> {
        for ask in Ask::value_variants() {
            for site in Site::value_variants().iter().filter(|site| ask.suits(**site)) {
                if wanted(options, *site, *ask) {
                    self.allocated(site.program(), *site, *ask, 1)?;
                }
            }
        }
        Ok(())
    }

    fn cost(&mut self, site: Site, ask: Ask) -> Result<Cost, String> {
        self.cost_in(site.program(), site, ask)
    }

    /// Instructions, allocations and bytes above the bare framework in the site's own program: another may be built with
    /// other features.
    fn above_bare(&mut self, site: Site, ask: Ask) -> Result<[i64; 3], String> {
        let (cost, floor) = (self.cost(site, ask)?, self.cost_in(site.program(), site.bare(), ask)?);
        let figures = [
            (cost.instructions, floor.instructions),
            (cost.allocations, floor.allocations),
            (cost.bytes, floor.bytes),
        ];
        Ok(figures.map(|(cost, floor)| cost.cast_signed() - floor.cast_signed()))
    }

    fn cost_in(&mut self, program: Program, site: Site, ask: Ask) -> Result<Cost, String> {
        if let Some(cost) = self.known.get(&(program, site, ask)) {
            return Ok(*cost);
        }
        let requests = if site.is_stored() { STORED * self.requests } else { self.requests };
        let once = self.total(program, site, ask, requests)?;
        let twice = self.total(program, site, ask, 2 * requests)?;
        let each = |once: u64, twice: u64| {
            // Rounded: a table that grows once in a thousand requests is no allocation of each.
            (twice.saturating_sub(once) + u64::from(requests / 2)) / u64::from(requests)
        };
        let cost = Cost {
            instructions: each(once.instructions, twice.instructions),
            allocations: each(once.allocations, twice.allocations),
            bytes: each(once.bytes, twice.bytes),
        };
        self.known.insert((program, site, ask), cost);
        Ok(cost)
    }

    /// Runs a program under callgrind for the instructions, and the one that counts for the rest.
    fn total(&self, program: Program, site: Site, ask: Ask, requests: u32) -> Result<Cost, String> {
        let case = self.case(site, ask, requests);
        let instructions = callgrind::instructions(program, &case.each_ref().map(String::as_str))?;
        let (allocations, bytes) = self.allocated(program, site, ask, requests)?;
        Ok(Cost { instructions, allocations, bytes })
    }

    fn case(&self, site: Site, ask: Ask, requests: u32) -> [String; 6] {
        let [run, redis] = ["run", "--redis"].map(str::to_owned);
        [run, site.name(), ask.name(), requests.to_string(), redis, self.redis.clone()]
    }

    fn allocated(&self, program: Program, site: Site, ask: Ask, requests: u32) -> Result<(u64, u64), String> {
        let ran = output(Command::new(program.counting()?).args(self.case(site, ask, requests)))?;
        let allocated = String::from_utf8_lossy(&ran.stdout);
        let (allocations, bytes) = allocated.trim().split_once(' ').unwrap_or_default();
        if let (Ok(allocations), Ok(bytes)) = (allocations.parse(), bytes.parse()) {
            return Ok((allocations, bytes));
        }
        let why = String::from_utf8_lossy(&ran.stderr);
        Err(format!("no figures for {} {}:\n{allocated}{why}", site.name(), ask.name()))
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
