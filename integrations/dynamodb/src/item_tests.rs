//! JSON to attribute values, and what they weigh.

use std::collections::HashMap;

use aws_smithy_types::Blob;

use super::*;

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

#[test]
fn json_becomes_attribute_values_by_its_types() {
    let put = json(
        r#"{"s":"é\n","n":12.50,"big":12345678901234567890123456789012345678,"t":true,
            "z":null,"l":[1,"a",[]],"m":{"k":{}},"e":""}"#,
    );
    let item = item(&put).unwrap();
    let number = |text: &str| AttributeValue::N(text.to_owned());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    assert_eq!(item["s"], text("é\n"));
    assert_eq!(item["n"], number("12.50"), "as written");
    assert_eq!(
        item["big"],
        number("12345678901234567890123456789012345678")
    );
    assert_eq!(item["t"], AttributeValue::Bool(true));
    assert_eq!(item["z"], AttributeValue::Null(true));
    let list = vec![number("1"), text("a"), AttributeValue::L(vec![])];
    assert_eq!(item["l"], AttributeValue::L(list));
    let inner = AttributeValue::M(HashMap::new());
    assert_eq!(
        item["m"],
        AttributeValue::M(HashMap::from([("k".to_owned(), inner)]))
    );
    assert_eq!(item["e"], text(""));
    assert_eq!(item.len(), 8);
}

#[test]
fn a_mapping_of_names_keeps_its_kinds_and_leaves_out_what_is_absent() {
    let put = map(vec![
        ("pk", Value::Text("acme".into())),
        ("n", json("7")),
        ("count", Value::Integer(-3)),
        ("blob", Value::Bytes((&b"\x00\xff"[..]).into())),
        ("gone", Value::Absent),
        ("sub", map(vec![("x", json("[1.0]"))])),
    ]);
    let item = item(&put).unwrap();
    assert_eq!(item["pk"], AttributeValue::S("acme".to_owned()));
    assert_eq!(item["n"], AttributeValue::N("7".to_owned()));
    assert_eq!(item["count"], AttributeValue::N("-3".to_owned()));
    assert_eq!(item["blob"], AttributeValue::B(Blob::new(b"\x00\xff")));
    assert!(!item.contains_key("gone"));
    assert!(matches!(&item["sub"], AttributeValue::M(sub) if sub.len() == 1));
}

#[test]
fn what_makes_no_item_is_refused_with_its_place() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(measure(&json(&deep(32))).is_ok());
    let too_deep = deep(33);
    let endless = deep(100_000);
    let digits = format!("{{\"n\":{}}}", "1".repeat(39));
    for (put, words) in [
        (json("[1]"), "must be an object"),
        (json("12"), "must be an object"),
        (Value::Text("{}".into()), "must be an object"),
        (Value::Absent, "must be an object"),
        (json(r#"{"a":1,"b":2,"a":3}"#), "twice"),
        (
            json(r#"{"o":{"a":1,"\u0061":3}}"#),
            "`o`: a name stands twice",
        ),
        (json(&digits), "`n`: a number has more than 38"),
        (json(r#"{"n":1e200}"#), "`n`: a number is outside"),
        (json(r#"{"":1}"#), "empty name"),
        (json(&too_deep), "nested deeper"),
        (json(&endless), "nested deeper"),
        (json(r#"{"a":1"#), "not JSON"),
        (json(r#"{"a":1}x"#), "not JSON"),
        (json(r#"{"a" 1}"#), "not JSON"),
        (json(r#"{"a":1,}"#), "not JSON"),
        (map(vec![("a", json("1")), ("a", json("2"))]), "twice"),
    ] {
        let measured = measure(&put).unwrap_err();
        let made = item(&put).unwrap_err();
        assert_eq!(measured, made, "both walks say the same");
        assert_eq!(measured.kind(), ReasonKind::Invalid);
        assert!(
            measured.detail().unwrap().contains(words),
            "{measured} has {words}"
        );
    }
}

#[test]
fn an_item_weighs_what_dynamodb_counts() {
    for (put, item) in [
        ("{}", 0),
        (r#"{"pk":"abc"}"#, 2 + 3),
        (r#"{"n":12345}"#, 1 + 4),
        (r#"{"n":-1}"#, 1 + 3),
        (r#"{"b":true}"#, 1 + 1),
        (r#"{"b":null}"#, 1 + 1),
        (r#"{"é":"é"}"#, 2 + 2),
        // A list or map costs three, and one for each of its elements.
        (r#"{"l":[1,2]}"#, 1 + 3 + (1 + 2) + (1 + 2)),
        (r#"{"m":{"k":"v"}}"#, 1 + 3 + (1 + 1 + 1)),
    ] {
        assert_eq!(measure(&json(put)).unwrap(), item, "{put}");
    }
}
