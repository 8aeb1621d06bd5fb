//! Where an event's id and payload stand in what a target holds.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
}
