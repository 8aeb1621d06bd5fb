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

/// Keys that stand in the place of others of the example: another store of keys, no key of a client,
/// another kind of write.
const ALTERNATIVES: [&str; 4] = ["dynamodb", "auth", "update", "delete"];
/// What stands for something of the user's own, or for what was described before.
const BLANKS: [&str; 3] = ["\"…\"", "NAME: ", "# its keys: see "];

#[test]
fn a_key_that_is_left_out_can_be_taken_in_as_it_stands() {
    let text = file::text();
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (place, line) in lines.iter().enumerate() {
        let Some((blank, key)) = left_out(line) else {
            continue;
        };
        let mark = format!("{blank}#");
        // A key with the keys below it is one comment.
        let deeper = |line: &&&str| line.starts_with(&format!("{mark}  "));
        let below = lines.iter().skip(place + 1).take_while(deeper).count();
        let value = lines[place..=place + below].concat();
        let is_blank = BLANKS.iter().any(|blank| value.contains(blank));
        if is_blank || ALTERNATIVES.contains(&key) {
            continue;
        }
        tried += 1;
        let taken: Vec<String> = (0..lines.len())
            .map(|at| match (place..=place + below).contains(&at) {
                true => lines[at].replacen('#', "", 1),
                false => lines[at].to_owned(),
            })
            .collect();
        if let Err(said) = load_text("reference.yaml", &taken.join("\n"), &Environment::default()) {
            wrong.push(format!("{key}: {said}"));
        }
    }
    assert!(tried > 30, "{tried}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands before a key that is left out, and the key: `  #max_age: 30d`.
fn left_out(line: &str) -> Option<(&str, &str)> {
    let (blank, rest) = line.split_once('#')?;
    let (key, _) = rest.split_once(':')?;
    let is_key = |c: char| c.is_ascii_lowercase() || c == '_';
    (blank.trim().is_empty() && !key.is_empty() && key.chars().all(is_key)).then_some((blank, key))
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
    let (value, _) = read("Networks of proxies; none by default.", list.clone());
    assert_eq!(value, serde_json::json!([]));
    let (value, _) = read("Forms of a body; json and json-array by default.", list);
    assert_eq!(value, serde_json::json!(["json", "json-array"]));
}

#[test]
fn a_page_says_one_thing_of_sending_again() {
    for code in Code::ALL {
        let advice = advice::of(*code);
        let asks = code.doc().to_lowercase().contains("send again");
        let said = code.as_str();
        assert!(!asks || advice.again.starts_with("yes"), "{said}");
        // What is the matter with one of these is no matter of every other.
        let own = matches!(code.status(), 503 | 507);
        assert!(!own || advice::is_known(*code), "{said}");
        // The admin port has it at /health/ready.
        assert!(!advice.todo.contains("`/ready`"), "{said}");
    }
    let mut words: Vec<&str> = advice::words().collect();
    words.sort_unstable();
    assert!(words.windows(2).all(|two| two[0] != two[1]), "{words:?}");
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
