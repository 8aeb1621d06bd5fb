//! What a file may say, and what is said of a wrong one.

mod admission;
mod good;
mod random;
mod schemas;
mod wrong;
mod wrong_sets;

use super::*;

/// A file with one target `all` and one route; a test adds to it what it is about.
const HEAD: &str = "\
sluicegate: 1
defaults: { auth: none }
targets: { all: { discard: {} } }
";

/// What is said of a wrong file, as its user sees it.
fn said(text: &str) -> String {
    let environment = Environment::fixed([("BROKERS", "kafka-1:9092"), ("PASSWORD", "hunter2")]);
    match load_text("t.yaml", text, &environment) {
        Ok(_) => String::from("nothing"),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

/// A rendered message without the line breaks that its width made.
fn unwrapped(text: &str) -> String {
    text.split_whitespace()
        .filter(|word| *word != "│")
        .collect::<Vec<_>>()
        .join(" ")
}
