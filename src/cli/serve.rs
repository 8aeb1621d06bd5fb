//! `sluicegate serve`: the gateway.

use std::path::PathBuf;

use clap::Args;

use super::files::settings_of;
use super::{Ending, ListenFlags};
use crate::observe::log;
use crate::serve;

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
    log::start(arguments.listen.log_format.into()).map_err(Ending::Fault)?;
    let options = arguments.listen.options();
    serve::run(settings, &options).map_err(|error| Ending::Wrong(error.to_string()))
}
