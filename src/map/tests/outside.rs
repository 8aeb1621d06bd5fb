//! Expressions outside of records: what they give, when they are judged, what they may name.

use serde_json::json;

use super::*;

const EVENT: &str = r#"{"kind":"a","n":3}"#;

/// What `allow` says of the event, or of the head where that is all it reads.
fn allowed(allow: &str) -> String {
    let mapping = json!({ "let": { "late": "${event.kind}", "early": "${path.tenant + '!'}" },
        "record": { "data": "${event}" }, "allow": allow });
    let plan = compiled(&mapping, FIELDS);
    let judge = |event: &EventView<'_>| {
        let head = EventView::of_head(event.request);
        let of_head = plan.is_of_head(0);
        let view = if of_head { &head } else { event };
        match plan.holds(0, view) {
            Ok(held) => format!("{} {held}", if of_head { "head" } else { "event" }),
            Err(refusal) => format!("{}: {}", refusal.code.as_str(), refusal.detail),
        }
    };
    let mut judged = each_event(&plan, EVENT.as_bytes(), false, judge).unwrap();
    judged.remove(0)
}

#[test]
fn a_condition_is_judged_as_early_as_it_can_be() {
    for (allow, judged) in [
        ("${auth.labels.tenant == path.tenant}", "head true"),
        ("${auth.labels.tenant == 'other'}", "head false"),
        ("${auth.name.startsWith('acme-')}", "head true"),
        ("${has(auth.labels.tier)}", "head false"),
        ("${auth.?labels.?tier.orValue('x') == 'x'}", "head true"),
        (
            "${request.headers[?'x-none'].orValue('') == ''}",
            "head true",
        ),
        ("${early == 'acme!'}", "head true"),
        ("${event.kind == 'a'}", "event true"),
        ("${late + auth.name == ''}", "event false"),
        ("${request.id == ''}", "event false"),
        (
            "${auth.labels.tier == 'gold'}",
            "field_missing: auth.labels.tier is missing: `allow` needs it",
        ),
        (
            "${event.gone == 1}",
            "field_missing: event.gone is missing: `allow` needs it",
        ),
        (
            "${event.n}",
            "mapping_failed: `allow` cannot be judged: ${event.n}: it must be true or false, and \
             is a number",
        ),
        (
            "${event.n / 0 == 1}",
            "mapping_failed: `allow` cannot be judged: ${event.n / 0 == 1}: a division by zero",
        ),
    ] {
        assert_eq!(allowed(allow), judged, "{allow}");
    }
}

#[test]
fn a_text_is_read_of_the_head() {
    for (per, text) in [
        ("${auth.name}", "acme-2026"),
        ("${request.source_ip}", "192.0.2.7"),
        ("${auth.name} at ${path.tenant}", "acme-2026 at acme"),
        ("${query.page}", "2"),
        ("everybody", "everybody"),
    ] {
        let mapping = json!({ "record": { "data": "${event}" }, "per": per });
        let plan = compiled(&mapping, FIELDS);
        let given = each_event(&plan, b"{}", false, |event| {
            let head = EventView::of_head(event.request);
            plan.text(0, &head).unwrap().to_string()
        });
        assert_eq!(given.unwrap(), [text], "{per}");
    }
}

#[test]
fn a_place_says_what_it_may_name() {
    for (mapping, message, help) in [
        (
            json!({ "per": "${event.id}" }),
            "`event` cannot be named in `per`",
            "`path`, `query`, `request` and `auth`",
        ),
        (
            json!({ "per": "${json(event)}" }),
            "`event` cannot be named in `per`",
            "before the body is read",
        ),
        (
            json!({ "let": { "a": "${event.x + 'b'}" }, "per": "${a}" }),
            "`per` reads what comes with the body",
            "before the body is read",
        ),
        (
            json!({ "per": "${request.id}" }),
            "`per` reads what comes with the body",
            "before the body is read",
        ),
        (
            json!({ "per": "${query.?page}" }),
            "`per` must be text, and this is a value that may be absent",
            ".orValue('')",
        ),
        (
            json!({ "per": "${auht.name}" }),
            "`auht` is not known",
            "did you mean `auth`?",
        ),
        (
            json!({ "per": "${foo}" }),
            "`foo` is not known",
            "`per` may name `path`, `query`, `request`, `auth`",
        ),
        (
            json!({ "allow": "yes" }),
            "`allow` must be true or false, and this is text",
            "compares something",
        ),
        (
            json!({ "allow": "${auth.name == 'x'}", "auth": "none" }),
            "`auth` says who sends, and this route has `auth: none`",
            "auth: [api_key]",
        ),
    ] {
        let issues = Plan::compile(&source(&mapping, FIELDS)).unwrap_err();
        let [issue] = issues.as_slice() else {
            panic!("{mapping}: {issues:#?}");
        };
        assert!(issue.message.contains(message), "{mapping}: {issue:?}");
        let given = issue.help.clone().unwrap_or_default();
        assert!(given.contains(help), "{mapping}: {issue:?}");
    }
}
