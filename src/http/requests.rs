//! A connection's way from bytes to tickets: takes whole requests off the buffer and hands them on.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::body::{Body, Gathered};
use super::chunked::ChunkFault;
use super::connection::{Connection, Reading, Waiting};
use super::head::{Head, Version};
use super::parse::{Framing, HeadScan, Parsed, RequestHead, parse};
use super::response::Persistence;
use super::service::Service;
use crate::error::{Code, Refusal};
use crate::limits::{DISCARD_BYTES_MAX, PIPELINED_REQUESTS_MAX, READ_WINDOW_BYTES_MAX};

impl<S: Service> Connection<S> {
    /// Hands on all whole requests in the buffer, within the bound.
    pub(super) fn take_requests(&mut self) {
        while !self.closing && self.waiting.len() < PIPELINED_REQUESTS_MAX {
            let taken = match self.reading {
                // When stopping, what is owed is answered and nothing new begins behind it.
                Reading::Head if self.edge.is_stopping() && !self.waiting.is_empty() => false,
                Reading::Head => self.take_head(),
                Reading::Body(_) => self.take_body(),
            };
            if !taken {
                return;
            }
        }
    }

    fn take_head(&mut self) -> bool {
        match parse(&self.buffer, &mut self.scan, &mut self.index) {
            Parsed::Incomplete => false,
            Parsed::Head(head) => {
                self.judge(&head);
                true
            }
            Parsed::Refused(refusal) => {
                self.refuse(refusal);
                true
            }
        }
    }

    /// Asks the gateway about a head, and makes ready for the body.
    fn judge(&mut self, request: &RequestHead) {
        let head = Head::new(&self.buffer, &self.index);
        let head_only = head.method() == "HEAD";
        let persistence = match (request.keep_alive, head.version()) {
            (false, _) => Persistence::Closed,
            (true, Version::Http10) => Persistence::KeptAsAsked,
            (true, Version::Http11) => Persistence::Kept,
        };
        let length = match request.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
        let (permit, bytes_max) = match self.edge.service.admit(&head, self.peer, length) {
            Ok(admitted) => (Some(admitted.permit), admitted.body_bytes_max),
            Err(ticket) => {
                // Reading a body only to drop it pays when it is short and surely coming.
                let keep = length == Some(0)
                    || (!request.expects_continue
                        && persistence != Persistence::Closed
                        && length.is_none_or(|length| length <= DISCARD_BYTES_MAX));
                let persistence = if keep {
                    persistence
                } else {
                    Persistence::Closed
                };
                self.wait(ticket, persistence, head_only);
                (None, DISCARD_BYTES_MAX)
            }
        };
        if self.closing {
            return;
        }
        if let Some(length) = length.filter(|length| *length > bytes_max) {
            self.refuse_as(too_large(Some(length), bytes_max), head_only);
            return;
        }
        let body = Body::new(permit, request, persistence, head_only, bytes_max);
        self.reading = Reading::Body(body);
        self.place.body_begins();
    }

    fn take_body(&mut self) -> bool {
        let Reading::Body(body) = &mut self.reading else {
            return false;
        };
        match body.gather(&mut self.buffer) {
            Gathered::Part => false,
            Gathered::Whole { body, end } => {
                self.hand_on(body, end);
                true
            }
            Gathered::Fault(fault) => {
                let bytes_max = body.bytes_max;
                self.refuse_body(match fault {
                    ChunkFault::Malformed(detail) => Refusal::new(Code::RequestMalformed, detail),
                    ChunkFault::TooLarge => too_large(None, bytes_max),
                });
                true
            }
        }
    }

    /// Refuses the request whose body is coming, unless that was answered before: a second answer
    /// would be taken for that of another request.
    pub(super) fn refuse_body(&mut self, refusal: Refusal) {
        let reading = std::mem::replace(&mut self.reading, Reading::Head);
        self.give_body_bytes_back();
        let Reading::Body(body) = reading else {
            return self.refuse(refusal);
        };
        let Some(permit) = body.permit else {
            self.closing = true;
            return;
        };
        let head = Head::new(&self.buffer, &self.index);
        let ticket = self.edge.service.refuse_body(&permit, &head, refusal);
        self.wait(ticket, Persistence::Closed, body.head_only);
    }

    /// Hands a whole request to the gateway: its body is `place` of the buffer's first `end` bytes.
    fn hand_on(&mut self, place: Range<usize>, end: usize) {
        let reading = std::mem::replace(&mut self.reading, Reading::Head);
        self.scan = HeadScan::default();
        self.give_body_bytes_back();
        let Reading::Body(request) = reading else {
            return;
        };
        let Some(permit) = request.permit else {
            self.cut_frame(end);
            return;
        };
        let ticket = if place.is_empty() {
            // Without a body the head can be read where it stands.
            let head = Head::new(&self.buffer, &self.index);
            let ticket = self
                .edge
                .service
                .accept(permit, &head, self.peer, Bytes::new());
            self.cut_frame(end);
            ticket
        } else {
            let frame = self.cut_frame(end);
            let head = Head::new(&frame, &self.index);
            let body = frame.slice(place);
            self.edge.service.accept(permit, &head, self.peer, body)
        };
        self.wait(ticket, request.persistence, request.head_only);
    }

    /// Takes the first `end` bytes off the buffer.
    fn cut_frame(&mut self, end: usize) -> Bytes {
        let frame = self.buffer.split_to(end.min(self.buffer.len())).freeze();
        if frame.len() > READ_WINDOW_BYTES_MAX {
            // The rest must not keep the whole of a large body's buffer in memory.
            let rest = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(self.window));
            self.buffer.extend_from_slice(&rest);
        }
        frame
    }

    /// Refuses what stands at the buffer's start. Where that is the beginning of a HEAD, its client
    /// takes no body, whatever is wrong with the rest.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        let sent = self.buffer.trim_ascii_start();
        let head_only = sent.starts_with(b"HEAD ");
        self.refuse_as(refusal, head_only);
    }

    fn refuse_as(&mut self, refusal: Refusal, head_only: bool) {
        let ticket = self.edge.service.refuse(refusal);
        self.wait(ticket, Persistence::Closed, head_only);
    }

    fn wait(&mut self, ticket: S::Ticket, persistence: Persistence, head_only: bool) {
        self.closing |= persistence == Persistence::Closed;
        self.waiting.push_back(Waiting {
            ticket,
            persistence,
            head_only,
        });
    }
}

fn too_large(length: Option<u64>, bytes_max: u64) -> Refusal {
    let detail = match length {
        Some(length) => format!("the body has {length} bytes; this route takes {bytes_max}"),
        None => format!("the body has more than the {bytes_max} bytes that this route takes"),
    };
    Refusal::new(Code::RequestTooLarge, detail)
}
