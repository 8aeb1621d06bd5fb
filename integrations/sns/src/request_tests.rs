//! Records as entries of a call, and what SNS would refuse.

use std::sync::Arc;

use super::*;
use crate::settings::BOUNDS;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(
        entries
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    )
}

fn json(text: &str) -> Value {
    Value::Json(text.to_owned().into())
}

fn weighed(values: [Value; 3]) -> Result<usize, Reason> {
    weigh(&Record::new(values), &BOUNDS.default, false)
}

#[test]
fn a_message_weighs_its_attributes_as_well() {
    let attributes = map(&[("type", text("order")), ("gone", Value::Absent)]);
    let json = Value::Json((&b"{\"a\":1}"[..]).into());
    assert_eq!(
        weighed([json, attributes, text("hi")]),
        Ok(7 + 4 + 6 + 5 + 2)
    );
    let most = 256 * 1024;
    assert_eq!(
        weighed([text(&"x".repeat(most)), Value::Absent, Value::Absent]),
        Ok(most)
    );
    let reason = weighed([text(&"x".repeat(most)), Value::Absent, text("s")]).unwrap_err();
    assert_eq!(reason.kind(), ReasonKind::TooLarge);
    assert!(
        reason.detail().unwrap().contains("SNS takes 256KiB"),
        "{reason}"
    );
}

#[test]
fn what_sns_would_refuse_is_refused_at_the_edge() {
    let eleven: Vec<(String, Value)> = (0..11).map(|n| (format!("a{n}"), text("v"))).collect();
    let eleven: Vec<(&str, Value)> = eleven
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let hi = || text("hi");
    let long = "s".repeat(101);
    for (values, words) in [
        (
            [
                Value::Bytes((&b"\xff"[..]).into()),
                Value::Absent,
                Value::Absent,
            ],
            "not UTF-8",
        ),
        ([text(""), Value::Absent, Value::Absent], "empty"),
        (
            [text("a\0b"), Value::Absent, Value::Absent],
            "control character",
        ),
        ([text("a\u{ffff}"), Value::Absent, Value::Absent], "U+FFFF"),
        ([hi(), map(&eleven), Value::Absent], "at most 10"),
        (
            [hi(), map(&[("a", text(""))]), Value::Absent],
            "must not be empty",
        ),
        (
            [hi(), map(&[("a", json("[[1]]"))]), Value::Absent],
            "a list of texts, numbers",
        ),
        (
            [hi(), map(&[("a b", text("v"))]), Value::Absent],
            "`a b` is not",
        ),
        (
            [hi(), map(&[(".a", text("v"))]), Value::Absent],
            "is not an attribute",
        ),
        (
            [hi(), map(&[("a..b", text("v"))]), Value::Absent],
            "is not an attribute",
        ),
        (
            [hi(), map(&[("aws.x", text("v"))]), Value::Absent],
            "is not an attribute",
        ),
        (
            [
                hi(),
                map(&[("a", text("v")), ("a", text("w"))]),
                Value::Absent,
            ],
            "twice",
        ),
        ([hi(), Value::Absent, text(&long)], "1 to 100"),
        ([hi(), Value::Absent, text(" x")], "the first no space"),
        ([hi(), Value::Absent, text("a\nb")], "printable"),
        ([hi(), Value::Absent, text("é")], "ASCII"),
    ] {
        let reason = weighed(values).unwrap_err();
        assert_eq!(reason.kind(), ReasonKind::Invalid);
        assert!(
            reason.detail().unwrap().contains(words),
            "{reason} has {words}"
        );
    }
    assert!(weighed([text("tab\tnewline\r\n é 😀"), Value::Absent, text("ok!")]).is_ok());
}

#[test]
fn an_entry_is_named_by_its_place() {
    let attributes = map(&[("type", text("order"))]);
    let batch = Batch::new(Arc::new(vec![
        Record::new([text("one")]),
        Record::new([text("two"), attributes, text("subject")]),
    ]));
    let entries = entries(&batch).unwrap();
    assert_eq!((entries[0].id(), entries[0].message()), ("0", "one"));
    assert_eq!(entries[0].message_attributes(), None);
    assert_eq!(
        (entries[1].id(), entries[1].subject()),
        ("1", Some("subject"))
    );
    let made = &entries[1].message_attributes().unwrap()["type"];
    assert_eq!(
        (made.data_type(), made.string_value()),
        ("String", Some("order"))
    );
}

#[test]
fn attributes_keep_their_types() {
    let attributes = map(&[
        ("n", json("12.50")),
        ("l", json(r#"["a",1,true,null]"#)),
        ("b", Value::Bytes((&b"\xff"[..]).into())),
    ]);
    let batch = Batch::new(Arc::new(vec![Record::new([text("m"), attributes])]));
    let entries = entries(&batch).unwrap();
    let made = entries[0].message_attributes().unwrap();
    let of = |name: &str| (made[name].data_type(), made[name].string_value());
    assert_eq!(of("n"), ("Number", Some("12.50")));
    assert_eq!(of("l"), ("String.Array", Some(r#"["a",1,true,null]"#)));
    assert_eq!(of("b"), ("Binary", None));
    assert_eq!(made["b"].binary_value().unwrap().as_ref(), b"\xff");
}

#[test]
fn a_fifo_message_has_its_group_and_its_id() {
    let absent = || Value::Absent;
    let fifo = |group: Value, id: Value| Record::new([text("m"), absent(), absent(), group, id]);
    let limits = BOUNDS.default;
    assert!(weigh(&fifo(text("g"), absent()), &limits, true).is_ok());
    assert!(weigh(&fifo(text("g"), text("d-1")), &limits, true).is_ok());
    let long = "x".repeat(129);
    for (record, words) in [
        (fifo(absent(), absent()), "a FIFO topic needs `group`"),
        (fifo(text("a b"), absent()), "`group` must be"),
        (fifo(text("g"), text(&long)), "`deduplication_id` must be"),
    ] {
        let reason = weigh(&record, &limits, true).unwrap_err();
        assert!(reason.detail().unwrap().contains(words), "{reason}");
    }
    let batch = Batch::new(Arc::new(vec![fifo(text("g"), text("d"))]));
    let entry = entries(&batch).unwrap().remove(0);
    assert_eq!(
        (entry.message_group_id(), entry.message_deduplication_id()),
        (Some("g"), Some("d"))
    );
}

#[test]
fn single_protocols_get_messages_of_their_own() {
    let absent = || Value::Absent;
    let protocols = map(&[
        ("sqs", Value::Bytes((&b"{\"a\":1}"[..]).into())),
        ("email", Value::Bytes("Hi \"you\"".into())),
    ]);
    let record = |protocols| {
        Record::new([
            text("all"),
            absent(),
            absent(),
            absent(),
            absent(),
            protocols,
        ])
    };
    let batch = Batch::new(Arc::new(vec![record(protocols)]));
    let entry = entries(&batch).unwrap().remove(0);
    assert_eq!(entry.message_structure(), Some("json"));
    let sent: serde_json::Value = serde_json::from_str(entry.message()).unwrap();
    assert_eq!(
        sent,
        serde_json::json!({"default": "all", "sqs": "{\"a\":1}", "email": "Hi \"you\""})
    );
    let odd = record(map(&[("sms", Value::Bytes("x".into()))]));
    assert!(weigh(&odd, &BOUNDS.default, false).is_err());
}
