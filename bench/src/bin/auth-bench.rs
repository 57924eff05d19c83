//! The benchmark, with the allocator that programs have. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_bench::main()
}
