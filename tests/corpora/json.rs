//! JSONTestSuite: what is taken, what is refused, what is forwarded, and what a mapping reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use sluicegate::error::Code;
use sluicegate::gateway::{Rehearsal, RehearsalRequest, rehearse};
use sluicegate::settings::{Accept, Environment, load_text};
use sluicegate::split::{Scratch, Wanted, split};

use crate::{corpus, say};

/// The files of a folder by their name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// What a route takes that takes one JSON value.
fn accept() -> Accept {
    let text = "\
sluicegate: 1
targets: { all: { discard: {} } }
defaults: { auth: none, accept: { formats: [json] } }
routes: [ { route: POST /, to: [ { target: all } ] } ]
";
    let settings = load_text("t.yaml", text, &Environment::default()).unwrap();
    settings.routes[0].accept
}

/// What a mapping makes of a body: the key is `key`, the value is the event as it came.
fn mapped(key: &str, body: &[u8]) -> Rehearsal {
    let text = format!(
        "sluicegate: 1
targets: {{ all: {{ kafka: {{ bootstrap_servers: \"127.0.0.1:1\", topic: t }} }} }}
defaults: {{ auth: none, accept: {{ formats: [json] }} }}
routes:
  - route: POST /
    to: [ {{ target: all, record: {{ key: \"{key}\", value: \"${{event}}\" }} }} ]
"
    );
    let settings = load_text("t.yaml", &text, &Environment::default())
        .unwrap_or_else(|wrong| panic!("{wrong}"));
    let request = RehearsalRequest {
        client: None,
        source_ip: None,
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.to_vec(),
        time: UNIX_EPOCH,
        id: 1,
    };
    rehearse(&settings, &request, &BTreeMap::new())
}

/// What must become of a text, by the INDEX: what is not decided, is refused where two readers
/// could read two things, and numbers travel as their text, however large.
fn is_taken(name: &str) -> bool {
    name.starts_with("y_") || name.starts_with("i_number_")
}

#[test]
fn every_text_is_taken_or_refused_as_it_should_be() {
    let name = "every_text_is_taken_or_refused_as_it_should_be";
    let Some(folder) = corpus("security/json/test_parsing", name) else {
        return;
    };
    let (accept, mut scratch) = (accept(), Scratch::default());
    let mut counts: BTreeMap<(char, bool), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, body) in files(&folder) {
        let body = Bytes::from(body);
        let kind = Some(&b"application/json"[..]);
        let cut = split(kind, &body, &accept, &Wanted::default(), &mut scratch);
        let count = counts.entry((name.chars().next().unwrap(), cut.is_ok()));
        *count.or_default() += 1;
        let as_it_should = match &cut {
            Ok(()) => is_taken(&name) && scratch.events.len() == 1,
            // Valid JSON, and no event in it: an empty array is never one.
            Err(refusal) if is_taken(&name) => refusal.code == Code::BodyEmpty,
            Err(refusal) => matches!(refusal.code, Code::JsonInvalid | Code::BodyEmpty),
        };
        if !as_it_should {
            wrong.push(format!("{name}: {cut:?}"));
        }
    }
    say(&format!(
        "JSON texts by kind, and whether taken: {counts:?}"
    ));
    assert!(counts.values().sum::<usize>() > 150, "{counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_forwarded_is_what_came_byte_for_byte() {
    let name = "what_is_forwarded_is_what_came_byte_for_byte";
    let Some(folder) = corpus("security/json", name) else {
        return;
    };
    let mut texts = files(&folder.join("test_parsing"));
    texts.retain(|name, _| is_taken(name));
    texts.append(&mut files(&folder.join("test_transform")));
    let mut forwarded = 0;
    for (name, body) in texts {
        let rehearsal = mapped("k", &body);
        if rehearsal.status == 400 {
            let is_broken = name.starts_with("string_") && name.contains("invalid")
                || body.trim_ascii().starts_with(b"[") && body.trim_ascii().len() <= 3;
            assert!(
                is_broken,
                "{name}: {}",
                String::from_utf8_lossy(&rehearsal.body)
            );
            continue;
        }
        let record = &rehearsal.records[0].record;
        let sent = record
            .value(1)
            .as_bytes()
            .unwrap_or_else(|| panic!("{name}: {record:?}"));
        // A text that is one string is sent as its text; white space around an event is not of it.
        let is_text = body.trim_ascii_start().starts_with(b"\"");
        let expected = if is_text {
            let text: String = serde_json::from_slice(&body).unwrap();
            text.into_bytes()
        } else {
            body.trim_ascii().to_vec()
        };
        assert_eq!(sent, &expected, "{name}");
        forwarded += 1;
    }
    say(&format!("JSON texts forwarded as they came: {forwarded}"));
    assert!(forwarded > 60, "{forwarded}");
}

#[test]
fn what_a_mapping_reads_is_what_stands_there_or_nothing() {
    let name = "what_a_mapping_reads_is_what_stands_there_or_nothing";
    let Some(folder) = corpus("security/json/test_transform", name) else {
        return;
    };
    for (name, body) in files(&folder) {
        let text = String::from_utf8_lossy(&body).trim().to_owned();
        let key = if name.starts_with("object_key") {
            "${event['é']}"
        } else if name.starts_with("object") {
            "${event.a}"
        } else {
            "${event[0]}"
        };
        let rehearsal = mapped(key, &body);
        let code = serde_json::from_slice::<serde_json::Value>(&rehearsal.body).unwrap_or_default();
        let code = code["code"].as_str().unwrap_or_default().to_owned();
        let read = rehearsal
            .records
            .first()
            .and_then(|one| one.record.value(0).as_bytes().cloned());
        let read = read.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let inner = text.trim_matches(['[', ']']).to_owned();
        match name.split('_').next().unwrap() {
            // As its text, digit for digit: never rounded.
            "number" => assert_eq!(read.as_deref(), Some(inner.as_str()), "{name}: {code}"),
            // The first and the last of two could both be meant.
            "object" if name.contains("same") => assert_eq!(code, "duplicate_field", "{name}"),
            // Composed and decomposed letters are two names.
            "object" => assert_eq!(rehearsal.status, 200, "{name}: {code}"),
            _ if name.contains("invalid") => assert_eq!(code, "json_invalid", "{name}"),
            _ => assert_eq!(read.as_deref(), Some("A\0B"), "{name}"),
        }
    }
}

#[test]
fn nesting_costs_no_more_than_its_limit() {
    for depth in [128, 129, 1_000_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut scratch = Scratch::default();
        let cut = split(
            None,
            &Bytes::from(body),
            &accept(),
            &Wanted::default(),
            &mut scratch,
        );
        assert_eq!(cut.is_ok(), depth <= 128, "{depth}: {cut:?}");
    }
}
