//! What the gateway says about itself: counters, metrics and log lines.
//!
//! A core counts in plain cells that no other thread sees ([`CoreCounters`]) and hands out a
//! [`CoreSnapshot`] when it is asked through its mailbox, so every snapshot is of one moment and
//! in each of them events in = settled + in flight. What couriers and client libraries count
//! ([`TargetCounters`]) is shared and therefore atomic. `prometheus` turns both into text.
//!
//! Labels are names from the settings and words of closed sets. Nothing that a client sent ever
//! becomes a label or a log field.

mod core_counters;
mod health;
mod histogram;
pub mod log;
mod outcome;
pub mod process;
mod sources;
mod target_counters;

pub use core_counters::{CoreCounters, CoreSnapshot, RouteSnapshot, Shape, Shed, TargetTally};
pub use health::{HealthReading, TargetHealth};
pub use histogram::HistogramSnapshot;
pub use outcome::{EventOutcome, RecordOutcome, ShedReason};
pub use sources::{Sources, TargetReading};
pub use target_counters::{TargetCounters, TargetSnapshot};
