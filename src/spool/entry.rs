//! How the records of a request stand in the log: CBOR, so that a later version, and any tool that
//! reads CBOR, can read them.
//!
//! An entry is the array `[version, request id, route, [record, …]]`, a record the array
//! `[number, event, target, room, binding, held, stored]`: its place in its request, the place of
//! its event, the names of its target, of that target's kind and of its binding, whether its
//! courier still had it, and the record itself as [`sluicegate_contract::stored`] writes it. Arrays
//! may become longer: a reader passes over what it does not know.

use std::convert::Infallible;

use bytes::Bytes;
use bytestring::ByteString;
use minicbor::{Decoder, Encoder};
use sluicegate_contract::{Field, Record, stored, text};

use crate::limits::SPOOL_ENTRY_BYTES;

/// The mark of an entry in the log.
pub const ENTRY_KIND: u8 = 1;
/// The version that is written.
const VERSION: u8 = 1;
/// Members of an entry, and of a record.
const ENTRY_MEMBERS: u64 = 4;
const RECORD_MEMBERS: u64 = 7;

/// A record to be stored.
#[derive(Clone, Copy, Debug)]
pub struct ToStore<'a> {
    /// Its place in its request.
    pub number: u32,
    /// The place of its event.
    pub event: u32,
    /// The name of its target.
    pub target: &'a str,
    /// The kind of that target.
    pub room: &'a str,
    /// The fields of that kind's records.
    pub fields: &'a [Field],
    /// The name of its binding.
    pub binding: &'a str,
    /// Its courier has it, and may still deliver it.
    pub held: bool,
    /// The record.
    pub record: &'a Record,
}

/// A request as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// Its id.
    pub id: u128,
    /// The name of its route.
    pub route: ByteString,
    /// Its records, or some of them.
    pub records: Vec<StoredRecord>,
}

/// A record as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in its request.
    pub number: u32,
    /// The place of its event.
    pub event: u32,
    /// The name of its target.
    pub target: ByteString,
    /// The kind of that target.
    pub room: ByteString,
    /// The name of its binding.
    pub binding: ByteString,
    /// Its courier had it when it was stored, and might still deliver it.
    pub held: bool,
    /// The record, for [`stored::decode`].
    pub stored: Bytes,
}

/// The entries of a request: one, or some of about [`SPOOL_ENTRY_BYTES`].
pub fn encode<'a>(
    id: u128,
    route: &str,
    records: impl IntoIterator<Item = ToStore<'a>>,
) -> Vec<Bytes> {
    let mut entries = Vec::new();
    let (mut entry, mut record) = (Vec::new(), Vec::new());
    for to_store in records {
        if entry.is_empty() {
            infallible(&begin(&mut entry, id, route));
        }
        record.clear();
        stored::encode(to_store.record, to_store.fields, &mut record);
        infallible(&put(&mut entry, &to_store, &record));
        if entry.len() >= SPOOL_ENTRY_BYTES {
            infallible(&end(&mut entry));
            entries.push(Bytes::from(std::mem::take(&mut entry)));
        }
    }
    if !entry.is_empty() {
        infallible(&end(&mut entry));
        entries.push(Bytes::from(entry));
    }
    entries
}

type Encoded = Result<(), minicbor::encode::Error<Infallible>>;

fn begin(entry: &mut Vec<u8>, id: u128, route: &str) -> Encoded {
    Encoder::new(entry)
        .array(ENTRY_MEMBERS)?
        .u8(VERSION)?
        .bytes(&id.to_be_bytes())?
        .str(route)?
        .begin_array()?;
    Ok(())
}

fn put(entry: &mut Vec<u8>, to_store: &ToStore<'_>, record: &[u8]) -> Encoded {
    Encoder::new(entry)
        .array(RECORD_MEMBERS)?
        .u32(to_store.number)?
        .u32(to_store.event)?
        .str(to_store.target)?
        .str(to_store.room)?
        .str(to_store.binding)?
        .bool(to_store.held)?
        .bytes(record)?;
    Ok(())
}

fn end(entry: &mut Vec<u8>) -> Encoded {
    Encoder::new(entry).end()?;
    Ok(())
}

fn infallible(written: &Encoded) {
    debug_assert!(written.is_ok(), "a vector takes all that is written");
}

/// Reads an entry.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn decode(entry: &Bytes) -> Result<StoredRequest, String> {
    read(entry).map_err(|error| match error {
        Trouble::Version(version) => {
            format!("it has version {version}, and this program reads version {VERSION}")
        }
        Trouble::Id => "its request's id is no id".to_owned(),
        Trouble::Cbor(error) => error.to_string(),
    })
}

enum Trouble {
    Version(u8),
    Id,
    Cbor(minicbor::decode::Error),
}

impl From<minicbor::decode::Error> for Trouble {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Cbor(error)
    }
}

fn read(entry: &Bytes) -> Result<StoredRequest, Trouble> {
    let mut from = Decoder::new(entry);
    from.array()?;
    let version = from.u8()?;
    if version != VERSION {
        return Err(Trouble::Version(version));
    }
    let id = <[u8; 16]>::try_from(from.bytes()?).map_err(|_| Trouble::Id)?;
    let route = name(entry, &mut from)?;
    let count = from.array()?;
    let mut records = Vec::new();
    while count.map_or_else(|| more(&from), |count| Ok((records.len() as u64) < count))? {
        records.push(record(entry, &mut from)?);
    }
    Ok(StoredRequest {
        id: u128::from_be_bytes(id),
        route,
        records,
    })
}

fn more(from: &Decoder<'_>) -> Result<bool, Trouble> {
    Ok(from.datatype()? != minicbor::data::Type::Break)
}

fn record(entry: &Bytes, from: &mut Decoder<'_>) -> Result<StoredRecord, Trouble> {
    let members = from.array()?.unwrap_or(RECORD_MEMBERS);
    let record = StoredRecord {
        number: from.u32()?,
        event: from.u32()?,
        target: name(entry, from)?,
        room: name(entry, from)?,
        binding: name(entry, from)?,
        held: from.bool()?,
        stored: entry.slice_ref(from.bytes()?),
    };
    for _ in RECORD_MEMBERS..members {
        from.skip()?;
    }
    Ok(record)
}

/// A name as a slice of the entry: nothing is copied.
fn name(entry: &Bytes, from: &mut Decoder<'_>) -> Result<ByteString, Trouble> {
    let read = from.str()?;
    Ok(text(entry.slice_ref(read.as_bytes())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluicegate_contract::{Kind, Value};

    use super::*;

    const FIELDS: &[Field] = &[Field {
        name: "value",
        kind: Kind::Payload,
        required: false,
        default: None,
        doc: "",
    }];

    fn to_store(number: u32, record: &Record) -> ToStore<'_> {
        ToStore {
            number,
            event: number / 2,
            target: "orders",
            room: "kafka",
            fields: FIELDS,
            binding: "trail",
            held: number.is_multiple_of(3),
            record,
        }
    }

    fn payload(bytes: usize) -> Record {
        Record::new([Value::Bytes(vec![7; bytes].into())])
    }

    #[test]
    fn what_was_stored_is_read_back() {
        let records: Vec<Record> = (0..5).map(|n| payload(n * 10)).collect();
        let entries = encode(
            7,
            "orders",
            (0..).zip(&records).map(|(n, r)| to_store(n, r)),
        );
        assert_eq!(entries.len(), 1);
        let read = decode(&entries[0]).unwrap();
        assert_eq!((read.id, &*read.route), (7, "orders"));
        for ((number, record), read) in (0..).zip(&records).zip(&read.records) {
            assert_eq!((read.number, read.event), (number, number / 2));
            assert_eq!(
                (&*read.target, &*read.room, &*read.binding),
                ("orders", "kafka", "trail")
            );
            assert_eq!(read.held, number.is_multiple_of(3));
            assert_eq!(&stored::decode(&read.stored, FIELDS).unwrap(), record);
        }
        assert_eq!(read.records.len(), 5);
    }

    #[test]
    fn a_large_request_has_several_entries() {
        let record = payload(SPOOL_ENTRY_BYTES / 3);
        let entries = encode(1, "r", (0..10).map(|number| to_store(number, &record)));
        assert_eq!(entries.len(), 4, "three of its records fill one");
        let read = entries
            .iter()
            .flat_map(|entry| decode(entry).unwrap().records);
        assert!(read.map(|record| record.number).eq(0..10));
        assert!(encode(1, "r", std::iter::empty()).is_empty());
    }

    #[test]
    fn what_is_no_entry_is_an_error() {
        for bytes in [
            &b""[..],
            b"\x80",
            b"\x84\x02",
            b"hello",
            b"\x84\x01\x41a\x61a\x80",
        ] {
            assert!(decode(&Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
        }
        let newer = decode(&Bytes::from_static(b"\x84\x02\x41a\x61a\x80")).unwrap_err();
        assert!(newer.contains("version 2"), "{newer}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&Bytes::from(bytes));
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..200, flip in 1_u8..) {
            let record = payload(20);
            let mut entry = encode(1, "r", (0..3).map(|n| to_store(n, &record))).remove(0).to_vec();
            let at = at % entry.len();
            entry[at] ^= flip;
            let _ = decode(&Bytes::from(entry));
        }
    }
}
