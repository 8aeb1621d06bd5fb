//! One request over a socket of its own: the demo speaks HTTP as any client does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the gateway may take to answer: longer than any route's `within`.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(320);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Sends a request and reads its answer.
///
/// # Errors
/// What became of the connection, or that the answer is none.
pub(super) fn post(
    to: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut socket = TcpStream::connect(to)?;
    socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    socket.set_nodelay(true)?;
    let given = |name: &str| {
        headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !given("host") {
        head += &format!("host: {to}\r\n");
    }
    if !given("content-type") && !body.is_empty() {
        head += "content-type: application/json\r\n";
    }
    if !given("content-length") && !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "connection: close\r\n\r\n";
    socket.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    read(&answer).ok_or_else(|| io::Error::other("the gateway's answer is not HTTP"))
}

fn read(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}
