//! What the edge asks of the gateway behind it, on one core.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Head, ResponseWriter};
use crate::error::Refusal;

/// The gateway as the edge of one core sees it. All calls come from that core, none may block.
pub trait Service: 'static {
    /// What `admit` found out about a request, until its body is there.
    type Permit;
    /// A request whose answer is awaited.
    type Ticket: Ticket;

    /// Judges the head before the body is read. `length` is the body's size in bytes: 0 without a
    /// body, none when it comes in chunks. `100 Continue` is sent only after this.
    ///
    /// # Errors
    /// An answer that is ready at once. A small body is then read and dropped; before a larger one
    /// the connection is closed.
    fn admit(
        &self,
        head: &Head<'_>,
        peer: SocketAddr,
        length: Option<u64>,
    ) -> Result<Admitted<Self::Permit>, Self::Ticket>;

    /// A whole request. `body` is a slice of the connection's buffer: as long as it lives, the
    /// whole piece of buffer that it was read into stays in memory.
    fn accept(
        &self,
        permit: Self::Permit,
        head: &Head<'_>,
        peer: SocketAddr,
        body: Bytes,
    ) -> Self::Ticket;

    /// A request that broke the rules of HTTP or a limit of the edge, or came too slowly. The
    /// connection is closed after the answer.
    fn refuse(&self, refusal: Refusal) -> Self::Ticket;

    /// The core begins to stop: what is answered from here on may say so.
    fn stopping(&self) {}

    /// As `refuse`, for a request that was admitted, whose body broke the rules or came too slowly.
    fn refuse_body(
        &self,
        permit: &Self::Permit,
        head: &Head<'_>,
        refusal: Refusal,
    ) -> Self::Ticket {
        let _ = (permit, head);
        self.refuse(refusal)
    }

    /// A client connected.
    fn connection_opened(&self) {}

    /// A connection ended, for whatever reason.
    fn connection_closed(&self) {}

    /// Whether nothing is in flight on this core. A worker that stops waits for it, within its
    /// bound, after the last connection has ended.
    fn is_idle(&self) -> bool {
        true
    }
}

/// What a head was found good for.
#[derive(Clone, Copy, Debug)]
pub struct Admitted<P> {
    /// Handed back with the body.
    pub permit: P,
    /// Bytes that the body may have; past it 413.
    pub body_bytes_max: u64,
}

/// A request whose answer is awaited. It is dropped unanswered when its client has gone.
pub trait Ticket {
    /// Ready once `write` can be called; wakes the task of `context` when it becomes so.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// Writes the answer: one call of [`ResponseWriter::write`].
    fn write(self, writer: ResponseWriter<'_>);
}
