//! Counting, and the table.

use std::process::Command;

use crate::case::{Case, Site};

/// How many requests are sent, and then twice as many.
const REQUESTS: usize = 500;

/// What one request costs.
#[derive(Clone, Copy)]
struct Cost {
    instructions: u64,
    allocations: usize,
}

/// Prints every case above the same request to the bare framework.
pub(crate) fn table() -> Result<(), String> {
    println!("| case | instructions | allocations | above bare |");
    println!("|---|---|---|---|");
    for case in Case::ALL {
        let cost = measure(case)?;
        let above = match case.site {
            Site::Bare => String::new(),
            Site::Ideal | Site::Eager | Site::Lazy => above(cost, measure(case.floor())?),
        };
        println!("| {} | {} | {} | {above} |", case.name(), cost.instructions, cost.allocations);
    }
    Ok(())
}

fn above(cost: Cost, floor: Cost) -> String {
    let instructions = i128::from(cost.instructions) - i128::from(floor.instructions);
    format!("{instructions:+} / {:+}", cost.allocations.cast_signed() - floor.allocations.cast_signed())
}

fn measure(case: Case) -> Result<Cost, String> {
    let twice = instructions(case, 2 * REQUESTS)?;
    let once = instructions(case, REQUESTS)?;
    let instructions = twice.saturating_sub(once) / REQUESTS as u64;
    // Rounded: a table that grows once in a thousand requests is no allocation of each.
    let allocations = (case.send(REQUESTS) + REQUESTS / 2) / REQUESTS;
    Ok(Cost { instructions, allocations })
}

/// Runs this program under callgrind and reads the total that it prints.
fn instructions(case: Case, requests: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["run", &case.name(), &requests.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be started ({error}): apt-get install valgrind"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let total = text.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    total.ok_or_else(|| format!("valgrind printed no total for {}:\n{text}", case.name()))
}
