//! What the parser makes of bytes, however they were cut on their way: the messages that it finds,
//! and how it ends.

use sluicegate::error::Code;
use sluicegate::http::{
    ChunkFault, ChunkedDecoder, Cursor, Framing, Head, HeadIndex, HeadScan, Parsed, parse,
};

/// Bytes that a body may have here.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// How the bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole message, or a client's `close`.
    Clean,
    /// Within one.
    Within,
    /// With something that is none.
    Refused(Code),
}

/// A parser that is fed.
#[derive(Default)]
pub(crate) struct Follower {
    bytes: Vec<u8>,
    scan: HeadScan,
    index: HeadIndex,
    body: Option<Pending>,
    pub(crate) messages: Vec<Message>,
    refused: Option<Code>,
    closed: bool,
}

struct Pending {
    head_bytes: usize,
    keep_alive: bool,
    need: Need,
}

enum Need {
    Length(u64),
    Chunked(ChunkedDecoder, Cursor),
}

impl Follower {
    /// All of these bytes at once.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut follower = Self::default();
        follower.feed(bytes);
        follower
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        while self.refused.is_none() && !self.closed && self.step() {}
    }

    pub(crate) fn end(&self) -> End {
        match self.refused {
            Some(code) => End::Refused(code),
            None if self.closed || (self.bytes.is_empty() && self.body.is_none()) => End::Clean,
            None => End::Within,
        }
    }

    /// Whether there is more to look at.
    fn step(&mut self) -> bool {
        if self.body.is_some() {
            return self.take_body();
        }
        match parse(&self.bytes, &mut self.scan, &mut self.index) {
            Parsed::Incomplete => false,
            Parsed::Refused(refusal) => {
                self.refused = Some(refusal.code);
                false
            }
            Parsed::Head(head) => {
                let cursor = Cursor {
                    write: head.bytes,
                    read: head.bytes,
                };
                let need = match head.framing {
                    Framing::Length(length) => Need::Length(length),
                    Framing::Chunked => Need::Chunked(ChunkedDecoder::new(BODY_BYTES_MAX), cursor),
                };
                self.body = Some(Pending {
                    head_bytes: head.bytes,
                    keep_alive: head.keep_alive,
                    need,
                });
                true
            }
        }
    }

    fn take_body(&mut self) -> bool {
        let Some(pending) = &mut self.body else {
            return false;
        };
        let start = pending.head_bytes;
        let (body_end, end) = match &mut pending.need {
            Need::Length(length) => {
                let end = usize::try_from(*length)
                    .unwrap_or(usize::MAX)
                    .saturating_add(start);
                if self.bytes.len() < end {
                    return false;
                }
                (end, end)
            }
            Need::Chunked(decoder, cursor) => match decoder.advance(&mut self.bytes, cursor) {
                Ok(true) => (cursor.write, cursor.read),
                Ok(false) => return false,
                Err(fault) => {
                    self.refused = Some(match fault {
                        ChunkFault::Malformed(_) => Code::RequestMalformed,
                        ChunkFault::TooLarge => Code::RequestTooLarge,
                    });
                    return false;
                }
            },
        };
        self.closed = !pending.keep_alive;
        let head = Head::new(&self.bytes, &self.index);
        self.messages.push(Message {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            query: head.query().map(str::to_owned),
            fields: head
                .fields()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            body: self.bytes[start..body_end].to_vec(),
        });
        self.bytes.drain(..end);
        self.body = None;
        self.scan = HeadScan::default();
        true
    }
}
