//! The discarding room: takes every record, keeps nothing and confirms at once.
//!
//! It measures the way of a request without a backend, and shows the smallest room there can be.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::{Field, Kind, Outcome, Producer, Reason, Receipt, Record, RecordId};

/// What a mapping may set.
pub const FIELDS: &[Field] = &[Field {
    name: "data",
    kind: Kind::Payload,
    required: true,
    default: Some("${event}"),
    doc: "What would be sent: by default the event as received.",
}];

/// A target that takes everything and keeps nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

/// Opens the room.
#[must_use]
pub fn open() -> Arc<dyn Producer> {
    Arc::new(Discard)
}

struct Discard;

impl Producer for Discard {
    fn weigh(&self, record: &Record) -> Result<usize, Reason> {
        Ok(record.bytes())
    }

    fn produce(&self, _: &Record, _: RecordId) -> Result<Option<Outcome>, Reason> {
        Ok(Some(Outcome::Delivered(Receipt::Nothing)))
    }

    fn flush(&self, _: Duration) {}
}
