//! How long the operations of each store take, with few and with many sessions in it.
//!
//! Stores of one kind are open at the same time, one for each number of sessions, and take turns.

mod ground;
mod held;
mod records;
#[cfg(feature = "servers")]
pub(super) mod servers;

use auth_core::session::MemorySessions;
use test_servers::Redis;

use super::Options;
use crate::child::Child;
use crate::start_redis;
use crate::table::Table;
use ground::{Ground, OnRedis, OnSqlite, started};
use held::{Held, Operation};
use records::Records;

/// How often each operation is measured, in all rounds together.
const TIMES: usize = 2000;
/// How often expired sessions are purged, in each round.
const PURGES: usize = 2;
/// How often sessions are begun after all others have expired. A few: each removes some of the others, and of the
/// smallest store all would soon be gone.
const AFTER_EXPIRY: usize = 50;
const AT_A_TIME: usize = 10;

pub(super) fn table(options: &Options) -> Result<Table, String> {
    let redis: Vec<_> = options.sessions.iter().map(|_| started(start_redis)).collect::<Result<_, _>>()?;
    let on_servers = on_servers(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut rows = runtime.map_err(|error| error.to_string())?.block_on(rows(options, redis))?;
    rows.extend(on_servers);
    let columns = ["store", "sessions"].into_iter().chain(Operation::ALL.map(Operation::title));
    Ok(Table { name: "stores".into(), columns: columns.map(String::from).collect(), rows })
}

/// What the program with the drivers of the database servers measures.
fn on_servers(options: &Options) -> Result<Vec<Vec<String>>, String> {
    let numbers: Vec<_> = [options.rounds].iter().chain(&options.sessions).map(ToString::to_string).collect();
    let arguments: Vec<_> = ["scale-servers"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
    let answer = Child::with_servers(&arguments)?.answer()?;
    serde_json::from_str(&answer).map_err(|error| format!("a child answered {answer}: {error}"))
}

/// What this program measures.
async fn rows(options: &Options, redis: Vec<Redis>) -> Result<Vec<Vec<String>>, String> {
    let Options { sessions, rounds, .. } = options;
    let in_memory = sessions.iter().map(|&most| MemorySessions::new(most)).collect();
    let mut rows = measured("memory", in_memory, sessions, *rounds).await?;
    let mut on_sqlite = Vec::new();
    for (server, sessions) in redis.iter().zip(sessions) {
        // Whatever ends this process, a server's folder is removed.
        on_sqlite.push(OnSqlite::new(&server.folder().join(format!("{sessions}.sqlite3"))).await?);
    }
    rows.extend(measured("SQLite", on_sqlite, sessions, *rounds).await?);
    let on_redis = redis.into_iter().map(OnRedis::new).collect::<Result<_, _>>()?;
    rows.extend(measured("Redis", on_redis, sessions, *rounds).await?);
    Ok(rows)
}

/// Fills these, one for each number of sessions, and measures them in turn.
async fn measured<G: Ground>(
    name: &str,
    grounds: Vec<G>,
    sizes: &[usize],
    rounds: usize,
) -> Result<Vec<Vec<String>>, String> {
    let told = |sessions: usize, why: String| format!("{name} with {sessions} sessions: {why}");
    let (records, mut stores) = (Records::of_a_login().await?, Vec::new());
    for (ground, &sessions) in grounds.into_iter().zip(sizes) {
        eprintln!("scale: {name} with {sessions} sessions");
        stores.push(Held::fill(ground, &records, sessions).await.map_err(|why| told(sessions, why))?);
    }
    eprintln!("scale: {name} is measured");
    for _ in 0..rounds {
        for held in &mut stores {
            let measured = held.measure(TIMES.div_ceil(rounds), PURGES).await;
            measured.map_err(|why| told(held.len(), why))?;
        }
    }
    for held in &mut stores {
        held.expire().await.map_err(|why| told(held.len(), why))?;
    }
    for _ in 0..AFTER_EXPIRY / AT_A_TIME {
        for held in &mut stores {
            held.measure_after_expiry(AT_A_TIME).await.map_err(|why| told(held.len(), why))?;
        }
    }
    let smallest = stores.iter().min_by_key(|held| held.len());
    Ok(stores.iter().map(|held| row(name, held, smallest.unwrap_or(held))).collect())
}

fn row<G: Ground>(name: &str, held: &Held<G>, smallest: &Held<G>) -> Vec<String> {
    let cell = |operation| match (held.time(operation), smallest.time(operation)) {
        (Some(time), Some(least)) => format!("{} / {:.2}", microseconds(time), time / least),
        _ => String::new(),
    };
    [name.to_owned(), held.len().to_string()].into_iter().chain(Operation::ALL.map(cell)).collect()
}

/// With three digits, or as many as are before the point.
fn microseconds(time: f64) -> String {
    let digits = if time < 10.0 { 2 } else { usize::from(time < 100.0) };
    format!("{time:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_are() {
        let shown = [0.25, 9.99, 31.4, 271.8, 31_415.9].map(microseconds);
        assert_eq!(shown, ["0.25", "9.99", "31.4", "272", "31416"]);
    }
}
