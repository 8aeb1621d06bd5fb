//! What of a mapping could never be written, as far as the file says it.

use sluicegate_contract::{MappingFault, Outline, Reason, Value};

use crate::condition;
use crate::key::KeySchema;
use crate::path::Path;
use crate::request::{
    CONDITION, DELETE, ON_FALSE, ON_FALSE_ACCEPT, PUT, RETURN, Returning, UPDATE,
};
use crate::settings::Settings;
use crate::update::{self, SECTIONS};

const ONE_OF: &str = "`put: { … }` writes an item, `update: { key: { … }, set: { … } }` changes \
                      one, `delete: { … }` takes one away";

impl Settings {
    /// Checks what a mapping says of its records, given field by field.
    #[must_use]
    pub fn check_mapping(&self, fields: &[Outline]) -> Vec<MappingFault> {
        let of = |field: usize| fields.get(field).unwrap_or(&Outline::Unset);
        let mut faults = Vec::new();
        let writes = [("put", PUT), ("update", UPDATE), ("delete", DELETE)];
        let set: Vec<_> = writes
            .into_iter()
            .filter(|(_, f)| of(*f).is_set())
            .collect();
        match set.as_slice() {
            [] => faults.push(MappingFault::new(
                "put",
                "the record says neither `put`, `update` nor `delete`",
                ONE_OF,
            )),
            [_] => {}
            [(first, _), (second, _), ..] => faults.push(MappingFault::new(
                second,
                format!("the record has `{first}` and `{second}`, and one record is one write"),
                "write two bindings, each with a name of its own (`as: …`)",
            )),
        }
        let key = self.key.as_ref().map(KeySchema::from);
        for (name, field) in set {
            match (&key, name) {
                (Some(key), "put") => check_key("put", of(field), key, false, &mut faults),
                (Some(key), "delete") => check_key("delete", of(field), key, true, &mut faults),
                (Some(key), _) => check_update(of(field), key, &mut faults),
                (None, "put") => {}
                (None, name) => faults.push(MappingFault::new(
                    if name == "update" { "update" } else { "delete" },
                    format!(
                        "`{name}` needs to know the table's key, which its target does not say"
                    ),
                    "write it there: `dynamodb: { table: …, key: { pk: S, sk: S } }`",
                )),
            }
        }
        check_condition(of(CONDITION), of(ON_FALSE), &mut faults);
        check_returning(of(RETURN), of(UPDATE).is_set(), &mut faults);
        faults
    }
}

/// The key attributes of what is written as names and values.
fn check_key(
    field: &'static str,
    written: &Outline,
    key: &KeySchema,
    only: bool,
    faults: &mut Vec<MappingFault>,
) {
    let Outline::Map(entries) = written else {
        return;
    };
    let help = format!("the table's key is {key}, as its target says");
    for name in key.names() {
        if !written.entry(name).is_some_and(Outline::is_set) {
            let message = format!("`{field}` lacks the key attribute `{name}`");
            faults.push(MappingFault::new(field, message, help.clone()));
        }
    }
    for (name, _) in entries.iter().filter(|(name, _)| only && !key.has(name)) {
        let message =
            format!("`{name}` is not of the table's key, which is all that names the item");
        faults.push(MappingFault::new(field, message, help.clone()));
    }
}

fn check_update(written: &Outline, key: &KeySchema, faults: &mut Vec<MappingFault>) {
    let fault = |message: String, help: &str| MappingFault::new("update", message, help);
    match written.entry(update::KEY) {
        Some(section) => check_key("update", section, key, true, faults),
        None => {
            let message = "`update` does not say which item: `key` is missing".to_owned();
            let help = format!("write `key: {{ … }}` with the table's key, {key}");
            faults.push(fault(message, &help));
        }
    }
    let changes = || {
        SECTIONS
            .iter()
            .filter(|section| section.name != update::KEY)
    };
    if !changes().any(|section| written.entry(section.name).is_some()) {
        let names: Vec<_> = changes().map(|s| format!("`{}`", s.name)).collect();
        let message = "`update` changes nothing".to_owned();
        faults.push(fault(message, &format!("it has {}", names.join(", "))));
    }
    let mut paths: Vec<Path> = Vec::new();
    for section in changes() {
        let Some(Outline::Map(entries)) = written.entry(section.name) else {
            continue;
        };
        for (name, value) in entries {
            let path = match Path::read(name) {
                Ok(path) => path,
                Err(reason) => {
                    faults.push(fault(said(&reason), section.doc));
                    continue;
                }
            };
            if key.has(path.attribute()) {
                let message = format!("`{path}` is of the table's key, which no update changes");
                faults.push(fault(message, "delete the item and put another"));
            }
            if let Some(other) = paths.iter().find(|o| o.holds(&path) || path.holds(o)) {
                let message = format!("`{other}` and `{path}` overlap in `update`");
                faults.push(fault(message, "change each place of an item once"));
            }
            if section.name == "delete"
                && matches!(value, Outline::Fixed(other) if !matches!(other, Value::Set(_)))
            {
                let message = format!("`delete.{path}` needs a set");
                faults.push(fault(message, "write `${string_set([…])}`"));
            }
            paths.push(path);
        }
    }
}

fn check_condition(condition: &Outline, on_false: &Outline, faults: &mut Vec<MappingFault>) {
    if let Outline::Fixed(Value::Expression { text, .. }) = condition
        && let Err(reason) = condition::alias(text)
    {
        let help = "for example attribute_not_exists(pk) or version = ${event.version}";
        faults.push(MappingFault::new("condition", said(&reason), help));
    }
    let accepts = matches!(on_false, Outline::Fixed(Value::Choice(ON_FALSE_ACCEPT)));
    if accepts && !condition.is_set() {
        faults.push(MappingFault::new(
            "on_false",
            "`on_false` says what a condition means that does not hold, and there is none",
            "write `condition: …`, or leave `on_false` out",
        ));
    }
}

fn check_returning(returning: &Outline, is_update: bool, faults: &mut Vec<MappingFault>) {
    let Outline::Fixed(Value::Choice(word)) = returning else {
        return;
    };
    let returning = Returning::of_word(*word);
    if !is_update && !matches!(returning, Returning::Nothing | Returning::Old) {
        faults.push(MappingFault::new(
            "returning",
            "a put and a delete give back the item as it was, and nothing else",
            "write `returning: old`, or `returning: none`",
        ));
    }
}

fn said(reason: &Reason) -> String {
    reason.detail().unwrap_or_default().to_owned()
}
