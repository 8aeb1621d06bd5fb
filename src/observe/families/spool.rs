//! The spool: what waits on disk, and how its disk does. Nothing where the files have no spool.

use super::{Family, Kind};
use crate::observe::prometheus::Samples;
use crate::observe::scrape::Scrape;
use crate::spool::{LaneReading, SpoolReading};

/// The label of syncs of the spool's log.
const SPOOL: &str = "spool";

pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "spool_bytes",
        kind: Kind::Gauge,
        help: "Bytes that the spool takes on disk, preallocated space included.",
        labels: &[],
        fill: |scrape, samples| of_spool(scrape, |spool| samples.add(&[], spool.bytes)),
    },
    Family {
        name: "spool_limit_bytes",
        kind: Kind::Gauge,
        help: "Bytes that the spool may take on disk; past it requests get 507.",
        labels: &[],
        fill: |scrape, samples| of_spool(scrape, |spool| samples.add(&[], spool.max_bytes)),
    },
    Family {
        name: "spool_oldest_seconds",
        kind: Kind::Gauge,
        help: "How long the oldest event in the spool has waited that some target has not \
               confirmed; 0 where none waits.",
        labels: &[],
        fill: |scrape, samples| of_spool(scrape, |spool| samples.add(&[], spool.oldest_seconds)),
    },
    Family {
        name: "spool_writable",
        kind: Kind::Gauge,
        help: "1 unless the last write of the spool failed: then the gateway is not ready.",
        labels: &[],
        fill: |scrape, samples| {
            of_spool(scrape, |spool| samples.add(&[], u8::from(spool.writable)));
        },
    },
    Family {
        name: "spool_backlog_entries",
        kind: Kind::Gauge,
        help: "Entries of the spool (about one a request) that the target has not passed.",
        labels: &["target"],
        fill: |scrape, samples| {
            of_lanes(scrape, |lane| {
                samples.add(&[&lane.target], lane.backlog_entries)
            });
        },
    },
    Family {
        name: "spool_backlog_bytes",
        kind: Kind::Gauge,
        help: "Bytes of the spool that the target has not passed, about.",
        labels: &["target"],
        fill: |scrape, samples| {
            of_lanes(scrape, |lane| {
                samples.add(&[&lane.target], lane.backlog_bytes)
            });
        },
    },
    Family {
        name: "spool_records_total",
        kind: Kind::Counter,
        help: "Records that left the spool, by how: delivered, conflict, refused, expired, \
               uncertain; and again for each that was given up and tried once more.",
        labels: &["target", "outcome"],
        fill: |scrape, samples| of_lanes(scrape, |lane| records(lane, samples)),
    },
    Family {
        name: "fsync_seconds",
        kind: Kind::Histogram,
        help: "How long syncs of logs to their disk took that went well.",
        labels: &["log"],
        fill: |scrape, samples| {
            of_spool(scrape, |spool| {
                samples.buckets(&[SPOOL], &spool.syncs, spool.sync_seconds);
            });
        },
    },
    Family {
        name: "fsync_errors_total",
        kind: Kind::Counter,
        help: "Writes and syncs of logs that failed. What waited for them was stored elsewhere, or \
               refused.",
        labels: &["log"],
        fill: |scrape, samples| {
            of_spool(scrape, |spool| samples.add(&[SPOOL], spool.sync_errors));
        },
    },
    Family {
        name: "spool_poisoned_total",
        kind: Kind::Counter,
        help: "Segments of the spool that were given up since writing or syncing them failed.",
        labels: &[],
        fill: |scrape, samples| of_spool(scrape, |spool| samples.add(&[], spool.poisoned)),
    },
    Family {
        name: "spool_lost_total",
        kind: Kind::Counter,
        help: "Entries of the spool (about one a request) that were lost in damaged places.",
        labels: &[],
        fill: |scrape, samples| of_spool(scrape, |spool| samples.add(&[], spool.lost)),
    },
];

fn of_spool(scrape: &Scrape, add: impl FnOnce(&SpoolReading)) {
    if let Some(spool) = &scrape.spool {
        add(spool);
    }
}

/// Two kinds of targets may have had one name, of which one has left the file: the labels tell
/// apart no more than names, so the one that is in the file stands for it.
fn of_lanes(scrape: &Scrape, mut add: impl FnMut(&LaneReading)) {
    let Some(spool) = &scrape.spool else { return };
    for (place, lane) in spool.lanes.iter().enumerate() {
        let same = |other: &LaneReading| other.target == lane.target;
        let hidden = lane.orphaned && spool.lanes.iter().any(|it| same(it) && !it.orphaned);
        if !hidden
            && !spool.lanes[..place]
                .iter()
                .any(|it| same(it) && it.orphaned == lane.orphaned)
        {
            add(lane);
        }
    }
}

fn records(lane: &LaneReading, samples: &mut Samples<'_>) {
    for (outcome, records) in [
        ("delivered", lane.delivered),
        ("conflict", lane.conflicts),
        ("refused", lane.refused),
        ("expired", lane.expired),
        ("uncertain", lane.uncertain),
        ("again", lane.again),
    ] {
        samples.add(&[&lane.target, outcome], records);
    }
}
