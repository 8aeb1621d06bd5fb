//! Good files become settings.

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
}

#[test]
fn a_connection_is_shared_and_secrets_are_masked() {
    let text = "\
sluicegate: 1
connections:
  backbone:
    kafka:
      bootstrap_servers: \"${env.BROKERS}\"
      properties: { security.protocol: sasl_ssl, sasl.mechanism: PLAIN, sasl.username: u, sasl.password: \"${secret.PASSWORD}\" }
targets:
  audit: { kafka: { connection: backbone, topic: audit } }
  other: { kafka: { bootstrap_servers: \"b:9092\", topic: audit, properties: { ssl.key.password: plain } } }
";
    let environment = Environment::fixed([("BROKERS", "kafka-1:9092"), ("PASSWORD", "hunter2")]);
    let settings = load_text("t.yaml", text, &environment).unwrap();
    assert_eq!(settings.targets[0].connection, Some(0));
    assert_eq!(settings.targets[1].connection, None);
    let shown = &settings.shown;
    assert!(shown.contains("kafka-1:9092"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("plain"),
        "{shown}"
    );
    assert!(
        shown.contains("sasl.password: '***'") || shown.contains("sasl.password: \"***\""),
        "{shown}"
    );
}

#[test]
fn secrets_come_from_the_directory_before_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("topic"), "from-file\n").unwrap();
    let environment = Environment::fixed([("topic", "from-environment")]);
    let text = "\
sluicegate: 1
targets:
  audit: { kafka: { bootstrap_servers: \"b:9092\", topic: \"${secret.topic}\" } }
";
    let topic = |environment: &Environment| {
        let settings = load_text("t.yaml", text, environment).unwrap();
        format!("{:?}", settings.targets[0].room)
    };
    assert!(topic(&environment).contains("from-environment"));
    assert!(topic(&environment.with_secrets(directory.path())).contains("from-file"));
}

#[test]
fn anchors_merges_and_x_keys_are_allowed_and_json_is_yaml() {
    let text = "\
sluicegate: 1
x-queue: &queue { queue_bytes: 2MiB }
targets: { all: { <<: *queue, discard: {}, x-note: for people } }
";
    let settings = load_text("t.yaml", text, &Environment::default()).unwrap();
    assert_eq!(settings.targets[0].queue_bytes, 2 << 20);
    let json = r#"{ "sluicegate": 1, "targets": { "all": { "discard": {} } } }"#;
    assert!(load_text("t.json", json, &Environment::default()).is_ok());
}

#[test]
fn a_quoted_or_interpolated_number_is_a_number_and_a_dollar_escapes() {
    let text = format!(
        "{HEAD}routes: [ {{ route: POST /a, name: \"r${{env.N}}\", accept: {{ events: \"${{env.N}}\" }}, to: [ {{ target: all }} ] }} ]"
    );
    let settings = load_text("t.yaml", &text, &Environment::fixed([("N", "7")])).unwrap();
    assert_eq!(settings.routes[0].accept.events, 7);
    assert_eq!(&*settings.routes[0].name, "r7");
}

#[test]
fn expressions_of_mappings_are_left_alone_also_below_anchors() {
    let text = format!(
        "{HEAD}\
x-data: &data {{ data: \"${{event.id}}\" }}
routes: [ {{ route: POST /a, to: [ {{ target: all, record: *data }} ] }} ]
"
    )
    .replace("all: {", "tests: {")
    .replace("target: all", "target: tests");
    let settings = load_text("t.yaml", &text, &Environment::default()).unwrap();
    assert!(settings.shown.contains("${event.id}"), "{}", settings.shown);
}

#[test]
fn several_files_are_a_union() {
    let routes = "\
sluicegate: 1
routes: [ { route: POST /a, auth: none, to: [ { target: all } ] } ]
";
    let targets = "\
sluicegate: 1
targets: { all: { discard: {} } }
";
    let files = [("routes.yaml", routes), ("targets.yaml", targets)];
    let settings = load_texts(&files, &Environment::default()).unwrap();
    assert_eq!((settings.routes.len(), settings.targets.len()), (1, 1));
    let turned = load_texts(&[files[1], files[0]], &Environment::default()).unwrap();
    assert_ne!(settings.hash, turned.hash);
}

#[test]
fn the_committed_schema_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/schema.json");
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        committed == json_schema(),
        "config/schema.json is not what the types say: run `sluicegate schema > config/schema.json`"
    );
}

#[test]
fn what_stands_before_the_gateway_is_part_of_the_server() {
    let server = |keys: &str| {
        let text = format!("{HEAD}server: {{ {keys} }}\n");
        load_text("t.yaml", &text, &Environment::default()).unwrap()
    };
    let none = server("").server;
    assert!(none.trusted_proxies.is_empty() && none.proxy_protocol.is_none());
    assert_eq!(none.health_path, None);
    let all = server(
        "trusted_proxies: [10.0.0.0/8, \"2001:db8::/32\", 192.0.2.1], proxy_protocol: any, \
         health_path: /healthz",
    );
    let networks: Vec<String> = all
        .server
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(networks, ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]);
    assert_eq!(
        all.server.proxy_protocol,
        Some(crate::http::ProxyVersion::Any)
    );
    assert_eq!(all.server.health_path.as_deref(), Some("/healthz"));
    for part in [
        "proxy_protocol: any",
        "health_path: /healthz",
        "192.0.2.1/32",
    ] {
        assert!(all.shown.contains(part), "{}", all.shown);
    }
}
