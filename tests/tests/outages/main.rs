//! Sites in other processes, on real servers, while those fail.
//!
//! Both demos serve a crowd all the time. Whatever fails, and whenever: an answer is right, or a 503 in time. No
//! session that is alive is taken for nobody, none is lost, none that was ended comes back; and when the server is
//! back, so are the sites. `cargo nextest run --success-output immediate -E 'binary(outages)'` shows the table.

mod servers;
mod stack;
mod table;
mod visitors;

use std::thread;

use table::Row;

/// One test, so that sites which share no server fail at the same time, and the table is one.
#[test]
fn every_fault() {
    let stacks: [fn() -> Vec<Row>; 4] =
        [servers::redis_and_postgres, servers::postgres, servers::maria_db, servers::sqlite];
    let running = stacks.map(thread::spawn);
    let rows = running.map(|rows| rows.join().expect("the faults of a stack")).concat();
    table::print(&rows);
    for row in rows {
        row.check();
    }
}
