//! What a write gives back of its item, as the JSON of a receipt.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use sluicegate_contract::ATTRIBUTES_BYTES_MAX;

use crate::item::Attributes;

/// The attributes as a JSON object, sorted by name: sets are arrays, binary is base64. `None` past
/// [`ATTRIBUTES_BYTES_MAX`].
pub(crate) fn json(attributes: &Attributes) -> Option<Bytes> {
    let mut out = String::new();
    write_map(attributes, &mut out)?;
    Some(Bytes::from(out))
}

fn write_map(attributes: &Attributes, out: &mut String) -> Option<()> {
    let mut entries: Vec<_> = attributes.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    out.push('{');
    for (place, (name, value)) in entries.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write_value(value, out)?;
    }
    out.push('}');
    Some(())
}

/// Stops where the bound is passed.
fn write_value(value: &AttributeValue, out: &mut String) -> Option<()> {
    match value {
        AttributeValue::S(text) => write_text(text, out),
        AttributeValue::N(number) => write_number(number, out),
        AttributeValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        AttributeValue::B(bytes) => write_text(&STANDARD.encode(bytes), out),
        AttributeValue::M(map) => write_map(map, out)?,
        AttributeValue::L(list) => write_list(list, out, write_value)?,
        AttributeValue::Ss(texts) => write_list(texts, out, |text, out| {
            write_text(text, out);
            Some(())
        })?,
        AttributeValue::Ns(numbers) => write_list(numbers, out, |number, out| {
            write_number(number, out);
            Some(())
        })?,
        AttributeValue::Bs(members) => write_list(members, out, |bytes, out| {
            write_text(&STANDARD.encode(bytes), out);
            Some(())
        })?,
        _ => out.push_str("null"),
    }
    (out.len() <= ATTRIBUTES_BYTES_MAX).then_some(())
}

fn write_list<T>(
    elements: &[T],
    out: &mut String,
    write: impl Fn(&T, &mut String) -> Option<()>,
) -> Option<()> {
    out.push('[');
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(element, out)?;
    }
    out.push(']');
    Some(())
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&Json::from(text).to_string());
}

/// A number as the service wrote it, as text where JSON has another notation.
fn write_number(number: &str, out: &mut String) {
    if serde_json::from_str::<&RawValue>(number).is_ok() {
        out.push_str(number);
    } else {
        write_text(number, out);
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::Blob;

    use super::*;

    #[test]
    fn attributes_become_one_json_object() {
        let attributes = Attributes::from([
            ("s".to_owned(), AttributeValue::S("a\"b".to_owned())),
            ("n".to_owned(), AttributeValue::N("12.50".to_owned())),
            ("x".to_owned(), AttributeValue::N("0x7".to_owned())),
            ("b".to_owned(), AttributeValue::B(Blob::new(b"Ada"))),
            ("ss".to_owned(), AttributeValue::Ss(vec!["a".to_owned()])),
            (
                "l".to_owned(),
                AttributeValue::L(vec![
                    AttributeValue::Null(true),
                    AttributeValue::Bool(false),
                    AttributeValue::M(Attributes::new()),
                ]),
            ),
        ]);
        assert_eq!(
            json(&attributes).unwrap(),
            r#"{"b":"QWRh","l":[null,false,{}],"n":12.50,"s":"a\"b","ss":["a"],"x":"0x7"}"#
        );
    }

    #[test]
    fn what_is_too_large_for_a_receipt_is_not_told() {
        let of = |bytes: usize| {
            let text = AttributeValue::S("x".repeat(bytes));
            json(&Attributes::from([("s".to_owned(), text)]))
        };
        assert!(of(ATTRIBUTES_BYTES_MAX - 100).is_some());
        assert!(of(ATTRIBUTES_BYTES_MAX).is_none());
    }
}
