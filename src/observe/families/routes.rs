//! Requests and events, by route. The route is empty where a request found none.

use super::{Family, Kind, NANOSECONDS_IN_A_SECOND};
use crate::observe::histogram::TIME_BOUNDS;
use crate::observe::{EventOutcome, ShedReason};

pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "requests_total",
        kind: Kind::Counter,
        help: "Requests answered, by route, status and code of the problem (empty for a success).",
        labels: &["route", "status", "code"],
        fill: |scrape, samples| {
            for (name, route) in &scrape.routes {
                for (status, code, requests) in &route.answers {
                    let status = match status {
                        0 => "other".to_owned(),
                        status => status.to_string(),
                    };
                    let code = code.map_or("", |code| code.as_str());
                    samples.add(&[name, &status, code], requests);
                }
            }
        },
    },
    Family {
        name: "request_seconds",
        kind: Kind::Histogram,
        help: "From the first byte of a request to its answer.",
        labels: &["route"],
        fill: |scrape, samples| {
            for (name, route) in &scrape.routes {
                samples.histogram(
                    &[name],
                    &TIME_BOUNDS,
                    NANOSECONDS_IN_A_SECOND,
                    &route.seconds,
                );
            }
        },
    },
    Family {
        name: "events_in_total",
        kind: Kind::Counter,
        help: "Events that came in. On every scrape it equals the sum of events_total plus \
               events_in_flight.",
        labels: &["route"],
        fill: |scrape, samples| {
            for (name, route) in scrape.real_routes() {
                samples.add(&[name], route.events_in);
            }
        },
    },
    Family {
        name: "events_in_flight",
        kind: Kind::Gauge,
        help: "Events that came in and have not ended yet.",
        labels: &["route"],
        fill: |scrape, samples| {
            for (name, route) in scrape.real_routes() {
                samples.add(&[name], route.in_flight);
            }
        },
    },
    Family {
        name: "events_total",
        kind: Kind::Counter,
        help: "Events that ended, by how: delivered (confirmed by all required targets), accepted \
               (answered 202, in memory), spooled (answered 202, on disk), refused, conflict, not_stored, partly_stored, uncertain.",
        labels: &["route", "outcome"],
        fill: |scrape, samples| {
            for (name, route) in scrape.real_routes() {
                for (outcome, events) in EventOutcome::ALL.iter().zip(route.settled) {
                    samples.add(&[name, outcome.as_str()], events);
                }
            }
        },
    },
    Family {
        name: "reply_unshaped_total",
        kind: Kind::Counter,
        help: "Answers that went out plain although the route's `reply` shapes them: an \
               expression failed, or the shape would not have been true. The log says why.",
        labels: &["route"],
        fill: |scrape, samples| {
            for (name, route) in scrape.real_routes() {
                samples.add(&[name], route.unshaped);
            }
        },
    },
    Family {
        name: "shed_total",
        kind: Kind::Counter,
        help: "Requests turned away before anything of them was stored, by the target that was \
               the cause (empty where none was).",
        labels: &["route", "target", "reason"],
        fill: |scrape, samples| {
            for (name, route) in &scrape.routes {
                for shed in &route.shed {
                    // A full queue is shown from the start, so that its first increase is seen.
                    if shed.requests > 0 || shed.reason == ShedReason::QueueFull {
                        let target = shed.target.and_then(|place| scrape.targets.get(place));
                        let target = target.map_or("", |(reading, _)| &reading.name);
                        samples.add(&[name, target, shed.reason.as_str()], shed.requests);
                    }
                }
            }
        },
    },
];
