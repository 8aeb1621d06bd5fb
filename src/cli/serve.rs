//! `sluicegate serve`: the gateway.

use std::path::PathBuf;

use clap::Args;

use super::files::settings_of;
use super::{Ending, ListenFlags};

/// Serves files: the gateway.
///
/// It starts with targets down, and stops on SIGTERM when what is in flight has its answer.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate serve orders.yaml --http 0.0.0.0:8080")]
pub(super) struct Arguments {
    /// Sluicegate files; several are a union.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    listen: ListenFlags,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let mut settings = settings_of(&arguments.files)?;
    arguments.listen.over(&mut settings);
    Err(Ending::Fault("`serve` is not in this build yet".to_owned()))
}
