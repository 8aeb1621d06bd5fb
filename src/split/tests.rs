//! Stories and tables about bodies: what is refused and why, and that what is captured is what
//! another reader finds.

use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::error::{Code, Refusal};
use crate::settings::{Accept, Encodings, Formats};

pub(super) fn accept() -> Accept {
    Accept {
        formats: Formats {
            json: true,
            json_array: true,
            ndjson: true,
            raw: false,
            ..Formats::default()
        },
        event_bytes: 1 << 20,
        request_bytes: 8 << 20,
        events: 1000,
        encodings: Encodings::ALL,
    }
}

pub(super) fn only(formats: &str) -> Accept {
    let has = |name: &str| formats.split(' ').any(|format| format == name);
    Accept {
        formats: Formats {
            json: has("json"),
            json_array: has("json-array"),
            ndjson: has("ndjson"),
            json_seq: has("json-seq"),
            cloudevents: has("cloudevents"),
            form: has("form"),
            query: has("query"),
            text_plain: has("text-plain"),
            raw: has("raw"),
        },
        ..accept()
    }
}

fn path(steps: &str) -> Vec<Step> {
    let step = |text: &str| match text.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Name(text.to_owned()),
    };
    steps
        .split('.')
        .filter(|s| !s.is_empty())
        .map(step)
        .collect()
}

pub(super) fn wanted(paths: &[&str]) -> Wanted {
    let mut wanted = Wanted::default();
    for steps in paths {
        wanted.add(&path(steps)).unwrap();
    }
    wanted
}

/// An event's text, and that of its captures.
type Cutting = (String, Vec<Option<String>>);

/// The events of a body, each with the text of its captures.
pub(super) fn cut(
    content_type: &str,
    body: &[u8],
    accept: &Accept,
    wanted: &Wanted,
) -> Result<Vec<Cutting>, Refusal> {
    let body = Bytes::copy_from_slice(body);
    let content_type = (!content_type.is_empty()).then_some(content_type.as_bytes());
    let mut scratch = Scratch::default();
    split(content_type, &body, accept, wanted, &mut scratch)?;
    let text = |start: u32, end: u32| {
        String::from_utf8_lossy(&body[start as usize..end as usize]).into_owned()
    };
    let events = scratch.events.iter().enumerate().map(|(index, event)| {
        let captures = scratch.captures_of(index, wanted).iter();
        let captures = captures.map(|c| c.map(|c| text(c.start, c.end)));
        (text(event.start, event.end), captures.collect())
    });
    Ok(events.collect())
}

fn refused(content_type: &str, body: &[u8], accept: &Accept) -> (Code, String) {
    let refusal = cut(content_type, body, accept, &wanted(&["a.b"])).unwrap_err();
    (refusal.code, refusal.detail.into_owned())
}

#[test]
fn captures_are_the_bytes_as_received() {
    let wanted = wanted(&["", "user.id", "items.1.n", "missing", "total", "user", "o"]);
    let body = br#" { "user" : { "id" : "u1" }, "items": [ {"n":1}, { "n" : 2.50 } ], "total": 1e400 , "o":{}} "#;
    let events = cut("application/json", body, &accept(), &wanted).unwrap();
    assert_eq!(events.len(), 1);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        events[0].1[1..],
        [
            some("\"u1\""),
            some("2.50"),
            None,
            some("1e400"),
            some(r#"{ "id" : "u1" }"#),
            some("{}")
        ]
    );
    assert_eq!(events[0].0.as_bytes(), body.trim_ascii());
    assert_eq!(events[0].1[0].as_ref(), Some(&events[0].0));
}

#[test]
fn forms_of_a_body() {
    for (accepts, content_type, body, events) in [
        ("json", "", "{}", 1),
        ("json", "application/json", "[1]", 1),
        ("json json-array", "", "[1, 2 ,3]", 3),
        (
            "json-array",
            "application/json; charset=UTF-8",
            " [ {} ] ",
            1,
        ),
        ("json", "Application/Vnd.Acme+JSON", "7", 1),
        (
            "ndjson",
            "application/x-ndjson",
            "{}\n\n  \r\n[1]\r\n\"a\"",
            3,
        ),
        ("ndjson", "application/jsonl", "1\n2\n", 2),
        ("raw", "image/png", "\u{0}x", 1),
        ("raw", "", "[]", 1),
    ] {
        let found = cut(
            content_type,
            body.as_bytes(),
            &only(accepts),
            &wanted(&["a"]),
        );
        assert_eq!(
            found.map(|e| e.len()),
            Ok(events),
            "{accepts} {content_type} {body}"
        );
    }
}

/// What the route accepts, the Content-Type, the body (`~` is a newline), the code, and a part of
/// the detail.
const REFUSED: &str = r#"
json       | text/plain                      | {}                        | format_unsupported | one JSON event
json       | application/json;charset=latin1 | {}                        | format_unsupported | charset
json       | application/x-ndjson            | {}                        | format_unsupported | JSON lines
ndjson     |                                 | {}                        | format_unsupported | application/x-ndjson
json-array |                                 | {}                        | format_unsupported | begin with `[`
json       |                                 |                           | body_empty         | empty
json-array |                                 |                           | body_empty         | empty
both       |                                 | ~~                        | body_empty         | empty
both       |                                 | [~]                       | body_empty         | empty array
json       |                                 | [~]~                      | body_empty         | empty array
both       |                                 | [~]~x                     | json_invalid       | byte 4
ndjson     | application/ndjson              | ~~                        | body_empty         | blank
raw        |                                 |                           | body_empty         | empty
json       |                                 | {"a"~:tru}                | json_invalid       | byte 6 (line 2, column 2): expected a value
json       |                                 | {}~{}                     | json_invalid       | something follows
json       |                                 | {"a":1                    | json_invalid       | the body ends at byte 6
json       |                                 | BOM{}                     | json_invalid       | byte 0
json-array |                                 | [1,{},]                   | json_invalid       | event 2
json-array |                                 | [1 2]                     | json_invalid       | expected `,` or `]`
ndjson     | application/jsonl               | {}~{"a":~1}               | json_invalid       | event 1
ndjson     | application/jsonl               | {}~{} 1~                  | json_invalid       | line 2, column 4
json       |                                 | {"a":1,"a":2}             | duplicate_field    | byte 7
json       |                                 | {"a":{"b":1,"\u0062":2}}  | duplicate_field    | byte 12
json       |                                 | {"a":{"b":1},"\u0061":0}  | duplicate_field    | byte 13
json-array |                                 | [{"a":1},{"a":1,"a":1}]   | duplicate_field    | event 1
"#;

#[test]
fn what_is_refused_says_why_and_where() {
    for row in REFUSED.lines().filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [accepts, content_type, body, code, detail] = cells[..] else {
            panic!("{row}");
        };
        let both = "json json-array";
        let accepts = if accepts == "both" { both } else { accepts };
        let body = body.replace('~', "\n").replace("BOM", "\u{feff}");
        let (found, text) = refused(content_type, body.as_bytes(), &only(accepts));
        assert_eq!(found.as_str(), code, "{row}: {text}");
        assert!(text.contains(detail), "{row}: {text}");
    }
}

#[test]
fn nesting_and_encoding_are_judged() {
    let deep = format!("{}1{}", "[".repeat(129), "]".repeat(129));
    let in_batch = format!("[{}1{}]", "[".repeat(128), "]".repeat(128));
    for (accepts, body) in [("json", deep), ("json-array", in_batch)] {
        let (code, text) = refused("", body.as_bytes(), &only(accepts));
        assert_eq!(code, Code::JsonInvalid);
        assert!(text.contains("deeper than 128 levels"), "{text}");
    }
    let (code, text) = refused("", b"{\"a\":\"\xff\"}", &accept());
    assert_eq!(code, Code::JsonInvalid);
    assert!(text.contains("not UTF-8 at byte 6"), "{text}");
}

#[test]
fn sizes_and_counts_are_bounded() {
    let small = Accept {
        event_bytes: 4,
        request_bytes: 20,
        events: 2,
        ..accept()
    };
    assert!(cut("", b"[1,2]", &small, &wanted(&[])).is_ok());
    let (code, text) = refused("", b"[1,2,3]", &small);
    assert_eq!(
        (code, text.contains("more than 2 events")),
        (Code::TooManyEvents, true)
    );
    let (code, text) = refused("", b"[1,12345]", &small);
    assert_eq!(
        (code, text.contains("event 1 has 5 bytes")),
        (Code::EventTooLarge, true)
    );
    let (code, text) = refused("", b"[1,          12345 ]  ", &small);
    assert_eq!(
        (code, text.contains("has 22 bytes")),
        (Code::RequestTooLarge, true)
    );
}

#[test]
fn duplicates_that_the_mapping_does_not_read_pass() {
    let body = br#"{"x":1,"x":2,"a":{"c":1,"c":2,"b":{"d":1,"d":2}}}"#;
    let events = cut("", body, &accept(), &wanted(&["a.b"])).unwrap();
    assert_eq!(events[0].1, [Some(r#"{"d":1,"d":2}"#.to_owned())]);
}

#[test]
fn a_scratch_is_reused() {
    let mut scratch = Scratch::default();
    let wanted = wanted(&["a"]);
    for body in [r#"[{"a":1},{"a":2}]"#, r#"{"b":1}"#] {
        let body = Bytes::from_static(body.as_bytes());
        split(None, &body, &accept(), &wanted, &mut scratch).unwrap();
    }
    assert_eq!(
        (scratch.events.len(), scratch.captures.as_slice()),
        (1, [None].as_slice())
    );
}

#[test]
fn the_json_test_suite() {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/security/json/test_parsing");
    let Ok(entries) = std::fs::read_dir(&root) else {
        eprintln!("SKIPPED: no JSON test suite at ../shared/corpus/security/json");
        return;
    };
    let mut counts = [0, 0];
    for entry in entries {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let found = cut(
            "",
            &std::fs::read(&file).unwrap(),
            &only("json"),
            &Wanted::default(),
        );
        let found = found.map_err(|refusal| (refusal.code, refusal.detail));
        match name.split('_').next() {
            Some("y") => {
                // An empty array is well-formed, and no event.
                let empty = matches!(found, Err((Code::BodyEmpty, _)));
                assert!(found.is_ok() || empty, "{name}: {found:?}");
                counts[0] += 1;
            }
            Some("n") => {
                assert!(found.is_err(), "{name}");
                counts[1] += 1;
            }
            // Free choice: numbers of any size are kept as text, broken text is refused.
            _ => assert_eq!(
                found.is_ok(),
                name.starts_with("i_number"),
                "{name}: {found:?}"
            ),
        }
    }
    assert!(counts[0] >= 90 && counts[1] == 188, "{counts:?}");
}
