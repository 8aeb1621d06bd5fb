//! For tests: a gateway that never was, with numbers known beforehand, and a reader of scrapes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluicegate_contract::{ReasonKind, TargetState};

use super::{
    CoreCounters, CoreSnapshot, EventOutcome, RecordOutcome, Shape, ShedReason, Sources,
    TargetCounters, TargetReading,
};
use crate::error::Code;
use crate::spool::{LaneReading, SpoolReading};

/// Two routes, two targets, and the cores' snapshots as they are put in.
pub(crate) struct FakeSources {
    pub(crate) routes: Vec<Arc<str>>,
    pub(crate) cores: Mutex<Vec<CoreSnapshot>>,
    pub(crate) ready: AtomicBool,
}

/// Both routes go to target 0, the first to target 1 as well.
pub(crate) fn shape() -> Shape {
    Shape {
        routes: vec![vec![0, 1], vec![0]],
        targets: 2,
    }
}

impl FakeSources {
    /// With these names of the two routes and no core.
    pub(crate) fn new(routes: [&str; 2]) -> Self {
        Self {
            routes: routes.map(Arc::from).to_vec(),
            cores: Mutex::default(),
            ready: AtomicBool::new(true),
        }
    }

    /// With two cores that have counted.
    pub(crate) fn with_numbers() -> Self {
        let sources = Self::new(["events", "odd \"name\" with \\ and\nline feed"]);
        *sources.cores.lock().unwrap() = (0..2).map(numbers_of_core).collect();
        sources
    }
}

fn numbers_of_core(core: usize) -> CoreSnapshot {
    let counters = CoreCounters::new(core, &shape());
    counters.connection_opened();
    counters.connection_opened();
    counters.connection_closed();
    counters.request(Some(0), 200, None, Duration::from_micros(400));
    let full = Some(Code::QueueFull);
    counters.request(Some(0), 503, full, Duration::from_millis(3));
    let unknown = Some(Code::RouteNotFound);
    counters.request(None, 404, unknown, Duration::from_secs(11));
    counters.events_in(0, 10);
    counters.events_settled(0, EventOutcome::Delivered, 6);
    counters.events_settled(0, EventOutcome::NotStored, 1);
    counters.shed(Some(0), Some(1), ShedReason::QueueFull);
    counters.shed(None, None, ShedReason::Overloaded);
    counters.record(1, RecordOutcome::Delivered);
    counters.record(0, RecordOutcome::Uncertain);
    counters.best_effort_lost(1);
    counters.late(0, 4);
    counters.snapshot()
}

fn target(name: &str, state: TargetState, room: &'static str) -> TargetReading {
    let counters = TargetCounters::new();
    counters.call_started(25);
    counters.call_started(2);
    counters.call_finished(Duration::from_millis(20));
    counters.attempts(None, 24);
    counters.attempts(Some(ReasonKind::Throttled), 3);
    counters.retries(3);
    TargetReading {
        name: name.into(),
        room,
        state,
        state_since: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        last_error: (state != TargetState::Up).then(|| {
            let when = UNIX_EPOCH + Duration::from_secs(1_700_000_001);
            (when, "access_denied: no kinesis:PutRecords".to_owned())
        }),
        queue_bytes: 1024,
        queue_limit_bytes: 64 << 20,
        queue_records: Some(3),
        queue_oldest: Some(Duration::from_millis(1500)),
        counters: counters.snapshot(),
        log: None,
    }
}

impl Sources for FakeSources {
    fn cores(&self) -> Vec<CoreSnapshot> {
        self.cores.lock().unwrap().clone()
    }

    fn targets(&self) -> Vec<TargetReading> {
        vec![
            target("orders", TargetState::Up, "dynamodb"),
            target("clicks", TargetState::Blocked, "kinesis"),
        ]
    }

    fn routes(&self) -> &[Arc<str>] {
        &self.routes
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn shown_settings(&self) -> Arc<str> {
        "sluicegate: 1\ntargets:\n  audit: { kafka: { sasl.password: '***' } }\n".into()
    }

    fn hash(&self) -> Arc<str> {
        "0123456789abcdef".into()
    }

    fn started(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn spool(&self) -> Option<SpoolReading> {
        let lane = |target: &str, orphaned| LaneReading {
            target: target.to_owned(),
            orphaned,
            backlog_entries: 7,
            backlog_bytes: 4096,
            oldest_seconds: 2.5,
            delivered: 30,
            ..LaneReading::default()
        };
        Some(SpoolReading {
            dir: "/var/lib/spool".to_owned(),
            bytes: 1 << 20,
            max_bytes: 10 << 30,
            oldest_seconds: 2.5,
            writable: true,
            syncs: vec![(0.001, 3), (0.01, 2), (f64::INFINITY, 1)],
            sync_seconds: 0.5,
            lanes: vec![
                lane("clicks", false),
                lane("gone", true),
                lane("clicks", true),
            ],
            ..SpoolReading::default()
        })
    }

    fn driver(&self) -> String {
        "epoll".to_owned()
    }

    fn memory_ceiling_bytes(&self) -> u64 {
        1 << 28
    }
}

/// A scrape as it is read: each sample's name with its labels, as written, and its value.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Each family's name and type, in the order of the text.
    pub(crate) families: Vec<(String, String)>,
    /// `name{label="value"}` → value.
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Read {
    /// The sum of all samples of this name whose labels contain all of these.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.samples
            .iter()
            .filter(|(series, _)| series.split('{').next() == Some(name))
            .filter(|(series, _)| labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }
}

/// Reads a scrape as strictly as the format is written down. Panics at the first line that is
/// not valid, a family that comes twice, a sample that comes twice or outside of its family.
pub(crate) fn read(text: &str) -> Read {
    assert!(text.ends_with('\n'), "the last line ends too");
    let mut read = Read::default();
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, doc) = rest.split_once(' ').unwrap();
            assert!(!doc.is_empty(), "{line}");
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(help.take().as_deref(), Some(name), "HELP comes before TYPE");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(
                !read.families.iter().any(|(known, _)| known == name),
                "{name} twice"
            );
            read.families.push((name.to_owned(), kind.to_owned()));
        } else {
            let (series, name, value) = read_sample(line);
            let (family, kind) = read.families.last().unwrap();
            let suffixes: &[&str] = match kind.as_str() {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(
                suffixes
                    .iter()
                    .any(|suffix| name == format!("{family}{suffix}")),
                "{line} does not belong to {family}"
            );
            assert!(
                read.samples.insert(series, value).is_none(),
                "{line} comes twice"
            );
        }
    }
    read
}

fn read_sample(line: &str) -> (String, String, f64) {
    let name_end = line.find(['{', ' ']).unwrap();
    let name = &line[..name_end];
    assert!(
        name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
        "{line}"
    );
    let mut rest = &line[name_end..];
    if let Some(mut labels) = rest.strip_prefix('{') {
        loop {
            let (label, after) = labels.split_once("=\"").unwrap();
            assert!(label.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
            let mut escaped = false;
            let end = after.find(|c| {
                let ends = c == '"' && !escaped;
                assert!(!escaped || ['\\', '"', 'n'].contains(&c), "{line}");
                escaped = c == '\\' && !escaped;
                ends
            });
            labels = &after[end.unwrap() + 1..];
            if let Some(after) = labels.strip_prefix('}') {
                rest = after;
                break;
            }
            labels = labels.strip_prefix(',').unwrap();
        }
    }
    let series = line[..line.len() - rest.len()].to_owned();
    let value = rest.strip_prefix(' ').unwrap();
    (series, name.to_owned(), value.parse().unwrap())
}
