//! Scrapes of a gateway with known numbers, and of cores that count while they are asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::*;
use crate::observe::fake::{FakeSources, read, shape};
use crate::observe::{CoreCounters, EventOutcome, families, reference, render};

fn scrape(sources: &FakeSources) -> String {
    render(&Scraper::default().scrape(sources))
}

#[test]
fn known_numbers_come_out_as_known_lines() {
    let text = scrape(&FakeSources::with_numbers());
    for line in [
        r#"sluicegate_requests_total{route="events",status="200",code=""} 2"#,
        r#"sluicegate_requests_total{route="events",status="503",code="queue_full"} 2"#,
        r#"sluicegate_requests_total{route="",status="404",code="route_not_found"} 2"#,
        r#"sluicegate_request_seconds_bucket{route="events",le="0.00025"} 0"#,
        r#"sluicegate_request_seconds_bucket{route="events",le="0.0005"} 2"#,
        r#"sluicegate_request_seconds_bucket{route="events",le="0.0025"} 2"#,
        r#"sluicegate_request_seconds_bucket{route="events",le="0.005"} 4"#,
        r#"sluicegate_request_seconds_bucket{route="events",le="10"} 4"#,
        r#"sluicegate_request_seconds_bucket{route="",le="10"} 0"#,
        r#"sluicegate_request_seconds_bucket{route="",le="+Inf"} 2"#,
        r#"sluicegate_request_seconds_sum{route="events"} 0.0068"#,
        r#"sluicegate_request_seconds_count{route="events"} 4"#,
        r#"sluicegate_events_in_total{route="events"} 20"#,
        r#"sluicegate_events_in_flight{route="events"} 6"#,
        r#"sluicegate_events_total{route="events",outcome="delivered"} 12"#,
        r#"sluicegate_events_total{route="events",outcome="not_stored"} 2"#,
        r#"sluicegate_events_total{route="events",outcome="accepted"} 0"#,
        r#"sluicegate_shed_total{route="events",target="clicks",reason="queue_full"} 2"#,
        r#"sluicegate_shed_total{route="events",target="orders",reason="queue_full"} 0"#,
        r#"sluicegate_shed_total{route="",target="",reason="overloaded"} 2"#,
        r#"sluicegate_records_total{target="clicks",outcome="delivered"} 2"#,
        r#"sluicegate_records_total{target="orders",outcome="uncertain"} 2"#,
        r#"sluicegate_attempts_total{target="orders",reason="stored"} 24"#,
        r#"sluicegate_attempts_total{target="orders",reason="throttled"} 3"#,
        r#"sluicegate_retries_total{target="orders"} 3"#,
        r#"sluicegate_call_seconds_bucket{target="orders",le="0.01"} 0"#,
        r#"sluicegate_call_seconds_bucket{target="orders",le="0.025"} 1"#,
        r#"sluicegate_batch_records_bucket{target="orders",le="20"} 1"#,
        r#"sluicegate_batch_records_bucket{target="orders",le="25"} 2"#,
        r#"sluicegate_batch_records_sum{target="orders"} 27"#,
        r#"sluicegate_inflight_calls{target="orders"} 1"#,
        r#"sluicegate_queue_bytes{target="orders"} 1024"#,
        r#"sluicegate_queue_limit_bytes{target="orders"} 67108864"#,
        r#"sluicegate_queue_records{target="orders"} 3"#,
        r#"sluicegate_queue_oldest_seconds{target="orders"} 1.5"#,
        r#"sluicegate_target_state{target="orders",state="up"} 1"#,
        r#"sluicegate_target_state{target="clicks",state="up"} 0"#,
        r#"sluicegate_target_state{target="clicks",state="blocked"} 1"#,
        r#"sluicegate_best_effort_lost_total{target="clicks"} 2"#,
        r#"sluicegate_late_total{target="orders"} 8"#,
        r#"sluicegate_connections{core="0"} 1"#,
        r#"sluicegate_connections_total{core="1"} 2"#,
        r#"sluicegate_core_answering{core="1"} 1"#,
        "sluicegate_memory_ceiling_bytes 268435456",
        "sluicegate_start_time_seconds 1700000000",
        r#"sluicegate_config_info{hash="0123456789abcdef"} 1"#,
    ] {
        assert!(
            text.lines().any(|written| written == line),
            "{line}\nnot in\n{text}"
        );
    }
    let build = format!(
        "sluicegate_build_info{{version=\"{}\",driver=\"epoll\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&build));
}

#[test]
fn every_documented_family_is_there_once_with_samples_and_valid_lines() {
    let read = read(&scrape(&FakeSources::with_numbers()));
    let written: Vec<_> = read.families.iter().map(|(name, _)| name.clone()).collect();
    let registered: Vec<_> = families()
        .map(|family| format!("sluicegate_{}", family.name))
        .collect();
    assert_eq!(written, registered);
    for name in [
        "requests_total",
        "request_seconds",
        "events_total",
        "records_total",
        "attempts_total",
        "call_seconds",
        "batch_records",
        "queue_bytes",
        "queue_limit_bytes",
        "queue_oldest_seconds",
        "inflight_calls",
        "target_state",
        "shed_total",
        "best_effort_lost_total",
        "late_total",
        "connections",
        "core_busy_ratio",
        "memory_bytes",
        "build_info",
        "config_info",
    ] {
        let name = format!("sluicegate_{name}");
        assert!(written.contains(&name), "{name} is promised");
        let mut series = read.samples.keys();
        assert!(
            series.any(|series| series.starts_with(&name)),
            "{name} has samples"
        );
        let row = format!("| `{name}` | ");
        assert!(reference().contains(&row), "{name} is in the reference");
    }
}

#[test]
fn histograms_grow_from_bucket_to_bucket_and_end_at_their_count() {
    let text = scrape(&FakeSources::with_numbers());
    let buckets: Vec<u64> = text
        .lines()
        .filter(|line| line.starts_with("sluicegate_request_seconds_bucket{route=\"events\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(buckets.len(), 16);
    assert!(buckets.is_sorted() && buckets.last() == Some(&4));
}

#[test]
fn odd_names_are_escaped() {
    let text = scrape(&FakeSources::with_numbers());
    let line = r#"sluicegate_events_in_total{route="odd \"name\" with \\ and\nline feed"} 0"#;
    assert!(text.lines().any(|written| written == line), "{text}");
}

#[test]
fn a_core_that_does_not_answer_keeps_its_last_numbers() {
    let sources = FakeSources::with_numbers();
    let mut scraper = Scraper::default();
    scraper.scrape(&sources);
    sources.cores.lock().unwrap().truncate(1);
    let read = read(&render(&scraper.scrape(&sources)));
    assert_eq!(read.samples[r#"sluicegate_core_answering{core="0"}"#], 1.0);
    assert_eq!(read.samples[r#"sluicegate_core_answering{core="1"}"#], 0.0);
    assert_eq!(read.sum("sluicegate_events_in_total", &[]), 20.0);
    assert_eq!(read.sum("sluicegate_late_total", &["orders"]), 8.0);
}

#[test]
fn a_busy_core_is_told_from_one_that_waits() {
    let sources = FakeSources::new(["a", "b"]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetAtEnd(&over);
        let (busy, waiting) = (mpsc::channel(), mpsc::channel());
        let over = &over;
        scope.spawn(move || {
            busy.0
                .send(CoreCounters::new(0, &shape()).snapshot())
                .unwrap();
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let (wake, woken) = mpsc::channel::<()>();
        scope.spawn(move || {
            waiting
                .0
                .send(CoreCounters::new(1, &shape()).snapshot())
                .unwrap();
            assert!(woken.recv().is_err(), "waits until the other end is gone");
        });
        *sources.cores.lock().unwrap() = vec![busy.1.recv().unwrap(), waiting.1.recv().unwrap()];
        let mut scraper = Scraper::default();
        scraper.scrape(&sources);
        std::thread::sleep(BUSY_WINDOW_MIN + Duration::from_millis(50));
        let read = read(&render(&scraper.scrape(&sources)));
        drop(wake);
        let ratio = |core| read.samples[&format!("sluicegate_core_busy_ratio{{core=\"{core}\"}}")];
        // Other tests take processor time too, so little is asked of the busy one.
        assert!(ratio(0) > 0.05 && ratio(0) <= 1.0, "{}", ratio(0));
        assert!(ratio(1) < 0.05, "{}", ratio(1));
        assert!(read.sum("sluicegate_core_busy_seconds_total", &[r#"core="0""#]) > 0.05);
    });
}

/// Ends the threads of a test when its scope ends, by a failed assertion too.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Cores that count without a pause, and answer scrapes through a mailbox between two requests.
#[test]
fn events_balance_on_every_scrape_while_the_cores_count() {
    let sources = FakeSources::new(["a", "b"]);
    let over = AtomicBool::new(false);
    let mut scraper = Scraper::default();
    let mut before = 0.0;
    std::thread::scope(|scope| {
        let _end = SetAtEnd(&over);
        let mailboxes: Vec<_> = (0..2)
            .map(|core| {
                let (ask, asked) = mpsc::channel::<mpsc::Sender<CoreSnapshot>>();
                let over = &over;
                scope.spawn(move || count_until(over, core, &asked));
                ask
            })
            .collect();
        for _ in 0..200 {
            let (answer, answers) = mpsc::channel();
            for mailbox in &mailboxes {
                mailbox.send(answer.clone()).unwrap();
            }
            drop(answer);
            *sources.cores.lock().unwrap() = answers.iter().collect();
            let read = read(&render(&scraper.scrape(&sources)));
            for route in [r#"route="a""#, r#"route="b""#] {
                let of = |name| read.sum(name, &[route]);
                assert_eq!(
                    of("sluicegate_events_in_total"),
                    of("sluicegate_events_total") + of("sluicegate_events_in_flight")
                );
            }
            let events = read.sum("sluicegate_events_in_total", &[]);
            assert!(events >= before, "counters only grow");
            before = events;
        }
    });
    assert!(before > 0.0);
}

fn count_until(over: &AtomicBool, core: usize, asked: &mpsc::Receiver<mpsc::Sender<CoreSnapshot>>) {
    let counters = CoreCounters::new(core, &shape());
    let mut random = fastrand::Rng::with_seed(core as u64);
    let mut open = [0_u64; 2];
    while !over.load(Ordering::Relaxed) {
        let (route, events) = (random.usize(0..2), random.u64(1..5));
        counters.events_in(route, events);
        open[route] += events;
        let settled = random.u64(0..=open[route]);
        let outcome = EventOutcome::ALL[random.usize(0..EventOutcome::COUNT)];
        counters.events_settled(route, outcome, settled);
        open[route] -= settled;
        if let Ok(answer) = asked.try_recv() {
            answer.send(counters.snapshot()).unwrap();
        }
    }
}
