//! The scan of JSON bodies against serde_json: what is taken and what is refused, and that what is
//! captured for the mapping is what serde_json finds at that path.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sluicegate::error::Code;
use sluicegate::settings::{Accept, Encodings, Formats};
use sluicegate::split::{Scratch, Step, Wanted, split};

const DEPTH_MAX: usize = 128;
const PATHS: &[&[&str]] = &[
    &[],
    &["a"],
    &["a", "b"],
    &["a", "0"],
    &["a", "b", "c"],
    &["b", "1", "a"],
    &["0"],
    &["0", "a"],
    &["é"],
    &["\""],
    &[""],
];

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    let (wanted, steps) = wanted();
    let mut scratch = Scratch::default();
    let taken = split(
        None,
        &body,
        &accept(Formats {
            json: true,
            ..Formats::default()
        }),
        &wanted,
        &mut scratch,
    );
    let theirs = read(data);
    match (&taken, &theirs) {
        (Ok(()), Ok(value)) => captured(&body, &scratch, &steps, value),
        (Ok(()), Err(why)) => assert!(
            why.contains("out of range"),
            "only serde_json refuses: {why}"
        ),
        (Err(_), Err(_)) => {}
        (Err(refusal), Ok(value)) => match refusal.code {
            Code::BodyEmpty => assert_eq!(value, &Value::Array(Vec::new())),
            Code::DuplicateField => {}
            _ => assert!(depth(data) > DEPTH_MAX, "only we refuse: {refusal:?}"),
        },
    }
    let batch = Formats {
        json_array: true,
        ndjson: true,
        json_seq: true,
        ..Formats::default()
    };
    for content_type in [
        None,
        Some(b"application/x-ndjson".as_slice()),
        Some(b"application/json-seq"),
    ] {
        if split(content_type, &body, &accept(batch), &wanted, &mut scratch).is_ok() {
            for text in scratch.texts(&body) {
                let read = read(text);
                let fine = read.as_ref().is_err_and(|why| why.contains("out of range"));
                assert!(
                    fine || read.is_ok(),
                    "{read:?}: {:?}",
                    String::from_utf8_lossy(text)
                );
            }
        }
    }
    let other = Formats {
        cloudevents: true,
        form: true,
        query: true,
        text_plain: true,
        ..batch
    };
    for content_type in [
        b"application/x-www-form-urlencoded".as_slice(),
        b"text/plain",
        b"application/cloudevents-batch+json",
    ] {
        let _ = split(
            Some(content_type),
            &body,
            &accept(other),
            &wanted,
            &mut scratch,
        );
    }
});

fn accept(formats: Formats) -> Accept {
    Accept {
        formats,
        event_bytes: 1 << 20,
        request_bytes: 1 << 20,
        events: 1000,
        encodings: Encodings::ALL,
    }
}

fn wanted() -> (Wanted, Vec<Vec<Step>>) {
    let mut wanted = Wanted::default();
    let step = |text: &&str| match text.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Name((*text).to_owned()),
    };
    let steps: Vec<Vec<Step>> = PATHS
        .iter()
        .map(|path| path.iter().map(step).collect())
        .collect();
    for path in &steps {
        assert!(wanted.add(path).is_some());
    }
    (wanted, steps)
}

fn read(data: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(data);
    reader.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

fn captured(body: &Bytes, scratch: &Scratch, paths: &[Vec<Step>], value: &Value) {
    for (place, path) in paths.iter().enumerate() {
        let theirs = path.iter().try_fold(value, |value, step| match step {
            Step::Name(name) => value.as_object()?.get(name),
            Step::Index(index) => value.as_array()?.get(*index),
        });
        let ours = scratch.captures[place];
        let ours = ours.map(|c| {
            let text = &body[c.start as usize..c.end as usize];
            read(text).unwrap_or_else(|why| panic!("{path:?} is captured as no JSON: {why}"))
        });
        assert_eq!(ours.as_ref(), theirs, "{path:?}");
    }
}

/// How deep brackets nest, strings passed over.
fn depth(data: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in data {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
