//! Gathers the body of one request behind its head in the connection's buffer.

use std::ops::Range;

use bytes::BytesMut;

use super::chunked::{ChunkFault, ChunkedDecoder, Cursor};
use super::parse::{Framing, RequestHead};
use super::response::Persistence;

/// Bytes by which a buffer grows at least for a body. A large declared length reserves nothing by
/// itself: the buffer doubles as the bytes come.
const GROWTH_BYTES: usize = 64 * 1024;

/// A request whose head was judged and whose body is still coming.
#[derive(Debug)]
pub(super) struct Body<P> {
    /// None: the request was refused and its body is read only to be dropped.
    pub permit: Option<P>,
    /// Bytes of the head, which stands at the buffer's start.
    pub head_bytes: usize,
    /// What the answer will say about the connection.
    pub persistence: Persistence,
    /// Whether the request is a HEAD.
    pub head_only: bool,
    /// Whether the client waits for `100 Continue`.
    pub continue_is_due: bool,
    /// Bytes that it may have.
    pub bytes_max: u64,
    need: Need,
}

#[derive(Debug)]
enum Need {
    /// Up to this place in the buffer.
    Length { end: usize },
    Chunked {
        decoder: ChunkedDecoder,
        cursor: Cursor,
    },
}

/// How far a body is.
#[derive(Debug)]
pub(super) enum Gathered {
    /// More must come.
    Part,
    /// It is there: its place, and the place where the next request starts.
    Whole { body: Range<usize>, end: usize },
    /// It is refused.
    Fault(ChunkFault),
}

impl<P> Body<P> {
    /// The body of `head`, of at most `bytes_max` bytes. A length that is over it is the caller's
    /// to refuse.
    pub(super) fn new(
        permit: Option<P>,
        head: &RequestHead,
        persistence: Persistence,
        head_only: bool,
        bytes_max: u64,
    ) -> Self {
        let need = match head.framing {
            Framing::Length(length) => Need::Length {
                end: usize::try_from(length.min(bytes_max))
                    .unwrap_or(usize::MAX)
                    .saturating_add(head.bytes),
            },
            Framing::Chunked => Need::Chunked {
                decoder: ChunkedDecoder::new(bytes_max),
                cursor: Cursor {
                    write: head.bytes,
                    read: head.bytes,
                },
            },
        };
        Self {
            permit,
            head_bytes: head.bytes,
            persistence,
            head_only,
            continue_is_due: head.expects_continue,
            bytes_max,
            need,
        }
    }

    /// Looks at what has come.
    pub(super) fn gather(&mut self, buffer: &mut BytesMut) -> Gathered {
        match &mut self.need {
            Need::Length { end } if buffer.len() >= *end => Gathered::Whole {
                body: self.head_bytes..*end,
                end: *end,
            },
            Need::Length { .. } => Gathered::Part,
            Need::Chunked { decoder, cursor } => match decoder.advance(buffer, cursor) {
                Ok(true) => Gathered::Whole {
                    body: self.head_bytes..cursor.write,
                    end: cursor.read,
                },
                Ok(false) => {
                    // All bytes were looked at, so what lies behind the data is of no use any more.
                    buffer.truncate(cursor.write);
                    cursor.read = cursor.write;
                    Gathered::Part
                }
                Err(fault) => Gathered::Fault(fault),
            },
        }
    }

    /// Bytes of room that the next read should have, when `buffered` are there.
    pub(super) fn room(&self, buffered: usize) -> usize {
        let missing = match &self.need {
            Need::Length { end } => end.saturating_sub(buffered),
            // The chunk's data, its CRLF and the next chunk's size line.
            Need::Chunked { decoder, .. } => usize::try_from(decoder.expected())
                .unwrap_or(usize::MAX)
                .saturating_add(64)
                .max(crate::limits::CONNECTION_BUFFER_BYTES),
        };
        missing.min(GROWTH_BYTES.max(buffered))
    }

    /// Whether any of it has come.
    pub(super) fn has_begun(&self, buffered: usize) -> bool {
        match &self.need {
            Need::Length { .. } => buffered > self.head_bytes,
            Need::Chunked { decoder, .. } => decoder.has_begun(),
        }
    }
}
