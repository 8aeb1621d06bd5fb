//! Updates as expressions, and what of them a stored item proves.

use sluicegate_contract::{Set, SetKind};

use super::*;
use crate::settings::{KeyAttributes, KeyType};

fn json(text: &str) -> Value {
    Value::Json(text.to_owned().into())
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(
        entries
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    )
}

fn texts(members: &[&'static str]) -> Value {
    let members = members.iter().map(|text| (*text).into()).collect();
    Value::Set(Set {
        kind: SetKind::Text,
        members,
    })
}

/// An update of the item `a` with these sections.
fn update(sections: Vec<(&str, Value)>) -> Value {
    let mut all = vec![("key", map(vec![("pk", Value::Text("a".into()))]))];
    all.extend(sections);
    map(all)
}

fn expression(sections: Vec<(&str, Value)>) -> Expression {
    Update::read(&update(sections))
        .unwrap()
        .expression()
        .unwrap()
}

fn key() -> KeySchema {
    KeySchema::from(&KeyAttributes(vec![("pk".to_owned(), KeyType::S)]))
}

#[test]
fn sections_become_one_expression_whose_names_and_values_are_bound() {
    let hostile = "x REMOVE pk, #u0";
    let made = expression(vec![
        (
            "set",
            map(vec![
                ("status", Value::Text(hostile.into())),
                ("address.city", json("\"Ulm\"")),
            ]),
        ),
        ("set_if_absent", map(vec![("created", json("1"))])),
        ("append", map(vec![("log", json("[1]"))])),
        (
            "remove",
            map(vec![("note", json("true")), ("lines[2]", json("true"))]),
        ),
        ("add", map(vec![("count", json("1"))])),
        ("delete", map(vec![("tags", texts(&["old"]))])),
    ]);
    assert_eq!(
        made.text,
        "SET #u0 = :u0, #u1.#u2 = :u1, #u3 = if_not_exists(#u3, :u2), \
         #u4 = list_append(if_not_exists(#u4, :u4), :u3) REMOVE #u5, #u6[2] ADD #u7 :u5 \
         DELETE #u8 :u6"
    );
    assert_eq!(made.names["#u0"], "status");
    assert_eq!(made.values[":u0"], AttributeValue::S(hostile.to_owned()));
    assert_eq!(
        made.values[":u6"],
        AttributeValue::Ss(vec!["old".to_owned()])
    );
}

#[test]
fn names_that_come_from_an_event_are_no_paths() {
    let made = expression(vec![
        ("set", json(r#"{"a.b":1,"c[0]":2}"#)),
        ("remove", json(r#"["d.e"]"#)),
    ]);
    assert_eq!(made.text, "SET #u0 = :u0, #u1 = :u1 REMOVE #u2");
    assert_eq!(
        (made.names["#u0"].as_str(), made.names["#u2"].as_str()),
        ("a.b", "d.e")
    );
}

#[test]
fn what_is_absent_is_not_changed() {
    let made = expression(vec![(
        "set",
        map(vec![("a", Value::Absent), ("b", json("1"))]),
    )]);
    assert_eq!(made.text, "SET #u0 = :u0");
    assert_eq!(made.names["#u0"], "b");
}

#[test]
fn what_could_never_be_written_is_refused_with_its_place() {
    let many: Vec<(String, Value)> = (0..151).map(|n| (format!("a{n}"), json("1"))).collect();
    let many = Value::Map(
        many.into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    );
    for (sections, words) in [
        (vec![], "changes nothing"),
        (vec![("set", map(vec![]))], "changes nothing"),
        (
            vec![("set", map(vec![("pk", json("1"))]))],
            "`pk` is of the key",
        ),
        (
            vec![("set", map(vec![("a..b", json("1"))]))],
            "set: `a..b` is not a path",
        ),
        (
            vec![
                ("set", map(vec![("a", json("1"))])),
                ("remove", map(vec![("a.b", json("true"))])),
            ],
            "`a` and `a.b` overlap",
        ),
        (
            vec![
                ("set", map(vec![("a", json("1"))])),
                ("add", map(vec![("a", json("1"))])),
            ],
            "`a` and `a` overlap",
        ),
        (
            vec![("add", map(vec![("a", json("\"1\""))]))],
            "add: `a` needs a number, or a set",
        ),
        (
            vec![("append", map(vec![("a", json("1"))]))],
            "append: `a` needs a list",
        ),
        (
            vec![("delete", map(vec![("a", json("[1]"))]))],
            "delete: `a` needs a set",
        ),
        (vec![("delete", map(vec![("a", texts(&[]))]))], "empty set"),
        (
            vec![("set", map(vec![("a", json("1e999"))]))],
            "set: `a`: a number is outside",
        ),
        (vec![("set", json(r#"{"":1}"#))], "empty name"),
        (vec![("remove", json("[1]"))], "remove: a list of names"),
        (vec![("set", many)], "at most 150 changes"),
    ] {
        let reason = weigh(&update(sections), Some(&key())).unwrap_err();
        let said = reason.detail().unwrap();
        assert!(said.contains(words), "{said} has {words}");
    }
    let wrong_key = map(vec![
        ("key", json(r#"{"pk":"a","x":1}"#)),
        ("set", json(r#"{"a":1}"#)),
    ]);
    let reason = weigh(&wrong_key, Some(&key())).unwrap_err();
    assert!(
        reason.detail().unwrap().contains("`x` is not of the key"),
        "{reason}"
    );
}

#[test]
fn what_counts_is_not_repeated() {
    for (sections, repeatable) in [
        (vec![("set", json(r#"{"a":1}"#))], true),
        (vec![("remove", map(vec![("a", json("true"))]))], true),
        (vec![("set_if_absent", json(r#"{"a":1}"#))], true),
        (vec![("delete", map(vec![("a", texts(&["x"]))]))], true),
        (vec![("add", map(vec![("a", texts(&["x"]))]))], true),
        (
            vec![("add", map(vec![("a", texts(&["x"])), ("n", json("1"))]))],
            false,
        ),
        (vec![("add", json(r#"{"n":1}"#))], false),
        (vec![("append", json(r#"{"l":[1]}"#))], false),
    ] {
        assert_eq!(
            is_repeatable(&update(sections.clone())),
            repeatable,
            "{sections:?}"
        );
    }
}

#[test]
fn an_item_tells_whether_an_update_has_come_true() {
    let stored = item(&map(vec![
        ("pk", json("\"a\"")),
        ("n", json("12.50")),
        ("o", json(r#"{"k":["x",1]}"#)),
        ("tags", texts(&["b", "a"])),
    ]))
    .unwrap();
    for (sections, is_true) in [
        (vec![("set", map(vec![("n", json("1.25e1"))]))], true),
        (vec![("set", map(vec![("n", json("12"))]))], false),
        (vec![("set", map(vec![("o.k[1]", json("1"))]))], true),
        (vec![("set", map(vec![("o.k[2]", json("1"))]))], false),
        (vec![("set", map(vec![("tags", texts(&["a", "b"]))]))], true),
        (vec![("set_if_absent", map(vec![("n", json("7"))]))], false),
        (
            vec![("set_if_absent", map(vec![("n", json("12.5"))]))],
            true,
        ),
        (vec![("remove", map(vec![("gone", json("true"))]))], true),
        (vec![("remove", map(vec![("n", json("true"))]))], false),
        (vec![("add", map(vec![("tags", texts(&["a"]))]))], true),
        (vec![("add", map(vec![("tags", texts(&["c"]))]))], false),
        (vec![("add", map(vec![("n", json("1"))]))], false),
        (vec![("delete", map(vec![("tags", texts(&["c"]))]))], true),
        (vec![("delete", map(vec![("tags", texts(&["a"]))]))], false),
        (vec![("append", map(vec![("o.k", json("[1]"))]))], false),
    ] {
        let read = Update::read(&update(sections.clone())).unwrap();
        assert_eq!(read.has_come_true(&stored), is_true, "{sections:?}");
    }
}
