//! `sluicegate check`: everything that can be known of files without running them.

use std::path::PathBuf;

use clap::Args;

use super::ending::{Ending, say};
use super::files::settings_of;

/// Checks files: keys, references, expressions, limits. Sends nothing.
///
/// Errors name file, line and column, what was expected and what to do; all are shown at once.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate check orders.yaml")]
pub(super) struct Arguments {
    /// Sluicegate files; several are a union.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let settings = settings_of(&arguments.files)?;
    let count = |number: usize, what: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {what}{plural}")
    };
    say(&format!(
        "good: {}, {}, {}\n",
        count(settings.routes.len(), "route"),
        count(settings.targets.len(), "target"),
        count(settings.tests.len(), "test"),
    ));
    Ok(())
}
