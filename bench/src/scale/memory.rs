//! Memory for each live session, and the time to resolve one among many.
//!
//! Every number of sessions has a process of its own. Memory is the difference of what is resident before and after
//! they logged in, so it counts everything: keys, indices, room in tables, what the allocator keeps.

use std::io::BufRead;
use std::time::{Duration, Instant};

use clap::Args;

use super::Options;
use super::cookies::{Cookies, Dice};
use super::site::{SiteName, ask};
use crate::callgrind;
use crate::child::{Child, field};
use crate::load::middle;
use crate::program::Program;
use crate::table::{Table, number};

/// What the child processes are told.
#[derive(Args)]
pub(crate) struct Sessions {
    #[arg(value_enum)]
    site: SiteName,
    count: usize,
    /// Sends this many requests and ends; otherwise waits to be asked for times.
    requests: Option<usize>,
}

/// The child: logs the sessions in, then asks for random ones.
pub(crate) fn child(options: &Sessions) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut router = options.site.router(options.count + 1);
    let first = runtime.block_on(options.site.log_in(&mut router, 0));
    let mut cookies = Cookies::new(&first, options.count + 1);
    let (heap, resident) = (allocated(), resident()?);
    runtime.block_on(async {
        for number in 1..=options.count {
            cookies.push(&options.site.log_in(&mut router, number).await);
        }
    });
    let (heap, resident) = (allocated().saturating_sub(heap), self::resident()?.saturating_sub(resident));
    println!("{resident} {heap}");
    let mut dice = Dice(1);
    if let Some(requests) = options.requests {
        runtime.block_on(async {
            for _ in 0..requests {
                ask(&mut router, cookies.draw(&mut dice)).await;
            }
        });
        return Ok(());
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let time = Duration::from_millis(line.parse().map_err(|_| format!("{line} is no time"))?);
        println!("{}", runtime.block_on(time_per_request(&mut router, &cookies, &mut dice, time)));
    }
    Ok(())
}

/// Nanoseconds.
async fn time_per_request(
    router: &mut axum::Router,
    cookies: &Cookies,
    dice: &mut Dice,
    during: Duration,
) -> u128 {
    const AT_A_TIME: u128 = 100;
    let start = Instant::now();
    let mut requests = 0;
    while start.elapsed() < during {
        for _ in 0..AT_A_TIME {
            ask(router, cookies.draw(dice)).await;
        }
        requests += AT_A_TIME;
    }
    start.elapsed().as_nanos() / requests.max(1)
}

/// Bytes that are allocated now. Nothing in the program that does not count.
fn allocated() -> usize {
    let stats = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Bytes of this process in memory. The kernel adds up its pages for this file; `status` is behind by some of them.
fn resident() -> Result<u64, String> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").map_err(|error| error.to_string())?;
    field(&rollup, "Rss:")
}

/// A child that holds this many sessions.
struct Holder {
    site: SiteName,
    sessions: usize,
    child: Child,
    resident: f64,
    heap: f64,
    times: Vec<f64>,
}

impl Holder {
    fn start(site: SiteName, sessions: usize) -> Result<Self, String> {
        eprintln!("scale: {} with {sessions} sessions", site.title());
        let (name, count) = (site.argument(), sessions.to_string());
        let arguments = ["scale-sessions", &name, &count];
        let heap = bytes(&mut Child::counting(&arguments)?)?.1 / as_float(sessions);
        let mut child = Child::start(&arguments)?;
        let resident = bytes(&mut child)?.0 / as_float(sessions);
        Ok(Self { site, sessions, child, resident, heap, times: Vec::new() })
    }

    fn time(&mut self, milliseconds: u64) -> Result<(), String> {
        let answer = self.child.ask(&milliseconds.to_string())?;
        self.times.push(answer.parse().map_err(|_| format!("a child answered {answer}"))?);
        Ok(())
    }
}

/// What a child says of its memory: resident, and asked of the allocator, which only the program that counts knows.
fn bytes(child: &mut Child) -> Result<(f64, f64), String> {
    let answer = child.answer()?;
    let parsed = answer.split_once(' ').and_then(|(rss, heap)| Some((rss.parse().ok()?, heap.parse().ok()?)));
    parsed.ok_or_else(|| format!("a child answered {answer}"))
}

#[expect(clippy::cast_precision_loss, reason = "nobody holds 2^52 sessions")]
fn as_float(sessions: usize) -> f64 {
    sessions as f64
}

/// How many requests are counted, and twice as many: enough that logins, which differ with random keys, do not count.
const REQUESTS: usize = 20_000;
/// Up to how many sessions instructions are counted: callgrind makes logging them in fifty times slower.
const MOST_COUNTED: usize = 100_000;

pub(super) fn table(options: &Options) -> Result<Table, String> {
    let mut holders = Vec::new();
    for &sessions in &options.sessions {
        holders.push(Holder::start(SiteName::Ours, sessions)?);
    }
    for site in [SiteName::AxumLogin, SiteName::AxumLoginStamp, SiteName::AxumLoginMoka] {
        for &sessions in options.sessions.iter().filter(|&&sessions| sessions <= MOST_COUNTED) {
            holders.push(Holder::start(site, sessions)?);
        }
    }
    for _ in 0..options.rounds {
        for holder in &mut holders {
            holder.time(options.milliseconds)?;
        }
    }
    let mut rows = Vec::new();
    for holder in &holders {
        let same_site = holders.iter().filter(|other| other.site == holder.site);
        let smallest = same_site.min_by_key(|other| other.sessions).unwrap_or(holder);
        rows.push(row(holder, smallest, options)?);
    }
    let columns = ["store", "sessions", "RSS each", "heap each", "resolved in", "ratio", "instructions"];
    Ok(Table { name: "memory".into(), columns: columns.map(String::from).to_vec(), rows })
}

fn row(holder: &Holder, smallest: &Holder, options: &Options) -> Result<Vec<String>, String> {
    let times = |holder: &Holder| middle(holder.times.clone());
    let counted = options.instructions && holder.site == SiteName::Ours && holder.sessions <= MOST_COUNTED;
    let instructions = if counted { number(instructions(holder)?) } else { String::new() };
    Ok(vec![
        holder.site.title().into(),
        holder.sessions.to_string(),
        format!("{:.0} B", holder.resident),
        format!("{:.0} B", holder.heap),
        format!("{:.2} µs", times(holder) / 1000.0),
        format!("{:.2}", times(holder) / times(smallest)),
        instructions,
    ])
}

/// Of one request.
fn instructions(holder: &Holder) -> Result<u64, String> {
    eprintln!("scale: counting {} with {} sessions", holder.site.title(), holder.sessions);
    let (site, sessions) = (holder.site.argument(), holder.sessions.to_string());
    let total = |requests: usize| {
        let sessions = ["scale-sessions", &site, &sessions, &requests.to_string()];
        callgrind::instructions(Program::This, &sessions)
    };
    Ok(total(2 * REQUESTS)?.saturating_sub(total(REQUESTS)?) / REQUESTS as u64)
}
