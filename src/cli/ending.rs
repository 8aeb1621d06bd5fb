//! How a command ends: what it prints last, and its exit code.

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::settings::Diagnostics;

/// The file, a test or the surroundings are wrong.
const WRONG: u8 = 1;
/// The arguments are wrong.
const USAGE: u8 = 2;
/// A fault of ours.
const FAULT: u8 = 70;

/// How a command ended, where that is not well.
#[derive(Debug)]
pub enum Ending {
    /// The files are wrong.
    Files(Box<Diagnostics>),
    /// Something that was said already is wrong: a test, for one.
    Said,
    /// Something else that its user can mend: a port that is taken.
    Wrong(String),
    /// The arguments are wrong, or only ask for help.
    Usage(clap::Error),
    /// The arguments are wrong in a way that the parser cannot see.
    Misuse(String),
    /// A fault of ours.
    Fault(String),
}

impl Ending {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Files(_) | Self::Said | Self::Wrong(_) => WRONG,
            Self::Usage(error) => u8::try_from(error.exit_code()).unwrap_or(USAGE),
            Self::Misuse(_) => USAGE,
            Self::Fault(_) => FAULT,
        }
    }

    /// Says what went wrong, on stderr (help on stdout).
    fn say(&self) {
        match self {
            Self::Files(diagnostics) => complain(&diagnostics.render(colour())),
            Self::Said => {}
            Self::Wrong(message) | Self::Misuse(message) => {
                complain(&format!("error: {message}\n"));
            }
            Self::Usage(error) => {
                // A closed pipe is all that can go wrong here, and nobody is left to tell.
                let _ = error.print();
            }
            Self::Fault(message) => complain(&format!(
                "error: {message}\nThis is a fault of Sluicegate, not of yours: please report it.\n"
            )),
        }
    }
}

impl From<Diagnostics> for Ending {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Files(Box::new(diagnostics))
    }
}

/// Runs a command; a panic in it becomes exit code 70.
pub(super) fn guarded(command: impl FnOnce() -> Result<(), Ending>) -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(command));
    match ended.unwrap_or_else(|_| Err(Ending::Fault("the program stopped by a panic".to_owned())))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(ending) => {
            ending.say();
            ExitCode::from(ending.code())
        }
    }
}

/// Writes to stdout. Where nobody reads any more there is nobody to tell, so a failure is dropped;
/// `println!` would panic.
pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether what is said on stderr may have colours.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes to stderr, as [`say`] does to stdout.
pub(super) fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
