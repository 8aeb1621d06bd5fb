//! What of a mapping could never be produced, as far as the file says it.

use sluicegate_contract::{MappingFault, Outline, Value};

use crate::settings::Settings;
use crate::{KEY, TOPIC, VALUE};

impl Settings {
    /// Checks what a mapping says of its records, given field by field.
    #[must_use]
    pub fn check_mapping(&self, fields: &[Outline]) -> Vec<MappingFault> {
        let of = |field: usize| fields.get(field).unwrap_or(&Outline::Unset);
        let mut faults = Vec::new();
        let declared: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let list = declared.join(", ");
        match (of(TOPIC), declared.is_empty()) {
            (Outline::Unset, true) => {}
            (Outline::Unset, false) => faults.push(MappingFault::new(
                "topic",
                "the record does not say which of its target's topics it is for",
                format!("write `topic: …` with one of {list}"),
            )),
            (_, true) => faults.push(MappingFault::new(
                "topic",
                "the target has one topic, so that a record cannot choose",
                "leave `topic` out, or declare `topics: […]` in the target in place of `topic`",
            )),
            (topic, false) => {
                if let Some(text) = topic.fixed_text().filter(|text| !declared.contains(text)) {
                    faults.push(MappingFault::new(
                        "topic",
                        format!("`{text}` is not among the target's topics"),
                        format!("they are {list}"),
                    ));
                }
            }
        }
        if *of(VALUE) == Outline::Fixed(Value::Absent) && !of(KEY).is_set() {
            faults.push(MappingFault::new(
                "value",
                "a record without a value deletes its key, and this one has none",
                "write `key: …`",
            ));
        }
        faults
    }
}
