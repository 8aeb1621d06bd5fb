//! Arguments to what to run.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluicegate::cli::main()
}
