//! What a schema says of events, and what is said of a wrong one.

mod events;
mod faults;
mod suite;

use jsonschema::{Retrieve, Uri};
use serde_json::{Value, json};

use super::*;

type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// Answers no reference.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Wrong> {
        Err(format!("{uri} is not there").into())
    }
}

fn compiled(schema: &Value) -> Result<Schema, Vec<SchemaFault>> {
    Schema::compile(schema, "file:///schema.json", Nothing)
}

fn judged(schema: &Value, event: &str) -> Result<(), Refusal> {
    let schema = compiled(schema).unwrap_or_else(|faults| panic!("{schema}: {faults:?}"));
    schema.judge(event.as_bytes(), &mut Tape::default(), SCHEMA_FAULTS_MAX)
}

/// The lines of a table, each cut into its cells.
fn rows<const CELLS: usize>(table: &str) -> impl Iterator<Item = [&str; CELLS]> {
    table.lines().map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("{line}"))
    })
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
