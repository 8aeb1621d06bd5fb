//! What an operator does and sees: stop, metrics, health, drivers.

use std::time::Duration;

use crate::kit::{
    Client, Fault, Stub, event, eventually, flood, gateway, ndjson, record_for, stub_target,
};

#[test]
fn sigterm_finishes_what_is_in_flight() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("clicks", &stub_target(&stub, "kinesis"))
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    stub.always(Fault::Delay(Duration::from_millis(1500)));
    let address = gateway.http;
    let posting: Vec<_> = (0..10)
        .map(|n| std::thread::spawn(move || Client::to(address).post("/clicks", &event(n)).status))
        .collect();
    eventually("all of them are in flight", || {
        gateway.metric("sluicegate_events_in_flight", &[]) >= 10.0
    });
    gateway.signal("-TERM");
    for status in posting {
        assert_eq!(status.join().unwrap(), 200);
    }
    gateway.ends_well();
    assert_eq!(stub.store().counts().len(), 10);
}

#[test]
fn what_was_answered_202_is_delivered_before_the_end() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("clicks", &stub_target(&stub, "kinesis"))
        .fan_out(
            "POST /clicks",
            &[&format!(
                "target: clicks, record: {}",
                record_for("kinesis")
            )],
            "accept: { formats: [ndjson] }\nreply: { after: none }",
        )
        .start();
    stub.always(Fault::Delay(Duration::from_millis(300)));
    let lines = ndjson(0..600);
    gateway
        .client()
        .post_as("application/x-ndjson", "/clicks", lines.as_bytes())
        .is(202);
    gateway.stop();
    assert_eq!(stub.store().counts().len(), 600);
}

#[test]
fn on_every_scrape_events_in_are_those_settled_and_in_flight() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("clicks", &stub_target(&stub, "kinesis"))
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    stub.always(Fault::Delay(Duration::from_millis(20)));
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let post = |client: &mut Client, n: u64| client.post("/clicks", &event(n));
            flood(gateway.http, 16, 2000, 200, post)
        });
        let mut scrapes = 0;
        while !load.is_finished() {
            let page = gateway.page("/metrics").is(200).text();
            let sum = |name: &str| {
                let series = page
                    .lines()
                    .filter(|line| line.starts_with(&format!("{name}{{")));
                series
                    .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
                    .sum::<u64>()
            };
            let settled = sum("sluicegate_events_total");
            let in_flight = sum("sluicegate_events_in_flight");
            assert_eq!(sum("sluicegate_events_in_total"), settled + in_flight);
            scrapes += 1;
        }
        assert!(load.join().unwrap().is_empty());
        assert!(scrapes >= 5, "{scrapes} scrapes");
    });
    assert_eq!(
        gateway.metric("sluicegate_events_total", &["delivered"]),
        2000.0
    );
    assert_eq!(
        gateway.metric("sluicegate_records_total", &["delivered"]),
        2000.0
    );
    assert_eq!(
        gateway.metric("sluicegate_requests_total", &["200"]),
        2000.0
    );
    assert_eq!(gateway.metric("sluicegate_queue_bytes", &[]), 0.0);
    gateway.stop();
}

#[test]
fn both_drivers_carry_events() {
    for driver in ["epoll", "uring", "auto"] {
        let stub = Stub::start();
        let gateway = gateway()
            .target("clicks", &stub_target(&stub, "kinesis"))
            .fan_out(
                "POST /clicks",
                &[&format!(
                    "target: clicks, record: {}",
                    record_for("kinesis")
                )],
                "accept: { formats: [json, ndjson] }",
            )
            .with("--driver")
            .with(driver)
            .start();
        let said = gateway.started["driver"].as_str().unwrap().to_owned();
        assert!(
            driver == "auto" || said.contains(driver),
            "{driver}: {said}"
        );
        let others = flood(gateway.http, 8, 200, 200, |client, n| {
            client.post("/clicks", &event(n))
        });
        assert!(others.is_empty(), "{driver}: {:?}", others.first());
        let lines = ndjson(200..700);
        gateway
            .client()
            .post_as("application/x-ndjson", "/clicks", lines.as_bytes())
            .is(200);
        assert_eq!(stub.store().counts().len(), 700, "{driver}");
        assert_eq!(stub.store().all().len(), 700, "{driver}");
        gateway.stop();
    }
}

#[test]
fn the_admin_port_answers_only_who_names_it() {
    let stub = Stub::start();
    let gateway = gateway()
        .target("clicks", &stub_target(&stub, "kinesis"))
        .route("POST /clicks", "clicks", record_for("kinesis"))
        .start();
    for page in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/status",
        "/config",
    ] {
        gateway.page(page).is(200);
    }
    // A page in a browser may reach this address under a name of its own.
    let raw = |host: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(gateway.admin).unwrap();
        let text = format!("GET /config HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(raw("localhost").starts_with("HTTP/1.1 200"));
    let refused = raw("rebound.example");
    assert!(
        refused.starts_with("HTTP/1.1 4") && !refused.contains("clicks"),
        "{refused}"
    );
    gateway.stop();
}
