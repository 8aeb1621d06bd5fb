//! `/status`: what an operator looks at first, as JSON.

use std::time::SystemTime;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::observe::{Sources, TargetReading, process, state_word};
use crate::spool::{LaneReading, SpoolReading};

/// The whole page.
pub(super) fn status(sources: &dyn Sources) -> String {
    let started = sources.started();
    let targets: Vec<Value> = sources.targets().iter().map(target).collect();
    let mut page = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": sources.ready(),
        "started": rfc3339(started),
        "uptime_seconds": seconds_since(started),
        "driver": sources.driver(),
        "settings_hash": &*sources.hash(),
        "memory_bytes": process::memory_bytes(),
        "memory_ceiling_bytes": sources.memory_ceiling_bytes(),
        "routes": sources.routes().iter().map(|name| &**name).collect::<Vec<_>>(),
        "targets": targets,
    });
    if let Some(reading) = sources.spool() {
        page["spool"] = spool(&reading);
    }
    if let Some(keys) = sources.keys() {
        page["idempotency"] = json!({
            "store": keys.store,
            "keys": keys.keys,
            "running": keys.running,
            "bytes": keys.bytes,
            "replayed": keys.replayed,
            "forgotten": keys.forgotten,
            "unrecorded": keys.unrecorded,
            "last_error": keys.last_error,
        });
    }
    format!("{page:#}\n")
}

fn target(target: &TargetReading) -> Value {
    let last_error = target
        .last_error
        .as_ref()
        .map(|(when, error)| json!({ "time": rfc3339(*when), "error": error }));
    let mut shown = json!({
        "name": &*target.name,
        "room": target.room,
        "state": state_word(target.state),
        "since": rfc3339(target.state_since),
        "for_seconds": seconds_since(target.state_since),
        "queue": {
            "bytes": target.queue_bytes,
            "limit_bytes": target.queue_limit_bytes,
            "records": target.queue_records,
            "oldest_seconds": target.oldest().map(|oldest| oldest.as_secs_f64()),
        },
        "inflight_calls": target.counters.inflight_calls,
        "last_error": last_error,
        "dead_letters": {
            "kept": target.counters.dead_letters.iter().map(|(_, letters)| letters).sum::<u64>(),
            "lost": target.counters.dead_letters_lost,
        },
    });
    if let Some(log) = &target.log {
        shown["log"] = json!({
            "bytes": log.bytes,
            "limit_bytes": log.limit_bytes,
            "records": log.records,
            "oldest": log.oldest.and_then(rfc3339),
        });
    }
    shown
}

fn spool(spool: &SpoolReading) -> Value {
    let lane = |lane: &LaneReading| {
        json!({
            "target": lane.target,
            "orphaned": lane.orphaned,
            "backlog": {
                "entries": lane.backlog_entries,
                "bytes": lane.backlog_bytes,
                "oldest_seconds": lane.oldest_seconds,
            },
        })
    };
    json!({
        "dir": spool.dir,
        "bytes": spool.bytes,
        "max_bytes": spool.max_bytes,
        "oldest_seconds": spool.oldest_seconds,
        "writable": spool.writable,
        "sync_errors": spool.sync_errors,
        "lost": spool.lost,
        "targets": spool.lanes.iter().map(lane).collect::<Vec<_>>(),
    })
}

fn rfc3339(when: SystemTime) -> Option<String> {
    OffsetDateTime::from(when).format(&Rfc3339).ok()
}

/// Whole seconds; zero for a time in the future, which a clock that was set back makes possible.
fn seconds_since(when: SystemTime) -> u64 {
    when.elapsed().unwrap_or_default().as_secs()
}
