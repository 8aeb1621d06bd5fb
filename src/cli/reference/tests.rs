//! The generated files hold what they promise.

use serde_json::Value;

use super::*;
use crate::error::Code;
use crate::settings::{Environment, json_schema, load_text};

#[test]
fn the_reference_file_is_right() {
    let text = file::text();
    if let Err(wrong) = load_text("reference.yaml", &text, &Environment::default()) {
        panic!("{wrong}\n{text}");
    }
}

#[test]
fn every_key_of_the_schema_stands_in_the_reference_with_a_sentence() {
    let text = file::text();
    let mut missing = Vec::new();
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    assert!(definitions.len() > 20);
    for (owner, definition) in definitions {
        let properties = definition.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let stands = text.lines().any(|line| {
                let line = line.trim_start_matches([' ', '#', '-']);
                line.strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.starts_with(':'))
            });
            if !stands {
                missing.push(format!("{owner}.{key}"));
            }
            if property.get("description").is_none() && property.get("$ref").is_none() {
                missing.push(format!("{owner}.{key} is not described"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}\n{text}");
}

#[test]
fn a_default_is_read_from_what_is_said_of_a_key() {
    let read = |description: &str, schema: Value| {
        let property = serde_json::json!({ "description": description });
        sample::value(&property, &schema)
    };
    let size = || serde_json::json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": "^[0-9]+" }] });
    let text = || serde_json::json!({ "type": "string" });
    for (description, schema, wanted) in [
        (
            "Bytes of one event, 256KiB by default, 16MiB at most.",
            size(),
            "256KiB",
        ),
        (
            "Bytes that wait (64MiB by default); past it 503.",
            size(),
            "64MiB",
        ),
        (
            "The data port: 0.0.0.0:8080 by default.",
            text(),
            "0.0.0.0:8080",
        ),
        (
            "A value. Default: `${event}`.",
            serde_json::json!({}),
            "${event}",
        ),
    ] {
        let (value, is_default) = read(description, schema);
        assert_eq!(
            (value, is_default),
            (Value::from(wanted), true),
            "{description}"
        );
    }
    let (_, is_default) = read("Its name; its method and path by default.", text());
    assert!(!is_default);
    let list = serde_json::json!({ "type": "array" });
    let (value, _) = read("Forms of a body; json and json-array by default.", list);
    assert_eq!(value, serde_json::json!(["json", "json-array"]));
}

#[test]
fn every_code_has_a_page_with_its_own_answer() {
    let pages = errors::pages();
    assert_eq!(pages.len(), Code::ALL.len() + 1);
    let rehearsed = pages
        .iter()
        .filter(|(_, text)| text.contains("\"detail\""))
        .count();
    assert!(rehearsed >= Code::ALL.len(), "{rehearsed}");
    for code in Code::ALL {
        let (_, text) = pages
            .iter()
            .find(|(name, _)| *name == format!("{}.md", code.as_str()))
            .unwrap();
        for part in [
            format!("HTTP/1.1 {}", code.status()),
            format!("\"code\": \"{}\"", code.as_str()),
            "## What to do".to_owned(),
        ] {
            assert!(text.contains(&part), "{part} is not in:\n{text}");
        }
    }
    assert!(advice::is_known(Code::Conflict));
}
