//! The requirements of RFC 9110 and 9112 on a server's answers, checked on ours: each rule of the
//! list has a check, or the reason why it cannot be broken here.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use sluicegate::error::Code;
use sluicegate::http::ResponseWriter;

use crate::edge::{Edge, OPEN, drivers, quick};
use crate::talk::{Answer, Talk};
use crate::{corpus, say};

/// What is checked, and what a check sees.
struct Scene {
    address: SocketAddr,
    /// An answer of each kind that the gateway gives.
    answers: Vec<Answer>,
}

type Check = fn(&Scene);

/// Every requirement of the list, by its name there.
const RULES: &[(&str, Check)] = &[
    ("continue_before_upgrade", never_switches),
    ("reject_fields_contaning_cr_lf_nul", |scene| {
        for byte in ["\r", "\n", "\0"] {
            scene.refuses(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: a{byte}b\r\n\r\n"));
        }
    }),
    ("code_400_after_bad_host_request", |scene| {
        for host in [
            "",
            "Host: a\r\nHost: a\r\n",
            "Host: a b\r\n",
            "Host: a@b\r\n",
            "Host: a:b\r\n",
        ] {
            scene.refuses(&format!("GET / HTTP/1.1\r\n{host}\r\n"));
        }
    }),
    ("content_head_request", |scene| {
        for line in [
            "HEAD /after HTTP/1.1",
            "HEAD /none HTTP/1.1",
            "HEAD / HTTP/9.9",
            "HEAD /\u{7f} HTTP/1.1",
        ] {
            let bytes = scene.bytes(&format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n"));
            assert!(
                bytes.starts_with("HTTP/1.1 ") && bytes.ends_with("\r\n\r\n"),
                "{line}: {bytes}"
            );
            assert_eq!(bytes.matches("\r\n\r\n").count(), 1, "{line}: {bytes}");
        }
    }),
    (
        "reject_msgs_with_whitespace_between_startline_and_first_header_field",
        |scene| {
            scene.refuses("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
            scene.refuses("GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n");
        },
    ),
    (
        "code_400_if_msg_with_whitespace_between_header_field_and_colon",
        |scene| {
            scene.refuses("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
            scene.refuses("GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n");
        },
    ),
    ("content_length_2XX_connect", connect_is_never_a_success),
    ("transfer_encoding_2XX_connect", connect_is_never_a_success),
    ("response_directive_max_age", no_directive_is_quoted),
    ("response_directive_s_maxage", no_directive_is_quoted),
    ("duplicate_fields", |scene| {
        for answer in &scene.answers {
            let names: BTreeSet<String> = answer
                .fields
                .iter()
                .map(|(name, _)| name.to_lowercase())
                .collect();
            assert_eq!(names.len(), answer.fields.len(), "{answer:?}");
        }
    }),
    ("content_length_1XX_204", neither_1xx_nor_204_has_a_body),
    ("send_upgrade_426", |_| never_sent(426)),
    ("send_upgrade_101", never_switches),
    ("switch_protocol_without_client", never_switches),
    ("sts_directives_only_allowed_once", no_strict_transport),
    ("only_one_sts_header_allowed", no_strict_transport),
    ("sts_header_http", no_strict_transport),
    ("date_header_required", |scene| {
        for answer in &scene.answers {
            let date = answer
                .date
                .as_deref()
                .unwrap_or_else(|| panic!("{answer:?}"));
            // `Sun, 06 Nov 1994 08:49:37 GMT`
            assert!(
                date.len() == 29 && date.ends_with(" GMT") && &date[3..5] == ", ",
                "{date}"
            );
        }
    }),
    (
        "no_transfer_encoding_1xx_204",
        neither_1xx_nor_204_has_a_body,
    ),
    ("transfer_encoding_http11", |scene| {
        let coded = |answer: &&Answer| answer.field("transfer-encoding").is_some();
        assert_eq!(scene.answers.iter().find(coded), None);
    }),
    ("sts_max_age", no_strict_transport),
    ("post_invalid_response_codes", |_| {
        [206, 304, 416].into_iter().for_each(never_sent)
    }),
    ("no_bare_cr", |scene| {
        for answer in &scene.answers {
            let texts = answer.fields.iter().flat_map(|(name, value)| [name, value]);
            let mut texts = texts.chain([&answer.line]);
            assert!(
                texts.all(|text| !text.contains(['\r', '\n', '\0'])),
                "{answer:?}"
            );
        }
    }),
    ("field_value_zero_value_lf_cr", |scene| {
        // A rule of HTTP/2, which holds here as well.
        let of_line = RULES
            .iter()
            .find(|(name, _)| *name == "no_bare_cr")
            .unwrap();
        (of_line.1)(scene);
    }),
    ("field_value_start_or_end_with_whitespace", |scene| {
        for answer in &scene.answers {
            let mut values = answer.fields.iter().map(|(_, value)| value);
            assert!(values.all(|value| value.trim() == value), "{answer:?}");
        }
    }),
    (
        "code_204_no_additional_content",
        neither_1xx_nor_204_has_a_body,
    ),
    ("code_205_no_content_allowed", |_| never_sent(205)),
    ("code_206_content_range", |_| never_sent(206)),
    ("code_206_content_range_of_multiple_part_response", |_| {
        never_sent(206)
    }),
    ("code_401_www_authenticate", |scene| {
        let mut refused = scene
            .answers
            .iter()
            .filter(|one| one.status == 401)
            .peekable();
        assert!(refused.peek().is_some());
        assert!(refused.all(|answer| answer.field("www-authenticate").is_some()));
    }),
    ("code_405_allow", |scene| {
        let refused: Vec<&Answer> = scene
            .answers
            .iter()
            .filter(|one| one.status == 405)
            .collect();
        assert!(!refused.is_empty());
        for answer in refused {
            assert!(
                answer
                    .field("allow")
                    .is_some_and(|allow| allow.contains("POST")),
                "{answer:?}"
            );
        }
    }),
    ("code_407_proxy_authenticate", |_| never_sent(407)),
    ("code_304_no_content", |_| never_sent(304)),
    ("content_length_same_head_get", |scene| {
        for path in ["/after", "/none"] {
            let [got, head] = ["GET", "HEAD"].map(|method| {
                let mut talk = Talk::to(scene.address);
                talk.head_only = method == "HEAD";
                talk.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
                talk.answer().unwrap()
            });
            // A problem's id has always the same length.
            if got.status == head.status {
                assert_eq!(
                    got.field("content-length"),
                    head.field("content-length"),
                    "{path}"
                );
            }
        }
    }),
    ("content_length_same_304_200", |_| never_sent(304)),
    ("code_206_headers", |_| never_sent(206)),
    ("code_304_headers", |_| never_sent(304)),
];

/// Rules that cannot be broken here, and why.
const NOT_OURS: &[(&str, &str)] = &[
    ("code_101_not_allowed_in_http2", "HTTP/2 is not spoken"),
    (
        "field_name_nonvisible_asciichars",
        "lower-case names are a rule of HTTP/2, which is not spoken",
    ),
    (
        "field_name_colon_except_for_pseudo_header_fields",
        "HTTP/2 is not spoken",
    ),
];

/// Requests that draw an answer of each kind.
const ASKED: &[(&str, u16)] = &[
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        200,
    ),
    ("GET /after HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("GET /after HTTP/1.0\r\n\r\n", 200),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        400,
    ),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    (
        "POST /keyed HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        401,
    ),
    ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
        413,
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
    ),
    ("POST / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        408,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: rot13\r\nContent-Length: 1\r\n\r\nx",
        415,
    ),
];

impl Scene {
    fn bytes(&self, request: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn refuses(&self, request: &str) {
        let answer = self.bytes(request);
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{request:?}: {answer}"
        );
        assert!(
            answer.contains("\r\nConnection: close\r\n"),
            "{request:?}: {answer}"
        );
    }
}

fn never_sent(status: u16) {
    assert!(
        Code::ALL.iter().all(|code| code.status() != status),
        "{status}"
    );
}

/// 101 is never sent: a client that asks for another protocol gets HTTP/1.1.
fn never_switches(scene: &Scene) {
    let mut talk = Talk::to(scene.address);
    talk.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    );
    std::thread::sleep(std::time::Duration::from_millis(100));
    talk.send(b"x");
    let answer = talk.answer().unwrap();
    assert_eq!((answer.status, answer.field("upgrade")), (200, None));
    assert_eq!(talk.continues, 1);
    never_sent(101);
}

fn connect_is_never_a_success(scene: &Scene) {
    scene.refuses("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.refuses("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n");
}

fn no_directive_is_quoted(scene: &Scene) {
    for answer in &scene.answers {
        let control = answer.field("cache-control").unwrap_or_default();
        assert!(!control.contains('"'), "{control}");
    }
}

fn no_strict_transport(scene: &Scene) {
    // It is not for answers over plain TCP, which is all that the data port speaks.
    let strict = |answer: &&Answer| answer.field("strict-transport-security").is_some();
    assert_eq!(scene.answers.iter().find(strict), None);
}

fn neither_1xx_nor_204_has_a_body(scene: &Scene) {
    let mut out = Vec::new();
    ResponseWriter::new(&mut out, true, false).write(204, &[("Allow", b"POST")], b"body");
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 204 No Content\r\n") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
    assert!(
        !text.contains("Content-Length") && !text.contains("Transfer-Encoding"),
        "{text}"
    );
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    let text = scene.bytes(head);
    // The body does not come: the interim answer is followed by the deadline's.
    assert!(
        text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "),
        "{text}"
    );
}

#[test]
fn every_requirement_on_answers_holds() {
    let edge = Edge::start(drivers()[0], OPEN, quick());
    let answer = |(request, status): &(&str, u16)| {
        let mut talk = Talk::to(edge.address);
        talk.send(request.as_bytes());
        let answer = talk.answer().unwrap();
        assert_eq!(answer.status, *status, "{request}");
        answer
    };
    let scene = Scene {
        address: edge.address,
        answers: ASKED.iter().map(answer).collect(),
    };
    for (rule, check) in RULES {
        println!("{rule}");
        check(&scene);
    }
}

#[test]
fn no_requirement_of_the_list_is_left_out() {
    let Some(folder) = corpus("security/http1", "no_requirement_of_the_list_is_left_out") else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("cispa_response_rules.jsonl")).unwrap();
    let rows = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let listed: BTreeSet<String> = rows
        .filter(|row| row["level"] == "REQUIREMENT")
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    let ours = RULES
        .iter()
        .map(|(name, _)| *name)
        .chain(NOT_OURS.iter().map(|(name, _)| *name));
    let ours: BTreeSet<String> = ours.map(str::to_owned).collect();
    assert_eq!(listed, ours);
    let (checked, not) = (RULES.len(), NOT_OURS.len());
    say(&format!(
        "requirements on answers: {checked} checked, {not} cannot apply"
    ));
}
