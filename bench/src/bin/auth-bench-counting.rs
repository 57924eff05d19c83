//! The same with an allocator that counts. `cost` starts it for the allocations, and for nothing else: the
//! counters are shared by all threads, which would wait for each other.

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    auth_bench::main()
}
