//! From records to a PutRecords call. Pure: no client, no socket.

use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use aws_smithy_types::Blob;
use sluicegate_contract::{
    Batch, ByteSize, Field, Kind, Limits, Reason, ReasonKind, Record, Value,
};

/// What a mapping may set, in the order of a record's values.
pub const FIELDS: &[Field] = &[
    Field {
        name: "partition_key",
        kind: Kind::Text {
            characters_min: 1,
            characters_max: PARTITION_KEY_CHARACTERS_MAX,
        },
        required: true,
        default: None,
        doc: "Which shard takes the record: 1 to 256 characters (not bytes). Records of one key \
              go to one shard.",
    },
    Field {
        name: "data",
        kind: Kind::Payload,
        required: false,
        default: Some("${event}"),
        doc: "The record's data. With the partition key 1 MiB at most, unless `limits` says more.",
    },
    Field {
        name: "explicit_hash_key",
        kind: Kind::Text {
            characters_min: 1,
            characters_max: HASH_KEY_DIGITS_MAX,
        },
        required: false,
        default: None,
        doc: "A decimal number from 0 to 2^128-1 that picks the shard in place of the partition \
              key's hash.",
    },
];

const PARTITION_KEY: usize = 0;
const DATA: usize = 1;
const EXPLICIT_HASH_KEY: usize = 2;

/// The service counts characters here, and bytes everywhere else.
const PARTITION_KEY_CHARACTERS_MAX: usize = 256;
/// Digits of 2^128-1.
const HASH_KEY_DIGITS_MAX: usize = 39;

/// Bytes of this record as Kinesis counts them, for a record and for a call: data before base64,
/// and the partition key.
///
/// # Errors
/// Why Kinesis would never take this record.
pub(crate) fn weigh(record: &Record, limits: &Limits) -> Result<usize, Reason> {
    let key = partition_key(record)?;
    check_hash_key(record)?;
    let bytes = data(record).len() + key.len();
    if bytes > limits.record_bytes {
        let most = ByteSize(limits.record_bytes as u64);
        let detail = format!("{bytes} bytes of data and partition key; Kinesis takes {most}");
        return Err(Reason::new(ReasonKind::TooLarge, detail));
    }
    Ok(bytes)
}

/// The entries of one call, in the batch's order. The payload is copied once, into the SDK's own
/// buffer.
///
/// # Errors
/// Why a record cannot be an entry; `weigh` said so before.
pub(crate) fn entries(batch: &Batch) -> Result<Vec<PutRecordsRequestEntry>, Reason> {
    batch.records().iter().map(entry).collect()
}

fn entry(record: &Record) -> Result<PutRecordsRequestEntry, Reason> {
    PutRecordsRequestEntry::builder()
        .partition_key(partition_key(record)?)
        .data(Blob::new(data(record)))
        .set_explicit_hash_key(record.value(EXPLICIT_HASH_KEY).as_text().map(str::to_owned))
        .build()
        .map_err(|error| invalid(error.to_string()))
}

fn partition_key(record: &Record) -> Result<&str, Reason> {
    let key = record.value(PARTITION_KEY).as_text().unwrap_or_default();
    // Bytes bound characters from above, so the common short key is not counted.
    if key.is_empty()
        || (key.len() > PARTITION_KEY_CHARACTERS_MAX
            && key.chars().count() > PARTITION_KEY_CHARACTERS_MAX)
    {
        return Err(invalid(
            "partition_key must have 1 to 256 characters".to_owned(),
        ));
    }
    Ok(key)
}

fn data(record: &Record) -> &[u8] {
    record.value(DATA).as_bytes().map_or(&[], |bytes| bytes)
}

fn check_hash_key(record: &Record) -> Result<(), Reason> {
    let Value::Text(text) = record.value(EXPLICIT_HASH_KEY) else {
        return Ok(());
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // `u128` is exactly the range that Kinesis has.
    if text.len() > HASH_KEY_DIGITS_MAX || !digits || text.parse::<u128>().is_err() {
        let detail = "explicit_hash_key must be a decimal number from 0 to 2^128-1";
        return Err(invalid(detail.to_owned()));
    }
    Ok(())
}

fn invalid(detail: String) -> Reason {
    Reason::new(ReasonKind::Invalid, detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::settings::BOUNDS;

    fn record(key: &str, data: &'static [u8], hash: Option<&str>) -> Record {
        let hash = hash.map_or(Value::Absent, |text| Value::Text(text.into()));
        Record::new([Value::Text(key.into()), Value::Bytes(data.into()), hash])
    }

    #[test]
    fn a_record_weighs_its_data_and_its_key_before_base64() {
        let limits = BOUNDS.default;
        assert_eq!(weigh(&record("key", b"payload", None), &limits), Ok(10));
        let small = Limits {
            record_bytes: 10,
            ..limits
        };
        assert_eq!(weigh(&record("key", b"payload", None), &small), Ok(10));
        let reason = weigh(&record("keys", b"payload", None), &small).unwrap_err();
        assert_eq!(reason.kind(), ReasonKind::TooLarge);
        assert!(
            reason.detail().unwrap().contains("Kinesis takes 10B"),
            "{reason}"
        );
    }

    #[test]
    fn a_partition_key_is_measured_in_characters() {
        let limits = BOUNDS.default;
        let weigh_key = |key: &str| weigh(&record(key, b"", None), &limits).map_err(|r| r.kind());
        assert_eq!(weigh_key(&"k".repeat(256)), Ok(256));
        assert_eq!(
            weigh_key(&"ä".repeat(256)),
            Ok(512),
            "256 characters, 512 bytes"
        );
        assert_eq!(weigh_key(&"k".repeat(257)), Err(ReasonKind::Invalid));
        assert_eq!(weigh_key(&"ä".repeat(257)), Err(ReasonKind::Invalid));
        assert_eq!(weigh_key(""), Err(ReasonKind::Invalid));
    }

    #[test]
    fn a_hash_key_is_a_number_of_128_bits() {
        let limits = BOUNDS.default;
        for (hash, good) in [
            ("0", true),
            ("340282366920938463463374607431768211455", true),
            ("340282366920938463463374607431768211456", false),
            ("-1", false),
            ("+1", false),
            ("1e3", false),
            ("", false),
        ] {
            let weighed = weigh(&record("k", b"", Some(hash)), &limits);
            assert_eq!(weighed.is_ok(), good, "{hash}");
        }
    }

    #[test]
    fn entries_stand_in_the_order_of_the_batch_with_untouched_bytes() {
        let batch = Batch::new(Arc::new(vec![
            record("a", b"{\"n\": 1.0 }", None),
            record("b", b"\xff\x00", Some("7")),
        ]));
        let entries = entries(&batch).unwrap();
        assert_eq!(entries[0].data().as_ref(), b"{\"n\": 1.0 }");
        assert_eq!(entries[0].partition_key(), Some("a"));
        assert_eq!(entries[0].explicit_hash_key(), None);
        assert_eq!(entries[1].data().as_ref(), b"\xff\x00");
        assert_eq!(entries[1].explicit_hash_key(), Some("7"));
    }
}
