//! Answers that their route shapes.

use super::*;

const JSON: &str = "[Content-Type: application/json]";
const TEXT: &str = "[Content-Type: text/plain; charset=utf-8]";

#[test]
fn a_success_is_answered_as_its_route_says() {
    for (reply, expected) in [
        ("{ status: 201, body: none }", "201 ".to_owned()),
        ("{ status: 204 }", "204 ".to_owned()),
        ("{ body: '' }", "200 ".to_owned()),
        ("{ body: plain }", format!("200 {TEXT} plain")),
        (
            "{ status: 201, headers: { Location: '/a/${path.id}' }, body: { n: '${event.n}' } }",
            format!("201 {JSON} [Location: /a/7] {{\"n\":1}}"),
        ),
        (
            "{ body: [ '${query.color}', '${request.method}', '${results.all.outcome}' ] }",
            format!("200 {JSON} [\"red\",\"POST\",\"delivered\"]"),
        ),
        (
            "{ body: { none: '${event.?none}', skipped: '${results.more.outcome}' } }",
            format!("200 {JSON} {{\"skipped\":\"skipped\"}}"),
        ),
        (
            "{ body: { id: '${reply.id}', is: '${request.id == reply.id}' } }",
            format!("200 {JSON} {{\"id\":\"{SHOWN_ID}\",\"is\":true}}"),
        ),
        (
            "{ body: '${reply.status}/${reply.outcome}/${reply.accepted}/${reply.ack}' }",
            format!("200 {TEXT} 200/all/1/confirmed"),
        ),
        (
            "{ status: '${event.n == 1 ? 201 : 200}', body: none }",
            "201 ".to_owned(),
        ),
        (
            "{ headers: { content-type: text/csv }, body: 'a,${event.n}' }",
            "200 [content-type: text/csv] a,1".to_owned(),
        ),
        ("{ body: '${event}' }", format!("200 {JSON} {{\"n\":1}}")),
        (
            "{ body: '${json(event)}' }",
            format!("200 {TEXT} {{\"n\":1}}"),
        ),
        (
            "{ body: '${has(results.all.code)}' }",
            format!("200 {JSON} false"),
        ),
        (
            "{ body: \"${results.all.?code.orValue('none')}\" }",
            format!("200 {TEXT} none"),
        ),
        (
            "{ status: 303, headers: { Location: /done }, body: none }",
            "303 [Location: /done] ".to_owned(),
        ),
    ] {
        let route = format!("    reply: {reply}");
        let answer = Scene {
            route: &route,
            ..PLAIN
        }
        .answer();
        assert_eq!(shown(&answer), expected, "{reply}");
        assert_eq!(field(&answer, "Sluicegate-Outcome"), Some("all"));
    }
}

#[test]
fn what_cannot_be_shaped_truly_goes_out_plain_and_says_so() {
    let hostile = r#"{"n":1,"text":"a\r\nSet-Cookie: b","wide":"\u00e9","status":404}"#;
    for (reply, why) in [
        (
            "{ headers: { X-Text: '${event.text}' }, body: x }",
            "headers.X-Text` has characters",
        ),
        (
            "{ headers: { X-Text: 'a ${event.wide}' } }",
            "headers.X-Text` has characters",
        ),
        (
            "{ status: '${event.status}' }",
            "`reply.status` is 404, which is not true of a 200",
        ),
        (
            "{ status: '${event.text}' }",
            "it must be a whole number, and is text",
        ),
        ("{ status: '${65736}' }", "not true"),
        ("{ body: '${event.missing}' }", "event.missing is missing"),
        ("{ body: { a: '${event.n / 0}' } }", "a division by zero"),
        (
            "{ headers: { X: '${event}' } }",
            "it must be text, and is an object",
        ),
    ] {
        let route = format!("    reply: {reply}");
        let answer = Scene {
            route: &route,
            body: hostile,
            ..PLAIN
        }
        .answer();
        let unshaped = answer.unshaped.clone().unwrap_or_default();
        assert!(unshaped.contains(why), "{reply}: {unshaped}");
        assert!(!unshaped.contains("Cookie"), "{unshaped}");
        assert_eq!(
            (answer.status, json(&answer)["accepted"].as_u64()),
            (200, Some(1)),
            "{reply}"
        );
        assert_eq!(answer.fields.len(), 3, "{:?}", answer.fields);
    }
}

#[test]
fn what_is_kept_for_an_answer_is_bounded() {
    let body = format!(r#"{{"n":1,"large":"{}"}}"#, "x".repeat(20_000));
    let route = "    reply: { body: '${event.large}' }";
    let answer = Scene {
        route,
        body: &body,
        ..PLAIN
    }
    .answer();
    assert!(
        answer.unshaped.clone().unwrap().contains("16384 bytes"),
        "{}",
        shown(&answer)
    );
    assert_eq!(answer.status, 200);
}

const REFUSAL: &str = "    reply:
      refusal:
        status: \"${error.code == 'conflict' ? 412 : error.status}\"
        headers: { X-Error: '${error.code}' }
        body: { why: '${error.detail}', again: '${error.retryable}', all: '${results.all.outcome}',
                id: '${path.id}' }";

#[test]
fn a_refusal_is_answered_as_its_route_says() {
    use GivenOutcome as Given;
    for (body, given, status, code, all) in [
        (
            "{}",
            &[("all", Given::Conflict)][..],
            412,
            "conflict",
            "refused",
        ),
        (
            "{}",
            &[("all", Given::Refused)],
            422,
            "record_refused",
            "refused",
        ),
        (
            "{}",
            &[("all", Given::Unavailable)],
            503,
            "not_stored",
            "not_stored",
        ),
        ("{}", &[("all", Given::Lost)], 504, "unconfirmed", "unknown"),
        (
            "{\"more\":true}",
            &[("more", Given::Unavailable)],
            502,
            "partly_stored",
            "delivered",
        ),
        ("{", &[], 400, "json_invalid", "skipped"),
        ("{\"more\":1}", &[], 422, "mapping_failed", "skipped"),
        ("", &[], 400, "body_empty", "skipped"),
    ] {
        let answer = Scene {
            route: REFUSAL,
            body,
            given,
            ..PLAIN
        }
        .answer();
        assert_eq!(answer.unshaped, None, "{body}");
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(field(&answer, "X-Error"), Some(code), "{body}");
        assert_eq!(field(&answer, "Content-Type"), Some("application/json"));
        assert_eq!(field(&answer, "Retry-After").is_some(), status == 503);
        let said = json(&answer);
        assert_eq!(
            (said["all"].as_str(), said["id"].as_str()),
            (Some(all), Some("7")),
            "{said}"
        );
        assert!(
            said["why"].as_str().is_some_and(|why| !why.is_empty()),
            "{said}"
        );
        assert_eq!(said["again"], status >= 502, "{said}");
    }
    // Before the body is read, too.
    let headers = [("content-encoding", "br")];
    let answer = Scene {
        route: REFUSAL,
        headers: &headers,
        ..PLAIN
    }
    .answer();
    assert_eq!(field(&answer, "X-Error").is_some(), answer.status >= 400);
}

#[test]
fn one_status_for_all_refusals_holds_where_it_is_true() {
    let route = "    reply: { refusal: { status: 400, body: 'no' } }";
    for (given, status) in [
        (GivenOutcome::Refused, 400),
        (GivenOutcome::Conflict, 400),
        (GivenOutcome::Unavailable, 503),
        (GivenOutcome::Lost, 504),
    ] {
        let answer = Scene {
            route,
            given: &[("all", given)],
            ..PLAIN
        }
        .answer();
        assert_eq!((answer.status, &*answer.body), (status, &b"no"[..]));
        assert_eq!(answer.unshaped, None);
    }
    // A problem document says the status that it is sent with.
    let route = "    reply: { refusal: { status: 400 } }";
    let answer = Scene {
        route,
        given: &[("all", GivenOutcome::Refused)],
        ..PLAIN
    }
    .answer();
    assert_eq!(
        (answer.status, json(&answer)["status"].as_u64()),
        (400, Some(400))
    );
}

#[test]
fn a_batch_is_answered_with_its_list_whatever_its_route_shapes() {
    let route = "    reply: { status: 201, body: x, refusal: { status: 400, body: y } }";
    for (body, status) in [("[{},{}]", 200), ("[{},{\"more\":1}]", 422)] {
        let answer = Scene {
            route,
            body,
            ..PLAIN
        }
        .answer();
        assert_eq!((answer.status, answer.unshaped.as_deref()), (status, None));
        assert!(json(&answer)["accepted"].is_number());
    }
}

#[test]
fn a_shaped_body_stands_over_what_a_client_prefers() {
    for (reply, applied, body) in [
        ("{ body: x }", None, "x"),
        ("{ status: 201 }", Some("return=minimal"), ""),
    ] {
        let route = format!("    reply: {reply}");
        let headers = [("prefer", "return=minimal")];
        let answer = Scene {
            route: &route,
            headers: &headers,
            ..PLAIN
        }
        .answer();
        assert_eq!(field(&answer, "Preference-Applied"), applied);
        assert_eq!(String::from_utf8_lossy(&answer.body), body);
    }
}
