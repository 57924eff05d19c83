//! The same with the drivers of database servers. `scale stores` starts it for what is on them, and for nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    auth_bench::main()
}
