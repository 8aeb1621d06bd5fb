//! The JSON Schema of the file: for editors, and for the check of a file.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use sluicegate_contract::{Field, Kind, Section};

use super::as_written::File;
use crate::rooms;

static DEFINITIONS: LazyLock<Map<String, Value>> = LazyLock::new(make_definitions);

/// The definitions of the schema by name; `File` is the whole file. Kinds of targets stand in it
/// under their own names.
pub(super) fn definitions() -> &'static Map<String, Value> {
    &DEFINITIONS
}

fn make_definitions() -> Map<String, Value> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let _: Schema = generator.subschema_for::<File>();
    let mut definitions = generator.take_definitions(true);
    for kind in rooms::TARGETS {
        let schema = inline(kind.schema);
        add_kind(&mut definitions, "Target", kind.name, schema);
    }
    for kind in rooms::CONNECTIONS {
        let schema = inline(kind.schema);
        let name = format!("{}_connection", kind.name);
        add_kind(&mut definitions, "Connection", kind.name, Value::Null);
        if let Some(properties) = definitions
            .get_mut("Connection")
            .and_then(|connection| connection.get_mut("properties"))
        {
            properties[kind.name] = json!({ "$ref": format!("#/$defs/{name}") });
        }
        definitions.insert(name, schema);
    }
    definitions
}

/// The schema as `sluicegate schema` prints it: with the fields of each kind's record.
#[must_use]
pub fn published() -> Value {
    let mut definitions = definitions().clone();
    let mut choices = Vec::new();
    for kind in rooms::TARGETS {
        let name = format!("{}_record", kind.name);
        choices.push(json!({ "$ref": format!("#/$defs/{name}") }));
        definitions.insert(name, record(kind.name, kind.fields));
    }
    if let Some(record) = definitions
        .get_mut("Binding")
        .and_then(|binding| binding.pointer_mut("/properties/record"))
    {
        record["anyOf"] = Value::Array(choices);
    }
    for (name, pattern) in [
        ("Target", rooms::TARGETS.len()),
        ("Connection", rooms::CONNECTIONS.len()),
    ] {
        if let Some(definition) = definitions.get_mut(name)
            && pattern > 0
        {
            definition["oneOf"] = exactly_one(name);
        }
    }
    // `x-*` keys are for anchors and other tools.
    for definition in definitions.values_mut() {
        if definition.get("additionalProperties") == Some(&Value::Bool(false)) {
            definition["patternProperties"] = json!({ "^x-": true });
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sluicegate file",
        "$ref": "#/$defs/File",
        "$defs": definitions,
    })
}

/// A type's schema with all that it refers to written out in it: rooms name their types alike.
fn inline(schema: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    schema(&mut generator).to_value()
}

fn add_kind(definitions: &mut Map<String, Value>, owner: &str, kind: &str, schema: Value) {
    if let Some(owner) = definitions.get_mut(owner) {
        if owner.get("properties").is_none() {
            owner["properties"] = json!({});
        }
        owner["additionalProperties"] = Value::Bool(false);
        owner["properties"][kind] = json!({ "$ref": format!("#/$defs/{kind}") });
    }
    if !schema.is_null() {
        definitions.insert(kind.to_owned(), schema);
    }
}

fn exactly_one(owner: &str) -> Value {
    let names: Vec<&str> = match owner {
        "Target" => rooms::TARGETS.iter().map(|kind| kind.name).collect(),
        _ => rooms::CONNECTIONS.iter().map(|kind| kind.name).collect(),
    };
    names
        .iter()
        .map(|name| json!({ "required": [name] }))
        .collect()
}

/// The schema of a record, from the room's list of fields.
fn record(kind: &str, fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required && field.default.is_none())
        .map(|field| field.name)
        .collect();
    let mut schema = json!({
        "description": format!("A record for a `{kind}` target."),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Text { .. } => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Payload | Kind::PayloadOrNull => json!({}),
        Kind::Integer { min, max } => json!({
            "anyOf": [
                { "type": "integer", "minimum": min, "maximum": max },
                { "type": "string", "pattern": "^\\$\\{" }
            ]
        }),
        Kind::TextMap { entries_max } => json!({
            "type": "object",
            "maxProperties": entries_max,
            "additionalProperties": { "type": ["string", "number", "boolean"] }
        }),
        Kind::PayloadMap { entries_max } => json!({
            "type": "object",
            "maxProperties": entries_max
        }),
        Kind::AttributeMap { entries_max } => json!({
            "type": "object",
            "maxProperties": entries_max,
            "additionalProperties": { "type": ["string", "number", "boolean", "array"] }
        }),
        Kind::Update(sections) => update(sections),
        Kind::Item => json!({ "type": ["object", "string"] }),
        Kind::Condition => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "enum": words }),
    };
    let mut description = field.doc.to_owned();
    if let Some(default) = field.default {
        description.push_str(&format!(" Default: `{default}`."));
    }
    schema["description"] = Value::String(description);
    schema
}

fn update(sections: &[Section]) -> Value {
    let properties: Map<String, Value> = sections
        .iter()
        .map(|section| {
            let kind = match section.names_only {
                true => json!(["array", "string"]),
                false => json!(["object", "string"]),
            };
            let schema = json!({ "type": kind, "description": section.doc });
            (section.name.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}
