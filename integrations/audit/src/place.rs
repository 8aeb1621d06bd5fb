//! Where an event's id and payload stand in what a target holds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// Where id and payload stand in a record's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The names of the members that lead to the id, from the outermost.
    pub id: Vec<String>,
    /// Where the whole event stands.
    pub payload: PayloadPlace,
}

/// Where the whole event stands in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadPlace {
    /// The record is the event.
    Whole,
    /// Under these members: as JSON, or as text that holds it.
    At(Vec<String>),
    /// The target holds parts of the event only, so that payloads cannot be compared.
    Nowhere,
}

impl Place {
    /// The record is the event, and its id stands there.
    #[must_use]
    pub fn whole(id: &[String]) -> Self {
        Self {
            id: id.to_vec(),
            payload: PayloadPlace::Whole,
        }
    }

    /// Where this event stands in a record that a mapping made of it; `None` where the record does
    /// not show the event's id.
    #[must_use]
    pub fn find(record: &[u8], event: &[u8], id: &str) -> Option<Self> {
        let value: Value = serde_json::from_slice(record).ok()?;
        let mut place = Self {
            id: path_to(&value, &mut |value| value == id)?,
            payload: PayloadPlace::Nowhere,
        };
        if record == event {
            place.payload = PayloadPlace::Whole;
        } else {
            let whole: Value = serde_json::from_slice(event).ok()?;
            let text = std::str::from_utf8(event).ok()?;
            let path = path_to(&value, &mut |value| *value == whole || value == text);
            let at = path.map(PayloadPlace::At);
            // It counts where it stands as it came, not only in value.
            place.payload = at.unwrap_or(PayloadPlace::Nowhere);
            if place.payload_in(record).as_deref() != Some(event) {
                place.payload = PayloadPlace::Nowhere;
            }
        }
        Some(place)
    }

    /// The id in a record.
    #[must_use]
    pub fn id_in(&self, record: &[u8]) -> Option<String> {
        let raw = raw_at(record, &self.id)?;
        serde_json::from_str(raw).ok()
    }

    /// The event in a record.
    #[must_use]
    pub fn payload_in<'r>(&self, record: &'r [u8]) -> Option<Cow<'r, [u8]>> {
        match &self.payload {
            PayloadPlace::Whole => Some(Cow::Borrowed(record)),
            PayloadPlace::Nowhere => None,
            PayloadPlace::At(path) => {
                let raw = raw_at(record, path)?;
                match serde_json::from_str::<String>(raw) {
                    Ok(text) => Some(Cow::Owned(text.into_bytes())),
                    Err(_) => Some(Cow::Borrowed(raw.as_bytes())),
                }
            }
        }
    }
}

/// The names of the members that lead to the first value for which this holds.
fn path_to(value: &Value, holds: &mut dyn FnMut(&Value) -> bool) -> Option<Vec<String>> {
    if holds(value) {
        return Some(Vec::new());
    }
    value.as_object()?.iter().find_map(|(name, value)| {
        let mut path = path_to(value, holds)?;
        path.insert(0, name.clone());
        Some(path)
    })
}

/// The text of a member as it stands in a record, byte for byte.
fn raw_at<'r>(record: &'r [u8], path: &[String]) -> Option<&'r str> {
    let mut at: &RawValue = serde_json::from_slice(record).ok()?;
    for name in path {
        let members: BTreeMap<Cow<'r, str>, &RawValue> = serde_json::from_str(at.get()).ok()?;
        at = members.get(name.as_str()).copied()?;
    }
    Some(at.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn ids_and_payloads_are_found_byte_for_byte() {
        let record = br#"{"a\tb":1,"data":{"id":"x-1", "n":1.50},"text":"{\"id\":\"x-1\"}"}"#;
        let inside = Place {
            id: path(&["data", "id"]),
            payload: PayloadPlace::At(path(&["data"])),
        };
        assert_eq!(inside.id_in(record).as_deref(), Some("x-1"));
        let found = inside.payload_in(record).unwrap();
        assert_eq!(&*found, br#"{"id":"x-1", "n":1.50}"#);
        let text = Place {
            payload: PayloadPlace::At(path(&["text"])),
            ..inside.clone()
        };
        assert_eq!(&*text.payload_in(record).unwrap(), br#"{"id":"x-1"}"#);
        let whole = Place::whole(&path(&["data", "id"]));
        assert_eq!(&*whole.payload_in(record).unwrap(), record);
        for broken in [&record[..20], b"", b"[1]", br#"{"data":7}"#] {
            assert_eq!(inside.id_in(broken), None);
        }
    }

    #[test]
    fn a_mappings_place_for_the_event_is_found() {
        let event = br#"{"id":"x-1", "n":1.50}"#;
        let at = |names: &[&str]| PayloadPlace::At(path(names));
        for (record, wanted) in [
            (
                r#"{"id":"x-1", "n":1.50}"#,
                Some((&["id"][..], PayloadPlace::Whole)),
            ),
            (
                r#"{"a":{"of":"x-1"},"b":{"id":"x-1", "n":1.50}}"#,
                Some((&["a", "of"], at(&["b"]))),
            ),
            (
                r#"{"t":"{\"id\":\"x-1\", \"n\":1.50}","id":"x-1"}"#,
                Some((&["id"], at(&["t"]))),
            ),
            (
                r#"{"id":"x-1","n":1.5}"#,
                Some((&["id"], PayloadPlace::Nowhere)),
            ),
            (
                r#"{"b":{"id":"x-1","n":1.50}}"#,
                Some((&["b", "id"], PayloadPlace::Nowhere)),
            ),
            (r#"{"order":"x-1!"}"#, None),
            ("x-1", None),
        ] {
            let found = Place::find(record.as_bytes(), event, "x-1");
            let wanted = wanted.map(|(id, payload)| Place {
                id: path(id),
                payload,
            });
            assert_eq!(found, wanted, "{record}");
        }
    }
}
