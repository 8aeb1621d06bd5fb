//! The process and its cores.

use std::time::UNIX_EPOCH;

use super::{Family, Kind};

pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "connections",
        kind: Kind::Gauge,
        help: "Connections that are open.",
        labels: &["core"],
        fill: |scrape, samples| {
            for core in &scrape.cores {
                let open = core
                    .connections_opened
                    .saturating_sub(core.connections_closed);
                samples.add(&[&core.number], open);
            }
        },
    },
    Family {
        name: "connections_total",
        kind: Kind::Counter,
        help: "Connections that were accepted.",
        labels: &["core"],
        fill: |scrape, samples| {
            for core in &scrape.cores {
                samples.add(&[&core.number], core.connections_opened);
            }
        },
    },
    Family {
        name: "core_busy_ratio",
        kind: Kind::Gauge,
        help: "Share of a processor that the core took since the last scrape (by anybody, at \
               least a second ago), from its CPU time. With several scrapers use \
               core_busy_seconds_total.",
        labels: &["core"],
        fill: |scrape, samples| {
            for core in &scrape.cores {
                if let Some((_, ratio)) = core.busy {
                    samples.add(&[&core.number], ratio);
                }
            }
        },
    },
    Family {
        name: "core_busy_seconds_total",
        kind: Kind::Counter,
        help: "CPU time that the core has used.",
        labels: &["core"],
        fill: |scrape, samples| {
            for core in &scrape.cores {
                if let Some((cpu, _)) = core.busy {
                    samples.add(&[&core.number], cpu.as_secs_f64());
                }
            }
        },
    },
    Family {
        name: "core_answering",
        kind: Kind::Gauge,
        help: "1 if the core answered this scrape within a second; 0 if its numbers are those of \
               an earlier one.",
        labels: &["core"],
        fill: |scrape, samples| {
            for core in &scrape.cores {
                samples.add(&[&core.number], u8::from(core.answered));
            }
        },
    },
    Family {
        name: "memory_bytes",
        kind: Kind::Gauge,
        help: "Memory that the process holds (resident set).",
        labels: &[],
        fill: |scrape, samples| {
            if let Some(bytes) = scrape.memory_bytes {
                samples.add(&[], bytes);
            }
        },
    },
    Family {
        name: "memory_ceiling_bytes",
        kind: Kind::Gauge,
        help: "Memory that the gateway may hold at most, computed from its settings.",
        labels: &[],
        fill: |scrape, samples| samples.add(&[], scrape.memory_ceiling_bytes),
    },
    Family {
        name: "start_time_seconds",
        kind: Kind::Gauge,
        help: "When the gateway started, in seconds since 1970.",
        labels: &[],
        fill: |scrape, samples| {
            let started = scrape.started.duration_since(UNIX_EPOCH);
            samples.add(&[], started.unwrap_or_default().as_secs_f64());
        },
    },
    Family {
        name: "build_info",
        kind: Kind::Gauge,
        help: "1, with the version and the driver that the cores run on.",
        labels: &["version", "driver"],
        fill: |scrape, samples| samples.add(&[env!("CARGO_PKG_VERSION"), &scrape.driver], 1),
    },
    Family {
        name: "config_info",
        kind: Kind::Gauge,
        help: "1, with the hash of the settings that are run.",
        labels: &["hash"],
        fill: |scrape, samples| samples.add(&[&scrape.hash], 1),
    },
];
