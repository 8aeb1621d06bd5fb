//! Idempotency keys.

use super::super::prometheus::Samples;
use super::super::scrape::Scrape;
use super::{Family, Kind};
use crate::idempotency::Reading;

/// Adds a number of the store's reading, where keys are kept.
fn add(scrape: &Scrape, samples: &mut Samples<'_>, read: impl Fn(&Reading) -> u64) {
    if let Some(reading) = &scrape.keys {
        samples.add(&[reading.store], read(reading));
    }
}

pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "idempotency_keys",
        kind: Kind::Gauge,
        help: "Idempotency keys that this process holds: of a local store all, of a shared one \
               those whose request is under way here.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.keys),
    },
    Family {
        name: "idempotency_running",
        kind: Kind::Gauge,
        help: "Idempotency keys whose request is under way in this process.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.running),
    },
    Family {
        name: "idempotency_bytes",
        kind: Kind::Gauge,
        help: "Memory that idempotency keys take in this process.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.bytes),
    },
    Family {
        name: "idempotency_claims_total",
        kind: Kind::Counter,
        help: "Idempotency keys that came for the first time.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.claimed),
    },
    Family {
        name: "idempotency_replays_total",
        kind: Kind::Counter,
        help: "Idempotency keys that were answered as before; nothing was sent.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.replayed),
    },
    Family {
        name: "idempotency_resumed_total",
        kind: Kind::Counter,
        help: "Idempotency keys that came again after a part was confirmed; the rest was sent.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.resumed),
    },
    Family {
        name: "idempotency_conflicts_total",
        kind: Kind::Counter,
        help: "Idempotency keys that came while their request was under way (409).",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.conflicts),
    },
    Family {
        name: "idempotency_mismatches_total",
        kind: Kind::Counter,
        help: "Idempotency keys that came with another payload than before (422).",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.mismatched),
    },
    Family {
        name: "idempotency_unavailable_total",
        kind: Kind::Counter,
        help: "Idempotency keys that were refused since the store failed or was full of requests \
               under way (503).",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.unavailable),
    },
    Family {
        name: "idempotency_forgotten_total",
        kind: Kind::Counter,
        help: "Idempotency keys that went before their time for want of room: raise `max_keys` or \
               `max_bytes`.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.forgotten),
    },
    Family {
        name: "idempotency_unrecorded_total",
        kind: Kind::Counter,
        help: "Answers that could not be stored under their idempotency key: if they are asked for \
               again after a restart, they are sent again.",
        labels: &["store"],
        fill: |scrape, samples| add(scrape, samples, |keys| keys.unrecorded),
    },
];
