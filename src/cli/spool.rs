//! `sluicegate spool`: what stands in the logs of a spool, of a target `log` and of dead letters.
//!
//! A directory is read without its lock, so that a log may be looked at while a gateway writes to
//! it; only `repair` needs the directory for itself.

mod inspect;
mod item;
mod ls;
mod progress;
mod repair;
mod replay;
mod select;
mod words;

use std::path::Path;
use std::sync::Arc;

use clap::{Args, Subcommand};
use sluicegate_appendlog::{RealDisk, Snapshot};

use super::Ending;

/// What is stored on this machine: spooled events, logs, dead letters.
///
/// DIR is the `dir` of the file's `spool`, or of a target `log`. A log may be looked at while a
/// gateway writes to it; only `repair` needs it for itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate spool ls /var/lib/sluicegate/spool\n  \
                  sluicegate spool inspect /var/lib/sluicegate/spool --target orders --waiting\n  \
                  sluicegate spool replay dead-letters --file orders.yaml --dry-run\n  \
                  sluicegate spool repair /var/lib/sluicegate/spool --dry-run"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: SpoolCommand,
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    Ls(ls::Arguments),
    Inspect(Box<inspect::Arguments>),
    Replay(Box<replay::Arguments>),
    Repair(repair::Arguments),
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    match &arguments.command {
        SpoolCommand::Ls(arguments) => ls::command(arguments),
        SpoolCommand::Inspect(arguments) => inspect::command(arguments),
        SpoolCommand::Replay(arguments) => replay::command(arguments),
        SpoolCommand::Repair(arguments) => repair::command(arguments),
    }
}

/// A look at a directory, and whether a process holds it.
fn look(dir: &Path) -> Result<(Snapshot, bool), Ending> {
    let wrong = |error: std::io::Error| {
        Ending::Wrong(format!(
            "`{}`: {error}; give the `dir` of a spool or of a target `log`",
            dir.display()
        ))
    };
    let disk = RealDisk::read_only(dir).map_err(wrong)?;
    let held = disk.is_held().map_err(wrong)?;
    let snapshot = Snapshot::open(Arc::new(disk)).map_err(wrong)?;
    Ok((snapshot, held))
}
