//! How long the operations of each store take, with few and with many sessions in it.
//!
//! Stores of one kind are open at the same time, one for each number of sessions, and take turns.

mod ground;
mod held;
mod records;

use std::path::Path;

use auth_core::session::MemorySessions;

use super::Options;
use crate::table::Table;
use ground::{Ground, OnRedis, Server, Servers, Sql};
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
    let servers = Servers::start(options.sessions.len())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let rows = runtime.map_err(|error| error.to_string())?.block_on(rows(options, servers))?;
    let columns = ["store", "sessions"].into_iter().chain(Operation::ALL.map(Operation::title));
    Ok(Table { name: "stores".into(), columns: columns.map(String::from).collect(), rows })
}

async fn rows(options: &Options, servers: Servers) -> Result<Vec<Vec<String>>, String> {
    let (sizes, mut rows) = (&options.sessions, Vec::new());
    rows.extend(
        measured("memory", sizes.iter().map(|&most| MemorySessions::new(most)).collect(), options).await?,
    );
    rows.extend(measured("SQLite", on_sqlite(servers.folder()?, sizes).await?, options).await?);
    let postgres = Server::postgres(&servers.postgres).await?;
    rows.extend(measured("PostgreSQL", on(&postgres, sizes).await?, options).await?);
    drop(servers.postgres);
    let maria_db = Server::maria_db(&servers.maria_db).await?;
    rows.extend(measured("MariaDB", on(&maria_db, sizes).await?, options).await?);
    drop(servers.maria_db);
    let on_redis = servers.redis.into_iter().map(OnRedis::new).collect::<Result<_, _>>()?;
    rows.extend(measured("Redis", on_redis, options).await?);
    Ok(rows)
}

async fn on_sqlite(folder: &Path, sizes: &[usize]) -> Result<Vec<Sql>, String> {
    let mut grounds = Vec::new();
    for &sessions in sizes {
        grounds.push(Sql::sqlite(folder, sessions).await?);
    }
    Ok(grounds)
}

async fn on(server: &Server, sizes: &[usize]) -> Result<Vec<Sql>, String> {
    let mut grounds = Vec::new();
    for &sessions in sizes {
        grounds.push(Sql::on(server, sessions).await?);
    }
    Ok(grounds)
}

/// Fills these, one for each number of sessions, and measures them in turn.
async fn measured<G: Ground>(
    name: &str,
    grounds: Vec<G>,
    options: &Options,
) -> Result<Vec<Vec<String>>, String> {
    let told = |sessions: usize, why: String| format!("{name} with {sessions} sessions: {why}");
    let (records, mut stores) = (Records::of_a_login().await?, Vec::new());
    for (ground, &sessions) in grounds.into_iter().zip(&options.sessions) {
        eprintln!("scale: {name} with {sessions} sessions");
        stores.push(Held::fill(ground, &records, sessions).await.map_err(|why| told(sessions, why))?);
    }
    eprintln!("scale: {name} is measured");
    for _ in 0..options.rounds {
        for held in &mut stores {
            let measured = held.measure(TIMES.div_ceil(options.rounds), PURGES).await;
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
