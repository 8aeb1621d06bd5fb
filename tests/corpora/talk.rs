//! A conversation over one connection, byte by byte as a case asks for it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// No server of a test is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Codes of answers to what is no request, or more than a limit lets through.
const FRAMING: &[&str] = &[
    "request_malformed",
    "request_timeout",
    "uri_too_long",
    "headers_too_large",
    "expectation_failed",
    "transfer_coding_unknown",
    "version_unsupported",
    "request_too_large",
];

/// One answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line.
    pub(crate) line: String,
    /// Names and values as they came, the date's left out.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) date: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The `code` of a problem document, else nothing.
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether it says that there was no request, or too much of one.
    pub(crate) fn is_refused(&self) -> bool {
        FRAMING.contains(&self.code().as_str())
    }

    /// The answer to a HEAD or a 204 has no body to tell a code by.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }

    pub(crate) fn short(&self) -> String {
        format!("{} {}", self.status, self.code())
    }
}

/// One connection.
pub(crate) struct Talk {
    stream: TcpStream,
    held: Vec<u8>,
    pub(crate) closed: bool,
    /// Whether the next answer is one to HEAD.
    pub(crate) head_only: bool,
    /// Interim answers so far.
    pub(crate) continues: usize,
}

impl Talk {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            held: Vec::new(),
            closed: false,
            head_only: false,
            continues: 0,
        }
    }

    /// Sends; a server that has closed does not hear it.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next final answer, or `None` when the connection ends before one.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some((answer, used)) = whole(&self.held, self.head_only) {
                self.held.drain(..used);
                if answer.status >= 200 {
                    return Some(answer);
                }
                self.continues += 1;
                continue;
            }
            if !self.read() {
                let left = String::from_utf8_lossy(&self.held).into_owned();
                assert!(left.is_empty(), "half an answer: {left}");
                return None;
            }
        }
    }

    /// Says that nothing more comes, and gives every answer that still does.
    pub(crate) fn rest(&mut self) -> Vec<Answer> {
        let _ = self.stream.shutdown(Shutdown::Write);
        std::iter::from_fn(|| self.answer()).collect()
    }

    fn read(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => self.closed = true,
            Ok(bytes) => self.held.extend_from_slice(&piece[..bytes]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => self.closed = true,
            Err(error) => panic!("neither an answer nor an end: {error}"),
        }
        !self.closed
    }
}

/// The first whole answer in `bytes`, and its length.
fn whole(bytes: &[u8], head_only: bool) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end - 4]).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let status = line[9..12].parse().unwrap();
    let mut fields = Vec::new();
    let mut date = None;
    for field in lines {
        let (name, value) = field.split_once(": ").unwrap();
        if name == "Date" {
            date = Some(value.to_owned());
        } else {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let mut lengths = fields.iter().filter(|(name, _)| name == "Content-Length");
    let length = lengths
        .next()
        .map_or(0, |(_, value)| value.parse().unwrap());
    let length = if head_only { 0 } else { length };
    let body = bytes.get(end..end + length)?.to_vec();
    let answer = Answer {
        status,
        line,
        fields,
        date,
        body,
    };
    Some((answer, end + length))
}
