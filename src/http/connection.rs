//! One connection's life: read, hand on whole requests, wait for the answers, write them, again.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;

use super::body::Body;
use super::edge::Edge;
use super::head::HeadIndex;
use super::parse::HeadScan;
use super::response::{Persistence, ResponseWriter};
use super::service::{Service, Ticket};
use super::watch::{Phase, Place};
use crate::error::{Code, Refusal};
use crate::limits::{
    CONNECTION_BUFFER_BYTES, LINGER_BYTES_MAX, OUTPUT_BYTES_MAX, READ_WINDOW_BYTES_MAX,
};
use crate::runtime::{Stream, sleep};

/// Room below which a buffer is not read into any more while its old bytes are still in use.
const ROOM_BYTES_MIN: usize = 1024;
/// An output buffer larger than this is given back once it is written.
const OUTPUT_BYTES_KEPT: usize = 2 * 1024;
/// Looks into a line that was hung up, while the client may still be sending.
const LINGER_NAPS: u32 = 8;

/// A connection of a core. Fields are dropped in this order: the place goes before the socket.
pub(super) struct Connection<S: Service> {
    pub(super) place: Place,
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    /// What has come and was not handed on. A request's head stands at its start.
    pub(super) buffer: BytesMut,
    /// Bytes that a read should have room for: grows while reads fill it.
    pub(super) window: usize,
    pub(super) reading: Reading<S::Permit>,
    /// Bytes taken from the core's budget for the body that is coming.
    pub(super) body_bytes: usize,
    pub(super) scan: HeadScan,
    pub(super) index: HeadIndex,
    /// Requests that are not answered, in their order.
    pub(super) waiting: VecDeque<Waiting<S::Ticket>>,
    pub(super) out: Vec<u8>,
    /// No request is taken any more: the connection ends when the waiting ones are answered.
    pub(super) closing: bool,
    pub(super) edge: Rc<Edge<S>>,
}

/// What the bytes at the buffer's start belong to.
pub(super) enum Reading<P> {
    Head,
    Body(Body<P>),
}

/// A request that was handed on.
pub(super) struct Waiting<T> {
    pub ticket: T,
    /// What its answer will say about the connection.
    pub persistence: Persistence,
    /// Whether it was a HEAD.
    pub head_only: bool,
}

/// The client is not there any more, or the core gives up: there is nobody to answer.
pub(super) struct Gone;

/// Serves a connection until it ends. It counts as open from this call on, not from the first poll
/// of the future.
pub fn serve<S: Service>(
    edge: Rc<Edge<S>>,
    stream: Stream,
    peer: SocketAddr,
) -> impl Future<Output = ()> + 'static {
    let mut connection = Connection::new(edge, stream, peer);
    async move {
        let begun = if connection.edge.preface.is_some() {
            // Of a connection's life a moment, and larger than the rest: in a box of its own.
            Box::pin(connection.take_preface()).await
        } else {
            Ok(())
        };
        if begun.is_ok() && connection.run().await.is_ok() {
            // Rare, and larger than the rest: in a box of its own.
            Box::pin(connection.linger()).await;
        }
    }
}

impl<S: Service> Connection<S> {
    fn new(edge: Rc<Edge<S>>, stream: Stream, peer: SocketAddr) -> Self {
        edge.connection_opened();
        Self {
            place: Place::new(&edge.watch, stream.line()),
            stream,
            peer,
            buffer: BytesMut::new(),
            window: CONNECTION_BUFFER_BYTES,
            reading: Reading::Head,
            body_bytes: 0,
            scan: HeadScan::default(),
            index: HeadIndex::default(),
            waiting: VecDeque::new(),
            out: Vec::new(),
            closing: false,
            edge,
        }
    }

    /// Returns well when the last answer is written and the other side may still be sending.
    async fn run(&mut self) -> Result<(), Gone> {
        loop {
            self.take_requests();
            if !self.waiting.is_empty() {
                poll_fn(|context| self.gather_answers(context)).await?;
                self.flush().await?;
            } else if self.closing {
                return Ok(());
            } else {
                if self.continue_is_due() {
                    self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    self.flush().await?;
                }
                self.receive().await?;
            }
        }
    }

    // ---- Answers: tickets to bytes. ----

    /// Writes all answers that are ready, in order, into the output buffer; ready with at least
    /// one.
    fn gather_answers(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.place.enter(Phase::Answer);
        self.place.keep_waker(context.waker());
        while self.out.len() < OUTPUT_BYTES_MAX && !self.edge.is_abandoned() {
            let is_ready = self
                .waiting
                .front_mut()
                .is_some_and(|front| front.ticket.poll_ready(context).is_ready());
            if !is_ready {
                break;
            }
            if let Some(answer) = self.waiting.pop_front() {
                let is_last = self.waiting.is_empty() && matches!(self.reading, Reading::Head);
                let persistence = if is_last && self.edge.is_stopping() {
                    self.closing = true;
                    Persistence::Closed
                } else {
                    answer.persistence
                };
                let writer = ResponseWriter::of(&mut self.out, persistence, answer.head_only);
                answer.ticket.write(writer);
            }
        }
        if self.edge.is_abandoned() {
            Poll::Ready(Err(Gone))
        } else if self.out.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes the output buffer.
    async fn flush(&mut self) -> Result<(), Gone> {
        let mut written = 0;
        while written < self.out.len() {
            self.place.enter(Phase::Write);
            let out = std::mem::take(&mut self.out);
            let (result, out) = self.stream.write(out, written).await;
            self.out = out;
            match result {
                Ok(0) => return Err(Gone),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
        self.out.clear();
        if self.out.capacity() > OUTPUT_BYTES_KEPT {
            self.out = Vec::new();
        }
        // A body that had to stand behind these answers is measured anew.
        self.place.body_begins();
        Ok(())
    }

    /// Whether `100 Continue` must be written before the next read.
    fn continue_is_due(&mut self) -> bool {
        let buffered = self.buffer.len();
        match &mut self.reading {
            Reading::Head => false,
            Reading::Body(body) => {
                std::mem::take(&mut body.continue_is_due)
                    && body.permit.is_some()
                    && !body.has_begun(buffered)
            }
        }
    }

    // ---- The socket. ----

    /// Reads once.
    async fn receive(&mut self) -> Result<(), Gone> {
        let phase = match self.reading {
            Reading::Body(_) => Phase::Body,
            Reading::Head if self.buffer.is_empty() => Phase::Idle,
            Reading::Head => Phase::Header,
        };
        self.place.enter(phase);
        if !self.make_room() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let room = buffer.capacity() - buffer.len();
        let (result, buffer) = self.stream.read(buffer).await;
        self.buffer = buffer;
        match result {
            Ok(0) => self.ended(),
            Ok(bytes) => {
                if phase == Phase::Body {
                    self.place.body_came(bytes);
                } else if bytes == room {
                    self.window = (self.window * 2).min(READ_WINDOW_BYTES_MAX);
                } else if bytes < self.window / 4 {
                    self.window = (self.window / 2).max(CONNECTION_BUFFER_BYTES);
                }
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(Gone),
        }
    }

    /// The client has ended, or the sweeper has.
    fn ended(&mut self) -> Result<(), Gone> {
        match self.place.expired() {
            _ if self.edge.is_abandoned() => return Err(Gone),
            Some(Phase::Header) => self.refuse(Refusal::new(
                Code::RequestTimeout,
                "the header block did not arrive in time",
            )),
            Some(Phase::Body) => self.refuse_body(Refusal::new(
                Code::RequestTimeout,
                "the body did not arrive in time, or came too slowly",
            )),
            _ => return Err(Gone),
        }
        Ok(())
    }

    /// Makes room for the next read: in the same memory where that is free, in new memory else.
    /// False when the core has no room left for the body; the request was refused then.
    pub(super) fn make_room(&mut self) -> bool {
        let buffered = self.buffer.len();
        if let Reading::Body(body) = &self.reading {
            let room = body.room(buffered).max(1);
            if !self.take_body_bytes(buffered + room) {
                self.refuse_body(Refusal {
                    retry_after: Some(Duration::from_secs(1)),
                    ..Refusal::new(Code::Overloaded, "too many bodies are coming at once")
                });
                return false;
            }
            self.buffer.reserve(room);
            return true;
        }
        if buffered == 0 && self.buffer.capacity() > 2 * self.window {
            self.buffer = BytesMut::with_capacity(self.window);
        }
        let room = self.window.saturating_sub(buffered).max(ROOM_BYTES_MIN);
        let is_cheap = self.buffer.try_reclaim(room);
        if !is_cheap && self.buffer.capacity() - buffered < ROOM_BYTES_MIN {
            self.buffer.reserve(room);
        }
        true
    }

    /// Sees to it that the core's budget covers a body's buffer of so many bytes.
    fn take_body_bytes(&mut self, bytes: usize) -> bool {
        let more = bytes
            .saturating_sub(READ_WINDOW_BYTES_MAX)
            .saturating_sub(self.body_bytes);
        let is_taken = more == 0 || self.edge.take_body_bytes(more);
        self.body_bytes += if is_taken { more } else { 0 };
        is_taken
    }

    /// Gives back what the body that came took from the core's budget.
    pub(super) fn give_body_bytes_back(&mut self) {
        let bytes = std::mem::take(&mut self.body_bytes);
        self.edge.give_body_bytes_back(bytes);
    }

    /// Ends the sending side and reads what the client still sends, within bounds: a socket that is
    /// closed with unread bytes resets the connection, and the client may lose the answer.
    async fn linger(&mut self) {
        self.stream.line().end_writing();
        let was_hung_up = self.place.expired().is_some();
        self.place.enter(Phase::Linger);
        let (mut bytes_left, mut naps_left) = (LINGER_BYTES_MAX, LINGER_NAPS);
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            buffer.clear();
            buffer.reserve(CONNECTION_BUFFER_BYTES);
            let (result, returned) = self.stream.read(buffer).await;
            buffer = returned;
            match result {
                // A line that the sweeper hung up says 0 at once although bytes may come.
                Ok(0) if was_hung_up && naps_left > 0 && !self.edge.is_abandoned() => {
                    naps_left -= 1;
                    sleep(self.edge.watch.deadlines().linger / LINGER_NAPS).await;
                }
                Ok(bytes) if bytes > 0 && bytes < bytes_left => bytes_left -= bytes,
                _ => return,
            }
        }
    }
}

impl<S: Service> Drop for Connection<S> {
    fn drop(&mut self) {
        self.give_body_bytes_back();
        self.edge.connection_closed();
    }
}
