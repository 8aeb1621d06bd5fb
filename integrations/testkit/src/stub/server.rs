//! The stub's socket: reads a request, lets its service answer, and spoils the answer as the
//! script says. One thread a connection: it serves a handful of clients in a test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::store::State;
use super::{Fault, dynamodb, kinesis, sns};

/// Bytes of a request's head, and of its body.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A connection on which nothing is said for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// An endless answer ends after this many pieces of this size, with this pause between them.
const ENDLESS_PIECES: usize = 4096;
const ENDLESS_PIECE: [u8; 1024] = [b' '; 1024];
const ENDLESS_PAUSE: Duration = Duration::from_millis(10);

/// A request as a service sees it.
pub(super) struct Request {
    /// `X-Amz-Target`, empty for the query protocol.
    pub(super) target: String,
    pub(super) body: Vec<u8>,
}

/// A service's answer, before the fault spoils it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) fault: Fault,
}

/// Binds a free port and serves it until the state says stop.
pub(super) fn start(state: Arc<Mutex<State>>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            if state.lock().unwrap().stopped {
                return;
            }
            let Ok(connection) = connection else { continue };
            let state = Arc::clone(&state);
            thread::spawn(move || serve(connection, &state));
        }
    });
    address
}

fn serve(mut connection: TcpStream, state: &Mutex<State>) {
    let _ = connection.set_nodelay(true);
    let _ = connection.set_read_timeout(Some(IDLE_MAX));
    let mut held = Vec::new();
    while let Ok(request) = read(&mut connection, &mut held) {
        if state.lock().unwrap().stopped {
            return;
        }
        let answer = answer(&request, state);
        if send(&mut connection, &answer).is_err() {
            return;
        }
    }
}

fn answer(request: &Request, state: &Mutex<State>) -> Answer {
    let mut state = state.lock().unwrap();
    if request.target.starts_with("Kinesis_") {
        kinesis::answer(request, &mut state)
    } else if request.target.starts_with("DynamoDB_") {
        dynamodb::answer(request, &mut state)
    } else {
        sns::answer(request, &mut state)
    }
}

/// Reads one request; `held` keeps what came of the next one.
fn read(connection: &mut TcpStream, held: &mut Vec<u8>) -> io::Result<Request> {
    let (head_bytes, target, length) = loop {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut fields);
        match head.parse(held) {
            Ok(httparse::Status::Complete(bytes)) => {
                let field = |name: &str| {
                    let found = head
                        .headers
                        .iter()
                        .find(|f| f.name.eq_ignore_ascii_case(name))?;
                    std::str::from_utf8(found.value).ok()
                };
                let length = field("content-length").and_then(|text| text.parse().ok());
                let target = field("x-amz-target").unwrap_or_default().to_owned();
                break (bytes, target, length.unwrap_or(0_usize));
            }
            Ok(httparse::Status::Partial) if held.len() < HEAD_BYTES_MAX => {
                more(connection, held)?;
            }
            _ => return Err(ErrorKind::InvalidData.into()),
        }
    };
    if length > BODY_BYTES_MAX {
        return Err(ErrorKind::InvalidData.into());
    }
    while held.len() < head_bytes + length {
        more(connection, held)?;
    }
    let body = held[head_bytes..head_bytes + length].to_vec();
    held.drain(..head_bytes + length);
    Ok(Request { target, body })
}

fn more(connection: &mut TcpStream, held: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 64 * 1024];
    match connection.read(&mut piece)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        count => {
            held.extend_from_slice(&piece[..count]);
            Ok(())
        }
    }
}

/// Sends an answer as its fault says. An error closes the connection.
fn send(connection: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let closed = || Err(ErrorKind::ConnectionAborted.into());
    let length = answer.body.len();
    let whole = [
        head(answer, Some(length)).as_bytes(),
        answer.body.as_bytes(),
    ]
    .concat();
    match answer.fault {
        Fault::ResetBefore | Fault::ResetAfter => {
            // Closing with a linger of zero sends a reset.
            socket2::SockRef::from(&*connection).set_linger(Some(Duration::ZERO))?;
            closed()
        }
        Fault::Truncated => {
            connection.write_all(&whole[..whole.len() - length.div_ceil(2).max(1)])?;
            closed()
        }
        Fault::Garbled => {
            let half = &answer.body.as_bytes()[..length / 2];
            let head = head(answer, Some(half.len()));
            connection.write_all(&[head.as_bytes(), half].concat())
        }
        Fault::Endless => {
            connection.write_all(head(answer, None).as_bytes())?;
            for _ in 0..ENDLESS_PIECES {
                connection.write_all(&ENDLESS_PIECE)?;
                thread::sleep(ENDLESS_PAUSE);
            }
            closed()
        }
        Fault::Slow(time) => {
            let count = u32::try_from(whole.len()).unwrap_or(u32::MAX);
            for byte in &whole {
                connection.write_all(std::slice::from_ref(byte))?;
                thread::sleep(time / count);
            }
            Ok(())
        }
        Fault::Delay(time) => {
            thread::sleep(time);
            connection.write_all(&whole)
        }
        _ => connection.write_all(&whole),
    }
}

fn head(answer: &Answer, length: Option<usize>) -> String {
    let length = match length {
        Some(length) => format!("Content-Length: {length}\r\n"),
        None => "Connection: close\r\n".to_owned(),
    };
    format!(
        "HTTP/1.1 {} Stub\r\nContent-Type: {}\r\nx-amzn-RequestId: stub\r\n{length}\r\n",
        answer.status, answer.content_type
    )
}

/// The page that some proxy between us and the service answers with.
pub(super) fn html(status: u16) -> Answer {
    Answer {
        status,
        content_type: "text/html",
        body: "<html><head><title>Sorry</title></head><body>Try later.</body></html>".to_owned(),
        fault: Fault::Html(status),
    }
}
