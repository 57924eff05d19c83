//! The same program without the counting allocator: what is timed. Threads that count together wait for each other.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_bench::main()
}
