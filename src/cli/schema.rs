//! `sluicegate schema`: the references that are generated from the code.

use std::path::PathBuf;

use clap::Args;
use sluicegate_contract::ReasonKind;

use super::Ending;
use super::ending::say;
use super::reference;
use crate::error::Code;
use crate::settings::json_schema;

/// Prints the JSON Schema of the file, for editors; or another reference.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sluicegate schema > sluicegate.schema.json\n  \
                        sluicegate schema --functions\n  \
                        sluicegate schema --reference config"
)]
pub(super) struct Arguments {
    /// Print the functions that expressions may call.
    #[arg(long, conflicts_with_all = ["codes", "reference"])]
    functions: bool,
    /// Print the codes of errors: those of replies and those of targets.
    #[arg(long, conflicts_with = "reference")]
    codes: bool,
    /// Write the whole reference into a folder: the schema, a file with every key, a page for each
    /// error, functions and metrics.
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    if let Some(folder) = &arguments.reference {
        let count = reference::write(folder).map_err(Ending::Wrong)?;
        say(&format!(
            "{count} files written below {}\n",
            folder.display()
        ));
    } else if arguments.codes {
        say(&codes());
    } else if arguments.functions {
        say(&functions());
    } else {
        say(&schema_text());
    }
    Ok(())
}

/// The JSON Schema as text, as it is committed in `config/schema.json`.
pub(super) fn schema_text() -> String {
    let schema = json_schema();
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_else(|_| schema.to_string());
    text.push('\n');
    text
}

fn functions() -> String {
    crate::map::functions::reference()
}

/// Markdown tables of all codes.
pub(super) fn codes() -> String {
    let mut out = String::from(
        "Codes of replies (the `code` of a problem document):\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        out.push_str(&format!(
            "| `{}` | {} | {} |\n",
            code.as_str(),
            code.status(),
            code.doc()
        ));
    }
    out.push_str(
        "\nReasons of targets (the `code` of a result, the `reason` of a metric):\n\n\
         | reason | meaning |\n|---|---|\n",
    );
    for kind in ReasonKind::ALL {
        out.push_str(&format!("| `{}` | {} |\n", kind.code(), kind.doc()));
    }
    out
}
