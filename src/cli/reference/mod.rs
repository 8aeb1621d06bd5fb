//! The reference: files that are generated from the code, so that they say what it does.
//!
//! `sluicegate schema --reference DIR` writes them; a test holds those in `config` against it.

mod advice;
mod errors;
mod file;
mod sample;

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::schema::schema_text;
use crate::map::functions;
use crate::observe;
use crate::settings::WARNINGS;

/// The folder of the error pages, of which those of codes that are gone are taken away.
const ERRORS: &str = "reference/errors";

/// Columns of a command's help.
const HELP_COLUMNS: usize = 100;

/// Every generated file: its path below the folder of the reference, and its text.
pub(super) fn files() -> Vec<(String, String)> {
    let mut files = vec![
        ("schema.json".to_owned(), schema_text()),
        ("reference.yaml".to_owned(), file::text()),
        ("reference/functions.md".to_owned(), functions_page()),
        ("reference/metrics.md".to_owned(), metrics_page()),
        ("reference/warnings.md".to_owned(), warnings_page()),
        ("reference/commands.md".to_owned(), commands_page()),
    ];
    let pages = errors::pages().into_iter();
    files.extend(pages.map(|(name, text)| (format!("{ERRORS}/{name}"), text)));
    files
}

/// Writes every generated file below this folder, and gives how many there are.
///
/// # Errors
/// The file that cannot be written, and why.
pub(super) fn write(folder: &Path) -> Result<usize, String> {
    let files = files();
    forget_old_pages(folder, &files)
        .map_err(|error| format!("{}: {error}", folder.join(ERRORS).display()))?;
    for (name, text) in &files {
        let path = folder.join(name);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
    }
    Ok(files.len())
}

/// Takes the pages of codes away that there are no more.
fn forget_old_pages(folder: &Path, files: &[(String, String)]) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder.join(ERRORS)) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = files
            .iter()
            .any(|(known, _)| *known == format!("{ERRORS}/{name}"));
        if name.ends_with(".md") && !known {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn functions_page() -> String {
    let mut text = "# Functions of expressions\n\n\
                    Expressions are CEL, the Common Expression Language. Besides its operators they \
                    may call these;\n`sluicegate schema --functions` prints the same.\n\n\
                    | call | what it does | example | gives |\n|---|---|---|---|\n"
        .to_owned();
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for function in functions::all() {
        text.push_str(&format!(
            "| `{}` | {} | `${{{}}}` | `{}` |\n",
            cell(function.signature),
            cell(function.doc),
            cell(function.example),
            cell(function.result),
        ));
    }
    text
}

fn metrics_page() -> String {
    format!(
        "# Metrics\n\n\
         `GET /metrics` on the admin port gives these, in Prometheus' text format.\n\n{}",
        observe::reference()
    )
}

fn warnings_page() -> String {
    let mut text = "# Warnings\n\n\
                    `sluicegate check` says these of files that are right and may not do what their \
                    writer thinks.\n`x-allow: [CODE]` in a part of the file silences a warning there, \
                    `--allow CODE` everywhere;\n`--deny-warnings` makes the rest of them errors.\n\n\
                    | code | what it is about |\n|---|---|\n"
        .to_owned();
    for (code, doc) in WARNINGS {
        text.push_str(&format!("| `{code}` | {doc} |\n"));
    }
    text
}

/// The help of every command, as the commands themselves print it.
fn commands_page() -> String {
    let mut command = super::Arguments::command().term_width(HELP_COLUMNS);
    command.build();
    let mut text = "# Commands\n".to_owned();
    let whole = command.render_long_help().to_string();
    let subcommands = command.get_subcommands_mut();
    let mut helps = vec![("sluicegate".to_owned(), whole)];
    helps.extend(
        subcommands
            .filter(|command| command.get_name() != "help")
            .map(|command| {
                let name = format!("sluicegate {}", command.get_name());
                (name, command.render_long_help().to_string())
            }),
    );
    for (name, help) in helps {
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        text.push_str(&format!(
            "\n## {name}\n\n```text\n{}\n```\n",
            help.join("\n")
        ));
    }
    text
}

#[cfg(test)]
mod tests;
