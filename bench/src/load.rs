//! What a site serves over loopback: requests per second and processor time, as ratios to the bare framework.

use std::collections::BTreeMap;

use crate::ask::Ask;
use crate::program::Program;
use crate::server::Server;
use crate::sites::Site;
use crate::table::Table;
use crate::wrk::{Push, wrk};
use test_servers::Redis;

/// How long and how hard.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these sites, and their bare frameworks; results are not saved then
    pub(crate) only: Vec<Site>,
    /// How long each site answers each request, in a round
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u32,
    /// How often all sites take their turn
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Connections, kept open
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: u32,
    /// Worker threads of each server; another core is wrk's
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: usize,
    /// Threads of wrk
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: u32,
}

impl Options {
    /// In words.
    pub(crate) fn settings(&self) -> String {
        let Self { seconds, rounds, connections, workers, threads, .. } = self;
        format!(
            "{rounds} rounds of {seconds} s, {connections} connections, worker threads: {workers}, wrk threads: {threads}"
        )
    }
}

const ASKS: [Ask; 2] = [Ask::Anonymous, Ask::Me];

const SITES: [Site; 20] = [
    Site::Axum,
    Site::AxumHand,
    Site::AxumOurs,
    Site::AxumLogin,
    Site::AxumLoginMoka,
    Site::AxumAxess,
    Site::AxumOursSqliteSessions,
    Site::AxumLoginSqliteSessions,
    Site::AxumOursSqlite,
    Site::AxumLoginSqlite,
    Site::AxumOursRedis,
    Site::AxumLoginRedis,
    Site::Actix,
    Site::ActixHand,
    Site::ActixOurs,
    Site::ActixIdentity,
    Site::ActixOursSqliteSessions,
    Site::ActixOursSqlite,
    Site::ActixOursRedis,
    Site::ActixIdentityRedis,
];

/// One turn of a site.
#[derive(Clone, Copy)]
struct Turn {
    per_second: f64,
    /// Microseconds of processor time per request.
    cpu: f64,
    median: f64,
    p99: f64,
}

/// All turns of a site in a program, a round each.
type Turns = BTreeMap<(Program, Site, &'static str), Vec<Turn>>;

/// A table for each kind of request, and one of the peers that were faster than ours.
///
/// # Errors
/// If a server does not come up or a request fails.
pub(crate) fn run(options: &Options) -> Result<Vec<Table>, String> {
    let redis = crate::start_redis();
    let sites: Vec<_> = SITES.into_iter().filter(|site| wanted(options, *site)).collect();
    let mut turns = Turns::new();
    for round in 1..=options.rounds {
        for site in &sites {
            eprintln!("round {round}: {}", site.name());
            // Built with other features, its bare framework is another, too.
            if site.program() != Program::This {
                turn(options, site.program(), site.bare(), &redis, &mut turns)?;
            }
            turn(options, site.program(), *site, &redis, &mut turns)?;
        }
    }
    let mut tables: Vec<_> = ASKS.iter().map(|ask| table(*ask, &sites, &turns)).collect();
    tables.push(behind(&sites, &turns));
    Ok(tables)
}

fn wanted(options: &Options, site: Site) -> bool {
    options.only.is_empty() || options.only.iter().any(|only| *only == site || only.bare() == site)
}

/// Lets a new process of the site answer each kind of request.
fn turn(
    options: &Options,
    program: Program,
    site: Site,
    redis: &Redis,
    turns: &mut Turns,
) -> Result<(), String> {
    let server = Server::start(program, site, options.workers, &redis.url())?;
    let push = |seconds| Push { seconds, connections: options.connections, threads: options.threads };
    for ask in ASKS {
        let cookie = if ask.has_cookie() { Some(cookie(site, &server)?) } else { None };
        let url = server.url(ask.path());
        wrk(&url, cookie.as_deref(), push(1))?;
        let before = server.cpu_seconds()?;
        let seen = wrk(&url, cookie.as_deref(), push(options.seconds))?;
        let cpu = (server.cpu_seconds()? - before) * 1e6 / seen.requests;
        let turn = Turn { per_second: seen.requests / seen.seconds, cpu, median: seen.median, p99: seen.p99 };
        turns.entry((program, site, ask.path())).or_default().push(turn);
    }
    Ok(())
}

fn cookie(site: Site, server: &Server) -> Result<String, String> {
    if site.is_bare() { Ok(crate::drive::ANY_COOKIE.to_owned()) } else { server.login() }
}

fn table(ask: Ask, sites: &[Site], turns: &Turns) -> Table {
    let columns = ["site", "requests/s", "of bare", "server CPU per request", "of bare", "p50", "p99"];
    let mut table = Table::new(&format!("load-{}", ask.name()), columns);
    for site in sites {
        let median = |figure| median_of(turns, *site, ask, figure);
        // Ratios to the bare framework's turn of the same round: what slows the machine slows both.
        let ratio = |figure: fn(&Turn) -> f64| {
            let program = site.program();
            let of = |site: Site| &turns[&(program, site, ask.path())];
            let (own, bare) = (of(*site), of(site.bare()));
            middle(own.iter().zip(bare).map(|(own, bare)| figure(own) / figure(bare)).collect())
        };
        table.push([
            site.label().to_owned(),
            format!("{:.0}", median(|turn| turn.per_second)),
            format!("{:.2}", ratio(|turn| turn.per_second)),
            format!("{:.1} µs", median(|turn| turn.cpu)),
            format!("{:.2}", ratio(|turn| turn.cpu)),
            format!("{:.2} ms", median(|turn| turn.median)),
            format!("{:.2} ms", median(|turn| turn.p99)),
        ]);
    }
    table
}

fn behind(sites: &[Site], turns: &Turns) -> Table {
    let mut behind = Table::new("load-behind", ["request", "peer", "its requests/s", "ours"]);
    for (ask, peer) in ASKS.iter().flat_map(|ask| sites.iter().map(move |site| (*ask, *site))) {
        let Some(ours) = peer.ours().filter(|ours| sites.contains(ours)) else { continue };
        let [theirs, ours] = [peer, ours].map(|site| median_of(turns, site, ask, |turn| turn.per_second));
        if theirs > ours {
            behind.push([ask.label(), peer.label().to_owned(), format!("{theirs:.0}"), format!("{ours:.0}")]);
        }
    }
    behind
}

fn median_of(turns: &Turns, site: Site, ask: Ask, figure: fn(&Turn) -> f64) -> f64 {
    middle(turns[&(site.program(), site, ask.path())].iter().map(figure).collect())
}

/// The median.
pub(crate) fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let half = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(figures[half - 1], figures[half]),
        _ => figures[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((middle(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((middle(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
