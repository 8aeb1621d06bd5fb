//! Fields whose values keep types that JSON does not have, and those that are written in sections.

use serde_json::json;
use sluicegate_contract::{Outline, Section};

use super::*;

/// What a field of the first event's record is, shown.
fn result(mapping: &Json, fields: &'static [Field], name: &str) -> String {
    result_of(mapping, fields, name, EVENT)
}

fn result_of(mapping: &Json, fields: &'static [Field], name: &str, event: &str) -> String {
    match Plan::compile(&source(mapping, fields)) {
        Ok(plan) => {
            let place = fields.iter().position(|field| field.name == name).unwrap();
            match outcome(&plan, event) {
                Ok(Some(record)) => shown(record.value(place)),
                Ok(None) => "nothing".to_owned(),
                Err(refusal) => refusal,
            }
        }
        Err(issues) => {
            let issues = issues.into_iter().map(|issue| issue.message);
            format!("issue: {}", issues.collect::<Vec<_>>().join("; "))
        }
    }
}

const SECTIONS: &[Section] = &[
    Section {
        name: "key",
        names_only: false,
        doc: "Which.",
    },
    Section {
        name: "set",
        names_only: false,
        doc: "To what.",
    },
    Section {
        name: "remove",
        names_only: true,
        doc: "A list.",
    },
];

const TYPED: &[Field] = &[
    field("put", Kind::Item),
    field("update", Kind::Update(SECTIONS)),
    field("value", Kind::PayloadOrNull),
    field("protocols", Kind::PayloadMap { entries_max: 2 }),
    field("attributes", Kind::AttributeMap { entries_max: 3 }),
    field("data", Kind::Payload),
];

#[test]
fn sets_and_binary_reach_an_item_with_their_types() {
    for (expression, expected) in [
        ("${string_set(event.tags)}", r#"{x: set [b"a", b"b"]}"#),
        ("${string_set(['a', 'b', 'a'])}", r#"{x: set [b"a", b"b"]}"#),
        (
            "${number_set([1, 2.5, '3.50'])}",
            r#"{x: set [b"1", b"2.5", b"3.50"]}"#,
        ),
        (
            "${binary_set(['QWRh', bytes('x')])}",
            r#"{x: set [b"Ada", b"x"]}"#,
        ),
        ("${binary('QWRh')}", "{x: bytes Ada}"),
        ("${ttl('30d')}", "{x: json 1769915045}"),
        (
            "${ttl('2026-01-01T00:00:00Z', '90s')}",
            "{x: json 1767225690}",
        ),
        ("${ttl(timestamp(0), '1w')}", "{x: json 604800}"),
    ] {
        let mapping = json!({"record": {"put": {"x": expression}}});
        assert_eq!(result(&mapping, TYPED, "put"), expected, "{expression}");
    }
}

#[test]
fn what_makes_no_set_or_time_is_refused() {
    for (expression, words) in [
        ("${string_set(event.name)}", "a list is needed"),
        ("${string_set([1])}", "element 0 is not text"),
        ("${number_set(['1', 'x'])}", "element 1 is not a number"),
        ("${binary_set(['*'])}", "element 0 is not bytes or base64"),
        ("${binary('*')}", "bytes or base64 are needed"),
        ("${ttl('30')}", "the duration is not one"),
        ("${ttl(event.name)}", "the duration is not one"),
        ("${ttl(event.name, '1d')}", "the time is not RFC 3339"),
        (
            "${ {'a': string_set(event.tags)} }",
            "a set stands by itself",
        ),
    ] {
        let mapping = json!({"record": {"put": {"x": expression}}});
        let said = result(&mapping, TYPED, "put");
        assert!(said.contains(words), "{expression}: {said}");
    }
}

#[test]
fn a_set_is_an_array_in_a_payload() {
    let mapping = json!({"record": {"data": "${string_set(event.tags)}"}});
    assert_eq!(result(&mapping, TYPED, "data"), r#"bytes ["a","b"]"#);
}

#[test]
fn null_is_no_value_where_the_room_says_so() {
    for (expression, expected) in [
        (json!("${event.name}"), "bytes Ada"),
        (json!("${event.deep.x.y}"), "absent"),
        (json!(null), "absent"),
        (json!("${event.?gone}"), "absent"),
        (json!("null"), "bytes null"),
    ] {
        let mapping = json!({"record": {"value": expression}});
        assert_eq!(result(&mapping, TYPED, "value"), expected);
    }
    // Whoever sends `null` to a route that passes its events on must not delete what is there.
    let whole = json!({"record": {"value": "${event}"}});
    assert_eq!(result_of(&whole, TYPED, "value", "null"), "bytes null");
}

#[test]
fn names_and_values_keep_their_types() {
    let mapping = json!({"record": {"attributes": {
        "text": "${event.name}", "number": "${event.total}", "list": "${event.tags}",
    }}});
    assert_eq!(
        result(&mapping, TYPED, "attributes"),
        r#"{text: text Ada, number: json 12.50, list: json ["a", "b"]}"#
    );
    let mapping = json!({"record": {"attributes": {
        "bytes": "${binary('QWRh')}", "bool": "${event.zero}", "gone": "${event.?gone}",
    }}});
    assert_eq!(
        result(&mapping, TYPED, "attributes"),
        "{bytes: bytes Ada, bool: text false}"
    );
    let mapping = json!({"record": {"attributes": {"object": "${event.deep}"}}});
    let said = result(&mapping, TYPED, "attributes");
    assert!(said.contains("`object` must be text, a number"), "{said}");
    let mapping = json!({"record": {"protocols": {"sqs": "${event.deep.x}", "email": "Hi"}}});
    assert_eq!(
        result(&mapping, TYPED, "protocols"),
        r#"{sqs: bytes {"y": null, "z": true}, email: bytes Hi}"#
    );
}

#[test]
fn an_update_has_its_sections_and_no_others() {
    let mapping = json!({"record": {"update": {
        "key": {"pk": "${event.id}"},
        "set": {"a.b": "${event.total}", "c": "${event.?gone}"},
        "remove": ["old", "lines[0]"],
    }}});
    assert_eq!(
        result(&mapping, TYPED, "update"),
        "{key: {pk: json \"o1\"}, set: {a.b: json 12.50}, remove: {old: json true, lines[0]: json true}}"
    );
    let mapping = json!({"record": {"update": {"remove": "${event.tags}"}}});
    assert_eq!(
        result(&mapping, TYPED, "update"),
        r#"{remove: json ["a", "b"]}"#
    );
    for (update, words) in [
        (json!({"sett": {}}), "`update` has no section `sett`"),
        (json!({"set": [1]}), "`update.set` needs names and values"),
        (
            json!({"remove": {"a": 1}}),
            "`update.remove` needs a list of names",
        ),
        (
            json!({"remove": ["${event.name}"]}),
            "a list of names as they are written",
        ),
        (json!("text"), "`update` needs names and values"),
    ] {
        let mapping = json!({"record": {"update": update}});
        let said = result(&mapping, TYPED, "update");
        assert!(said.starts_with("issue") && said.contains(words), "{said}");
    }
}

#[test]
fn the_outline_tells_what_the_file_alone_says() {
    let mapping = json!({"record": {
        "put": {"pk": "${event.id}", "kind": "order", "gone": "${event.?gone}"},
        "value": null,
    }});
    let plan = Plan::compile(&source(&mapping, TYPED)).unwrap();
    let outline = plan.outline(0);
    assert_eq!(outline[0].entry("pk"), Some(&Outline::Computed));
    assert_eq!(
        outline[0].entry("kind").unwrap().fixed_text(),
        Some("order")
    );
    assert_eq!(outline[0].entry("other"), None);
    assert!(!outline[1].is_set());
    assert_eq!(outline[2], Outline::Fixed(Value::Absent));
}
