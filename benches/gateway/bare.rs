//! The yardstick: the least that an HTTP server on monoio and httparse can do. One thread per core,
//! each with its own SO_REUSEPORT listener; head and body are read, a fixed answer is written.
//!
//! It is kept honest: nothing in it is slower than it needs to be, and it does nothing for its
//! callers beyond framing.

use std::io;
use std::net::SocketAddr;

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{ListenerOpts, TcpListener, TcpStream};

use crate::Failure;

/// The answer: as long as the gateway's own success, so that both send the same bytes.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nSluicegate-Outcome: all\r\nContent-Length: 72\r\n\r\n\
    {\"id\":\"019ab3f0-0000-7000-8000-000000000000\",\"accepted\":1,\"ack\":\"none\"}\n";

const BUFFER_BYTES: usize = 4096;
const REQUEST_BYTES_MAX: usize = 1 << 20;
const FIELDS_MAX: usize = 32;

/// Serves until the process is killed.
pub(crate) fn serve(address: SocketAddr, cores: usize) -> Result<(), Failure> {
    let others: Vec<_> = (1..cores)
        .map(|_| std::thread::spawn(move || one_core(address)))
        .collect();
    one_core(address)?;
    for other in others {
        other.join().map_err(|_| "a core panicked")??;
    }
    Ok(())
}

fn one_core(address: SocketAddr) -> io::Result<()> {
    crate::ring::block_on(async move {
        let options = ListenerOpts::new().reuse_port(true).backlog(1024);
        let listener = TcpListener::bind_with_config(address, &options)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            monoio::spawn(connection(stream));
        }
    })?
}

/// One connection's life. An error ends it: this server answers nothing but the fixed answer.
async fn connection(mut stream: TcpStream) {
    let mut input = Vec::with_capacity(BUFFER_BYTES);
    let mut output: Vec<u8> = Vec::with_capacity(BUFFER_BYTES);
    loop {
        let held = input.len();
        if held == input.capacity() {
            input.reserve(held);
        }
        let (read, slice) = stream.read(input.slice_mut(held..)).await;
        input = slice.into_inner();
        if !matches!(read, Ok(1..)) {
            return;
        }
        let mut used = 0;
        while let Some(rest) = input.get(used..) {
            match request_length(rest) {
                Framing::Whole(length) => {
                    used += length;
                    output.extend_from_slice(ANSWER);
                }
                Framing::Partial => break,
                Framing::Broken => return,
            }
        }
        if used == input.len() {
            input.clear();
        } else {
            input.drain(..used);
        }
        if !output.is_empty() {
            let (written, back) = stream.write_all(output).await;
            output = back;
            output.clear();
            if written.is_err() {
                return;
            }
        }
    }
}

enum Framing {
    Whole(usize),
    Partial,
    Broken,
}

/// Bytes of the first request in `bytes`, body included.
fn request_length(bytes: &[u8]) -> Framing {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < REQUEST_BYTES_MAX => {
            return Framing::Partial;
        }
        Ok(httparse::Status::Partial) | Err(_) => return Framing::Broken,
    };
    let Some(body) = content_length(request.headers) else {
        return Framing::Broken;
    };
    match head + body {
        whole if whole <= bytes.len() => Framing::Whole(whole),
        whole if whole <= REQUEST_BYTES_MAX => Framing::Partial,
        _ => Framing::Broken,
    }
}

/// The body's length; 0 where none is said.
fn content_length(fields: &[httparse::Header<'_>]) -> Option<usize> {
    let Some(field) = fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
    else {
        return Some(0);
    };
    std::str::from_utf8(field.value).ok()?.parse().ok()
}
