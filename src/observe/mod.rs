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
#[cfg(test)]
pub(crate) mod fake;
mod families;
mod health;
mod histogram;
pub mod log;
mod outcome;
pub mod process;
mod prometheus;
mod scrape;
mod sources;
mod target_counters;

pub use core_counters::{CoreCounters, CoreSnapshot, RouteSnapshot, Shape, Shed, TargetTally};
pub use families::{Family, Kind, PREFIX, families, reference};
pub use health::{HealthReading, TargetHealth};
pub use histogram::HistogramSnapshot;
pub use outcome::{EventOutcome, RecordOutcome, ShedReason};
pub use prometheus::{CONTENT_TYPE, Samples, render};
pub use scrape::{Scrape, Scraper};
pub use sources::{LogReading, Sources, TargetReading};
pub use target_counters::{TargetCounters, TargetSnapshot};

use sluicegate_contract::TargetState;

/// The word for a target's state in metrics, logs and `/status`.
#[must_use]
pub const fn state_word(state: TargetState) -> &'static str {
    match state {
        TargetState::Up => "up",
        TargetState::Down => "down",
        TargetState::Blocked => "blocked",
    }
}
