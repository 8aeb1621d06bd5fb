//! What a room must do, and the words in which it speaks with the gateway.
//!
//! A *room* is one backend: DynamoDB, Kinesis, SNS, Kafka. The gateway renders [`Record`]s for it
//! from the list of [`Field`]s that the room declares, and hands them in through one of two doors:
//!
//! * [`Integration`]: the gateway composes batches, tries again and paces; the room sends one
//!   batch once and reports an [`Attempt`] for each record.
//! * [`Producer`]: the client library is itself the batcher and the retry loop (librdkafka); the
//!   room takes single records and reports one final [`Outcome`] for each.
//!
//! This crate knows no backend, no socket, no clock and no thread.

mod attempt;
mod batch;
mod door;
mod field;
mod key_table;
mod limits;
mod outline;
mod probe;
mod reason;
mod record;
mod set;
mod span;
pub mod stored;

pub use attempt::{ATTRIBUTES_BYTES_MAX, Attempt, Outcome, Receipt};
pub use batch::{AttemptSink, Batch};
pub use door::{Integration, OutcomeSink, Producer, Room, TargetState, TargetWatch};
pub use field::{Field, Kind, Section};
pub use key_table::{Asked, KeyItem, KeyLease, KeyState, KeyTable};
pub use limits::{ByteSize, Limits};
pub use outline::{MappingFault, Outline};
pub use probe::{Observation, Standing};
pub use reason::{Reason, ReasonKind};
pub use record::{Name, Record, RecordId, Value, text};
pub use set::{Set, SetKind};
pub use span::TimeSpan;
