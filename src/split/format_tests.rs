//! Tables about the forms that a request's head tells of: forms, queries, sequences; CloudEvents
//! have their own.

use bytes::Bytes;
use proptest::prelude::*;

use super::tests::{only, wanted as paths};
use super::*;
use crate::error::{Code, Refusal};
use crate::http::{Head, HeadIndex, Span};

/// What came of a request: each event's text, and the texts of its captures.
pub(super) type Cutting = Vec<(String, Vec<Option<String>>)>;

/// The paths of the tests: `a`, `b.0`, `ce.type`, `ce.ext`.
fn wanted() -> Wanted {
    let mut wanted = paths(&["a", "b.0"]);
    wanted.add_attribute("type").unwrap();
    wanted.add_attribute("ext").unwrap();
    wanted.envelop();
    wanted
}

pub(super) fn cut(
    formats: &str,
    query: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Result<Cutting, Refusal> {
    let mut bytes = Vec::new();
    let mut put = |part: &[u8]| {
        let start = u16::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(part);
        let end = u16::try_from(bytes.len()).unwrap();
        Span { start, end }
    };
    let index = HeadIndex {
        method: put(b"POST"),
        path: put(b"/"),
        query: (!query.is_empty()).then(|| put(query.as_bytes())),
        fields: fields
            .iter()
            .map(|(name, value)| (put(name.as_bytes()), put(value.as_bytes())))
            .collect(),
        ..HeadIndex::default()
    };
    let (body, wanted) = (Bytes::copy_from_slice(body), wanted());
    let accept = crate::settings::Accept {
        event_bytes: 1000,
        request_bytes: 4000,
        events: 3,
        ..only(formats)
    };
    let mut scratch = Scratch::hiding(Some("api-key"));
    let head = Head::new(&bytes, &index);
    split_request(&head, &body, &accept, &wanted, &mut scratch)?;
    let text = scratch.text(&body);
    let part = |start: u32, end: u32| {
        String::from_utf8_lossy(&text[start as usize..end as usize]).into_owned()
    };
    let events = scratch.events.iter().enumerate().map(|(index, event)| {
        let captures = scratch.captures_of(index, &wanted).iter();
        let captures = captures.map(|c| c.map(|c| part(c.start, c.end)));
        (part(event.start, event.end), captures.collect())
    });
    Ok(events.collect())
}

/// One event as a table has it: its text, then `a`, `b.0`, `ce.type`, `ce.ext`, `-` for none.
pub(super) fn shown(cutting: &Cutting) -> Vec<String> {
    cutting
        .iter()
        .map(|(event, captures)| {
            let captures = captures.iter().map(|text| text.as_deref().unwrap_or("-"));
            let parts: Vec<&str> = std::iter::once(event.as_str()).chain(captures).collect();
            parts.join(" | ")
        })
        .collect()
}

#[test]
fn a_form_or_query_is_one_object() {
    let form = [(
        "Content-Type",
        "application/x-www-form-urlencoded; charset=utf-8",
    )];
    for (pairs, wanted) in [
        ("a=1&c=x+y", r#"{"a":"1","c":"x y"} | "1" | - | - | -"#),
        (
            "b=1&a=&b=2&b=%C3%A9",
            r#"{"b":["1","2","é"],"a":""} | "" | "1" | - | -"#,
        ),
        ("a", r#"{"a":""} | "" | - | - | -"#),
        (
            "&&a=%22%5C%0A%00&=v&",
            r#"{"a":"\"\\\n\u0000","":"v"} | "\"\\\n\u0000" | - | - | -"#,
        ),
        ("a=1=2", r#"{"a":"1=2"} | "1=2" | - | - | -"#),
        ("a%2Bb=1&a=%2B", r#"{"a+b":"1","a":"+"} | "+" | - | - | -"#),
    ] {
        let cutting = cut("json form", "", &form, pairs.as_bytes()).unwrap();
        assert_eq!(shown(&cutting), [wanted], "{pairs}");
        let cutting = cut("query", pairs, &[], b"").unwrap();
        assert_eq!(shown(&cutting), [wanted], "{pairs}");
    }
    assert_eq!(
        shown(&cut("query", "", &[], b"").unwrap()),
        ["{} | - | - | - | -"]
    );
    // The key that a client has in its query is no part of what it says.
    let with_key = cut("query", "api-key=s&a=1&api%2Dkey=s", &[], b"").unwrap();
    assert_eq!(shown(&with_key), [r#"{"a":"1"} | "1" | - | - | -"#]);
    let many = vec!["a"; 1001].join("&");
    for (pairs, code, says) in [
        ("", Code::BodyEmpty, "no fields"),
        ("a=%FF", Code::FormInvalid, "value of `a`"),
        ("a=1&%F=1", Code::FormInvalid, "name 1"),
        ("a=100%", Code::FormInvalid, "value of `a`"),
        (&many, Code::FormInvalid, "more than 1000"),
        (
            &format!("a={}", "x".repeat(1000)),
            Code::EventTooLarge,
            "event_bytes",
        ),
    ] {
        let refusal = cut("form", "", &form, pairs.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, code, "{pairs}");
        assert!(refusal.detail.contains(says), "{pairs}: {}", refusal.detail);
    }
    let refusal = cut(
        "query",
        "a=1",
        &[("Content-Type", "application/json")],
        b"{}",
    )
    .unwrap_err();
    assert!(
        refusal.detail.contains("a query without a body"),
        "{}",
        refusal.detail
    );
}

#[test]
fn a_sequence_has_a_text_after_each_separator() {
    let kind = [("Content-Type", "application/json-seq")];
    let texts = |body: &str| cut("json-seq", "", &kind, body.as_bytes());
    for (body, wanted) in [
        ("\u{1e}{\"a\":1}\n\u{1e}2\n", &["{\"a\":1}", "2"][..]),
        ("\u{1e}\u{1e}\n\u{1e}\"x\"\u{1e}[\n1]", &["\"x\"", "[\n1]"]),
        ("\n\u{1e}true\n\n", &["true"]),
    ] {
        let events: Vec<String> = texts(body)
            .unwrap()
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        assert_eq!(events, wanted, "{body:?}");
    }
    for (body, code, event) in [
        ("", Code::BodyEmpty, None),
        ("\u{1e}\n", Code::BodyEmpty, None),
        ("{}", Code::JsonInvalid, Some(0)),
        ("\u{1e}{}\n\u{1e}{\"a\":", Code::JsonInvalid, Some(1)),
        ("\u{1e}{}\n\u{1e}12", Code::JsonInvalid, Some(1)),
        ("\u{1e}{}\n\u{1e}tr", Code::JsonInvalid, Some(1)),
        ("\u{1e}true\u{1e}{}\n", Code::JsonInvalid, Some(0)),
        ("\u{1e}{}{}\n", Code::JsonInvalid, Some(0)),
        (
            "\u{1e}1\n\u{1e}1\n\u{1e}1\n\u{1e}1\n",
            Code::TooManyEvents,
            Some(3),
        ),
    ] {
        let refusal = texts(body).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.event),
            (code, event),
            "{body:?} {}",
            refusal.detail
        );
    }
}

#[test]
fn text_is_json_only_where_the_route_says_so() {
    let text = [("Content-Type", "text/plain;charset=UTF-8")];
    let cutting = cut("json json-array text-plain", "", &text, br#"[{"a":1},2]"#).unwrap();
    assert_eq!(cutting.len(), 2);
    let refusal = cut("json", "", &text, b"{}").unwrap_err();
    assert!(
        refusal.detail.contains("accept.text_plain"),
        "{}",
        refusal.detail
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_head_and_no_body_make_it_panic(
        body in prop::collection::vec(any::<u8>(), 0..80),
        start in prop::sample::select(vec![
            "", "\u{1e}", "[{\"specversion\":\"1.0\",\"id\":\"\\u0031\",\"source\":\"a\",\"type\":\"t\",\"data_base64\":\"",
            "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a\",\"type\":\"t\",\"data\":",
        ]),
        kind in prop::sample::select(vec![
            "application/cloudevents+json", "application/cloudevents-batch+json", "text/plain",
            "application/json-seq", "application/x-www-form-urlencoded", "application/json", "",
        ]),
        value in "[ -~]{0,12}",
        query in "[!-~]{0,12}",
        as_binary in any::<bool>(),
    ) {
        let body = [start.as_bytes(), &body].concat();
        let mut fields = vec![("content-type", kind)];
        if as_binary {
            fields.extend([("ce-specversion", "1.0"), ("ce-id", &value), ("ce-source", &value), ("ce-type", &value), ("ce-ext", &value)]);
        }
        let formats = "json json-array json-seq cloudevents form query text-plain";
        let _ = cut(formats, &query, &fields, &body);
    }
}
