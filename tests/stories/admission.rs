//! Who may send and how much: told over sockets, against targets that keep nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::kit::{Answer, Client, Gateway, Request, eventually, flood, gateway, run};

/// A gateway with these clients, and one route with these keys.
fn scene(clients: &[(&str, &str)], server: &[&str], route: &str) -> Gateway {
    let opening = gateway()
        .target("all", "discard: {}")
        .fan_out("POST /v1/{tenant}/events", &["target: all"], route)
        .fan_out(
            "POST /other",
            &["target: all"],
            "auth: [api_key]\nname: other",
        );
    let entries = clients
        .iter()
        .map(|(name, rest)| format!("  {name}: {{ {rest} }}\n"));
    let opening = opening.top(&format!("clients:\n{}", entries.collect::<String>()));
    server
        .iter()
        .fold(opening, |opening, key| opening.server(key))
        .start()
}

fn sha256(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256: \"{digits}\"")
}

fn send(client: &mut Client, target: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let json = [("Content-Type", "application/json")];
    client.send(&Request {
        method: "POST",
        target,
        fields: &[&json, fields].concat(),
        body: body.as_bytes(),
    })
}

const KEY: (&str, &str) = ("X-API-Key", "acme-secret-key-1");

fn acme() -> String {
    format!("{}, labels: {{ tenant: acme }}", sha256(KEY.1))
}

#[test]
fn a_key_lets_in_and_everything_else_gets_the_same_answer() {
    let (second, third) = (sha256("key-two"), sha256("key-three"));
    let [second, third] = [&second, &third].map(|entry| &entry["sha256: ".len()..]);
    let both = format!("sha256: [{second}, {third}], labels: {{ tenant: two }}");
    let gateway = scene(
        &[("acme", &acme()), ("two", &both)],
        &["api_key: { query: key }"],
        "auth: [api_key]",
    );
    let mut client = gateway.client();
    for key in [KEY, ("x-api-key", "key-two"), ("X-API-KEY", "key-three")] {
        send(&mut client, "/v1/acme/events", &[key], "{}").is(200);
    }
    let encoded = "/v1/acme/events?key=acme-secret%2Dkey-1";
    send(&mut client, encoded, &[], "{}").is(200);
    let refusals = wrong_keys_are_refused_alike(&mut client);
    let refused = gateway.metric(
        "sluicegate_requests_total",
        &["code=\"unauthorized\"", "POST /v1"],
    );
    assert_eq!(refused, refusals as f64);
    let config = gateway.page("/config").is(200).text();
    assert!(
        config.contains("tenant: acme") && config.contains("***"),
        "{config}"
    );
    let told = [
        config,
        gateway.log(),
        gateway.page("/metrics").text(),
        gateway.page("/status").text(),
    ];
    for secret in [KEY.1, "key-two", &sha256(KEY.1)[9..40]] {
        assert!(
            told.iter().all(|text| !text.contains(secret)),
            "{secret} is told"
        );
    }
    gateway.stop();
}

/// Sends requests without a key that is known; all get the same answer. Gives how many.
fn wrong_keys_are_refused_alike(client: &mut Client) -> usize {
    let giant = "k".repeat(12_000);
    let wrong: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("", &[("X-API-Key", "")]),
        ("", &[("X-API-Key", "acme-secret-key-2")]),
        ("", &[("X-API-Key", "acme-secret-key-1 ,x")]),
        ("", &[("X-API-Key", &giant)]),
        ("", &[KEY, KEY]),
        ("?key=acme-secret-key-1", &[KEY]),
        ("?key=acme-secret-key-1&key=x", &[]),
        ("?key=%FF", &[]),
        ("", &[("Authorization", "Bearer acme-secret-key-1")]),
    ];
    let mut bodies = Vec::new();
    for (query, fields) in wrong {
        let answer = send(client, &format!("/v1/acme/events{query}"), fields, "{}").is(401);
        assert_eq!(
            answer.field("WWW-Authenticate"),
            Some("ApiKey realm=\"sluicegate\", in=\"header\", name=\"X-API-Key\"")
        );
        assert_eq!(answer.field("Sluicegate-Outcome"), Some("none"));
        let mut body = answer.json();
        body["id"] = serde_json::Value::Null;
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the answers differ: {bodies:#?}");
    assert_eq!(bodies[0]["code"], "unauthorized");
    wrong.len()
}

#[test]
fn an_unknown_sender_costs_no_body() {
    let gateway = scene(&[("acme", &acme())], &[], "auth: [api_key]");
    let mut socket = TcpStream::connect(gateway.http).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let head = "POST /v1/a/events HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\
                Expect: 100-continue\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("Connection: close"), "{answer}");
    gateway.stop();
}

#[test]
fn a_publishable_key_is_bound_to_its_route_and_pages() {
    let shop = format!(
        "{}, publishable: true, routes: [shop], origins: ['https://*.example.com'], \
         limits: [ {{ requests: 3/h }} ]",
        sha256(KEY.1)
    );
    let gateway = scene(&[("shop", &shop)], &[], "auth: [api_key]\nname: shop");
    let mut client = gateway.client();
    let page = ("Origin", "https://www.example.com");
    let path = "/v1/shop/events";
    for (target, fields, told) in [
        ("/other", &[KEY, page][..], "not for this route"),
        (path, &[KEY], "has no `Origin`"),
        (
            path,
            &[KEY, ("Origin", "null")],
            "not for pages of this origin",
        ),
        (
            path,
            &[KEY, ("Origin", "https://example.com.evil.net")],
            "this origin",
        ),
    ] {
        let answer = send(&mut client, target, fields, "{}").is(403);
        assert_eq!(answer.code(), "not_allowed");
        assert!(answer.text().contains(told), "{told}: {}", answer.text());
    }
    for _ in 0..3 {
        send(&mut client, path, &[KEY, page], "{}").is(200);
    }
    let refused = send(&mut client, path, &[KEY, page], "{}").is(429);
    assert!(refused.text().contains("this client"), "{}", refused.text());
    gateway.stop();
}

#[test]
fn allow_is_judged_before_the_body_or_for_each_event() {
    let route = "auth: [api_key]\n\
                 allow: [ \"${auth.labels.tenant == path.tenant}\", \"${event.n < 10}\" ]";
    let gateway = scene(&[("acme", &acme())], &[], route);
    let mut client = gateway.client();
    let refused = send(&mut client, "/v1/other/events", &[KEY], "not JSON at all").is(403);
    assert_eq!(refused.code(), "not_allowed");
    assert!(
        refused.text().contains("auth.labels.tenant == path.tenant"),
        "{}",
        refused.text()
    );
    send(&mut client, "/v1/acme/events", &[KEY], "{\"n\":1}").is(200);
    send(&mut client, "/v1/acme/events", &[KEY], "{\"n\":11}").is(403);
    let missing = send(
        &mut client,
        "/v1/acme/events",
        &[KEY],
        "{\"m\":\"secret-value\"}",
    )
    .is(403);
    assert!(
        missing.text().contains("event.n is missing"),
        "{}",
        missing.text()
    );
    let odd = send(
        &mut client,
        "/v1/acme/events",
        &[KEY],
        "{\"n\":\"secret-value\"}",
    )
    .is(403);
    assert!(!odd.text().contains("secret-value"), "{}", odd.text());
    let batch = send(
        &mut client,
        "/v1/acme/events",
        &[KEY],
        "[{\"n\":1},{\"n\":11},{\"n\":2}]",
    )
    .is(403);
    let batch = batch.json();
    assert_eq!(batch["accepted"], 2);
    assert_eq!(batch["events"][1]["code"], "not_allowed");
    assert_eq!(
        gateway.metric("sluicegate_events_total", &["outcome=\"refused\""]),
        4.0
    );
    gateway.stop();
}

#[test]
fn a_limit_holds_over_all_cores_and_says_when_to_come_back() {
    let route = "auth: [api_key]\n\
                 limits: [ { per: \"${path.tenant}\", requests: 600/h } ]";
    let gateway = scene(&[("acme", &acme())], &[], route);
    let others = flood(gateway.http, 16, 1500, 200, |client, _| {
        send(client, "/v1/a/events", &[KEY], "{}")
    });
    assert!(
        (895..=900).contains(&others.len()),
        "{} were refused",
        others.len()
    );
    for (_, answer) in &others {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (429, "rate_limited")
        );
        assert_eq!(
            answer.field("RateLimit-Policy"),
            Some("\"requests\";q=600;w=3600")
        );
        let limit = answer.field("RateLimit").unwrap();
        assert!(limit.starts_with("\"requests\";r=0;t="), "{limit}");
        let pause: u64 = answer.field("Retry-After").unwrap().parse().unwrap();
        assert!((1..=20).contains(&pause), "{pause}");
    }
    // Another value of `per` has its own bucket.
    send(&mut gateway.client(), "/v1/b/events", &[KEY], "{}").is(200);
    let counted = gateway.metric("sluicegate_requests_total", &["code=\"rate_limited\""]);
    assert_eq!(counted, others.len() as f64);
    gateway.stop();
}

#[test]
fn events_and_bytes_are_counted_too() {
    let route = "auth: [api_key]\n\
                 limits: [ { events: 5/h }, { bytes: 200B/h } ]";
    let gateway = scene(&[("acme", &acme())], &[], route);
    let mut client = gateway.client();
    let path = "/v1/a/events";
    send(&mut client, path, &[KEY], "[1,2,3]").is(200);
    let refused = send(&mut client, path, &[KEY], "[1,2,3]").is(429);
    assert_eq!(
        refused.field("RateLimit-Policy"),
        Some("\"events\";q=5;qu=\"events\";w=3600")
    );
    send(&mut client, path, &[KEY], "[1,2]").is(200);
    let never = send(&mut client, path, &[KEY], "[1,2,3,4,5,6]").is(413);
    assert_eq!(never.code(), "too_many_events");
    let large = format!("\"{}\"", "x".repeat(190));
    let refused = send(&mut client, path, &[KEY], &large).is(429);
    assert!(
        refused.text().contains("`bytes: 200B/h`"),
        "{}",
        refused.text()
    );
    send(&mut client, path, &[KEY], &"x".repeat(201)).is(413);
    gateway.stop();
}

#[test]
fn a_place_in_flight_is_free_again_when_its_client_has_gone() {
    let route = "auth: [api_key]\nlimits: [ { concurrent: 2 } ]";
    let gateway = scene(&[("acme", &acme())], &[], route);
    let waits = || {
        let mut socket = TcpStream::connect(gateway.http).unwrap();
        let head = format!(
            "POST /v1/a/events HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nContent-Length: 10\r\n\r\n{{",
            KEY.1
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket
    };
    let mut held = [waits(), waits()];
    let send = || send(&mut gateway.client(), "/v1/a/events", &[KEY], "{}");
    eventually("both places are taken", || {
        let taken = send().status == 429;
        if !taken {
            // To look takes a place as well: one of the two may have been turned away for it.
            held = [waits(), waits()];
        }
        taken
    });
    let full = send().is(429);
    assert!(full.text().contains("`concurrent: 2`"), "{}", full.text());
    assert_eq!(
        full.field("RateLimit-Policy"),
        Some("\"concurrent\";q=2;qu=\"concurrent-requests\"")
    );
    drop(held);
    eventually("the places are free", || send().status == 200);
    for _ in 0..100 {
        send().is(200);
    }
    gateway.stop();
}

#[test]
fn a_directory_of_clients_and_a_key_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let made = run(
        folder.path(),
        &["key", "new", "--name", "new", "--label", "tenant=new"],
        Duration::from_secs(20),
    );
    let said = String::from_utf8(made.stdout).unwrap();
    let key = said
        .lines()
        .find(|line| line.trim().starts_with("sgk_"))
        .unwrap()
        .trim()
        .to_owned();
    let entry = said.split("clients:\n").last().unwrap();
    std::fs::write(folder.path().join("new.yaml"), entry).unwrap();
    std::fs::write(
        folder.path().join("old.yml"),
        format!("old: {{ {} }}\n", sha256("old")),
    )
    .unwrap();
    std::fs::write(folder.path().join(".hidden.yaml"), "[").unwrap();
    let gateway = gateway()
        .target("all", "discard: {}")
        .server("api_key: { header: Authorization }")
        .top(&format!("clients_dir: '{}'\n", folder.path().display()))
        .fan_out("POST /a", &["target: all"], "auth: [api_key]")
        .start();
    let mut client = gateway.client();
    let bearer = format!("Bearer {key}");
    send(&mut client, "/a", &[("Authorization", &bearer)], "{}").is(200);
    send(&mut client, "/a", &[("Authorization", "bearer old")], "{}").is(200);
    for wrong in ["Bearer x", "Basic old", "old", ""] {
        let answer = send(&mut client, "/a", &[("Authorization", wrong)], "{}").is(401);
        assert_eq!(
            answer.field("WWW-Authenticate"),
            Some("Bearer realm=\"sluicegate\"")
        );
    }
    gateway.stop();
}
