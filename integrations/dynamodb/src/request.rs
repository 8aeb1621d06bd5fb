//! From records to a BatchWriteItem or PutItem call. Pure: no client, no socket.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use sluicegate_contract::{ByteSize, Field, Kind, Limits, Reason, ReasonKind, Record, Value};

use crate::condition::{self, Condition};
use crate::item::{Attributes, attribute, check_value, invalid, item, measure};
use crate::key::KeySchema;

/// What a mapping may set, in the order of a record's values.
pub const FIELDS: &[Field] = &[
    Field {
        name: "put",
        kind: Kind::Item,
        required: true,
        default: None,
        doc: "The item: its attributes with their values, or one expression that is an object. \
              JSON types become attribute types, numbers stay as written (38 digits). 400 KiB at \
              most as DynamoDB counts.",
    },
    Field {
        name: "condition",
        kind: Kind::Condition,
        required: false,
        default: None,
        doc: "A condition expression that must hold for the put, for example \
              attribute_not_exists(pk). Names need no `#`, each ${…} is bound as a value. 4 KiB at \
              most.",
    },
    Field {
        name: "on_false",
        kind: Kind::Choice(&["conflict", "accept"]),
        required: false,
        default: Some("conflict"),
        doc: "What a condition that does not hold means: `conflict` (409), or `accept`, where an \
              item that is there already is as good.",
    },
];

const PUT: usize = 0;
const CONDITION: usize = 1;
const ON_FALSE: usize = 2;
const ON_FALSE_ACCEPT: u8 = 1;

/// The item that a record puts, as the mapping made it.
pub(crate) fn put(record: &Record) -> &Value {
    record.value(PUT)
}

/// True for a put with a condition.
pub(crate) fn is_conditional(record: &Record) -> bool {
    !record.value(CONDITION).is_absent()
}

/// True where a condition that does not hold is as good as a put.
pub(crate) fn accepts_false(record: &Record) -> bool {
    *record.value(ON_FALSE) == Value::Choice(ON_FALSE_ACCEPT)
}

/// Bytes of this record's item as DynamoDB counts them.
///
/// A call of 25 such items is far below the call's 16 MiB, unless they are all of tiny elements,
/// whose JSON is many times what DynamoDB counts: the service refuses such a call, and the courier
/// takes it apart.
///
/// # Errors
/// Why the table would never take this record.
pub(crate) fn weigh(
    record: &Record,
    key: Option<&KeySchema>,
    limits: &Limits,
) -> Result<usize, Reason> {
    let bytes = measure(put(record))?;
    if bytes > limits.record_bytes {
        let most = ByteSize(limits.record_bytes as u64);
        let detail = format!("an item of {bytes} bytes; DynamoDB takes {most}");
        return Err(Reason::new(ReasonKind::TooLarge, detail));
    }
    if let Some(key) = key {
        key.check(put(record))?;
    }
    check_condition(record.value(CONDITION))?;
    Ok(bytes)
}

fn check_condition(condition: &Value) -> Result<(), Reason> {
    let Value::Expression { text, values } = condition else {
        return Ok(());
    };
    condition::alias(text)?;
    for (place, value) in values.iter().enumerate() {
        check_value(value).map_err(|reason| {
            let why = reason.detail().unwrap_or_default();
            invalid(format!("value {place} of the condition: {why}"))
        })?;
    }
    Ok(())
}

/// A put among others.
///
/// # Errors
/// Why the record makes no item; `weigh` said so before.
pub(crate) fn write_request(record: &Record) -> Result<WriteRequest, Reason> {
    let put = PutRequest::builder()
        .set_item(Some(item(put(record))?))
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// A put of its own.
pub(crate) struct Put {
    pub(crate) item: Attributes,
    pub(crate) condition: Option<Condition>,
    /// The values of `:p0`, `:p1`, ….
    pub(crate) values: HashMap<String, AttributeValue>,
}

/// The call for a record that travels alone.
///
/// # Errors
/// Why the record makes no call; `weigh` said so before.
pub(crate) fn single_put(record: &Record) -> Result<Put, Reason> {
    let item = item(put(record))?;
    let Value::Expression { text, values } = record.value(CONDITION) else {
        return Ok(Put {
            item,
            condition: None,
            values: HashMap::new(),
        });
    };
    let mut bound = HashMap::new();
    for (place, value) in values.iter().enumerate() {
        bound.insert(format!(":p{place}"), attribute(value)?);
    }
    Ok(Put {
        item,
        condition: Some(condition::alias(text)?),
        values: bound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{BOUNDS, KeyAttributes, KeyType};

    fn json(text: &str) -> Value {
        Value::Json(text.to_owned().into())
    }

    fn conditional(text: &str, values: Vec<Value>) -> Record {
        let condition = Value::Expression {
            text: text.into(),
            values,
        };
        Record::new([json(r#"{"pk":"a"}"#), condition, Value::Choice(0)])
    }

    #[test]
    fn an_item_is_refused_by_what_dynamodb_counts() {
        let limits = BOUNDS.default;
        let kilobytes =
            |bytes: usize| Record::new([json(&format!(r#"{{"p":"{}"}}"#, "x".repeat(bytes)))]);
        let most = 400 * 1024 - 1;
        assert_eq!(weigh(&kilobytes(most), None, &limits), Ok(400 * 1024));
        let reason = weigh(&kilobytes(most + 1), None, &limits).unwrap_err();
        assert_eq!(reason.kind(), ReasonKind::TooLarge);
        assert!(
            reason.detail().unwrap().contains("DynamoDB takes 400KiB"),
            "{reason}"
        );
    }

    #[test]
    fn a_known_key_is_checked_at_the_edge() {
        let key = KeySchema::from(&KeyAttributes(vec![("pk".to_owned(), KeyType::S)]));
        let limits = BOUNDS.default;
        assert!(weigh(&Record::new([json(r#"{"pk":"a"}"#)]), Some(&key), &limits).is_ok());
        let reason = weigh(&Record::new([json(r#"{"id":"a"}"#)]), Some(&key), &limits).unwrap_err();
        assert_eq!(reason.kind(), ReasonKind::Invalid);
    }

    #[test]
    fn values_of_a_condition_are_bound_and_never_spliced() {
        let hostile = r#"" OR attribute_exists(pk) --"#;
        let record = conditional(
            "status = :p0 AND n < :p1",
            vec![Value::Text(hostile.into()), json("5")],
        );
        assert!(weigh(&record, None, &BOUNDS.default).is_ok());
        let call = single_put(&record).unwrap();
        assert_eq!(call.condition.unwrap().text, "#n0 = :p0 AND #n1 < :p1");
        assert_eq!(call.values[":p0"], AttributeValue::S(hostile.to_owned()));
        assert_eq!(call.values[":p1"], AttributeValue::N("5".to_owned()));
    }

    #[test]
    fn a_condition_that_cannot_be_sent_is_refused_at_the_edge() {
        for record in [
            conditional("version < 5", vec![]),
            conditional("a = :p0", vec![Value::Absent]),
            conditional("a = :p0", vec![json("1e999")]),
        ] {
            let reason = weigh(&record, None, &BOUNDS.default).unwrap_err();
            assert_eq!(reason.kind(), ReasonKind::Invalid);
        }
    }
}
