//! A bare HTTP/1.1 client: one connection, kept alive, nothing hidden.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::PATIENCE;

/// One connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    held: Vec<u8>,
}

/// A request as it is sent.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code` of a problem document, empty where there is none.
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Client {
    /// A client of this address; it connects when it sends.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            held: Vec::new(),
        }
    }

    /// Posts one JSON event.
    pub(crate) fn post(&mut self, target: &str, body: &str) -> Answer {
        self.post_as("application/json", target, body.as_bytes())
    }

    /// Posts a body of this type.
    pub(crate) fn post_as(&mut self, kind: &str, target: &str, body: &[u8]) -> Answer {
        let fields = [("Content-Type", kind)];
        self.send(&Request {
            method: "POST",
            target,
            fields: &fields,
            body,
        })
    }

    /// Gets a page.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            target,
            fields: &[],
            body: b"",
        })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> Answer {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }

    /// As `send`, where the connection may break.
    pub(crate) fn try_send(&mut self, request: &Request<'_>) -> std::io::Result<Answer> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            request.method, request.target, self.address
        );
        for (name, value) in request.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if request.method != "GET" || !request.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
        }
        head.push_str("\r\n");
        let bytes = [head.as_bytes(), request.body].concat();
        let stream = self.connect()?;
        // An answer may come, and the connection close, before the body is sent whole.
        let sent = stream.write_all(&bytes);
        let answer = self.read();
        match (answer, sent) {
            (Ok(answer), _) => {
                if answer.field("connection") == Some("close") {
                    self.stream = None;
                }
                Ok(answer)
            }
            (Err(_), Err(error)) | (Err(error), Ok(())) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    /// Sends a HEAD, whose answer has no body, and gives its status.
    pub(crate) fn send_head(&mut self, request: &Request<'_>) -> u16 {
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            request.method, request.target, self.address
        );
        let stream = self.connect().unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Sends a head with these fields and then these bytes as they are: for bodies that break the
    /// rules. No Content-Length is added.
    pub(crate) fn send_raw(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        bytes: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let stream = self.connect().unwrap();
        stream
            .write_all(&[head.as_bytes(), bytes].concat())
            .unwrap();
        self.read().unwrap()
    }

    fn connect(&mut self) -> std::io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            self.held.clear();
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            self.stream = Some(stream);
        }
        self.stream
            .as_mut()
            .ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }

    fn read(&mut self) -> std::io::Result<Answer> {
        loop {
            if let Some((answer, used)) = whole(&self.held) {
                self.held.drain(..used);
                return Ok(answer);
            }
            let mut piece = [0; 64 * 1024];
            let count = self.connect()?.read(&mut piece)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.held.extend_from_slice(&piece[..count]);
        }
    }
}

/// A whole answer at the start of what was read, with its length.
fn whole(held: &[u8]) -> Option<(Answer, usize)> {
    let head_bytes = held.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&held[..head_bytes]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let fields: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        fields,
        body: Vec::new(),
    };
    if status == 100 {
        let (answer, used) = whole(&held[head_bytes..])?;
        return Some((answer, head_bytes + used));
    }
    if answer.field("transfer-encoding").is_some() {
        let (body, used) = unchunked(&held[head_bytes..])?;
        answer.body = body;
        return Some((answer, head_bytes + used));
    }
    let length = answer
        .field("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    answer.body = held.get(head_bytes..head_bytes + length)?.to_vec();
    Some((answer, head_bytes + length))
}

/// A chunked body, as the admin port may send one.
fn unchunked(held: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = held
            .get(at..)?
            .windows(2)
            .position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&held[at..at + line]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        at += line + 2;
        body.extend_from_slice(held.get(at..at + size)?);
        held.get(at + size..at + size + 2)?;
        at += size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// Posts bodies 0 to `count` over so many connections at once; gives how many answers had each
/// status that is not `expected`.
pub(crate) fn flood(
    address: SocketAddr,
    connections: usize,
    count: u64,
    expected: u16,
    post: impl Fn(&mut Client, u64) -> Answer + Sync,
) -> Vec<(u64, Answer)> {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let running: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::to(address);
                    let mut others = Vec::new();
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= count {
                            return others;
                        }
                        let answer = post(&mut client, n);
                        if answer.status != expected {
                            others.push((n, answer));
                        }
                    }
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}
