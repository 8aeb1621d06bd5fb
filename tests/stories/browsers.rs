//! What a browser asks before it lets a page send, and what it shows the page of each answer.

use crate::kit::{Answer, Client, Gateway, Request, event, gateway};

const SHOP: &str = "https://shop.example.org";
const CORS: &str = "cors: { origins: [ https://shop.example.org, 'https://*.example.net' ], \
                    max_age: 10m, expose: [ X-Trace ] }\n\
                    accept: { event_bytes: 1KiB, request_bytes: 64KiB }";
const RECORD: &str = "target: all, record: { data: '${event.id}' }";

fn scene() -> Gateway {
    let anybody = "cors: { origins: ['*'], headers: [Content-Type] }";
    let named = "cors: { origins: [ https://shop.example.org ], credentials: true, \
                 private_network: true }";
    gateway()
        .target("all", "discard: {}")
        .fan_out("POST /events", &[RECORD], CORS)
        .fan_out("PUT /events", &[RECORD], CORS)
        .fan_out("PATCH /events", &[RECORD], "")
        .fan_out("POST /anybody", &[RECORD], anybody)
        .fan_out("POST /session", &[RECORD], named)
        .fan_out("POST /plain", &[RECORD], "")
        .fan_out("OPTIONS /plain", &[RECORD], "")
        .start()
}

fn send(client: &mut Client, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let body = if method == "OPTIONS" {
        ""
    } else {
        "{\"id\":1}"
    };
    let body = body.as_bytes();
    client.send(&Request {
        method,
        target,
        fields,
        body,
    })
}

fn ask(client: &mut Client, target: &str, origin: &str, method: &str) -> Answer {
    let fields = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "content-type,x-own"),
        ("Access-Control-Request-Private-Network", "true"),
    ];
    send(client, "OPTIONS", target, &fields)
}

fn allowed<'a>(answer: &'a Answer, what: &str) -> Option<&'a str> {
    answer.field(&format!("access-control-{what}"))
}

#[test]
fn a_preflight_is_answered_before_anything_else_is_asked() {
    let gateway = scene();
    let client = &mut gateway.client();
    let answer = ask(client, "/events", SHOP, "PUT").is(204);
    assert_eq!(allowed(&answer, "allow-origin"), Some(SHOP));
    assert_eq!(allowed(&answer, "allow-methods"), Some("POST, PUT"));
    assert_eq!(
        allowed(&answer, "allow-headers"),
        Some("content-type,x-own")
    );
    assert_eq!(allowed(&answer, "max-age"), Some("600"));
    assert_eq!(allowed(&answer, "allow-credentials"), None);
    assert_eq!(allowed(&answer, "allow-private-network"), None);
    assert!(answer.field("vary").unwrap().starts_with("Origin"));
    assert!(answer.body.is_empty() && answer.field("content-length").is_none());

    // A method that the path has not: the browser says so from the list, and does not send.
    let answer = ask(client, "/events", "https://a.example.net", "DELETE").is(204);
    assert_eq!(allowed(&answer, "allow-methods"), Some("POST, PUT"));

    let answer = ask(client, "/anybody", "null", "POST").is(204);
    assert_eq!(allowed(&answer, "allow-origin"), Some("*"));
    assert_eq!(allowed(&answer, "allow-headers"), Some("Content-Type"));

    let answer = ask(client, "/session", SHOP, "POST").is(204);
    assert_eq!(allowed(&answer, "allow-credentials"), Some("true"));
    assert_eq!(allowed(&answer, "allow-private-network"), Some("true"));

    assert_eq!(
        gateway.metric("sluicegate_requests_total", &["status=\"204\""]),
        4.0
    );
    gateway.stop();
}

#[test]
fn a_page_that_the_rule_does_not_name_is_refused_with_or_without_asking() {
    let gateway = scene();
    let client = &mut gateway.client();
    for origin in [
        "https://shop.example.org.evil.com",
        "https://evil.com",
        "http://shop.example.org",
        "https://shop.example.org:8443",
        "https://a.b.example.net",
        "https://evil.com#.example.net",
        "null",
        "",
    ] {
        let answer = ask(client, "/events", origin, "POST").is(403);
        assert_eq!(answer.code(), "origin_refused", "{origin}");
        assert_eq!(allowed(&answer, "allow-origin"), None, "{origin}");
        let fields = [("Origin", origin), ("Content-Type", "application/json")];
        let answer = send(client, "POST", "/events", &fields).is(403);
        assert!(answer.text().contains("cors.origins"), "{}", answer.text());
        assert_eq!(allowed(&answer, "allow-origin"), None, "{origin}");
        assert_eq!(answer.field("vary"), Some("Origin"));
    }
    let twice = [("Origin", SHOP), ("Origin", "https://evil.com")];
    send(client, "POST", "/events", &twice).is(403);
    // The gateway's own pages are no other origin, and who says none is no page.
    let own = format!("http://{}", gateway.http);
    send(client, "POST", "/events", &[("Origin", &own)]).is(200);
    send(client, "POST", "/events", &[]).is(200);
    gateway.stop();
}

#[test]
fn every_answer_of_the_route_can_be_read_by_its_pages() {
    let gateway = scene();
    let client = &mut gateway.client();
    let fields = [("Origin", SHOP), ("Content-Type", "application/json")];
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(2000));
    let huge = "x".repeat(65 * 1024);
    for (method, body, status) in [
        ("POST", event(1).as_str(), 200),
        ("POST", "{}", 400),
        ("POST", "{", 400),
        ("POST", large.as_str(), 413),
        ("POST", huge.as_str(), 413),
        ("GET", "", 405),
        ("PUT", event(2).as_str(), 200),
    ] {
        let body = body.as_bytes();
        let target = "/events";
        let answer = client.send(&Request {
            method,
            target,
            fields: &fields,
            body,
        });
        let answer = answer.is(status);
        assert_eq!(
            allowed(&answer, "allow-origin"),
            Some(SHOP),
            "{method} {status}"
        );
        assert_eq!(answer.field("vary"), Some("Origin"));
        let exposed = allowed(&answer, "expose-headers").unwrap();
        for name in ["Retry-After", "Sluicegate-Outcome", "RateLimit", "X-Trace"] {
            assert!(exposed.contains(name), "{name} is not in {exposed}");
        }
    }
    let chunked = [("Origin", SHOP), ("Transfer-Encoding", "chunked")];
    let answer = gateway
        .client()
        .send_raw("POST", "/events", &chunked, b"zz\r\n");
    assert_eq!(allowed(&answer.is(400), "allow-origin"), Some(SHOP));
    gateway.stop();
}

#[test]
fn a_route_without_cors_answers_as_if_there_were_none() {
    let gateway = scene();
    let client = &mut gateway.client();
    let answer = ask(client, "/plain", SHOP, "POST");
    assert_eq!(
        answer.is(400).code(),
        "body_empty",
        "its own OPTIONS route took it"
    );
    let answer = send(client, "POST", "/plain", &[("Origin", "https://evil.com")]).is(200);
    let patched = send(
        client,
        "PATCH",
        "/events",
        &[("Origin", "https://evil.com")],
    )
    .is(200);
    for answer in [answer, patched] {
        let names = answer.fields.iter().map(|(name, _)| name.to_lowercase());
        let shared = |name: &String| name.starts_with("access-control") || name == "vary";
        assert!(!names.into_iter().any(|name| shared(&name)), "{answer:?}");
    }
    assert_eq!(ask(client, "/nowhere", SHOP, "POST").status, 404);
    gateway.stop();
}
