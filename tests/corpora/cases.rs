//! The cases of the HTTP/1.1 corpus, as its INDEX says that they are to be read.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

/// What must become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It is no request, and must not be taken for one.
    Reject,
    /// It is one, and must not be answered as if it were not.
    Accept,
    /// Its end has not come: the server waits, and gives up at its deadline.
    Incomplete,
    /// Both are legal; refusing is the stricter choice.
    PreferReject,
    /// Both are legal; taking it is what its source would have.
    PreferAccept,
    /// Both are legal; what this gateway's profile says decides.
    Free,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) class: Class,
    /// What is sent over one connection, an answer awaited after each.
    pub(crate) sends: Vec<Vec<u8>>,
    /// False: the body has not come whole, and to accept means to wait.
    pub(crate) complete: bool,
    /// The bodies of all messages, one after the other, where the source tells them.
    pub(crate) bodies: Option<Vec<u8>>,
    /// Messages, where the source tells how many.
    pub(crate) messages: Option<u64>,
    /// Its source tests a bare parser, which does not ask for a Host.
    pub(crate) of_a_parser: bool,
}

/// What httparse says of a chunk's size line: the line, and what it is.
pub(crate) type ChunkLine = (Vec<u8>, String);

const FILES: [&str; 5] = [
    "http11probe",
    "llhttp",
    "aws_desync_guardian",
    "httparse",
    "te_mutations",
];

/// All cases that hold for any server, the overlay applied.
pub(crate) fn load(folder: &Path) -> Vec<Case> {
    let overlay = std::fs::read(folder.join("overlay.json")).unwrap();
    let overlay: HashMap<String, Value> = serde_json::from_slice(&overlay).unwrap();
    rows(folder)
        .filter(|row| row["kind"].is_null() && row["needs_config"].is_null())
        .filter(|row| row["mode"].is_null() || row["mode"] == "request")
        .map(|row| case(&row, &overlay))
        .collect()
}

/// The cases that are a chunk's size line only.
pub(crate) fn chunk_lines(folder: &Path) -> Vec<ChunkLine> {
    rows(folder)
        .filter(|row| !row["kind"].is_null())
        .map(|row| {
            (
                bytes(&row["chunk"]),
                row["value"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn rows(folder: &Path) -> impl Iterator<Item = Value> {
    FILES.into_iter().flat_map(move |name| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        rows
    })
}

fn case(row: &Value, overlay: &HashMap<String, Value>) -> Case {
    let id = row["id"].as_str().unwrap();
    let corrected = overlay.get(id);
    let expect = corrected.unwrap_or(row)["expect"].as_str().unwrap();
    // A corrected class says all that is to be said.
    let prefer = if corrected.is_some() {
        ""
    } else {
        row["prefer"].as_str().unwrap_or("")
    };
    let class = match (expect, prefer) {
        ("reject", _) => Class::Reject,
        ("accept", _) => Class::Accept,
        ("incomplete", _) => Class::Incomplete,
        (_, "reject") => Class::PreferReject,
        (_, "accept") => Class::PreferAccept,
        _ => Class::Free,
    };
    let takes = matches!(class, Class::Accept | Class::PreferAccept);
    let raw = match &row["raw_with_host"] {
        Value::String(_) if takes => &row["raw_with_host"],
        _ => &row["raw"],
    };
    let mut sends: Vec<Vec<u8>> = match row["steps"].as_array() {
        Some(steps) => steps.iter().map(|step| bytes(&step["raw"])).collect(),
        None => vec![bytes(raw)],
    };
    if row["follow_up"].is_string() {
        sends.push(bytes(&row["follow_up"]));
    }
    let spans = row["body_spans"].as_array();
    Case {
        id: id.to_owned(),
        class,
        sends,
        complete: row["complete"].as_bool().unwrap_or(true),
        bodies: spans.map(|spans| spans.iter().flat_map(bytes).collect()),
        messages: row["messages"].as_u64(),
        of_a_parser: matches!(
            row["src"].as_str(),
            Some("llhttp" | "httparse" | "aws-http-desync-guardian")
        ),
    }
}

/// A text whose characters are bytes.
fn bytes(text: &Value) -> Vec<u8> {
    let characters = text.as_str().unwrap().chars();
    characters
        .map(|one| u8::try_from(u32::from(one)).unwrap())
        .collect()
}

/// The same request with a Host line behind its first line, where it has none: what is wrong with
/// it must show with one, too.
pub(crate) fn with_host(raw: &[u8]) -> Option<Vec<u8>> {
    let has_one = raw
        .to_ascii_lowercase()
        .windows(6)
        .any(|six| six == b"\nhost:");
    let end = raw.windows(2).position(|two| two == b"\r\n")? + 2;
    let is_version_1_1 = raw[..end].ends_with(b" HTTP/1.1\r\n");
    (!has_one && is_version_1_1).then(|| [&raw[..end], b"Host: a\r\n", &raw[end..]].concat())
}
