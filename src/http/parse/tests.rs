//! Tables of heads: what is taken, what is refused with which code, what is not whole yet.

mod tables;

use super::*;
use crate::http::Head;
use tables::{FRAMING_REFUSED, REFUSED, TAKEN};

fn parsed(bytes: &[u8]) -> Parsed {
    parse(bytes, &mut HeadScan::default(), &mut HeadIndex::default())
}

/// A request with this line and the fields behind it.
fn request(line: &str, fields: &str) -> Vec<u8> {
    format!("{line}\r\nHost: example.com\r\n{fields}\r\n").into_bytes()
}

#[test]
fn well_formed_heads_are_taken() {
    for (text, framing, keep_alive, expects_continue) in TAKEN {
        let expected = RequestHead {
            bytes: text.len(),
            framing: *framing,
            keep_alive: *keep_alive,
            expects_continue: *expects_continue,
        };
        assert_eq!(parsed(text.as_bytes()), Parsed::Head(expected), "{text:?}");
    }
}

#[test]
fn targets_are_cut_into_path_and_query() {
    for (target, path, query) in [
        ("/", "/", None),
        ("/a%20b/c?d=e?f", "/a%20b/c", Some("d=e?f")),
        ("/a?", "/a", Some("")),
        ("//a", "//a", None),
        ("http://example.com", "/", None),
        ("HTTP://example.com?q", "/", Some("q")),
        ("https://Example.com/p?q", "/p", Some("q")),
    ] {
        let bytes = request(&format!("GET {target} HTTP/1.1"), "A:  b \r\nc:\r\n");
        let mut index = HeadIndex::default();
        let outcome = parse(&bytes, &mut HeadScan::default(), &mut index);
        assert!(matches!(outcome, Parsed::Head(_)), "{target} {outcome:?}");
        let head = Head::new(&bytes, &index);
        assert_eq!(
            (head.method(), head.path(), head.query()),
            ("GET", path, query)
        );
        assert_eq!(head.field("a"), Some(b"b".as_slice()));
        assert_eq!(head.field("C"), Some(b"".as_slice()));
        assert_eq!(head.fields().count(), 3);
    }
}

fn refused() -> Vec<(Vec<u8>, Code)> {
    let framing = FRAMING_REFUSED.iter().map(|(version, fields, code)| {
        (request(&format!("POST /e HTTP/{version}"), fields), *code)
    });
    let whole = REFUSED
        .iter()
        .map(|(text, code)| (text.as_bytes().to_vec(), *code));
    whole.chain(framing).collect()
}

fn code_of(parsed: &Parsed) -> Option<Code> {
    match parsed {
        Parsed::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

#[test]
fn what_breaks_a_rule_is_refused() {
    for (bytes, code) in refused() {
        let outcome = parsed(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(code_of(&outcome), Some(code), "{text:?} {outcome:?}");
    }
}

#[test]
fn limits_are_kept_to_the_byte() {
    let line = |bytes: usize| format!("GET /{} HTTP/1.1", "a".repeat(bytes - 14));
    let taken = |bytes: &[u8]| matches!(parsed(bytes), Parsed::Head(_));
    assert!(taken(&request(&line(REQUEST_LINE_BYTES_MAX), "")));
    let long = request(&line(REQUEST_LINE_BYTES_MAX + 1), "");
    assert_eq!(code_of(&parsed(&long)), Some(Code::UriTooLong));

    let block = |bytes: usize| {
        let empty = request("GET / HTTP/1.1", "A: \r\n").len();
        request(
            "GET / HTTP/1.1",
            &format!("A: {}\r\n", "a".repeat(bytes - empty)),
        )
    };
    assert_eq!(block(HEADER_BLOCK_BYTES_MAX).len(), HEADER_BLOCK_BYTES_MAX);
    assert!(taken(&block(HEADER_BLOCK_BYTES_MAX)));
    let long = block(HEADER_BLOCK_BYTES_MAX + 1);
    assert_eq!(code_of(&parsed(&long)), Some(Code::HeadersTooLarge));
    // Refused as soon as it is certain, not at the end of the block.
    assert_eq!(code_of(&parsed(&long[..long.len() - 1])), None);
    let endless = request(&"a".repeat(REQUEST_LINE_BYTES_MAX + 2), "");
    assert_eq!(
        code_of(&parsed(&endless[..REQUEST_LINE_BYTES_MAX + 2])),
        Some(Code::UriTooLong)
    );

    let fields = |count: usize| request("GET / HTTP/1.1", &"A: b\r\n".repeat(count - 1));
    assert!(taken(&fields(HEADER_FIELDS_MAX)));
    let many = fields(HEADER_FIELDS_MAX + 1);
    assert_eq!(code_of(&parsed(&many)), Some(Code::HeadersTooLarge));
}

/// Feeds the bytes up to `cut`, then all.
fn in_two(bytes: &[u8], cut: usize) -> Parsed {
    let (mut scan, mut index) = (HeadScan::default(), HeadIndex::default());
    match parse(&bytes[..cut], &mut scan, &mut index) {
        Parsed::Incomplete => parse(bytes, &mut scan, &mut index),
        early => early,
    }
}

fn byte_by_byte(bytes: &[u8]) -> Parsed {
    let (mut scan, mut index) = (HeadScan::default(), HeadIndex::default());
    for end in 0..bytes.len() {
        match parse(&bytes[..end], &mut scan, &mut index) {
            Parsed::Incomplete => {}
            early => return early,
        }
    }
    parse(bytes, &mut scan, &mut index)
}

#[test]
fn a_head_means_the_same_however_it_was_cut() {
    for (text, ..) in TAKEN {
        let bytes = text.as_bytes();
        let whole = parsed(bytes);
        for cut in 0..bytes.len() {
            assert_eq!(
                parsed(&bytes[..cut]),
                Parsed::Incomplete,
                "{text:?} at {cut}"
            );
            assert_eq!(in_two(bytes, cut), whole, "{text:?} at {cut}");
        }
        assert_eq!(byte_by_byte(bytes), whole, "{text:?}");
    }
    for (bytes, code) in refused() {
        let text = String::from_utf8_lossy(&bytes);
        for cut in 0..bytes.len() {
            assert_eq!(
                code_of(&in_two(&bytes, cut)),
                Some(code),
                "{text:?} at {cut}"
            );
        }
        assert_eq!(code_of(&byte_by_byte(&bytes)), Some(code), "{text:?}");
    }
}

#[test]
fn what_can_never_become_a_request_is_refused_before_its_line_ends() {
    for (text, code) in [
        ("GET / HTTP/1!", Code::RequestMalformed),
        ("GET / HTTP/5.6", Code::VersionUnsupported),
        ("\x16\x03\x01", Code::RequestMalformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nB\0", Code::RequestMalformed),
    ] {
        assert_eq!(code_of(&parsed(text.as_bytes())), Some(code), "{text:?}");
    }
    assert_eq!(parsed(b"GET / HTTP/2"), Parsed::Incomplete);
}

#[test]
fn what_follows_a_head_is_left_alone() {
    let first = request("GET /1 HTTP/1.1", "");
    let both = [first.as_slice(), b"\0garbage\n"].concat();
    assert_eq!(parsed(&both), parsed(&first));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = byte_by_byte(&bytes);
    }

    #[test]
    fn no_near_request_panics_and_cuts_change_no_verdict(
        line in "(GET|POST|OPTIONS|X)? ?(/|\\*|http://[a:\\[]*)?[a-z?#%]{0,4} ?HTTP/1.[0-2]?\r?\n?",
        fields in "((Host|Content-Length|Transfer-Encoding|Expect|X): ?(1|a|chunked|:|,){0,2}\r?\n){0,4}\r\n",
        cut in 0usize..80,
    ) {
        let bytes = [line.as_bytes(), fields.as_bytes()].concat();
        let whole = parsed(&bytes);
        let pieces = in_two(&bytes, cut.min(bytes.len()));
        proptest::prop_assert_eq!(
            matches!(whole, Parsed::Head(_)),
            matches!(pieces, Parsed::Head(_))
        );
    }
}

/// A byte that does not belong there, at each place of a line that frames the body: such a line is
/// never taken for what it almost is, nor passed over as if it were nothing.
#[test]
fn no_stray_byte_hides_a_line_that_frames_the_body() {
    for byte in 0..=u8::MAX {
        let stray: &[u8] = &[byte];
        let is_blank = byte == b' ' || byte == b'\t';
        let is_name = fields::is_token_byte(byte);
        for (name, value) in [("Transfer-Encoding", "chunked"), ("Content-Length", "6")] {
            let is_value = is_blank || (name == "Content-Length" && byte.is_ascii_digit());
            let (name, value) = (name.as_bytes(), value.as_bytes());
            // The line, whether it is taken, and whether it then frames the body.
            for (line, is_taken, frames) in [
                ([stray, name, b": ", value].concat(), is_name, false),
                ([name, stray, b": ", value].concat(), is_name, false),
                ([name, b":", stray, value].concat(), is_value, true),
                ([name, b": ", value, stray].concat(), is_value, true),
            ] {
                let head = |more: &[u8]| {
                    let start = b"POST / HTTP/1.1\r\nHost: a\r\n".as_slice();
                    parsed(&[start, more, &line, b"\r\n\r\n"].concat())
                };
                let (alone, beside) = (head(b""), head(b"Content-Length: 6\r\n"));
                let shown = format!("{}: {alone:?}, {beside:?}", line.escape_ascii());
                let framed = match &alone {
                    Parsed::Head(head) => Some(head.framing != Framing::Length(0)),
                    _ => None,
                };
                assert_eq!(framed, is_taken.then_some(frames), "{shown}");
                // Beside a length that line is one too many, or another field.
                let refused = matches!(beside, Parsed::Refused(_));
                assert_eq!(refused, !is_taken || frames, "{shown}");
            }
        }
    }
}
