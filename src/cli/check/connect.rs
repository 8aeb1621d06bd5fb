//! `--connect`: asks each target whether it can be used.

use serde_json::{Value, json};
use sluicegate_contract::{Observation, Standing};

use super::{Arguments, show_warnings, summary};
use crate::cli::ending::{Ending, say};
use crate::rooms::{self, Seen};
use crate::settings::Review;

pub(super) fn command(arguments: &Arguments, review: &Review) -> Result<(), Ending> {
    let seen = rooms::probe(&review.settings, arguments.timeout).map_err(Ending::Wrong)?;
    if arguments.json {
        let mut found = review.warnings.json();
        if let Value::Array(found) = &mut found {
            found.extend(seen.iter().flat_map(objects));
        }
        say(&format!("{found:#}\n"));
    } else {
        show_warnings(&review.warnings);
        say(&shown(&seen));
        say(&summary(review));
    }
    let is_wrong = |seen: &Seen| {
        let mut observations = seen.observations.iter();
        observations.any(|observation| observation.standing == Standing::Wrong)
    };
    let wrong = seen.iter().filter(|seen| is_wrong(seen)).count();
    if wrong == 0 {
        return Ok(());
    }
    Err(Ending::Wrong(format!(
        "{wrong} of {} targets cannot be used",
        seen.len()
    )))
}

fn shown(seen: &[Seen]) -> String {
    let mut text = String::new();
    for seen in seen {
        text.push_str(&format!("{} ({})\n", seen.target, seen.kind));
        for observation in &seen.observations {
            let mark = match observation.standing {
                Standing::Good => "✓",
                Standing::Doubtful => "?",
                Standing::Wrong => "✗",
            };
            text.push_str(&format!("  {mark} {}\n", observation.what));
            if let Some(remedy) = &observation.remedy {
                text.push_str(&format!("    {remedy}\n"));
            }
        }
    }
    text.push('\n');
    text
}

/// What was seen, in the form of findings: it has no place in a file.
fn objects(seen: &Seen) -> Vec<Value> {
    let object = |observation: &Observation| {
        let (severity, code) = match observation.standing {
            Standing::Good => return None,
            Standing::Doubtful => ("warning", "target_doubtful"),
            Standing::Wrong => ("error", "target_wrong"),
        };
        Some(json!({
            "severity": severity,
            "code": code,
            "target": *seen.target,
            "file": null,
            "line": null,
            "column": null,
            "end": null,
            "message": observation.what,
            "help": observation.remedy,
        }))
    };
    seen.observations.iter().filter_map(object).collect()
}
