//! Lines for curl become the requests that curl would send.

use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Whole {
    #[arg(num_args = 1..=3)]
    words: Vec<String>,
    #[command(flatten)]
    curl: Curl,
}

fn asked(words: &[&str]) -> Asked {
    let matches = Whole::command().try_get_matches_from(words).unwrap();
    let whole = Whole::from_arg_matches(&matches).unwrap();
    whole.curl.request(&whole.words, Some(&matches)).unwrap()
}

/// A request as one line: method, target, header fields, body.
fn line_of(words: &[&str]) -> String {
    let asked = asked(words);
    let headers: Vec<String> = asked
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let body = String::from_utf8(asked.body).unwrap();
    let parts = [asked.method, asked.target, headers.join(", "), body];
    parts.join(" | ")
}

#[test]
fn lines_become_what_curl_sends() {
    for (words, wanted) in [
        (&["POST /a?b=1"][..], "POST | /a?b=1 |  | "),
        (&["POST", "/a"], "POST | /a |  | "),
        (&["/a"], "GET | /a |  | "),
        (
            &["curl", "http://h:8080/a?x=1#y"],
            "GET | /a?x=1 | Host: h:8080 | ",
        ),
        (&["curl", "https://h"], "GET | / | Host: h | "),
        (
            &["curl", "http://h?x=1", "-H", "Host: other", "-sS", "-v"],
            "GET | /?x=1 | Host: other | ",
        ),
        (
            &["/a", "-d", "a=1", "-d", "b=2"],
            "POST | /a | Content-Type: application/x-www-form-urlencoded | a=1&b=2",
        ),
        (
            &[
                "/a",
                "--data-raw",
                "@x",
                "-d",
                "b",
                "--data-urlencode",
                "c=ü &",
            ],
            "POST | /a | Content-Type: application/x-www-form-urlencoded | @x&b&c=%C3%BC%20%26",
        ),
        (
            &["/a", "--json", "{\"a\":1}"],
            "POST | /a | Content-Type: application/json, Accept: application/json | {\"a\":1}",
        ),
        (
            &["/a", "-X", "PUT", "-H", "content-type: text/csv", "-d", "1"],
            "PUT | /a | content-type: text/csv | 1",
        ),
        (
            &["/a?x=1", "-G", "-d", "y=2", "--url-query", "z=a b"],
            "GET | /a?x=1&z=a%20b&y=2 |  | ",
        ),
        (
            &["/a", "-u", "me:secret"],
            "GET | /a | Authorization: Basic bWU6c2VjcmV0 | ",
        ),
        (
            &["/a", "-I", "-A", "me", "-b", "c=d"],
            "HEAD | /a | User-Agent: me, Cookie: c=d | ",
        ),
        (&["POST /a", "--body", "-x"], "POST | /a |  | -x"),
        (&["/a", "--body", ""], "POST | /a |  | "),
        (&["/a", "-H", "X-Empty;"], "GET | /a | X-Empty:  | "),
    ] {
        assert_eq!(line_of(words), wanted, "{words:?}");
    }
}

#[test]
fn a_file_is_sent_as_curl_sends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body");
    std::fs::write(&path, "a\r\nb\n").unwrap();
    let at = format!("@{}", path.display());
    for (flag, wanted) in [
        ("-d", "ab"),
        ("--data-binary", "a\r\nb\n"),
        ("--json", "a\r\nb\n"),
        ("--body", "a\r\nb\n"),
        ("--data-raw", at.as_str()),
    ] {
        assert_eq!(asked(&["/a", flag, &at]).body, wanted.as_bytes(), "{flag}");
    }
    let missing = Whole::parse_from(["/a", "-d", "@/nowhere/at/all"]);
    let trouble = missing.curl.request(&missing.words, None);
    assert!(matches!(trouble, Err(Trouble::Unread(said)) if said.contains("/nowhere/at/all")));
}

#[test]
fn what_is_no_request_says_what_one_is() {
    for words in [
        &["orders"][..],
        &["ftp://h/a"],
        &["POST", "/a", "b"],
        &["POST /a b"],
        &["/ü"],
    ] {
        let whole = Whole::parse_from(words);
        let trouble = whole.curl.request(&whole.words, None);
        assert!(
            matches!(&trouble, Err(Trouble::Written(said)) if said.contains("'POST /orders'")),
            "{words:?}: {trouble:?}"
        );
    }
}
