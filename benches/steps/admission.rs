//! What admission costs: a schema, a key and a limit.

use std::hint::black_box;

use criterion::Criterion;
use sluicegate::admit::{Admission, EventJudge};
use sluicegate::gateway;
use sluicegate::http::{Head, HeadIndex, HeadScan, Parsed, parse};
use sluicegate::route::Routes;
use sluicegate::settings::{Environment, load_text};

use super::{approach, event, head};

/// `schema`: the event against a schema that names each of its members.
pub(super) fn judge_step(criterion: &mut Criterion) {
    let text = |rest: &str| format!("{{\"type\":\"string\"{rest}}}");
    let schema = format!(
        "{{\"type\":\"object\",\"required\":[\"id\",\"user\",\"type\"],\"additionalProperties\":false,\
         \"properties\":{{\"id\":{},\"user\":{},\"type\":{{\"enum\":[\"click\",\"view\"]}},\
         \"total\":{{\"type\":\"number\",\"minimum\":0}},\"active\":{{\"type\":\"boolean\"}},\
         \"page\":{{\"type\":\"object\",\"properties\":{{\"url\":{},\"title\":{},\"tags\":{{\"type\":\"array\",\
         \"items\":{}}}}}}},\"device\":{{\"type\":\"object\",\"required\":[\"os\"]}},\"padding\":{}}}}}",
        text(",\"minLength\":1,\"maxLength\":36"),
        text(",\"pattern\":\"^[a-z]+-[0-9]+$\""),
        text(""),
        text(",\"maxLength\":200"),
        text(""),
        text(""),
    );
    let file = format!(
        "sluicegate: 1\ntargets: {{ nothing: {{ discard: {{}} }} }}\nroutes:\n  \
         - {{ route: POST /events, auth: none, schema: {schema}, to: [ {{ target: nothing }} ] }}"
    );
    let settings = load_text("bench.yaml", &file, &Environment::fixed([]))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    let table = Routes::new(&settings.routes).unwrap();
    let (bytes, index) = head();
    let (admission, head) = (Admission::new(&settings), Head::new(&bytes, &index));
    let permit = gateway::admit(&admission, &table, &approach(&head)).unwrap();
    let (event, mut judge) = (event(1), EventJudge::default());
    criterion.bench_function("judge one event by a schema", |bencher| {
        bencher.iter(|| {
            let events = std::iter::once(black_box(event.as_bytes()));
            assert!(judge.judge(&permit, events).refusal_of(0).is_none());
        });
    });
}

/// `admit`: a key, an `allow` and a limit by what the key's client is called.
pub(super) fn admission_step(criterion: &mut Criterion) {
    // The SHA-256 of `test`.
    let file = "sluicegate: 1\ntargets: { nothing: { discard: {} } }\nclients:\n  acme:\n    \
                sha256: \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n    \
                labels: { tenant: acme }\nroutes:\n  - route: POST /events\n    \
                auth: [api_key]\n    limits: [ { per: \"${auth.name}\", requests: 1000000000/s } ]\n    \
                to: [ { target: nothing } ]\n";
    let settings = load_text("bench.yaml", file, &Environment::fixed([]))
        .unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    let (table, admission) = (
        Routes::new(&settings.routes).unwrap(),
        Admission::new(&settings),
    );
    let bytes = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                  X-API-Key: test\r\nContent-Length: 512\r\n\r\n";
    let mut index = HeadIndex::default();
    let parsed = parse(bytes, &mut HeadScan::default(), &mut index);
    assert!(matches!(parsed, Parsed::Head(_)));
    let head = Head::new(bytes, &index);
    criterion.bench_function("admit with a key and a limit", |bencher| {
        bencher.iter(|| gateway::admit(&admission, &table, black_box(&approach(&head))).unwrap());
    });
}
