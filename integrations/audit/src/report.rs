//! The verdicts for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::history::History;
use crate::holding::Holding;
use crate::verdicts::{Judgement, good};

/// The verdicts as a table, with what breaks each rule below it.
#[must_use]
pub fn table(judgements: &[Judgement]) -> String {
    let mut out = String::new();
    for (place, judged) in (1..).zip(judgements) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{place}  {:<10} {:<10} {:<54} {}",
            judged.verdict.word(),
            judged.rule.word(),
            judged.rule.says(),
            judged.said
        );
        for example in &judged.found.examples {
            let _ = writeln!(out, "     - {example}");
        }
        let more = judged
            .found
            .count
            .saturating_sub(judged.found.examples.len() as u64);
        if more > 0 && !judged.found.examples.is_empty() {
            let _ = writeln!(out, "     - and {more} more");
        }
    }
    let _ = match good(judgements) {
        true => writeln!(out, "\nall that was asked holds"),
        false => writeln!(out, "\nNOT all that was asked holds"),
    };
    out
}

/// The verdicts as JSON.
#[must_use]
pub fn json(judgements: &[Judgement], history: &History, holdings: &[Holding]) -> Value {
    let tally = history.tally();
    let rules: Vec<Value> = judgements
        .iter()
        .map(|judged| {
            json!({
                "rule": judged.rule.word(),
                "says": judged.rule.says(),
                "verdict": judged.verdict.word(),
                "said": judged.said,
                "violations": judged.found.count,
                "examples": judged.found.examples,
            })
        })
        .collect();
    let targets: Vec<Value> = holdings
        .iter()
        .map(|holding| {
            json!({
                "target": holding.target.name,
                "required": holding.target.required,
                "ordered": holding.target.ordered,
                "records": holding.records,
                "others": holding.others,
                "duplicates": holding.duplicates(),
            })
        })
        .collect();
    json!({
        "good": good(judgements),
        "run": history.events().map(|events| events.run()),
        "acknowledged": tally.ok,
        "refused": tally.failed,
        "unknown": tally.unknown,
        "rules": rules,
        "targets": targets,
    })
}
