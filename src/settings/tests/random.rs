//! No text makes the loader panic: random bytes, and good files with something changed.

use proptest::prelude::*;

use super::*;

const SEED: &str = "\
sluicegate: 1
server: { http: \"0.0.0.0:8080\", admin: \"127.0.0.1:9090\" }
connections: { one: { kafka: { bootstrap_servers: \"${env.BROKERS}\" } } }
x-a: &a { queue_bytes: 64MiB }
targets:
  audit: { <<: *a, kafka: { connection: one, topic: audit } }
  all: { discard: {}, give_up: 5s, linger: 1ms }
defaults: { auth: none, accept: { formats: [json, ndjson] } }
routes:
  - route: POST /v1/{tenant}/events
    name: events
    let: { user: \"${event.user}\" }
    to:
      - { target: all, when: \"${event.n > 1}\" }
      - { target: audit, as: trail, need: best_effort, record: { value: \"${event}\" } }
    reply: { after: required, within: 2s, receipts: true, batch: worst }
    tests:
      - name: one
        request: { path: { tenant: a }, body: { user: ü, n: 1.5e3 } }
        expect: { status: 200, records: { all: none } }
        given: { trail: refused }
";

/// Loading ends, well or with at least one issue that can be shown.
fn load_and_show(text: &str) {
    let environment = Environment::fixed([("BROKERS", "b:9092")]);
    match load_text("t.yaml", text, &environment) {
        Ok(settings) => assert!(!settings.shown.is_empty()),
        Err(diagnostics) => {
            assert!(!diagnostics.findings().is_empty());
            assert!(diagnostics.to_string().contains("error"));
        }
    }
}

/// One change of a good file: a stretch of it is replaced.
fn changed() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "",
        " ",
        "\n",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        "- ",
        "&a ",
        "*a",
        "${",
        "$${",
        "|",
        ">",
        "\"",
        "'",
        "#",
        "<<: *a",
        "null",
        "~",
        "-1",
        "1e999",
        "99999999999999999999",
        "é",
        "\u{feff}",
        "\0",
        "---",
        "!!str ",
        "? ",
        "x-y: 1, ",
    ]);
    (
        0..SEED.len(),
        0..40usize,
        prop::collection::vec(pieces, 0..4),
    )
        .prop_map(|(at, cut, pieces)| {
            let border = |mut at: usize| {
                while !SEED.is_char_boundary(at) {
                    at += 1;
                }
                at
            };
            let (start, end) = (border(at), border((at + cut).min(SEED.len())));
            format!("{}{}{}", &SEED[..start], pieces.concat(), &SEED[end..])
        })
}

#[test]
fn the_seed_itself_is_understood() {
    load_and_show(SEED);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_never_panics(text in changed()) {
        load_and_show(&text);
    }

    #[test]
    fn a_long_line_never_panics(text in changed(), length in 0..100_000usize) {
        load_and_show(&text.replacen("x-a: ", &format!("x-b: {}\nx-a: ", "é".repeat(length)), 1));
        load_and_show(&text.replacen("tenant", &"t".repeat(length), 1));
    }

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        load_and_show(&text);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        load_and_show(&text);
        load_and_show(&format!("sluicegate: 1\n{text}"));
    }
}
