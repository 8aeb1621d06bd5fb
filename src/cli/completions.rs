//! `sluicegate completions` and `sluicegate man`: what shells and `man` read.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::ending::{Ending, say};

/// Prints completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                        sluicegate completions bash > /etc/bash_completion.d/sluicegate\n  \
                        sluicegate completions zsh > ~/.zfunc/_sluicegate\n  \
                        sluicegate completions fish > ~/.config/fish/completions/sluicegate.fish")]
pub(super) struct CompletionArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the man page, or writes one for each command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sluicegate man | man -l -\n  \
                        sluicegate man --dir /usr/local/share/man/man1")]
pub(super) struct ManArguments {
    /// A folder to write `sluicegate.1` and a page for each command into.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(
    arguments: &CompletionArguments,
    mut command: Command,
) -> Result<(), Ending> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "sluicegate", &mut text);
    say(&String::from_utf8_lossy(&text));
    Ok(())
}

pub(super) fn man(arguments: &ManArguments, command: Command) -> Result<(), Ending> {
    let Some(folder) = &arguments.dir else {
        let mut text = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut text);
        rendered.map_err(|error| Ending::Fault(error.to_string()))?;
        say(&String::from_utf8_lossy(&text));
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|error| Ending::Wrong(format!("`{}`: {error}", folder.display())))
}
