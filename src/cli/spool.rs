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
use sluicegate_appendlog::{RealDisk, Snapshot, Usage};

use self::item::What;
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

/// What a log of idempotency keys holds, as messages say it.
const KEYS: &str = "the keys of an idempotency window, which are no records";
/// The one cursor that such a log may have. Those of a spool are called `TARGET:KIND`.
const KEYS_CURSOR: &str = "window";

/// Whether a log is that of idempotency keys.
fn holds_keys(snapshot: &Snapshot, usage: &Usage) -> bool {
    usage.cursors.iter().any(|it| it.name == KEYS_CURSOR)
        || first_is(snapshot, usage) == Some(What::Key)
}

/// What the oldest entry of a log is, where there is one that can be read.
fn first_is(snapshot: &Snapshot, usage: &Usage) -> Option<What> {
    let mut reader = snapshot.reader(usage.first);
    while let Ok(Some(stored)) = reader.next() {
        // A log that was only asked whether its disk works holds nothing yet.
        if let Some(item) = item::items(&stored).first() {
            return Some(item.what);
        }
    }
    None
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
