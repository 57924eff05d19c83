//! What a request costs above the bare framework, in instructions and allocations.
//!
//! ```text
//! cargo run --release -p auth-bench               prints the table (needs valgrind)
//! cargo run --release -p auth-bench run CASE N    sends N requests of one case, for a profiler
//! ```
//!
//! Both figures are exact on any machine: instructions are callgrind's difference between N and 2 N requests,
//! divided by N; allocations are counted in process the same way. Callgrind runs SHA-256 in software, about 3,500
//! instructions a block, where a processor with SHA instructions takes 73 ns.

mod actix;
mod axum_site;
mod case;
mod count;
mod ideal;
mod users;

use std::process::ExitCode;

use case::Case;

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => count::table(),
        ["run", case, requests] => run(case, requests),
        _ => Err("usage: auth-bench [run CASE REQUESTS]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("auth-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(case: &str, requests: &str) -> Result<(), String> {
    let requests = requests.parse().map_err(|_| format!("{requests} is no number of requests"))?;
    let found = Case::ALL.iter().find(|known| known.name() == case);
    let case = found.ok_or_else(|| format!("there is no case {case}"))?;
    println!("{}", case.send(requests));
    Ok(())
}
