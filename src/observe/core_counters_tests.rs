//! What a core counts, and that each snapshot balances.

use super::*;

fn two_routes_three_targets() -> Shape {
    Shape {
        routes: vec![vec![0, 2, 0], vec![1]],
        targets: 3,
    }
}

#[test]
fn answers_are_told_apart_by_route_status_and_code() {
    let counters = CoreCounters::new(3, &two_routes_three_targets());
    let took = Duration::from_millis(1);
    counters.request(Some(0), 200, None, took);
    counters.request(Some(0), 200, None, took);
    counters.request(Some(0), 503, Some(Code::QueueFull), took);
    counters.request(Some(0), 503, Some(Code::TargetDown), took);
    counters.request(Some(1), 299, None, took);
    counters.request(None, 404, Some(Code::RouteNotFound), took);
    let snapshot = counters.snapshot();
    assert_eq!((snapshot.core, snapshot.routes.len()), (3, 3));
    assert_eq!(
        snapshot.routes[0].answers,
        [
            (200, None, 2),
            (503, Some(Code::QueueFull), 1),
            (503, Some(Code::TargetDown), 1)
        ]
    );
    assert_eq!(snapshot.routes[1].answers, [(0, None, 1)]);
    assert_eq!(
        snapshot.routes[2].answers,
        [(404, Some(Code::RouteNotFound), 1)]
    );
    assert_eq!(snapshot.routes[0].seconds.sum, 4_000_000);
}

#[test]
fn every_code_has_a_cell_of_its_own() {
    let counters = CoreCounters::new(0, &Shape::default());
    for code in Code::ALL {
        counters.request(None, code.status(), Some(*code), Duration::ZERO);
    }
    let answers = counters.snapshot().routes[0].answers.clone();
    let expected: Vec<_> = Code::ALL
        .iter()
        .map(|code| (code.status(), Some(*code), 1))
        .collect();
    assert_eq!(answers, expected);
}

#[test]
fn every_snapshot_balances_whenever_it_is_taken() {
    let counters = CoreCounters::new(0, &two_routes_three_targets());
    let mut random = fastrand::Rng::with_seed(7);
    let mut open = [0_u64; 2];
    for _ in 0..2000 {
        let route = random.usize(0..2);
        if random.bool() {
            let events = random.u64(0..20);
            counters.events_in(route, events);
            open[route] += events;
        } else {
            let events = random.u64(0..=open[route]);
            let outcome = EventOutcome::ALL[random.usize(0..EventOutcome::COUNT)];
            counters.events_settled(route, outcome, events);
            open[route] -= events;
        }
        for (snapshot, open) in counters.snapshot().routes.iter().zip(open) {
            assert_eq!(u64::try_from(snapshot.in_flight).unwrap(), open);
            let settled: u64 = snapshot.settled.iter().sum();
            assert_eq!(snapshot.events_in, settled + open);
        }
    }
}

#[test]
fn shed_load_is_counted_under_the_target_that_caused_it() {
    let counters = CoreCounters::new(0, &two_routes_three_targets());
    counters.shed(Some(0), Some(2), ShedReason::QueueFull);
    counters.shed(Some(0), Some(2), ShedReason::QueueFull);
    counters.shed(Some(0), None, ShedReason::Overloaded);
    counters.shed(None, None, ShedReason::Stopping);
    let snapshot = counters.snapshot();
    let of = |route: usize, target, reason| {
        snapshot.routes[route]
            .shed
            .iter()
            .filter(|shed| shed.target == target && shed.reason == reason)
            .map(|shed| shed.requests)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0, Some(2), ShedReason::QueueFull), [2]);
    assert_eq!(
        of(0, Some(0), ShedReason::QueueFull),
        [0],
        "named twice, counted once"
    );
    assert_eq!(of(0, None, ShedReason::Overloaded), [1]);
    assert!(of(1, None, ShedReason::Overloaded).is_empty());
    assert_eq!(of(2, None, ShedReason::Stopping), [1]);
}

#[test]
fn records_and_connections_are_counted() {
    let counters = CoreCounters::new(0, &two_routes_three_targets());
    counters.record(1, RecordOutcome::Delivered);
    counters.record(1, RecordOutcome::Uncertain);
    counters.best_effort_lost(2);
    counters.late(1, 5);
    counters.connection_opened();
    counters.connection_opened();
    counters.connection_closed();
    let snapshot = counters.snapshot();
    assert_eq!(snapshot.targets[1].records, [1, 0, 0, 0, 1]);
    assert_eq!(
        (
            snapshot.targets[1].late,
            snapshot.targets[2].best_effort_lost
        ),
        (5, 1)
    );
    assert_eq!(
        (snapshot.connections_opened, snapshot.connections_closed),
        (2, 1)
    );
}
