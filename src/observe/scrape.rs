//! One scrape: everything read at about one moment, with the cores' counters added up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::idempotency::Reading;

use super::{CoreSnapshot, RouteSnapshot, Sources, TargetReading, TargetTally, process};
use crate::spool::SpoolReading;

/// Two readings of a core's CPU time closer than this say too little for a ratio.
const BUSY_WINDOW_MIN: Duration = Duration::from_secs(1);

/// Reads the sources, and keeps what must outlive one scrape.
#[derive(Debug, Default)]
pub struct Scraper {
    /// The last snapshot of each core. A core that does not answer in time keeps its last
    /// numbers, since counters that go down and up again would show as a burst.
    last: BTreeMap<usize, CoreSnapshot>,
    busy: BTreeMap<usize, Busy>,
}

/// CPU time of a core's thread.
#[derive(Clone, Copy, Debug)]
struct Busy {
    read: Instant,
    cpu: Duration,
    ratio: f64,
}

/// What one scrape found.
#[derive(Debug)]
pub struct Scrape {
    /// Each core, in the order of their numbers.
    pub(crate) cores: Vec<CoreReading>,
    /// Sums over all cores for each route, and a last one for what found no route.
    pub(crate) routes: Vec<(Arc<str>, RouteSnapshot)>,
    /// Each target with the sums of what the cores counted of it.
    pub(crate) targets: Vec<(TargetReading, TargetTally)>,
    /// The spool, where the files have one.
    pub(crate) spool: Option<SpoolReading>,
    /// What is known of idempotency keys, where any are kept.
    pub(crate) keys: Option<Reading>,
    pub(crate) driver: String,
    pub(crate) hash: Arc<str>,
    pub(crate) started: SystemTime,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) memory_ceiling_bytes: u64,
}

/// What is known of one core beside its counters.
#[derive(Debug)]
pub(crate) struct CoreReading {
    /// Its number, as a label.
    pub(crate) number: String,
    /// Whether it answered this scrape.
    pub(crate) answered: bool,
    pub(crate) connections_opened: u64,
    pub(crate) connections_closed: u64,
    /// CPU time of its thread and the share of a processor that it took lately.
    pub(crate) busy: Option<(Duration, f64)>,
}

impl Scrape {
    /// The routes of the settings, without the last that stands for none.
    pub(crate) fn real_routes(&self) -> impl Iterator<Item = (&str, &RouteSnapshot)> {
        let count = self.routes.len().saturating_sub(1);
        let routes = self.routes.iter().take(count);
        routes.map(|(name, route)| (&**name, route))
    }
}

impl Scraper {
    /// Reads everything. Blocks for as long as the cores take to answer, at most a second.
    pub fn scrape(&mut self, sources: &dyn Sources) -> Scrape {
        let answered = sources.cores();
        let numbers: Vec<usize> = answered.iter().map(|core| core.core).collect();
        for snapshot in answered {
            self.last.insert(snapshot.core, snapshot);
        }
        let started = sources.started();
        let busy: Vec<_> = self
            .last
            .values()
            .map(|core| read_busy(&mut self.busy, core, started))
            .collect();
        let cores = self
            .last
            .values()
            .zip(busy)
            .map(|(core, busy)| CoreReading {
                number: core.core.to_string(),
                answered: numbers.contains(&core.core),
                connections_opened: core.connections_opened,
                connections_closed: core.connections_closed,
                busy,
            });
        Scrape {
            cores: cores.collect(),
            routes: self.routes(sources.routes()),
            targets: self.targets(sources.targets()),
            spool: sources.spool(),
            keys: sources.keys(),
            driver: sources.driver(),
            hash: sources.hash(),
            started,
            memory_bytes: process::memory_bytes(),
            memory_ceiling_bytes: sources.memory_ceiling_bytes(),
        }
    }

    fn routes(&self, names: &[Arc<str>]) -> Vec<(Arc<str>, RouteSnapshot)> {
        let unrouted: Arc<str> = "".into();
        let names = names.iter().cloned().chain([unrouted]).enumerate();
        names
            .map(|(place, name)| {
                let mut sum = RouteSnapshot::default();
                for route in self.last.values().filter_map(|core| core.routes.get(place)) {
                    add_route(&mut sum, route);
                }
                (name, sum)
            })
            .collect()
    }

    fn targets(&self, readings: Vec<TargetReading>) -> Vec<(TargetReading, TargetTally)> {
        let readings = readings.into_iter().enumerate();
        readings
            .map(|(place, reading)| {
                let mut sum = TargetTally::default();
                for tally in self
                    .last
                    .values()
                    .filter_map(|core| core.targets.get(place))
                {
                    add_all(&mut sum.records, &tally.records);
                    sum.best_effort_lost += tally.best_effort_lost;
                    sum.late += tally.late;
                }
                (reading, sum)
            })
            .collect()
    }
}

/// The CPU time of a core and its share of a processor: since the last scrape that was at least
/// a second ago, whoever made it; at the first, since the start.
fn read_busy(
    known: &mut BTreeMap<usize, Busy>,
    core: &CoreSnapshot,
    started: SystemTime,
) -> Option<(Duration, f64)> {
    let cpu = process::thread_cpu(core.thread?)?;
    let read = Instant::now();
    let busy = match known.get(&core.core) {
        Some(before) if read.duration_since(before.read) < BUSY_WINDOW_MIN => *before,
        before => {
            let (used, passed) = match before {
                Some(before) => (
                    cpu.saturating_sub(before.cpu),
                    read.duration_since(before.read),
                ),
                None => (cpu, started.elapsed().unwrap_or_default()),
            };
            let ratio = used.as_secs_f64() / passed.as_secs_f64().max(1e-3);
            Busy {
                read,
                cpu,
                ratio: ratio.min(1.0),
            }
        }
    };
    known.insert(core.core, busy);
    Some((cpu, busy.ratio))
}

fn add_route(sum: &mut RouteSnapshot, more: &RouteSnapshot) {
    for &(status, code, requests) in &more.answers {
        let known = sum
            .answers
            .iter_mut()
            .find(|known| (known.0, known.1) == (status, code));
        match known {
            Some(known) => known.2 += requests,
            None => sum.answers.push((status, code, requests)),
        }
    }
    for shed in &more.shed {
        let known = sum
            .shed
            .iter_mut()
            .find(|known| (known.target, known.reason) == (shed.target, shed.reason));
        match known {
            Some(known) => known.requests += shed.requests,
            None => sum.shed.push(*shed),
        }
    }
    sum.seconds.add(&more.seconds);
    sum.events_in += more.events_in;
    sum.in_flight += more.in_flight;
    sum.unshaped += more.unshaped;
    add_all(&mut sum.settled, &more.settled);
}

fn add_all<const N: usize>(sum: &mut [u64; N], more: &[u64; N]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

#[cfg(test)]
#[path = "scrape_tests.rs"]
mod tests;
