//! The corpus against the parser alone: cut at every byte, and compared with what its sources say
//! that a request is made of.

use sluicegate::error::Code;
use sluicegate::http::{ChunkedDecoder, Cursor};

use crate::cases::{Case, Class, chunk_lines, load};
use crate::follows::{End, Follower};
use crate::{all_at_once, corpus, say};

/// Up to this length a case is cut at each byte; a longer one at this many places.
const CUTS_MAX: usize = 2048;

#[test]
fn every_case_cut_at_every_byte_is_what_it_is_as_a_whole() {
    let name = "every_case_cut_at_every_byte_is_what_it_is_as_a_whole";
    let Some(folder) = corpus("security/http1", name) else {
        return;
    };
    let cases = load(&folder);
    let checked = all_at_once(&cases, 2, cut_everywhere);
    let cuts: usize = checked.iter().map(|(cuts, _)| cuts).sum();
    let wrong: Vec<&String> = checked
        .iter()
        .filter_map(|(_, wrong)| wrong.as_ref())
        .collect();
    say(&format!(
        "HTTP/1.1 parser: {} cases cut at {cuts} places",
        cases.len()
    ));
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// The number of cuts, and the first that changed something.
fn cut_everywhere(case: &Case) -> (usize, Option<String>) {
    let bytes: Vec<u8> = case.sends.concat();
    let whole = Follower::of(&bytes);
    let differs = |other: &Follower, how: String| {
        let same = other.end() == whole.end() && other.messages == whole.messages;
        (!same).then(|| format!("{} {how}: {:?} / {:?}", case.id, whole.end(), other.end()))
    };
    let step = bytes.len().div_ceil(CUTS_MAX).max(1);
    let mut cuts = 0;
    for cut in (0..bytes.len()).step_by(step) {
        let mut pieces = Follower::of(&bytes[..cut]);
        pieces.feed(&bytes[cut..]);
        cuts += 1;
        if let Some(wrong) = differs(&pieces, format!("cut at {cut}")) {
            return (cuts, Some(wrong));
        }
    }
    let mut bytewise = Follower::default();
    for byte in &bytes {
        bytewise.feed(&[*byte]);
    }
    (cuts, differs(&bytewise, "byte by byte".to_owned()))
}

#[test]
fn the_parser_finds_the_messages_and_bodies_that_the_sources_tell_of() {
    let name = "the_parser_finds_the_messages_and_bodies_that_the_sources_tell_of";
    let Some(folder) = corpus("security/http1", name) else {
        return;
    };
    let (mut compared, mut wrong) = (0, Vec::new());
    for case in load(&folder) {
        let (Some(bodies), Class::Accept) = (&case.bodies, case.class) else {
            continue;
        };
        compared += 1;
        let all = Follower::of(&case.sends[0]);
        let found: Vec<u8> = all
            .messages
            .iter()
            .flat_map(|one| one.body.clone())
            .collect();
        // A second message of a parser's case has no Host, which ends the conversation.
        let messages = all.messages.len() as u64;
        let is_count = case.messages.is_none_or(|told| {
            told == messages || all.end() == End::Refused(Code::RequestMalformed)
        });
        let is_body = if is_count && case.messages == Some(messages) {
            found == *bodies
        } else {
            bodies.starts_with(&found)
        };
        if !is_count || !is_body {
            let shown = String::from_utf8_lossy(&found).into_owned();
            wrong.push(format!("{}: {messages} messages, {shown:?}", case.id));
        }
    }
    say(&format!(
        "HTTP/1.1 parser: the bodies of {compared} cases compared"
    ));
    assert!(compared > 20, "{compared}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn chunk_sizes_are_what_httparse_says() {
    let Some(folder) = corpus("security/http1", "chunk_sizes_are_what_httparse_says") else {
        return;
    };
    let lines = chunk_lines(&folder);
    assert!(!lines.is_empty());
    for (line, value) in lines {
        let mut bytes = line.clone();
        let mut decoder = ChunkedDecoder::new(u64::MAX);
        let advanced = decoder.advance(&mut bytes, &mut Cursor { write: 0, read: 0 });
        let shown = String::from_utf8_lossy(&line).into_owned();
        let size = value.split([',', ')']).nth(1).map(str::trim);
        match size {
            // The body's end is waited for, or so many bytes of data.
            Some(size) => {
                let size = if size == "u64::MAX" {
                    u64::MAX
                } else {
                    size.parse().unwrap()
                };
                let arrived = line.iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
                if line.contains(&b' ') {
                    // A blank is a place where two servers read two sizes; httparse passes it over.
                    assert!(advanced.is_err(), "{shown}");
                    continue;
                }
                assert_eq!(advanced, Ok(false), "{shown}");
                assert_eq!(decoder.expected() + arrived, size, "{shown}");
            }
            None if value.ends_with("Partial") => assert_eq!(advanced, Ok(false), "{shown}"),
            None => assert!(advanced.is_err(), "{shown}: {advanced:?}"),
        }
    }
}
