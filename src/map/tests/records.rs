//! What fields get.

use serde_json::json;

use super::*;

#[test]
fn plain_paths_pass_on_what_was_received() {
    for (name, expression, expected) in [
        ("data", "${event.name}", "bytes Ada"),
        ("data", "${event.total}", "bytes 12.50"),
        (
            "data",
            "${event.big}",
            "bytes 123456789012345678901234567890.10",
        ),
        ("data", "${event.tags}", r#"bytes ["a", "b"]"#),
        ("data", "${event.esc}", "bytes ab\"c"),
        ("data", "${event.deep.x}", r#"bytes {"y": null, "z": true}"#),
        ("data", "${event.deep.x.y}", "bytes null"),
        ("data", "${event['x-y']}", "bytes 7"),
        ("data", "${event[\"\"]}", "bytes empty"),
        ("data", "${event.items[1].n}", "bytes 20"),
        ("data", "${event.items[?5].n}", "absent"),
        ("data", "${event.?nick}", "absent"),
        ("data", "${event.?nick.first}", "absent"),
        ("data", "${event.?name.first}", "absent"),
        ("data", "${event.?name}", "bytes Ada"),
        ("data", "${event.?nick.orValue('-')}", "bytes -"),
        ("data", "${event.?name.orValue('-')}", "bytes Ada"),
        ("data", "${event.?nick.orValue(1.5)}", "bytes 1.5"),
        ("data", "${json(event.tags)}", r#"bytes ["a", "b"]"#),
        ("data", "${json(event.esc)}", r#"bytes "a\u0062\"c""#),
        ("data", "fixed", "bytes fixed"),
        ("data", "$${event}", "bytes ${event}"),
        (
            "data",
            "${event.id}/${event.count}/${event.zero}",
            "bytes o1/3/false",
        ),
        ("text", "${event.count}", "text 3"),
        ("text", "${event.neg}", "text -0"),
        ("text", "${event.deep.x.z}", "text true"),
        ("text", "${path.tenant}", "text acme"),
        ("text", "${query.page}", "text 2"),
        ("text", "${query.q}", "text a b!"),
        ("text", "${query.?none}", "absent"),
        (
            "text",
            "${request.method} ${request.path}",
            "text POST /v1/acme/events",
        ),
        ("text", "${request.headers[\"x-trace\"]}", "text t-1"),
        ("text", "${request.headers.?traceparent}", "absent"),
        (
            "text",
            "${request.id}",
            "text 01920000-0000-7000-8000-000000000001",
        ),
        ("text", "${request.time}", "text 2026-01-02T03:04:05.678Z"),
        ("text", "${request.source_ip}", "text 192.0.2.7"),
        ("number", "${event.count}", "integer 3"),
        ("number", "${event.count + 4}", "integer 7"),
        ("number", "${int(event.total) - 5}", "integer 7"),
    ] {
        assert_eq!(
            gives(name, &json!(expression), EVENT),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn expressions_compute() {
    for (expression, expected) in [
        ("${event.items.map(i, i.n)}", "bytes [1,20]"),
        (
            "${event.items.filter(i, i.n > 1)}",
            r#"bytes [{"n":20,"t":"x"}]"#,
        ),
        (
            "${event.items.filter(i, has(i.t)).map(i, i.t + '!')}",
            r#"bytes ["x!"]"#,
        ),
        (
            "${event.tags.map(t, event.items.map(i, t))}",
            r#"bytes [["a","a"],["b","b"]]"#,
        ),
        (
            "${{'b': event.count, 'a': [event.total, null]}}",
            r#"bytes {"a":[12.5,null],"b":3}"#,
        ),
        ("${has(event.name) && !has(event.nick)}", "bytes true"),
        ("${has(event.deep.x.y)}", "bytes true"),
        ("${event.?nick.orValue('') == ''}", "bytes true"),
        (
            "${event.?deep.?x.?z.orValue(false) ? 'yes' : 'no'}",
            "bytes yes",
        ),
        ("${event.name.upper() + string(event.count)}", "bytes ADA3"),
        ("${event.tags[event.count - 2]}", "bytes b"),
        ("${event.deep.x == {'y': null, 'z': true}}", "bytes true"),
        ("${'b' in event.tags && 'x' in event.deep}", "bytes true"),
        ("${size(event) > 5 && size(body) > 5}", "bytes true"),
        (
            "${type(event.count) == int && type(event.total) == double}",
            "bytes true",
        ),
        ("${query.page == '2' && int(query.page) == 2}", "bytes true"),
        (
            "${has(query.flag) && !has(query.none) && has(request.headers.X_Trace) == false}",
            "bytes true",
        ),
        ("${has(request.headers['x-trace'])}", "issue"),
        (
            "${json({'k': [1, 2.5, 'é']})}",
            r#"bytes {"k":[1,2.5,"é"]}"#,
        ),
        ("${bytes(event.name)}", "bytes Ada"),
        (
            "${timestamp(request.time) < timestamp('2027-01-01T00:00:00Z')}",
            "bytes true",
        ),
        ("${duration('1.5s')}", "bytes 1.5s"),
        ("${1.0}", "bytes 1.0"),
        ("${uint(7)}", "bytes 7"),
        ("${event.zero || event.deep.x.z}", "bytes true"),
        ("${event.missing == 1 || event.count == 3}", "bytes true"),
    ] {
        let given = gives("data", &json!(expression), EVENT);
        if expected == "issue" {
            assert!(given.starts_with("issue"), "{expression}: {given}");
        } else {
            assert_eq!(given, expected, "{expression}");
        }
    }
}

#[test]
fn loops_go_over_a_maps_keys_in_their_order() {
    for (expression, expected) in [
        (
            "${{'c': 1, 'a': 2, 'b': 3, 'd': 4}.map(k, k).join()}",
            "bytes abcd",
        ),
        (
            "${event.deep.map(k, k) + event.deep.x.map(k, k)}",
            r#"bytes ["x","y","z"]"#,
        ),
    ] {
        assert_eq!(gives("data", &json!(expression), EVENT), expected);
    }
}

#[test]
fn items_conditions_and_maps() {
    for (name, value, expected) in [
        (
            "put",
            json!("${event.deep}"),
            r#"json {"x": {"y": null, "z": true}}"#,
        ),
        (
            "put",
            json!({"pk": "${path.tenant}", "n": "${event.total}", "s": "${event.esc}", "t": "x", "k": 1.50, "b": "${bytes('a')}", "none": "${event.?nick}", "m": {"a": "${event.tags}", "z": "${event.?nick}"}, "l": [1, "${event.id}", "${event.?nick}"], "f": false, "c": "${event.count + 1}"}),
            r#"{pk: text acme, n: json 12.50, s: json "a\u0062\"c", t: text x, k: json 1.5, b: bytes a, m: {a: json ["a", "b"]}, l: json [1,"o1"], f: json false, c: json 4}"#,
        ),
        ("put", json!("${{'a': 1}}"), r#"json {"a":1}"#),
        (
            "data",
            json!({"id": "${event.id}", "at": "${now()}", "x": {"y": ["${event.total}"]}}),
            r#"bytes {"id":"o1","at":"2026-01-02T03:04:05.678Z","x":{"y":[12.50]}}"#,
        ),
        (
            "attributes",
            json!({"type": "${event.?type}", "n": "${event.count}"}),
            "{n: text 3}",
        ),
        (
            "condition",
            json!("attribute_not_exists(pk)"),
            "attribute_not_exists(pk) with ",
        ),
        (
            "condition",
            json!("v < ${event.count} AND n = ${event.name}"),
            r#"v < :p0 AND n = :p1 with json 3, json "Ada""#,
        ),
        ("on_false", json!("accept"), "choice 1"),
        ("number", json!(7), "integer 7"),
        ("text", json!(12), "text 12"),
        ("text", json!(true), "text true"),
    ] {
        assert_eq!(gives(name, &value, EVENT), expected, "{value}");
    }
}

#[test]
fn when_and_let_and_defaults() {
    let plan = compiled(
        &json!({
            "let": {"user": "${event.user}", "id": "${user.id}", "shout": "${id.upper() + '!'}", "twice": "${shout + shout}", "kind": "click", "maybe": "${event.?m}"},
            "when": "${event.?type.orValue('') == kind && !has(event.off) && maybe.orValue(1) < 5}",
            "record": {"partition_key": "${twice}/${user.id}/${kind}"}
        }),
        KEYED,
    );
    let body = r#"{"user":{"id":"u"},"type":"click"}"#;
    let record = outcome(&plan, body).unwrap().unwrap();
    assert_eq!(shown(record.value(0)), "text U!U!/u/click");
    assert_eq!(shown(record.value(1)), format!("bytes {body}"));
    assert_eq!(outcome(&plan, r#"{"user":{"id":"u"}}"#), Ok(None));
    assert_eq!(outcome(&plan, r#"{"type":"click","m":9}"#), Ok(None));
    let refusal = outcome(&plan, r#"{"type":"click","user":{}}"#).unwrap_err();
    assert_eq!(
        refusal,
        "field_missing: event.user.id is missing: `clicks` needs it for partition_key"
    );
    let plan = compiled(
        &json!({"when": "${event.on}", "record": {"partition_key": "k"}}),
        KEYED,
    );
    let refusal = outcome(&plan, r#"{"on":1}"#).unwrap_err();
    assert_eq!(
        refusal,
        "mapping_failed: `clicks` cannot set `when` from ${event.on}: it must be true or false, and is a number"
    );
}

#[test]
fn a_raw_body_is_passed_on_as_a_whole() {
    let plan = compiled(
        &json!({"raw": true, "record": {"partition_key": "${md5(body)}", "data": "${event}"}}),
        KEYED,
    );
    let record = rendered_as(&plan, b"\x00\xff{", true)
        .remove(0)
        .unwrap()
        .unwrap();
    assert_eq!(record.value(1).as_bytes().unwrap().as_ref(), b"\x00\xff{");
    assert!(
        Plan::compile(&source(
            &json!({"raw": true, "record": {"partition_key": "${event.id}"}}),
            KEYED
        ))
        .is_err()
    );
}

#[test]
fn each_event_of_a_batch_has_its_own_record_and_refusals_their_index() {
    let plan = compiled(
        &json!({"record": {"partition_key": "${event.id}", "data": "${uuid()}"}}),
        KEYED,
    );
    let records = rendered(&plan, br#"[{"id":1},{"id":2},{}]"#);
    let first = records[0].clone().unwrap().unwrap();
    let second = records[1].clone().unwrap().unwrap();
    assert_eq!(
        (shown(first.value(0)), shown(second.value(0))),
        ("text 1".into(), "text 2".into())
    );
    assert_ne!(first.value(1), second.value(1));
    assert_eq!(records[2].clone().unwrap_err().event, Some(2));
    let again = rendered(&plan, br#"[{"id":1},{"id":2},{}]"#);
    assert_eq!(again[0].clone().unwrap().unwrap(), first);
}

#[test]
fn two_uuids_differ_and_one_in_let_is_one() {
    let plan = compiled(
        &json!({"let": {"id": "${uuid()}"}, "record": {"put": {"a": "${id}", "b": "${id}", "c": "${uuid()}"}}}),
        FIELDS,
    );
    let Some(Value::Map(entries)) = outcome(&plan, "{}").unwrap().map(|r| r.value(4).clone())
    else {
        panic!("no map");
    };
    assert_eq!(entries[0].1, entries[1].1);
    assert_ne!(entries[0].1, entries[2].1);
}
