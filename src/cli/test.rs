//! `sluicegate test`: runs the tests that are written in files.

use std::path::PathBuf;

use clap::Args;

use super::ending::{Ending, say};
use super::files::settings_of;
use super::test_run::run_tests;

/// Runs the `tests:` of files: the gateway's own steps up to dispatch, with a fixed clock and ids.
///
/// All targets confirm unless a test's `given:` says otherwise. Exits 1 if a test fails.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate test orders.yaml")]
pub(super) struct Arguments {
    /// Sluicegate files; several are a union.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let settings = settings_of(&arguments.files)?;
    let reports = run_tests(&settings);
    let mut failed = 0;
    for report in &reports {
        let word = if report.differences.is_empty() {
            "pass"
        } else {
            "FAIL"
        };
        say(&format!("{word}  {}: {}\n", report.route, report.name));
        for difference in &report.differences {
            say(&format!("      {difference}\n"));
        }
        failed += usize::from(!report.differences.is_empty());
    }
    let passed = reports.len() - failed;
    say(&format!("{passed} passed, {failed} failed\n"));
    if reports.is_empty() {
        say("The files hold no tests: add `tests:` to a route.\n");
    }
    if failed > 0 {
        return Err(Ending::Said);
    }
    Ok(())
}
