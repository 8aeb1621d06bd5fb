//! Records, calls and queues, by target.

use std::fmt::Display;

use sluicegate_contract::TargetState;

use super::{Family, Kind, NANOSECONDS_IN_A_SECOND};
use crate::observe::histogram::{RECORD_BOUNDS, TIME_BOUNDS};
use crate::observe::prometheus::Samples;
use crate::observe::scrape::Scrape;
use crate::observe::{LogReading, RecordOutcome, TargetReading, state_word};

pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "records_total",
        kind: Kind::Counter,
        help: "Records that ended, by how: delivered, refused, conflict, not_stored, uncertain.",
        labels: &["target", "outcome"],
        fill: |scrape, samples| {
            for (target, tally) in &scrape.targets {
                for (outcome, records) in RecordOutcome::ALL.iter().zip(tally.records) {
                    samples.add(&[&target.name, outcome.as_str()], records);
                }
            }
        },
    },
    Family {
        name: "attempts_total",
        kind: Kind::Counter,
        help: "Attempts at single records, by what came of them: stored, or the reason why not.",
        labels: &["target", "reason"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                samples.add(&[&target.name, "stored"], target.counters.stored);
                for (reason, attempts) in &target.counters.failed {
                    samples.add(&[&target.name, reason.code()], attempts);
                }
            }
        },
    },
    Family {
        name: "retries_total",
        kind: Kind::Counter,
        help: "Records tried again, once for each further try.",
        labels: &["target"],
        fill: |scrape, samples| per_target(scrape, samples, |target| target.counters.retries),
    },
    Family {
        name: "call_seconds",
        kind: Kind::Histogram,
        help: "How long calls to the target took.",
        labels: &["target"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                let calls = &target.counters.call_seconds;
                samples.histogram(
                    &[&target.name],
                    &TIME_BOUNDS,
                    NANOSECONDS_IN_A_SECOND,
                    calls,
                );
            }
        },
    },
    Family {
        name: "batch_records",
        kind: Kind::Histogram,
        help: "Records of one call.",
        labels: &["target"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                let batches = &target.counters.batch_records;
                samples.histogram(&[&target.name], &RECORD_BOUNDS, 1.0, batches);
            }
        },
    },
    Family {
        name: "inflight_calls",
        kind: Kind::Gauge,
        help: "Calls that the target has not answered yet.",
        labels: &["target"],
        fill: |scrape, samples| {
            per_target(scrape, samples, |target| target.counters.inflight_calls);
        },
    },
    Family {
        name: "queue_bytes",
        kind: Kind::Gauge,
        help: "Bytes in the target's queue, overhead included.",
        labels: &["target"],
        fill: |scrape, samples| per_target(scrape, samples, |target| target.queue_bytes),
    },
    Family {
        name: "queue_limit_bytes",
        kind: Kind::Gauge,
        help: "Bytes that the target's queue may hold; past it requests are turned away.",
        labels: &["target"],
        fill: |scrape, samples| per_target(scrape, samples, |target| target.queue_limit_bytes),
    },
    Family {
        name: "queue_records",
        kind: Kind::Gauge,
        help: "Records in the target's queue, where that is known.",
        labels: &["target"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                if let Some(records) = target.queue_records {
                    samples.add(&[&target.name], records);
                }
            }
        },
    },
    Family {
        name: "queue_oldest_seconds",
        kind: Kind::Gauge,
        help: "How long the oldest record in the target's queue has waited; 0 where none waits.",
        labels: &["target"],
        fill: |scrape, samples| {
            per_target(scrape, samples, |target| {
                target.oldest().unwrap_or_default().as_secs_f64()
            });
        },
    },
    Family {
        name: "target_state",
        kind: Kind::Gauge,
        help: "1 for the state that the target is in: up, down (tries go on), blocked (somebody \
               must mend it).",
        labels: &["target", "state"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                for state in [TargetState::Up, TargetState::Down, TargetState::Blocked] {
                    let is = u8::from(target.state == state);
                    samples.add(&[&target.name, state_word(state)], is);
                }
            }
        },
    },
    Family {
        name: "best_effort_lost_total",
        kind: Kind::Counter,
        help: "Records of best-effort bindings that will never be delivered.",
        labels: &["target"],
        fill: |scrape, samples| {
            for (target, tally) in &scrape.targets {
                samples.add(&[&target.name], tally.best_effort_lost);
            }
        },
    },
    Family {
        name: "dead_letters_total",
        kind: Kind::Counter,
        help: "Records that will not be delivered and are kept as dead letters, by the reason.",
        labels: &["target", "reason"],
        fill: |scrape, samples| {
            for (target, _) in &scrape.targets {
                for (reason, letters) in &target.counters.dead_letters {
                    samples.add(&[&target.name, reason.code()], letters);
                }
            }
        },
    },
    Family {
        name: "dead_letters_lost_total",
        kind: Kind::Counter,
        help: "Dead letters that could not be kept: nobody has these records.",
        labels: &["target"],
        fill: |scrape, samples| {
            per_target(scrape, samples, |target| target.counters.dead_letters_lost);
        },
    },
    Family {
        name: "log_bytes",
        kind: Kind::Gauge,
        help: "Bytes of the segments of a target `log`.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.bytes),
    },
    Family {
        name: "log_limit_bytes",
        kind: Kind::Gauge,
        help: "Bytes that a target `log` may have; past it records are refused, or the oldest go.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.limit_bytes),
    },
    Family {
        name: "log_records",
        kind: Kind::Gauge,
        help: "Records in a target `log`.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.records),
    },
    Family {
        name: "log_oldest_seconds",
        kind: Kind::Gauge,
        help: "Age of the oldest record in a target `log`; 0 where it has none.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.age().as_secs_f64()),
    },
    Family {
        name: "log_fsync_errors_total",
        kind: Kind::Counter,
        help: "Syncs of a target `log` that failed; each cost a segment and no record.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.sync_errors),
    },
    Family {
        name: "log_poisoned_total",
        kind: Kind::Counter,
        help: "Segments of a target `log` that were given up since writing or syncing them failed.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.poisoned),
    },
    Family {
        name: "log_lost_total",
        kind: Kind::Counter,
        help: "Records of a target `log` that were lost in damaged places.",
        labels: &["target"],
        fill: |scrape, samples| per_log(scrape, samples, |log| log.lost),
    },
    Family {
        name: "late_total",
        kind: Kind::Counter,
        help: "Records confirmed after their client had been answered.",
        labels: &["target"],
        fill: |scrape, samples| {
            for (target, tally) in &scrape.targets {
                samples.add(&[&target.name], tally.late);
            }
        },
    },
];

fn per_log<V: Display>(
    scrape: &Scrape,
    samples: &mut Samples<'_>,
    value: impl Fn(&LogReading) -> V,
) {
    for (target, _) in &scrape.targets {
        if let Some(log) = &target.log {
            samples.add(&[&target.name], value(log));
        }
    }
}

fn per_target<V: Display>(
    scrape: &Scrape,
    samples: &mut Samples<'_>,
    value: impl Fn(&TargetReading) -> V,
) {
    for (target, _) in &scrape.targets {
        samples.add(&[&target.name], value(target));
    }
}
