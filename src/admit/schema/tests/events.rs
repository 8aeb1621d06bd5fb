//! Events of all kinds, hostile ones above all.

use super::*;
use crate::limits::JSON_DEPTH_MAX;

#[test]
fn every_fault_is_listed_up_to_a_bound_and_the_others_are_counted() {
    let schema = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    for (members, said) in [
        (1, "must be integer"),
        (2, "; and 1 fault more"),
        (40, "; and 39 faults more"),
        (100_000, "faults more"),
    ] {
        let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\":\"x\"")).collect();
        let refusal = judged(&schema, &format!("{{{}}}", members.join(","))).unwrap_err();
        assert!(refusal.detail.ends_with(said), "{}", refusal.detail);
        assert_eq!(refusal.errors.len(), members.len().min(SCHEMA_FAULTS_MAX));
        assert_eq!(&*refusal.errors[0].pointer, "/m0");
    }
}

#[test]
fn an_event_of_a_million_faults_ends_after_a_bounded_number() {
    let schema = json!({"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}});
    let event = format!("[{}1]", "1,".repeat(1_000_000));
    let refusal = judged(&schema, &event).unwrap_err();
    assert!(refusal.detail.contains("more than"), "{}", refusal.detail);
    // The next event is judged whole again.
    assert!(judged(&schema, "[null, \"a\"]").is_ok());
}

#[test]
fn a_name_that_occurs_twice_is_refused_wherever_it_stands() {
    let schema = json!({"type": "object"});
    let many: String = (0..40).map(|n| format!("\"m{n}\":{n},")).collect();
    for event in [
        r#"{"a":1,"a":2}"#.to_owned(),
        r#"{"b":{"a":1,"c":0,"\u0061":2}}"#.to_owned(),
        format!(r#"{{{many}"m7":1}}"#),
        format!(r#"[{{{many}"z":1}},{{"z":1,"z":1}}]"#),
    ] {
        let refusal = judged(&schema, &event).unwrap_err();
        assert_eq!(refusal.code, Code::DuplicateField, "{event}");
    }
    assert!(
        judged(
            &schema,
            r#"{"ab":1,"ba":1,"a":{"ab":1,"b":[{"a":1},{"a":1}]}}"#
        )
        .is_ok()
    );
}

#[test]
fn members_are_found_among_few_and_among_many_whatever_their_escapes() {
    for count in [1, 15, 16, 17, 18, 300] {
        let names: Vec<String> = (0..count).map(|n| format!("näme \"{n}\"")).collect();
        let schema = json!({
            "properties": names.iter().map(|name| (name.clone(), json!({"const": name}))).collect::<serde_json::Map<_, _>>(),
            "required": names,
            "additionalProperties": false,
        });
        let event: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), json!(name)))
            .collect();
        let text = Value::Object(event.clone()).to_string();
        assert!(judged(&schema, &text).is_ok(), "{count}");
        let mut other = event;
        other.insert(names[count / 2].clone(), json!("other"));
        let refusal = judged(&schema, &Value::Object(other).to_string()).unwrap_err();
        assert_eq!(refusal.errors.len(), 1, "{count}");
        assert_eq!(
            &*refusal.errors[0].pointer,
            format!("/{}", names[count / 2])
        );
    }
}

#[test]
fn unique_elements_are_told_among_few_and_many() {
    let schema = json!({"uniqueItems": true});
    for count in [3, 12, 13, 500] {
        for element in [
            |n: usize| n.to_string(),
            |n: usize| format!("\"t{n}\""),
            |n: usize| format!("{{\"a\":[{n}],\"b\":null}}"),
            |n: usize| format!("[{n},true]"),
        ] {
            let mut elements: Vec<String> = (0..count).map(element).collect();
            assert!(judged(&schema, &format!("[{}]", elements.join(","))).is_ok());
            elements[count - 1] =
                elements[0].replace("{\"a\":[0],\"b\":null}", "{\"b\":null,\"a\":[0.0]}");
            assert!(judged(&schema, &format!("[{}]", elements.join(","))).is_err());
        }
    }
}

#[test]
fn the_deepest_event_that_is_taken_is_judged_without_growing_the_stack_past_a_cores() {
    let schema = json!({
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {
            "anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}],
            "properties": {"a": {"allOf": [{"$ref": "#/$defs/tree"}]}},
        }},
    });
    let depth = JSON_DEPTH_MAX - 1;
    let (open, close) = ("{\"a\":".repeat(depth), "}".repeat(depth));
    // As much as a thread of the standard library has.
    let judge = move || {
        assert!(judged(&schema, &format!("{open}null{close}")).is_ok());
        assert!(judged(&schema, &format!("{open}1{close}")).is_err());
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(judge).unwrap().join().unwrap();
}

/// Schema, an event that fits, one that does not.
const NUMBERS: &str = r##"{"maximum": 9007199254740992} | 9007199254740992 | 9007199254740993
{"maximum": 18446744073709551615} | 18446744073709551615 | 18446744073709551616
{"const": 9007199254740993} | 9007199254740993 | 9007199254740992.0
{"enum": [9007199254740993, true]} | 9007199254740993.0 | 9007199254740992.0
{"enum": [-9223372036854775808]} | -9223372036854775808 | -9223372036854775809
{"maximum": 5} | 5 | 1e999
{"minimum": 5} | 1e999 | -1e999
{"type": "integer"} | 123456789012345678901234567890 | 12345678901234567890123.5
{"type": "integer"} | 1e400 | 1e-400
{"multipleOf": 10} | 123456789012345678901234567890 | 123456789012345678901234567891
{"multipleOf": 0.01} | 4.02 | 4.025
{"uniqueItems": true} | [9007199254740993.0,9007199254740992] | [1e2,100.0]"##;

#[test]
fn big_numbers_are_not_rounded_into_fitting() {
    for [schema, good, bad] in rows(NUMBERS) {
        assert!(judged(&json(schema), good).is_ok(), "{schema} {good}");
        assert!(judged(&json(schema), bad).is_err(), "{schema} {bad}");
    }
}

/// Draft, schema, event, whether it fits.
const DRAFTS: &str = r##"http://json-schema.org/draft-04/schema# | {"maximum": 3, "exclusiveMaximum": true} | 3 | false
http://json-schema.org/draft-04/schema# | {"type": "integer"} | 1.0 | false
http://json-schema.org/draft-06/schema# | {"exclusiveMaximum": 3} | 3 | false
http://json-schema.org/draft-06/schema# | {"type": "integer"} | 1.0 | true
http://json-schema.org/draft-07/schema# | {"if": {"const": 1}, "then": false} | 1 | false
http://json-schema.org/draft-07/schema# | {"prefixItems": [{"type": "null"}]} | [1] | true
https://json-schema.org/draft/2019-09/schema | {"dependentRequired": {"a": ["b"]}} | {"a":1} | false
https://json-schema.org/draft/2020-12/schema | {"prefixItems": [{"type": "null"}]} | [1] | false
https://json-schema.org/draft/2020-12/schema | {"format": "email"} | "a" | false
https://json-schema.org/draft/2020-12/schema | {"format": "my-own"} | "a" | true"##;

#[test]
fn each_draft_reads_its_own_words_and_the_newest_is_the_default() {
    for [draft, schema, event, fits] in rows(DRAFTS) {
        let mut schema = json(schema);
        if draft.contains("2020-12") {
            assert_eq!(judged(&schema, event).is_ok().to_string(), fits, "{schema}");
        }
        schema["$schema"] = json!(draft);
        assert_eq!(judged(&schema, event).is_ok().to_string(), fits, "{schema}");
    }
}
