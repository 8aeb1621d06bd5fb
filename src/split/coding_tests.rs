//! Bodies in a coding: good ones, each kind of wrong one, and those that would grow without end.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::Decoders;
use crate::admit::Coding;
use crate::error::{Code, Refusal};
use crate::gateway::{Given, RehearsalRequest, rehearse};
use crate::limits::GZIP_MEMBERS_MAX;
use crate::settings::{Environment, load_text};

const LIMIT: usize = 64 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A frame without the size of its content, as streams have it.
fn zstd_stream(bytes: &[u8]) -> Vec<u8> {
    let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    writer.include_checksum(true).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

const TEXT: &str = r#"[{"id":"b-1","user":"u1"},{"id":"b-2","user":"u2"}]"#;
/// The text, by Node's zlib.
const BROTLI_OF_TEXT: &str = "1b3200f82d8e7718ee463a3111f6df504e2db255b6b76364c8e6645d9a58b274f5a54e8b5c230188241fa90d5018dda1803760a93a";
/// 8 MiB of zeros with a window of 4 MiB and one of 16 MiB.
const BROTLI_BOMBS: [&str; 2] = [
    "9bffff7ff82700e2b14020f7fe0f",
    "9fffff7ff82700e2b14020f7fe0f",
];

/// The text in each coding.
fn samples() -> [(Coding, Vec<u8>); 5] {
    [
        (Coding::Gzip, gzip(TEXT.as_bytes())),
        (Coding::Deflate, zlib(TEXT.as_bytes())),
        (
            Coding::Zstd,
            zstd::bulk::compress(TEXT.as_bytes(), 3).unwrap(),
        ),
        (Coding::Zstd, zstd_stream(TEXT.as_bytes())),
        (Coding::Brotli, from_hex(BROTLI_OF_TEXT)),
    ]
}

fn decoded(coding: Coding, body: &[u8]) -> Result<Bytes, Refusal> {
    Decoders::default().decode(coding, body, LIMIT)
}

#[test]
fn what_was_coded_comes_back_from_the_same_decoders_again_and_again() {
    let mut decoders = Decoders::default();
    for _ in 0..3 {
        for (coding, body) in samples() {
            let bytes = decoders.decode(coding, &body, LIMIT).unwrap();
            assert_eq!(bytes, TEXT, "{coding:?}");
            assert!(decoders.decode(coding, &body[1..], LIMIT).is_err());
        }
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_refused() {
    for (coding, body) in samples() {
        for end in 1..body.len() {
            let refusal = decoded(coding, &body[..end]).unwrap_err();
            assert_eq!(refusal.code, Code::EncodingInvalid, "{coding:?} {end}");
            assert!(refusal.detail.contains(coding.name()), "{refusal:?}");
        }
    }
}

#[test]
fn a_body_that_goes_on_behind_its_end_is_refused() {
    for (coding, mut body) in samples() {
        for more in [&b"\0"[..], b"}", b"garbage", b"\x1f\x8b"] {
            let length = body.len();
            body.extend_from_slice(more);
            let refusal = decoded(coding, &body).unwrap_err();
            assert_eq!(refusal.code, Code::EncodingInvalid, "{coding:?} {more:?}");
            body.truncate(length);
        }
    }
}

#[test]
fn a_damaged_body_is_refused_or_gives_what_was_sent_but_never_a_panic() {
    for (coding, body) in samples() {
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut damaged = body.clone();
                damaged[at] ^= 1 << bit;
                let result = decoded(coding, &damaged);
                // Brotli and a zstd frame without its checksum have nothing that could tell.
                let told = matches!(coding, Coding::Gzip | Coding::Deflate);
                if let (Ok(bytes), true) = (result, told) {
                    assert_eq!(bytes, TEXT, "{coding:?} {at} {bit}");
                }
            }
        }
    }
    let mut random = fastrand::Rng::with_seed(7);
    for turn in 0..2000 {
        let noise: Vec<u8> = (0..random.usize(1..200)).map(|_| random.u8(..)).collect();
        let coding = Coding::ALL[turn % 4];
        let _ = decoded(coding, &noise);
    }
}

#[test]
fn the_bound_is_met_exactly() {
    for (size, fits) in [
        (LIMIT - 1, true),
        (LIMIT, true),
        (LIMIT + 1, false),
        (LIMIT * 9, false),
    ] {
        let random: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(size)
            .collect();
        for plain in [vec![b' '; size], random] {
            let bodies = [
                (Coding::Gzip, gzip(&plain)),
                (Coding::Deflate, zlib(&plain)),
                (Coding::Zstd, zstd::bulk::compress(&plain, 1).unwrap()),
                (Coding::Zstd, zstd_stream(&plain)),
            ];
            for (coding, body) in bodies {
                match decoded(coding, &body) {
                    Ok(bytes) => assert!(fits && bytes == plain, "{coding:?} {size}"),
                    Err(refusal) => {
                        assert_eq!(
                            (refusal.code, fits),
                            (Code::RequestTooLarge, false),
                            "{size}"
                        );
                    }
                }
            }
        }
    }
    for bomb in BROTLI_BOMBS {
        let bomb = from_hex(bomb);
        let refusal = decoded(Coding::Brotli, &bomb).unwrap_err();
        assert_eq!(refusal.code, Code::RequestTooLarge);
        let whole = Decoders::default()
            .decode(Coding::Brotli, &bomb, 8 << 20)
            .unwrap();
        assert_eq!(whole.len(), 8 << 20);
    }
}

#[test]
fn gzip_has_members_and_zstd_has_frames_but_not_without_end() {
    let two = |body: &[u8], plain: &str, coding| {
        let bytes = decoded(coding, &body.repeat(2)).unwrap();
        assert_eq!(bytes, plain.repeat(2));
    };
    two(&gzip(b"{}\n"), "{}\n", Coding::Gzip);
    two(&zstd_stream(b"{}\n"), "{}\n", Coding::Zstd);
    let most = gzip(b"1").repeat(GZIP_MEMBERS_MAX);
    assert_eq!(
        decoded(Coding::Gzip, &most).unwrap().len(),
        GZIP_MEMBERS_MAX
    );
    let refusal = decoded(Coding::Gzip, &gzip(b"1").repeat(GZIP_MEMBERS_MAX + 1)).unwrap_err();
    assert!(
        refusal.detail.contains("more than 1024 members"),
        "{refusal:?}"
    );
}

// ---- Through the gateway. ----

const FILE: &str = "\
sluicegate: 1
defaults: { auth: none }
targets: { all: { discard: {} } }
routes:
  - { route: POST /json, to: [ { target: all } ] }
  - { route: POST /raw, accept: { formats: [raw] }, to: [ { target: all } ] }
  - { route: POST /gzip, accept: { encodings: [gzip, br] }, to: [ { target: all } ] }
  - { route: POST /plain, accept: { encodings: [] }, to: [ { target: all } ] }
";

/// The answer's status, its `Accept-Encoding` and its body.
fn answered(target: &str, fields: &[(&str, &str)], body: &[u8]) -> (u16, Option<String>, String) {
    let settings = load_text("t.yaml", FILE, &Environment::default()).unwrap();
    let request = RehearsalRequest {
        client: None,
        source_ip: None,
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers: fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        body: body.to_owned(),
        time: UNIX_EPOCH,
        id: 1,
    };
    let answer = rehearse(&settings, &request, &Given::default());
    let found = answer
        .fields
        .iter()
        .find(|(name, _)| name == "Accept-Encoding");
    let accepted = found.map(|(_, value)| value.clone());
    (
        answer.status,
        accepted,
        String::from_utf8(answer.body).unwrap(),
    )
}

#[test]
fn a_coding_that_a_route_does_not_take_is_a_415_that_names_those_that_it_does() {
    let body = gzip(b"{}");
    for (target, codings, status, accepted) in [
        ("/json", &["gzip"][..], 200, None),
        ("/json", &["X-GZip"], 200, None),
        ("/json", &["identity, gzip", ""], 200, None),
        ("/raw", &["gzip"], 200, None),
        ("/json", &["compress"], 415, Some("gzip, deflate, zstd, br")),
        (
            "/json",
            &["gzip, gzip"],
            415,
            Some("gzip, deflate, zstd, br"),
        ),
        (
            "/json",
            &["gzip", "br"],
            415,
            Some("gzip, deflate, zstd, br"),
        ),
        ("/gzip", &["gzip"], 200, None),
        ("/gzip", &["zstd"], 415, Some("gzip, br")),
        ("/plain", &["gzip"], 415, Some("identity")),
    ] {
        let fields: Vec<_> = codings
            .iter()
            .map(|coding| ("Content-Encoding", *coding))
            .collect();
        let answer = answered(target, &fields, &body);
        assert_eq!(
            (answer.0, answer.1.as_deref()),
            (status, accepted),
            "{codings:?} {}",
            answer.2
        );
    }
    let (status, _, said) = answered("/plain", &[("content-encoding", "gzip")], &body);
    assert!(
        status == 415 && said.contains("encoding_unsupported"),
        "{said}"
    );
    assert!(said.contains("send it uncompressed"), "{said}");
    assert_eq!(
        answered("/plain", &[("content-encoding", "identity")], b"{}").0,
        200
    );
}

/// The folder of the corpora, beside the repository unless the environment says otherwise.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("SLUICEGATE_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.join("security/compress");
    if !folder.is_dir() {
        sluicegate_testkit::skip("compressed bodies", "their corpus is not there");
        return None;
    }
    Some(folder)
}

#[test]
fn each_body_of_the_corpus_gets_its_answer() {
    let Some(folder) = corpus() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("expect.json")).unwrap();
    let expected: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), 13);
    for (name, expectation) in expected {
        let body = std::fs::read(folder.join(&name)).unwrap();
        let coding = if name.contains("deflate") {
            "deflate"
        } else {
            "gzip"
        };
        let (status, _, said) = answered("/json", &[("Content-Encoding", coding)], &body);
        let allowed: &[u16] = match name.as_str() {
            // A bare stream has nothing that tells damage: refused.
            "raw_deflate.bin" => &[400],
            "bomb_64MiB_zeros.gz" | "bomb_64MiB_of_open_brackets.gz" => &[413],
            _ if !expectation.starts_with("accept") => &[400],
            _ => &[200],
        };
        assert!(
            allowed.contains(&status),
            "{name}: {expectation}: {status} {said}"
        );
    }
}
