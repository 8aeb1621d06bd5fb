//! What is stored comes back; what is damaged or of another version is said.

use super::*;

const WORDS: &[&str] = &["conflict", "accept"];

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
        default: None,
        doc: "",
    }
}

const FIELDS: &[Field] = &[
    field("value", Kind::Payload),
    field("partition", Kind::Integer { min: 0, max: 9 }),
    field("headers", Kind::PayloadMap { entries_max: 9 }),
    field("put", Kind::Item),
    field("condition", Kind::Condition),
    field("on_false", Kind::Choice(WORDS)),
];

fn record() -> Record {
    let set = Set {
        kind: SetKind::Number,
        members: [Bytes::from_static(b"1"), Bytes::from_static(b"2.50")].into(),
    };
    let json = Bytes::from_static(br#"{"a":[1, 2]}"#);
    let entries = vec![
        (Name::from("id"), Value::Text("ü".into())),
        (Name::from("tags"), Value::Set(set)),
        (Name::from("none"), Value::Absent),
        (
            Name::from("raw"),
            Value::Bytes(Bytes::from_static(b"\xff\0")),
        ),
    ];
    Record::new([
        Value::Json(json.clone()),
        Value::Integer(i64::MIN),
        Value::Absent,
        Value::Map(entries),
        Value::Expression {
            text: "a = :p0".into(),
            values: vec![Value::Json(json), Value::Text("x".into())],
        },
        Value::Choice(1),
    ])
}

fn stored(record: &Record) -> Bytes {
    let mut out = Vec::new();
    encode(record, FIELDS, &mut out);
    out.into()
}

#[test]
fn every_kind_of_value_comes_back() {
    let bytes = stored(&record());
    assert_eq!(decode(&bytes, FIELDS).unwrap(), record());
}

#[test]
fn a_record_of_nothing_comes_back() {
    let record = Record::new(vec![Value::Absent; FIELDS.len()]);
    assert_eq!(decode(&stored(&record), FIELDS).unwrap(), record);
}

/// The form on disk is a promise to later versions.
#[test]
fn the_stored_form_is_this() {
    let record = Record::new([Value::Bytes(Bytes::from_static(b"hi")), Value::Integer(7)]);
    assert_eq!(&*stored(&record), b"\xa2\x65value\x42hi\x69partition\x07");
}

#[test]
fn a_later_version_may_have_its_fields_in_another_order_and_more_words() {
    const MORE: &[&str] = &["ignore", "conflict", "retry", "accept"];
    let mut later = FIELDS.to_vec();
    later.reverse();
    later[0] = field("on_false", Kind::Choice(MORE));
    later.push(field("new", Kind::Payload));
    let read = decode(&stored(&record()), &later).unwrap();
    assert_eq!(read.value(0), &Value::Choice(3));
    assert_eq!(read.value(4), record().value(1));
    assert_eq!(read.value(6), &Value::Absent);
}

#[test]
fn what_another_kind_of_target_does_not_have_is_named() {
    let bytes = stored(&record());
    assert_eq!(
        decode(&bytes, &FIELDS[..4]),
        Err(DecodeError::UnknownField("condition".to_owned()))
    );
    let mut others = FIELDS.to_vec();
    others[5] = field("on_false", Kind::Choice(&["conflict"]));
    assert_eq!(
        decode(&bytes, &others),
        Err(DecodeError::UnknownWord {
            field: "on_false",
            word: "accept".to_owned()
        })
    );
}

#[test]
fn people_see_names_and_values() {
    let seen = names_and_values(&stored(&record())).unwrap();
    let names: Vec<_> = seen.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        ["value", "partition", "put", "condition", "on_false"]
    );
    assert_eq!(seen[4].1, Value::Text("accept".into()));
}

/// Any byte of it may be any other: never a panic, and never more memory than there are bytes.
#[test]
fn damage_is_an_error_or_another_record_and_never_a_panic() {
    let whole = stored(&record());
    for cut in 0..whole.len() {
        assert!(decode(&whole.slice(..cut), FIELDS).is_err(), "cut at {cut}");
    }
    for place in 0..whole.len() {
        for byte in 0..=u8::MAX {
            let mut damaged = whole.to_vec();
            damaged[place] = byte;
            let _ = decode(&damaged.into(), FIELDS);
        }
    }
    let mut longer = whole.to_vec();
    longer.push(0);
    assert!(decode(&longer.into(), FIELDS).is_err());
    let mut deep = b"\xa1\x65value".to_vec();
    deep.extend(std::iter::repeat_n(*b"\xa1\x61a", 100_000).flatten());
    assert!(decode(&deep.into(), FIELDS).is_err());
    let endless = Bytes::from_static(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff");
    assert!(decode(&endless, FIELDS).is_err());
}
