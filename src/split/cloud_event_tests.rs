//! Tables about CloudEvents: structured, batched and binary.

use super::format_tests::{Cutting, cut, shown};
use crate::error::{Code, Refusal};

const STRUCTURED: (&str, &str) = (
    "Content-Type",
    "application/cloudevents+json; charset=UTF-8",
);
const BATCHED: (&str, &str) = ("content-type", "application/cloudevents-batch+json");
/// The members that every CloudEvent has.
const NEEDED: &str = r#""specversion":"1.0","id":"1","source":"/s","type":"t""#;

fn structured(members: &str) -> Result<Cutting, Refusal> {
    cut(
        "cloudevents",
        "",
        &[STRUCTURED],
        format!("{{{NEEDED}{members}}}").as_bytes(),
    )
}

#[test]
fn the_data_of_a_structured_cloud_event_is_the_event_as_it_came() {
    for (members, wanted) in [
        (
            r#","data":{"a": 1, "b":["x"]}"#,
            r#"{"a": 1, "b":["x"]} | 1 | "x" | "t" | -"#,
        ),
        (
            r#","ext":7,"a":"not mine","data":{"id":2}"#,
            r#"{"id":2} | - | - | "t" | 7"#,
        ),
        (
            r#","data":"text","datacontenttype":"text/xml""#,
            r#""text" | - | - | "t" | -"#,
        ),
        (r#","ext":null,"data":null"#, r#"null | - | - | "t" | -"#),
        ("", r#"null | - | - | "t" | -"#),
        (
            r#","data_base64":"eyJhIjogM30=""#,
            r#"{"a": 3} | 3 | - | "t" | -"#,
        ),
        (
            r#","datacontenttype":"application/octet-stream","data_base64":"AAEC""#,
            "\0\u{1}\u{2} | - | - | \"t\" | -",
        ),
        (
            r#","time":"2026-01-31T12:00:00.5+01:00","data":[]"#,
            r#"[] | - | - | "t" | -"#,
        ),
    ] {
        let cutting =
            structured(members).unwrap_or_else(|refusal| panic!("{members}: {refusal:?}"));
        assert_eq!(shown(&cutting), [wanted], "{members}");
    }
}

#[test]
fn a_batch_has_many_and_names_the_one_that_is_wrong() {
    let one = |data: &str| format!(r#"{{{NEEDED},"data":{data}}}"#);
    let encoded = format!(r#"{{"data_base64":"eyJhIjo0fQ==",{NEEDED}}}"#);
    let body = format!(" [ {} , {encoded},{}]", one(r#"{"a":1}"#), one("2"));
    let cutting = cut("cloudevents", "", &[BATCHED], body.as_bytes()).unwrap();
    assert_eq!(
        shown(&cutting),
        [
            r#"{"a":1} | 1 | - | "t" | -"#,
            r#"{"a":4} | 4 | - | "t" | -"#,
            r#"2 | - | - | "t" | -"#
        ]
    );
    for (body, code, event) in [
        ("[]".to_owned(), Code::BodyEmpty, None),
        ("".to_owned(), Code::BodyEmpty, None),
        ("{}".to_owned(), Code::JsonInvalid, Some(0)),
        (
            format!("[{},{{}}]", one("1")),
            Code::CloudEventInvalid,
            Some(1),
        ),
        (
            format!("[{},7]", one("1")),
            Code::CloudEventInvalid,
            Some(1),
        ),
        (
            format!("[{},{}", one("1"), one("1")),
            Code::JsonInvalid,
            Some(1),
        ),
        (
            format!("[{0},{0},{0},{0}]", one("1")),
            Code::TooManyEvents,
            Some(3),
        ),
    ] {
        let refusal = cut("cloudevents", "", &[BATCHED], body.as_bytes()).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.event),
            (code, event),
            "{body}: {}",
            refusal.detail
        );
    }
}

#[test]
fn what_is_no_cloud_event_is_refused_by_name() {
    for (members, says) in [
        (
            r#","data":1,"data_base64":"AA==""#,
            "both `data` and `data_base64`",
        ),
        (r#","data_base64":"%%%""#, "not base64"),
        (r#","data_base64":5"#, "not text"),
        (r#","data_base64":"/w==""#, "said to be JSON"),
        (r#","data_base64":"eyJhIg==""#, "said to be JSON"),
        (r#","ext":{"a":1}"#, "its `ext` is neither"),
        (r#","time":"yesterday""#, "its `time`"),
    ] {
        let refusal = structured(members).unwrap_err();
        assert_eq!(refusal.code, Code::CloudEventInvalid, "{members}");
        assert!(
            refusal.detail.contains(says),
            "{members}: {}",
            refusal.detail
        );
    }
    assert_eq!(
        structured(r#","id":"2""#).unwrap_err().code,
        Code::DuplicateField
    );
    for name in ["id", "source", "specversion", "type"] {
        for other in [r#""x":"#, r#""":"#] {
            let body = format!("{{{NEEDED}}}").replace(&format!("\"{name}\":"), other);
            let refusal = cut("cloudevents", "", &[STRUCTURED], body.as_bytes()).unwrap_err();
            let says = format!("no `{name}`");
            assert!(refusal.detail.contains(&says), "{body}: {}", refusal.detail);
        }
        for value in ["\"\"", "null", "1"] {
            let body = format!("{{{NEEDED}}}");
            let start = body.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
            let end = start + body[start..].find([',', '}']).unwrap();
            let body = format!("{}{value}{}", &body[..start], &body[end..]);
            let refusal = cut("cloudevents", "", &[STRUCTURED], body.as_bytes()).unwrap_err();
            assert!(refusal.detail.contains(name), "{body}: {}", refusal.detail);
        }
    }
    let old = format!("{{{NEEDED}}}").replace("1.0", "0.3");
    let refusal = cut("cloudevents", "", &[STRUCTURED], old.as_bytes()).unwrap_err();
    assert!(
        refusal.detail.contains("1.0, the only one"),
        "{}",
        refusal.detail
    );
    let avro = [("Content-Type", "application/cloudevents+avro")];
    let refusal = cut("cloudevents", "", &avro, b"x").unwrap_err();
    assert_eq!(refusal.code, Code::FormatUnsupported);
    let large = format!(r#","data":"{}""#, "x".repeat(1000));
    assert_eq!(structured(&large).unwrap_err().code, Code::EventTooLarge);
}

/// The fields of a binary CloudEvent, with these in their place or behind them.
fn binary(more: &[(&'static str, &'static str)], body: &str) -> Result<Cutting, Refusal> {
    let mut fields = vec![
        ("ce-specversion", "1.0"),
        ("CE-ID", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        if *value != "-" {
            fields.push((name, value));
        }
    }
    cut("json cloudevents", "", &fields, body.as_bytes())
}

#[test]
fn the_body_of_a_binary_cloud_event_is_the_event() {
    let json = ("Content-Type", "application/json");
    for (more, body, wanted) in [
        (&[json][..], r#"{"a": 1}"#, r#"{"a": 1} | 1 | - | "t" | -"#),
        (&[], r#"{"a":1}"#, r#"{"a":1} | 1 | - | "t" | -"#),
        (
            &[("Content-Type", "text/csv")],
            "a,b",
            r#"a,b | - | - | "t" | -"#,
        ),
        (&[json], "", r#"null | - | - | "t" | -"#),
        (
            &[
                ("ce-ext", "\"a \\\"b\\\"\""),
                ("ce-type", "Euro%20%E2%82%AC"),
            ],
            "1",
            "1 | - | - | \"Euro €\" | \"a \\\"b\\\"\"",
        ),
        (
            &[("ce-a", "not mine"), ("ce-un_known", "x")],
            "1",
            r#"1 | - | - | "t" | -"#,
        ),
    ] {
        let cutting = binary(more, body).unwrap_or_else(|refusal| panic!("{more:?}: {refusal:?}"));
        assert_eq!(shown(&cutting), [wanted], "{more:?}");
    }
    for (more, body, says) in [
        (&[("CE-ID", "-")][..], "1", "no `ce-id`"),
        (&[("ce-specversion", "-")], "1", "no `ce-specversion`"),
        (&[("ce-type", "")], "1", "`ce-type` is empty"),
        (&[("ce-specversion", "2.0")], "1", "the only one"),
        (&[("ce-Type", "u")], "1", "`ce-type` twice"),
        (&[("ce-type", "%zz")], "1", "percent-encoded"),
        (&[("ce-ext", "%FF")], "1", "percent-encoded"),
        (&[("ce-time", "now")], "1", "its `time`"),
        (&[json], "{", "not valid JSON"),
        (
            &[("Content-Type", "application/json; charset=latin1")],
            "1",
            "charset",
        ),
    ] {
        let refusal = binary(more, body).unwrap_err();
        assert!(
            refusal.detail.contains(says),
            "{more:?}: {}",
            refusal.detail
        );
    }
    // Without anything that says CloudEvent, the same route takes plain JSON.
    let plain = cut("json cloudevents", "", &[json], br#"{"a":5}"#).unwrap();
    assert_eq!(shown(&plain), [r#"{"a":5} | 5 | - | - | -"#]);
    let refusal = cut("cloudevents", "", &[json], b"{}").unwrap_err();
    assert!(
        refusal.detail.contains("`ce-…` header fields"),
        "{}",
        refusal.detail
    );
}
