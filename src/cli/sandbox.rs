//! `sluicegate sandbox`, and `sluicegate` alone: in-process targets, no account, no network.

#[cfg(feature = "sandbox")]
mod demo;
#[cfg(feature = "sandbox")]
mod keys;
#[cfg(feature = "sandbox")]
mod post;
#[cfg(feature = "sandbox")]
mod run;
#[cfg(feature = "sandbox")]
mod show;

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "sandbox")]
pub(super) use self::run::command;
use super::ListenFlags;

/// The file that is served where none is named.
pub(super) const QUICKSTART: &str = include_str!("../../config/quickstart.yaml");

/// Serves a file against in-process DynamoDB, Kinesis, SNS, SQS and Kafka.
///
/// Creates the tables, streams and topics that the file names, prints a curl line to copy, and
/// each record as it lands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sluicegate sandbox\n  sluicegate sandbox orders.yaml --demo")]
pub(super) struct Arguments {
    /// A Sluicegate file; the built-in quickstart by default.
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// What `sandbox` and `sluicegate` alone take.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Send the requests of the file's `tests:`, show what landed, and exit 0 only if all did.
    #[arg(long)]
    pub(super) demo: bool,
    #[command(flatten)]
    pub(super) listen: ListenFlags,
}

/// A build without the embedded backends.
#[cfg(not(feature = "sandbox"))]
pub(super) fn command(file: Option<&PathBuf>, flags: Flags) -> Result<(), super::Ending> {
    let _ = (file, flags.demo, flags.listen, QUICKSTART);
    let said = "this build has no sandbox: build with the feature `sandbox`";
    Err(super::Ending::Wrong(said.to_owned()))
}
