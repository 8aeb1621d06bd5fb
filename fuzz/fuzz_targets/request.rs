//! The parser of request heads: the same verdict however the bytes are cut, and nothing is taken
//! that httparse does not take, or whose framing two readers could understand differently.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::{
    Framing, Head, HeadIndex, HeadScan, Parsed, Preferences, RequestHead, Version, parse,
};

/// A head of more bytes is looked into with each new line only, so that what is wrong with its
/// last line may be said later.
const GLANCE_BYTES: usize = 2048;

fuzz_target!(|data: &[u8]| {
    let mut index = HeadIndex::default();
    let whole = parse(data, &mut HeadScan::default(), &mut index);
    for ends in sluicegate_fuzz::cuts(data) {
        let mut part_index = HeadIndex::default();
        let mut scan = HeadScan::default();
        let mut part = Parsed::Incomplete;
        for end in ends {
            part = parse(&data[..end], &mut scan, &mut part_index);
            if part != Parsed::Incomplete {
                break;
            }
        }
        match (&whole, &part) {
            (Parsed::Head(whole), Parsed::Head(part)) => {
                assert_eq!(whole, part);
                assert_eq!(format!("{index:?}"), format!("{part_index:?}"));
            }
            (Parsed::Refused(_), Parsed::Refused(_)) | (Parsed::Incomplete, Parsed::Incomplete) => {
            }
            (Parsed::Refused(_), Parsed::Incomplete) | (Parsed::Incomplete, Parsed::Refused(_))
                if data.len() > GLANCE_BYTES => {}
            _ => panic!("whole it is {whole:?}, in pieces {part:?}"),
        }
    }
    if let Parsed::Head(taken) = whole {
        as_httparse_has_it(data, &taken, &index);
        framing_is_clear(&taken, &Head::new(data, &index));
    }
});

fn as_httparse_has_it(data: &[u8], taken: &RequestHead, index: &HeadIndex) {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(&data[..taken.bytes]);
    assert_eq!(parsed, Ok(httparse::Status::Complete(taken.bytes)));
    let head = Head::new(data, index);
    assert_eq!(Some(head.method()), request.method);
    let minor = u8::from(head.version() == Version::Http11);
    assert_eq!(Some(minor), request.version);
    let target = request.path.unwrap_or_default();
    let cut = match head.query() {
        Some(query) => format!("{}?{query}", head.path()),
        None => head.path().to_owned(),
    };
    // A whole URL has its scheme and authority before the path, and may have no path of its own.
    let bare = target.split_once("://").is_some_and(|(_, rest)| {
        let end = rest.find(['/', '?']);
        end.is_none_or(|end| rest[end..].starts_with('?'))
    });
    assert!(
        target.ends_with(&cut) || (bare && head.path() == "/"),
        "{target:?} was cut into {cut:?}"
    );
    let theirs: Vec<_> = request.headers.iter().map(|f| (f.name, f.value)).collect();
    assert_eq!(head.fields().collect::<Vec<_>>(), theirs);
    let _ = Preferences::of(&head);
}

/// The rules of the strict profile once more, in other words.
fn framing_is_clear(taken: &RequestHead, head: &Head<'_>) {
    let all = |name: &str| -> Vec<&[u8]> {
        let of = head.fields().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of.map(|(_, value)| value).collect()
    };
    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    match taken.framing {
        Framing::Chunked => {
            assert!(codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked"));
            assert!(lengths.is_empty() && head.version() == Version::Http11);
        }
        Framing::Length(length) => {
            assert!(codings.is_empty());
            match lengths.as_slice() {
                [] => assert_eq!(length, 0),
                [text] => {
                    assert!((1..=19).contains(&text.len()) && text.iter().all(u8::is_ascii_digit));
                    let text = std::str::from_utf8(text).unwrap_or_default();
                    assert_eq!(text.parse(), Ok(length));
                }
                _ => panic!("two lengths: {lengths:?}"),
            }
        }
    }
    let hosts = all("host");
    assert!(hosts.len() == 1 || (hosts.is_empty() && head.version() == Version::Http10));
    for (name, value) in head.fields() {
        assert!(!name.is_empty() && !value.iter().any(|b| b.is_ascii_control() && *b != b'\t'));
    }
}
