//! `check` beyond errors: warnings, findings for programs, where values come from, and a look at
//! the targets themselves.

use std::time::Duration;

use crate::kit::{aws, closed_port, kafka, roto, sluicegate, unique};

const SOON: Duration = Duration::from_secs(20);

/// A check of this file; gives its exit code, stdout and stderr.
fn check(text: &str, flags: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let output = sluicegate()
        .args(["check", "a.yaml"])
        .args(flags)
        .env("NO_COLOR", "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap(), out, err)
}

fn holds(text: &str, parts: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "`{part}` is not in:\n{text}");
    }
}

const DOUBTFUL: &str = "\
sluicegate: 1
defaults: { auth: none }
targets:
  orders: { dynamodb: { table: orders, key: { pk: S } } }
routes:
  - route: POST /a
    to:
      - target: orders
        record: { put: { pk: '${event.id}' }, condition: attribute_not_exists(pk) }
";

#[test]
fn warnings_state_costs_at_a_rate_and_leave_the_exit_code_alone() {
    let (code, out, err) = check(DOUBTFUL, &["--rate", "20000/s"]);
    assert_eq!(code, 0, "{err}");
    holds(&out, &["good: 1 route"]);
    holds(
        &err,
        &[
            "single_calls",
            "20,000 calls a second",
            "2.4 to 5.2 cores",
            "untested_route",
        ],
    );
    let (code, ..) = check(DOUBTFUL, &["--deny-warnings"]);
    assert_eq!(code, 1);
    let allowed = [
        "--deny-warnings",
        "--allow",
        "single_calls",
        "--allow",
        "untested_route",
    ];
    let (code, _, err) = check(DOUBTFUL, &allowed);
    assert_eq!((code, err.as_str()), (0, ""));
    let quiet = DOUBTFUL.replace(
        "- route:",
        "- x-allow: [single_calls, untested_route]\n    route:",
    );
    let (code, _, err) = check(&quiet, &["--deny-warnings"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(check(DOUBTFUL, &["--allow", "everything"]).0, 2);
}

#[test]
fn findings_are_json_for_programs() {
    let (code, out, _) = check(DOUBTFUL, &["--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    let one = &found[1];
    assert_eq!(one["code"], "single_calls", "{out}");
    assert_eq!(one["severity"], "warning");
    assert_eq!((&one["file"], &one["line"]), (&"a.yaml".into(), &9.into()));
    assert_eq!(one["end"]["line"], 9);
    let (code, out, err) = check(
        &DOUBTFUL.replace("target: orders", "target: order"),
        &["--json"],
    );
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, err.as_str()), (1, ""));
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["code"], "meaning");
    holds(&found[0]["help"].to_string(), &["did you mean `orders`?"]);
}

#[test]
fn every_value_in_force_says_where_it_comes_from() {
    let (code, out, _) = check(
        &DOUBTFUL.replace("table: orders", "table: '${env.TABLE_OF_STORY}'"),
        &["--explain", "--http", "127.0.0.1:99"],
    );
    assert_eq!((code, out.as_str()), (1, ""), "the variable is not set");
    let (code, out, err) = check(DOUBTFUL, &["--explain", "--http", "127.0.0.1:99"]);
    assert_eq!(code, 0, "{err}");
    holds(
        &out,
        &[
            "server.http: 127.0.0.1:99 # flag --http",
            "server.admin: 127.0.0.1:9090 # default",
            "targets.orders.dynamodb.table: orders # a.yaml:4:32",
            "targets.orders.queue_bytes: 64MiB # default",
            "routes[0].auth: none # defaults, a.yaml:2:19",
            "routes[0].to[0].record.put.pk: ${event.id} # a.yaml:9:",
            "AWS_REGION: us-east-1 # environment",
            "AWS_SECRET_ACCESS_KEY: (set) # environment",
        ],
    );
}

/// A file whose routes send to these targets.
fn file(targets: &str) -> String {
    format!(
        "sluicegate: 1\ndefaults: {{ auth: none }}\ntargets:\n{targets}\n  \
         all: {{ discard: {{}} }}\nroutes:\n  - route: POST /a\n    to: [ {{ target: all }} ]\n"
    )
}

#[test]
fn targets_of_aws_are_asked_before_anything_is_sent() {
    let what = "check --connect asks AWS";
    for aws in [aws(what), roto(what)].into_iter().flatten() {
        let (table, stream, topic) = (aws.table(), aws.stream(2), aws.topic());
        let at = format!("region: us-east-1, endpoint_url: '{}'", aws.endpoint);
        let good = file(&format!(
            "  t: {{ dynamodb: {{ table: {}, key: {{ pk: S }}, {at} }} }}\n  \
             k: {{ kinesis: {{ stream: {}, {at} }} }}\n  \
             s: {{ sns: {{ topic_arn: '{}', {at} }} }}",
            table.name, stream.name, topic.arn
        ));
        let (code, out, err) = check(&good, &["--connect"]);
        assert_eq!(code, 0, "{out}{err}");
        holds(
            &out,
            &[
                "is there",
                "its key is { pk: S }, as the file says",
                "2 open shards",
                "sns:Publish",
            ],
        );
        let wrong = file(&format!(
            "  key: {{ dynamodb: {{ table: {}, key: {{ id: S, sort: N }}, {at} }} }}\n  \
             no-table: {{ dynamodb: {{ table: {}, {at} }} }}\n  \
             no-stream: {{ kinesis: {{ stream: {}, {at} }} }}\n  \
             no-topic: {{ sns: {{ topic_arn: '{}-gone', {at} }} }}",
            table.name,
            unique("gone"),
            unique("gone"),
            topic.arn,
        ));
        let (code, out, err) = check(&wrong, &["--connect"]);
        assert_eq!(code, 1, "{out}");
        holds(
            &out,
            &[
                "its key is { pk: S }, and the file says { id: S, sort: N }",
                "write `key: { pk: S }`",
                "there is no table",
                "there is no stream",
                "there is no topic",
            ],
        );
        holds(&err, &["error: 4 of 5 targets cannot be used"]);
    }
}

#[test]
fn a_wrong_endpoint_is_named_within_the_time_it_has() {
    let port = closed_port();
    let at = format!("region: us-east-1, endpoint_url: 'http://127.0.0.1:{port}'");
    let text = file(&format!(
        "  t: {{ dynamodb: {{ table: orders, key: {{ pk: S }}, {at} }} }}\n  \
         q: {{ kafka: {{ bootstrap_servers: '127.0.0.1:{port}', topic: a }} }}"
    ));
    let began = std::time::Instant::now();
    let (code, out, _) = check(&text, &["--connect", "--timeout", "2s"]);
    assert_eq!(code, 1, "{out}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let address = format!("127.0.0.1:{port}");
    holds(
        &out,
        &[
            &address,
            "look at `endpoint_url`",
            "look at `bootstrap_servers`",
        ],
    );
    let (_, out, _) = check(&text, &["--connect", "--timeout", "2s", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let wrong = found.as_array().unwrap().iter();
    assert_eq!(
        wrong.filter(|one| one["code"] == "target_wrong").count(),
        2,
        "{out}"
    );
}

#[test]
fn topics_of_kafka_are_asked_for_and_never_created() {
    let Some(kafka) = kafka("check --connect asks Kafka") else {
        return;
    };
    let (topic, gone) = (kafka.topic(3), unique("gone"));
    let text = file(&format!(
        "  a: {{ {} }}\n  b: {{ kafka: {{ bootstrap_servers: '{}', topic: {gone} }} }}",
        topic.target(),
        kafka.servers
    ));
    for _ in 0..2 {
        let (code, out, _) = check(&text, &["--connect"]);
        assert_eq!(code, 1, "{out}");
        let missing = format!("there is no topic `{gone}`");
        holds(
            &out,
            &[
                "lets us in",
                "3 partitions",
                &missing,
                "the gateway creates none",
            ],
        );
    }
}

#[test]
fn a_wrong_password_of_kafka_is_called_that() {
    let what = "check --connect with a wrong password";
    let variable = |name: &str| sluicegate_testkit::backend(name, what);
    let (Some(servers), Some(user)) = (
        variable("SLUICEGATE_TEST_KAFKA_SASL"),
        variable("SLUICEGATE_TEST_KAFKA_USER"),
    ) else {
        return;
    };
    let text = file(&format!(
        "  a: {{ kafka: {{ bootstrap_servers: '{servers}', topic: a, properties: {{ \
         security.protocol: sasl_plaintext, sasl.mechanism: PLAIN, sasl.username: {user}, \
         sasl.password: wrong-one }} }} }}"
    ));
    let (code, out, err) = check(&text, &["--connect"]);
    assert_eq!(code, 1, "{out}");
    holds(&out, &["does not let us in", "sasl.password"]);
    assert!(!out.contains("wrong-one"), "{out}");
    holds(&err, &["plain_secret"]);
}
