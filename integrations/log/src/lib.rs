//! The log room: records into an append log on this machine's disk, confirmed once they are durable.
//!
//! * `settings`: what the file may say.
//! * `room`: a record in, from any core; its outcome when the disk has it.
//! * `kept`: how a record stands in the log, and what a reader makes of it.
//! * `tail`: reads a log that may be written to meanwhile.
//! * `probe`: a look at the directory before anything is written.

mod kept;
mod probe;
mod room;
mod settings;
mod tail;

use sluicegate_contract::{Field, Kind};

pub use kept::{Kept, LETTER, RECORD, letter};
pub use probe::probe;
pub use room::{LogRoom, open, scales};
pub use settings::{Settings, WhenFull};
pub use tail::Tail;

/// The place of `value` in [`FIELDS`].
pub(crate) const VALUE: usize = 0;
/// The place of `key` in [`FIELDS`].
pub(crate) const KEY: usize = 1;
/// The place of `headers` in [`FIELDS`].
pub(crate) const HEADERS: usize = 2;

/// What a mapping may set in a record of a log.
pub const FIELDS: &[Field] = &[
    Field {
        name: "value",
        kind: Kind::Payload,
        required: true,
        default: Some("${event}"),
        doc: "What is kept: by default the event as received.",
    },
    Field {
        name: "key",
        kind: Kind::Text {
            characters_min: 1,
            characters_max: 1024,
        },
        required: false,
        default: None,
        doc: "A key by which records are found again with `sluicegate spool inspect --key`.",
    },
    Field {
        name: "headers",
        kind: Kind::TextMap { entries_max: 64 },
        required: false,
        default: None,
        doc: "Names and texts beside the value, at most 64; one whose value is absent is left out.",
    },
];
