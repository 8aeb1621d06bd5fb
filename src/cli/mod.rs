//! The command line: arguments to what to run; one file per command.

mod audit;
mod check;
mod completions;
mod ending;
mod files;
mod key;
mod listen;
mod reference;
mod sandbox;
mod schema;
mod serve;
mod spool;
mod test;
mod test_match;
mod test_run;
mod try_one;
mod values;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use ending::Ending;
pub use listen::ListenFlags;
pub use test_run::{TestReport, run_tests};

/// Sluicegate turns HTTP requests into records in DynamoDB, Kinesis, SNS and Kafka: declared in one
/// file, delivered in batches, acknowledged truthfully.
///
/// Without a command it serves a built-in quickstart against in-process targets.
#[derive(Debug, Parser)]
#[command(
    name = "sluicegate",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  sluicegate                      the quickstart: no account, no network\n  \
                  sluicegate check orders.yaml    is the file right?\n  \
                  sluicegate serve orders.yaml    the gateway"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    sandbox: sandbox::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sandbox(sandbox::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Try(Box<try_one::Arguments>),
    Test(test::Arguments),
    Schema(schema::Arguments),
    Completions(completions::CompletionArguments),
    Man(completions::ManArguments),
    Key(key::Arguments),
    Spool(spool::Arguments),
    Audit(Box<audit::Arguments>),
}

/// Runs what the arguments of this process say.
pub fn main() -> ExitCode {
    ending::guarded(|| run(std::env::args_os()))
}

/// Runs what these arguments say; the first is the program's name.
///
/// # Errors
/// How it ended, where that is not well.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Ending> {
    let matches = Arguments::command().try_get_matches_from(arguments);
    let matches = matches.map_err(Ending::Usage)?;
    let arguments = Arguments::from_arg_matches(&matches).map_err(Ending::Usage)?;
    let matches = matches.subcommand().map(|(_, matches)| matches);
    match arguments.command {
        None => sandbox::command(None, arguments.sandbox),
        Some(Command::Sandbox(arguments)) => {
            sandbox::command(arguments.file.as_ref(), arguments.flags)
        }
        Some(Command::Serve(arguments)) => serve::command(&arguments),
        Some(Command::Check(arguments)) => check::command(&arguments, matches),
        Some(Command::Try(arguments)) => try_one::command(&arguments, matches),
        Some(Command::Test(arguments)) => test::command(&arguments),
        Some(Command::Key(arguments)) => key::command(&arguments),
        Some(Command::Spool(arguments)) => spool::command(&arguments),
        Some(Command::Audit(arguments)) => audit::command(&arguments),
        Some(Command::Schema(arguments)) => schema::command(&arguments),
        Some(Command::Completions(arguments)) => {
            completions::completions(&arguments, Arguments::command())
        }
        Some(Command::Man(arguments)) => completions::man(&arguments, Arguments::command()),
    }
}

#[cfg(test)]
mod tests;
