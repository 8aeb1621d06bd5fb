//! What the file alone says of a binding's record.

use sluicegate_contract::{Outline, Value};

use super::fields::FieldValue;
use super::found::Found;
use super::plan::Plan;
use super::template::Template;

impl Plan {
    /// What the file says of each field of a binding's record, in the order of the room's fields.
    #[must_use]
    pub fn outline(&self, binding: usize) -> Vec<Outline> {
        let fields = self.bindings.get(binding).map_or(&[][..], |b| &b.fields);
        fields.iter().map(|field| of_field(&field.value)).collect()
    }
}

fn of_field(value: &FieldValue) -> Outline {
    match value {
        FieldValue::Absent => Outline::Unset,
        FieldValue::Choice(word) => Outline::Fixed(Value::Choice(*word)),
        // The text is known, whatever the values are.
        FieldValue::Condition { text, .. } => Outline::Fixed(Value::Expression {
            text: text.clone(),
            values: Vec::new(),
        }),
        FieldValue::Text { value, .. } | FieldValue::Payload(value) => match value {
            Template::Fixed(found) => found
                .text()
                .map_or(Outline::Computed, |text| Outline::Fixed(Value::Text(text))),
            _ => Outline::Computed,
        },
        FieldValue::PayloadOrNull(Template::Fixed(found)) if found.is_null() => {
            Outline::Fixed(Value::Absent)
        }
        FieldValue::PayloadOrNull(_) | FieldValue::Integer { .. } => Outline::Computed,
        FieldValue::TextMap(entries)
        | FieldValue::PayloadMap(entries)
        | FieldValue::AttributeMap(entries) => {
            let entries = entries.iter();
            Outline::Map(
                entries
                    .map(|(name, value)| (name.clone(), of_template(value)))
                    .collect(),
            )
        }
        FieldValue::Item(value) => of_template(value),
    }
}

fn of_template(template: &Template) -> Outline {
    match template {
        Template::Fixed(Found::Absent) => Outline::Unset,
        Template::Fixed(Found::Text(text)) => Outline::Fixed(Value::Text(text.clone())),
        Template::Fixed(Found::Bytes(bytes)) => Outline::Fixed(Value::Bytes(bytes.clone())),
        Template::Fixed(Found::Json(json, _)) => Outline::Fixed(Value::Json(json.clone())),
        Template::Fixed(Found::Set(set)) => Outline::Fixed(Value::Set(set.clone())),
        Template::Map(entries) => {
            let entries = entries.iter();
            Outline::Map(
                entries
                    .map(|(name, value)| (name.clone(), of_template(value)))
                    .collect(),
            )
        }
        Template::One(_) | Template::Text(_) | Template::List(_) => Outline::Computed,
    }
}
