//! Sites of other peers, with the allocator that programs have. `cost` and `load` of the benchmark start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_bench_peers::main()
}
