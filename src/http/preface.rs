//! What a load balancer says of a connection before its first request: a header of the PROXY
//! protocol, version 1 (a line) or 2 (binary).
//!
//! Where it is asked for, a connection without it is closed unanswered, as the protocol demands:
//! whether the header comes must not depend on who connects, else a client could forge one. Like a
//! request's head it has a bound and a deadline.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Buf;
use ipnet::IpNet;
use ppp::{PartialResult, v1, v2};

use super::connection::{Connection, Gone};
use super::service::Service;
use super::watch::Phase;
use crate::limits::PROXY_HEADER_BYTES_MAX;

/// Bytes of a line of version 1, its CRLF included, by the protocol.
const LINE_BYTES_MAX: usize = 107;
/// What a header of version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// What connections begin with.
#[derive(Clone, Debug)]
pub struct Preface {
    /// The versions that are taken.
    pub version: ProxyVersion,
    /// From whose connections the header is believed; from all where this is empty. It must stand
    /// before the others' too, and is passed over.
    pub believed_from: Arc<[IpNet]>,
}

/// Versions of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
    /// Either.
    Any,
}

/// What the bytes so far hold.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Not a whole header yet.
    Incomplete,
    /// A header of this many bytes, and the client that it names. It names none for the load
    /// balancer's own connections (health checks) and for what is not TCP.
    Header(usize, Option<SocketAddr>),
    /// No header, and none will come of it.
    Nothing,
}

impl Preface {
    fn believes(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let mut networks = self.believed_from.iter();
        self.believed_from.is_empty() || networks.any(|network| network.contains(&peer))
    }
}

impl<S: Service> Connection<S> {
    /// Takes the header off the start of the connection, and the client's address from it.
    pub(super) async fn take_preface(&mut self) -> Result<(), Gone> {
        self.place.enter(Phase::Preface);
        loop {
            let Some(preface) = &self.edge.preface else {
                return Ok(());
            };
            match find(&self.buffer, preface.version) {
                Found::Header(bytes, client) => {
                    if preface.believes(self.peer.ip()) {
                        self.peer = client.unwrap_or(self.peer);
                    }
                    self.buffer.advance(bytes);
                    return Ok(());
                }
                Found::Incomplete if self.buffer.len() < PROXY_HEADER_BYTES_MAX => {}
                _ => {
                    self.say_that_it_is_missing();
                    return Err(Gone);
                }
            }
            self.make_room();
            let buffer = std::mem::take(&mut self.buffer);
            let (result, buffer) = self.stream.read(buffer).await;
            self.buffer = buffer;
            match result {
                Ok(0) => return Err(Gone),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
    }
}

impl<S: Service> Connection<S> {
    /// A load balancer that sends no header is a mistake in its settings or in ours, which shows
    /// nowhere else.
    fn say_that_it_is_missing(&self) {
        if let Some(left_out) = self.edge.preface_missing.admit() {
            tracing::warn!(
                target: "sluicegate",
                peer = %self.peer,
                left_out,
                help = "`server.proxy_protocol` is set: the load balancer must send such a header",
                "proxy_header.missing"
            );
        }
    }
}

fn find(bytes: &[u8], version: ProxyVersion) -> Found {
    match (bytes.first(), version) {
        (None, _) => Found::Incomplete,
        (Some(b'P'), ProxyVersion::V1 | ProxyVersion::Any) => line(bytes),
        (Some(b'\r'), ProxyVersion::V2 | ProxyVersion::Any) => binary(bytes),
        _ => Found::Nothing,
    }
}

fn line(bytes: &[u8]) -> Found {
    let start = bytes.get(..WORD.len().min(bytes.len())).unwrap_or_default();
    if !WORD.starts_with(start) {
        return Found::Nothing;
    }
    let line = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = memchr::memmem::find(line, b"\r\n").map(|end| end + 2) else {
        return if line.len() < LINE_BYTES_MAX {
            Found::Incomplete
        } else {
            Found::Nothing
        };
    };
    // A line that has ended is whole: what the crate would wait for never comes.
    let Ok(header) = v1::Header::try_from(bytes.get(..end).unwrap_or_default()) else {
        return Found::Nothing;
    };
    let client = match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(v4) => Some((v4.source_address, v4.source_port).into()),
        v1::Addresses::Tcp6(v6) => Some((v6.source_address, v6.source_port).into()),
    };
    Found::Header(end, client)
}

fn binary(bytes: &[u8]) -> Found {
    let header = match v2::Header::try_from(bytes) {
        Ok(header) => header,
        // One that is announced longer than it may be is not waited for.
        Err(v2::ParseError::Partial(_, length)) if length + 16 > PROXY_HEADER_BYTES_MAX => {
            return Found::Nothing;
        }
        Err(error) if error.is_incomplete() => return Found::Incomplete,
        Err(_) => return Found::Nothing,
    };
    let is_clients =
        header.command == v2::Command::Proxy && header.protocol == v2::Protocol::Stream;
    let client = match header.addresses {
        v2::Addresses::IPv4(v4) if is_clients => Some((v4.source_address, v4.source_port).into()),
        v2::Addresses::IPv6(v6) if is_clients => Some((v6.source_address, v6.source_port).into()),
        _ => None,
    };
    Found::Header(header.as_bytes().len(), client)
}

#[cfg(test)]
mod tests;
