//! From records to a BatchWriteItem, or to a call of their own. Pure: no client, no socket.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, PutRequest, ReturnValue, WriteRequest,
};
use sluicegate_contract::{
    ByteSize, Field, Kind, Limits, Reason, ReasonKind, Receipt, Record, Value,
};

use crate::condition::{self, Condition};
use crate::item::{Attributes, attribute, check_value, invalid, item, measure};
use crate::key::KeySchema;
use crate::update::{self, Expression, SECTIONS, Update};

/// What a mapping may set, in the order of a record's values.
pub const FIELDS: &[Field] = &[
    Field {
        name: "put",
        kind: Kind::Item,
        required: false,
        default: None,
        doc: "The item: its attributes with their values, or one expression that is an object. \
              JSON types become attribute types, numbers stay as written (38 digits); sets and \
              binary come from string_set, number_set, binary_set and binary. 400 KiB at most as \
              DynamoDB counts. A record has one of put, update and delete.",
    },
    Field {
        name: "condition",
        kind: Kind::Condition,
        required: false,
        default: None,
        doc: "A condition expression that must hold for the write, for example \
              attribute_not_exists(pk). Names need no `#`, each ${…} is bound as a value. 4 KiB at \
              most.",
    },
    Field {
        name: "on_false",
        kind: Kind::Choice(&["conflict", "accept"]),
        required: false,
        default: Some("conflict"),
        doc: "What a condition that does not hold means: `conflict` (409), or `accept`, where \
              what is there already is as good.",
    },
    Field {
        name: "update",
        kind: Kind::Update(SECTIONS),
        required: false,
        default: None,
        doc: "Changes of one item, made if it is not there: `key` with the key attributes, and at \
              least one of `set`, `set_if_absent`, `append`, `add`, `remove` and `delete`. Names \
              may be paths such as address.city. Travels alone.",
    },
    Field {
        name: "delete",
        kind: Kind::Item,
        required: false,
        default: None,
        doc: "The key of the item to delete. An item that is not there is deleted as well.",
    },
    Field {
        name: "returning",
        kind: Kind::Choice(RETURNING),
        required: false,
        default: Some("none"),
        doc: "What comes back in the receipt, 64 KiB at most: the item as it was (`old`), as an \
              update left it (`new`), or only what an update changed (`updated_old`, \
              `updated_new`). Travels alone.",
    },
];

const RETURNING: &[&str] = &["none", "old", "new", "updated_old", "updated_new"];

pub(crate) const PUT: usize = 0;
pub(crate) const CONDITION: usize = 1;
pub(crate) const ON_FALSE: usize = 2;
pub(crate) const UPDATE: usize = 3;
pub(crate) const DELETE: usize = 4;
pub(crate) const RETURN: usize = 5;
pub(crate) const ON_FALSE_ACCEPT: u8 = 1;

/// What a record writes, as the mapping made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Write<'r> {
    /// An item.
    Put(&'r Value),
    /// Sections.
    Update(&'r Value),
    /// A key.
    Delete(&'r Value),
}

/// What a record gives back of its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returning {
    Nothing,
    Old,
    New,
    UpdatedOld,
    UpdatedNew,
}

impl Returning {
    /// What a record asks for.
    pub(crate) fn of(record: &Record) -> Self {
        match record.value(RETURN) {
            Value::Choice(word) => Self::of_word(*word),
            _ => Self::Nothing,
        }
    }

    /// The word's meaning, by its place in the field's choice.
    pub(crate) fn of_word(word: u8) -> Self {
        match word {
            1 => Self::Old,
            2 => Self::New,
            3 => Self::UpdatedOld,
            4 => Self::UpdatedNew,
            _ => Self::Nothing,
        }
    }

    /// As the service calls it.
    pub(crate) fn asked(self) -> Option<ReturnValue> {
        match self {
            Self::Nothing => None,
            Self::Old => Some(ReturnValue::AllOld),
            Self::New => Some(ReturnValue::AllNew),
            Self::UpdatedOld => Some(ReturnValue::UpdatedOld),
            Self::UpdatedNew => Some(ReturnValue::UpdatedNew),
        }
    }

    /// True where it tells of the time before the write: a second try would tell of the first.
    pub(crate) fn is_of_before(self) -> bool {
        matches!(self, Self::Old | Self::UpdatedOld)
    }
}

/// What a record writes; `None` where it has not exactly one of the three.
pub(crate) fn write(record: &Record) -> Option<Write<'_>> {
    let there = |field| Some(record.value(field)).filter(|value| !value.is_absent());
    match (there(PUT), there(UPDATE), there(DELETE)) {
        (Some(item), None, None) => Some(Write::Put(item)),
        (None, Some(update), None) => Some(Write::Update(update)),
        (None, None, Some(key)) => Some(Write::Delete(key)),
        _ => None,
    }
}

/// Where the key attributes of a record stand.
pub(crate) fn key_of(record: &Record) -> &Value {
    const ABSENT: &Value = &Value::Absent;
    match write(record) {
        Some(Write::Put(item)) => item,
        Some(Write::Update(update)) => update::section(update, update::KEY),
        Some(Write::Delete(key)) => key,
        None => ABSENT,
    }
}

/// True for a write that no BatchWriteItem takes: an update, one with a condition, one that gives
/// something back.
pub(crate) fn is_single(record: &Record) -> bool {
    !record.value(CONDITION).is_absent()
        || !record.value(UPDATE).is_absent()
        || Returning::of(record) != Returning::Nothing
}

/// True where a condition that does not hold is as good as a write.
pub(crate) fn accepts_false(record: &Record) -> bool {
    *record.value(ON_FALSE) == Value::Choice(ON_FALSE_ACCEPT)
}

/// True where sending a record twice leaves what sending it once does.
pub(crate) fn is_repeatable(record: &Record) -> bool {
    match record.value(UPDATE) {
        Value::Absent => true,
        update => update::is_repeatable(update),
    }
}

/// The receipt of a record whose answer did not come: what it asked for cannot be told.
pub(crate) fn nothing_returned(record: &Record) -> Receipt {
    match Returning::of(record) {
        Returning::Nothing => Receipt::Nothing,
        _ => Receipt::Attributes { json: None },
    }
}

/// Bytes of this record's item as DynamoDB counts them; of an update's key and values, or of a
/// key.
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
    let bytes = match write(record) {
        Some(Write::Put(item)) => {
            let bytes = measure(item)?;
            if let Some(key) = key {
                key.check(item)?;
            }
            bytes
        }
        Some(Write::Update(update)) => update::weigh(update, key)?,
        Some(Write::Delete(value)) => {
            let bytes = measure(value)?;
            if let Some(key) = key {
                key.check_only(value)?;
            }
            bytes
        }
        None => {
            let detail = "a record has one of put, update and delete";
            return Err(invalid(detail.to_owned()));
        }
    };
    if bytes > limits.record_bytes {
        let most = ByteSize(limits.record_bytes as u64);
        let detail = format!("an item of {bytes} bytes; DynamoDB takes {most}");
        return Err(Reason::new(ReasonKind::TooLarge, detail));
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

/// A put or delete among others.
///
/// # Errors
/// Why the record makes no request; `weigh` said so before.
pub(crate) fn write_request(record: &Record) -> Result<WriteRequest, Reason> {
    let request = WriteRequest::builder();
    let request = match write(record) {
        Some(Write::Put(value)) => {
            let put = PutRequest::builder().set_item(Some(item(value)?)).build();
            request.put_request(put.map_err(|error| invalid(error.to_string()))?)
        }
        Some(Write::Delete(key)) => {
            let delete = DeleteRequest::builder().set_key(Some(item(key)?)).build();
            request.delete_request(delete.map_err(|error| invalid(error.to_string()))?)
        }
        _ => return Err(invalid("an update among others".to_owned())),
    };
    Ok(request.build())
}

/// A write of its own.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) what: SingleWrite,
    pub(crate) condition: Option<Condition>,
    /// The values of `:p0`, `:p1`, ….
    pub(crate) values: HashMap<String, AttributeValue>,
    pub(crate) returning: Returning,
}

/// What a write of its own does.
#[derive(Debug)]
pub(crate) enum SingleWrite {
    Put(Attributes),
    Update(Attributes, Expression),
    Delete(Attributes),
}

/// The call for a record that travels alone.
///
/// # Errors
/// Why the record makes no call; `weigh` said so before.
pub(crate) fn single(record: &Record) -> Result<Single, Reason> {
    let what = match write(record) {
        Some(Write::Put(value)) => SingleWrite::Put(item(value)?),
        Some(Write::Delete(key)) => SingleWrite::Delete(item(key)?),
        Some(Write::Update(value)) => {
            let update = Update::read(value)?;
            let expression = update.expression()?;
            SingleWrite::Update(update.key, expression)
        }
        None => return Err(invalid("one of put, update and delete".to_owned())),
    };
    let mut values = HashMap::new();
    let condition = match record.value(CONDITION) {
        Value::Expression {
            text,
            values: bound,
        } => {
            for (place, value) in bound.iter().enumerate() {
                values.insert(format!(":p{place}"), attribute(value)?);
            }
            Some(condition::alias(text)?)
        }
        _ => None,
    };
    Ok(Single {
        what,
        condition,
        values,
        returning: Returning::of(record),
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
        let call = single(&record).unwrap();
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
