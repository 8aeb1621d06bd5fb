//! What a file may say, and what is said of a wrong one.

use super::*;

const GOOD: &str = "\
sluicegate: 1
targets:
  all: { discard: {}, queue_bytes: 1MiB, give_up: 5s }
defaults: { auth: none, reply: { within: 2s } }
routes:
  - route: POST /v1/{tenant}/events
    name: events
    accept: { formats: [json, ndjson], events: 10 }
    to: [ { target: all } ]
    reply: { after: any, receipts: true }
    tests:
      - name: one
        request: { path: { tenant: a/b }, query: { q: 1 }, body: { id: 1.50 } }
        expect: { status: 200, records: { all: none } }
        given: { all: refused }
";

#[test]
fn a_good_file_becomes_settings_with_defaults_filled_in() {
    let settings = load_text("good.yaml", GOOD, &Environment::default()).unwrap();
    let route = &settings.routes[0];
    assert_eq!(&*route.name, "events");
    assert_eq!(
        (&*route.method, &*route.path),
        ("POST", "/v1/{tenant}/events")
    );
    assert_eq!(route.reply.within.as_secs(), 2);
    assert_eq!(route.reply.after, After::Any);
    assert!(route.accept.formats.ndjson && !route.accept.formats.json_array);
    let target = &settings.targets[0];
    assert_eq!((target.queue_bytes, target.give_up.as_secs()), (1 << 20, 5));
    let test = &settings.tests[0];
    assert_eq!(test.target, "/v1/a%2Fb/events?q=1");
    assert_eq!(test.body, br#"{"id":1.50}"#, "numbers stay as written");
    assert_eq!(settings.hash.len(), 16);
    println!("{}", settings.shown);
}
