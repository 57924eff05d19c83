//! The login flood: many clients log in at once, each in a loop, with real password hashes.
//!
//! Every run has a server process of its own with all settings at their defaults. Besides logins per second it
//! tells what the flood does to everybody else: how long a public page takes meanwhile, and the memory.
//!
//! Logins are compared with the hash alone: the same crate in a loop, on as many threads as the pool has, in a server
//! process too; once with nothing else to do, and once under the same clients, whose logins that server answers as a
//! full queue does. Each run measures all three, one after the other.

mod client;
mod raw;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::child::{Child, Memory, available_memory};
use crate::load::middle;
use crate::table::Table;
use client::{Flood, Tally, flood, probe};
use server::Site;
pub(crate) use server::{Serve, serve};

const PASSWORD: &str = "correct horse battery staple";

#[derive(Args)]
pub(crate) struct Options {
    /// Only these sites; results are not saved then
    #[arg(value_enum)]
    pub(crate) sites: Vec<Site>,
    /// How many clients log in at once
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    clients: Vec<usize>,
    /// How long each run counts, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How long after the flood memory is read again, in seconds (in the first round only)
    #[arg(long, default_value_t = 10)]
    settle: u64,
    /// How often everything is measured; the tables show medians, and of memory the most
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

impl Options {
    /// In words.
    pub(crate) fn settings(&self) -> String {
        format!("{} rounds of {} s", self.rounds, self.seconds)
    }
}

/// Who floods whom, and how.
#[derive(Clone, Copy)]
struct Variant {
    site: Site,
    clients: usize,
    /// Whether the password is right.
    right: bool,
    /// Whether clients come back when a 503 says, or at once.
    obedient: bool,
}

impl Variant {
    /// Every combination; passwords are wrong and clients stubborn where the answer may depend on it.
    fn all(options: &Options) -> Vec<Self> {
        let sites = [Site::Axum, Site::AxumLow, Site::Actix, Site::AxumLogin];
        let wanted = |site: &Site| options.sites.is_empty() || options.sites.contains(site);
        let mut variants = Vec::new();
        for &clients in &options.clients {
            for site in sites.into_iter().filter(wanted) {
                let base = Self { site, clients, right: true, obedient: true };
                variants.push(base);
                // The peer never answers 503, and its cost of a wrong password is that of a right one.
                if site != Site::AxumLogin {
                    variants.push(Self { right: false, ..base });
                    variants.push(Self { obedient: false, ..base });
                }
            }
        }
        variants
    }

    /// How many hashes are computed at a time: what the pool has by default, and all that a processor can.
    fn permits(self) -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        match self.site {
            Site::AxumLogin | Site::AxumLow => cores,
            Site::Axum | Site::Actix => cores.saturating_sub(1).max(1),
        }
    }

    /// The peer holds 19 MiB for every hash under way, and keeps them: up to 8 GB with 64 clients, 11 GB with 256.
    fn needs_memory(self) -> u64 {
        const MIB: u64 = 1 << 20;
        if self.site == Site::AxumLogin { (8 * 1024 + 20 * self.clients as u64) * MIB } else { 256 * MIB }
    }

    fn columns() -> Vec<String> {
        ["site", "clients", "password", "after a 503"].map(String::from).to_vec()
    }

    fn cells(self) -> Vec<String> {
        let site = match self.site {
            Site::Axum => "ours, axum",
            Site::AxumLow => "ours, axum, low priority",
            Site::Actix => "ours, actix",
            Site::AxumLogin => "axum-login",
        };
        let password = if self.right { "right" } else { "wrong" };
        let after = if self.obedient { "waits" } else { "at once" };
        vec![site.into(), self.clients.to_string(), password.into(), after.into()]
    }
}

/// What one run showed.
struct Run {
    raw_alone: f64,
    raw_flooded: f64,
    logins: f64,
    refused: f64,
    tally: Tally,
    idle: Times,
    flooded: Times,
    peak: u64,
    later: Option<u64>,
}

/// How long the public page took.
#[derive(Clone, Copy)]
struct Times {
    p50: f64,
    p99: f64,
}

impl Times {
    /// Of sorted times, in milliseconds.
    fn of(sorted: &[Duration]) -> Self {
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).map_or(f64::NAN, milliseconds);
        Self { p50: at(50), p99: at(99) }
    }
}

fn milliseconds(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Floods every site.
pub(crate) fn run(options: &Options) -> Result<Vec<Table>, String> {
    let variants = Variant::all(options);
    let mut runs: Vec<Vec<Run>> = variants.iter().map(|_| Vec::new()).collect();
    let mut skipped = vec![None; variants.len()];
    for round in 0..options.rounds {
        for (at, variant) in variants.iter().enumerate() {
            let available = available_memory()?;
            if available < variant.needs_memory() {
                skipped[at] = Some(format!(
                    "skipped: needs up to {} of memory, {} is available",
                    megabytes(variant.needs_memory()),
                    megabytes(available)
                ));
                continue;
            }
            eprintln!("flood: round {}, {}", round + 1, variant.cells().join(", "));
            runs[at].push(measure(*variant, options, round == 0)?);
        }
    }
    Ok(tables(&variants, &runs, &skipped, options))
}

fn measure(variant: Variant, options: &Options, settle: bool) -> Result<Run, String> {
    let seconds = Duration::from_secs(options.seconds);
    let (raw_alone, raw_flooded) = raw(variant, seconds)?;
    let (server, address) = start(variant, None)?;
    let idle = probe(address, Instant::now() + seconds.min(Duration::from_secs(3)))?;
    let (tally, times) = attack(variant, address, seconds)?;
    let Memory { peak, .. } = server.memory()?;
    let later = if settle {
        thread::sleep(Duration::from_secs(options.settle));
        Some(server.memory()?.now)
    } else {
        None
    };
    Ok(Run {
        raw_alone,
        raw_flooded,
        logins: per_second(tally.judged, seconds),
        refused: per_second(tally.refused + tally.unclear, seconds),
        tally,
        idle: Times::of(&idle),
        flooded: Times::of(&times),
        peak,
        later,
    })
}

/// How many raw hashes a second are made alone, and under the variant's clients.
fn raw(variant: Variant, seconds: Duration) -> Result<(f64, f64), String> {
    let (mut server, address) = start(variant, Some(variant.permits()))?;
    thread::sleep(WARM_UP);
    let mut made = |during: &mut dyn FnMut() -> Result<(), String>| {
        let (before, start) = (count(&mut server)?, Instant::now());
        during()?;
        Ok::<f64, String>(per_second(count(&mut server)? - before, start.elapsed()))
    };
    let alone = made(&mut || {
        thread::sleep(seconds);
        Ok(())
    })?;
    let flooded = made(&mut || attack(variant, address, seconds).map(|_| ()))?;
    Ok((alone, flooded))
}

fn count(server: &mut Child) -> Result<u64, String> {
    server.ask("hashes")?.parse().map_err(|error| format!("a server counts wrongly: {error}"))
}

fn start(variant: Variant, raw: Option<usize>) -> Result<(Child, SocketAddr), String> {
    let site = match variant.site {
        Site::Axum => "axum",
        Site::Actix => "actix",
        // The raw hash is the best that could be had, at whatever priority; and the peer's clients are never told to wait:
        // their load on the raw hash is that of our axum site.
        Site::AxumLow | Site::AxumLogin if raw.is_some() => "axum",
        Site::AxumLow => "axum-low",
        Site::AxumLogin => "axum-login",
    };
    let raw = raw.map(|threads| format!("--raw={threads}"));
    let mut arguments = vec!["flood-serve", site];
    arguments.extend(raw.as_deref());
    let mut server = Child::start(&arguments)?;
    let port = server.answer()?.parse().map_err(|_| "a server told no port")?;
    Ok((server, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// How long clients log in before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Floods, and probes the public page meanwhile.
fn attack(
    variant: Variant,
    address: SocketAddr,
    seconds: Duration,
) -> Result<(Tally, Vec<Duration>), String> {
    let start = Instant::now() + WARM_UP;
    let end = start + seconds;
    let (password, expected) = if variant.right { (PASSWORD, 200) } else { ("Tr0ub4dor&3", 401) };
    let Variant { clients, obedient, .. } = variant;
    let clients = Flood { address, clients, password, expected, obedient };
    let clients = thread::spawn(move || flood(clients, start, end));
    thread::sleep(WARM_UP);
    let times = probe(address, end)?;
    let tally = clients.join().map_err(|_| "a client panicked")?;
    Ok((tally.map_err(|error| format!("the clients failed: {error}"))?, times))
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
    let count = count as f64;
    count / time.as_secs_f64()
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

fn tables(
    variants: &[Variant],
    runs: &[Vec<Run>],
    skipped: &[Option<String>],
    options: &Options,
) -> Vec<Table> {
    let rows = |cells: fn(&[Run]) -> Vec<String>| {
        let row = |((variant, runs), skipped): ((&Variant, &Vec<Run>), &Option<String>)| {
            let mut row = variant.cells();
            match skipped {
                Some(why) if runs.is_empty() => row.push(why.clone()),
                _ => row.extend(cells(runs)),
            }
            row
        };
        variants.iter().zip(runs).zip(skipped).map(row).collect()
    };
    let later = format!("RSS {} s later", options.settle);
    vec![
        Table { name: "flood-logins".into(), columns: columns(&LOGINS), rows: rows(login_cells) },
        Table {
            name: "flood-others".into(),
            columns: columns(&["p50 idle", "p99 idle", "p50", "p99", "peak RSS", &later]),
            rows: rows(other_cells),
        },
    ]
}

const LOGINS: [&str; 8] = [
    "logins/s",
    "raw hashes/s, idle",
    "ratio",
    "raw hashes/s, flooded",
    "ratio",
    "503/s",
    "503 without `Retry-After`",
    "errors",
];

fn columns(own: &[&str]) -> Vec<String> {
    let mut columns = Variant::columns();
    columns.extend(own.iter().map(|&column| column.to_owned()));
    columns
}

fn login_cells(runs: &[Run]) -> Vec<String> {
    let middle = |value: fn(&Run) -> f64| middle(runs.iter().map(value).collect());
    vec![
        format!("{:.1}", middle(|run| run.logins)),
        format!("{:.1}", middle(|run| run.raw_alone)),
        format!("{:.2}", middle(|run| run.logins / run.raw_alone)),
        format!("{:.1}", middle(|run| run.raw_flooded)),
        format!("{:.2}", middle(|run| run.logins / run.raw_flooded)),
        format!("{:.0}", middle(|run| run.refused)),
        runs.iter().map(|run| run.tally.unclear).sum::<u64>().to_string(),
        runs.iter().map(|run| run.tally.failed).sum::<u64>().to_string(),
    ]
}

fn other_cells(runs: &[Run]) -> Vec<String> {
    let time = |value: fn(&Run) -> f64| format!("{:.2} ms", middle(runs.iter().map(value).collect()));
    let most = |value: fn(&Run) -> Option<u64>| {
        runs.iter().filter_map(value).max().map_or_else(String::new, megabytes)
    };
    vec![
        time(|run| run.idle.p50),
        time(|run| run.idle.p99),
        time(|run| run.flooded.p50),
        time(|run| run.flooded.p99),
        most(|run| Some(run.peak)),
        most(|run| run.later),
    ]
}
