//! What the connections of one core share.

use std::cell::Cell;
use std::rc::Rc;

use super::preface::Preface;
use super::service::Service;
use super::watch::{Deadlines, Watch};
use crate::limits::BODY_BYTES_PER_CORE_MAX;
use crate::observe::log::Sampled;
use crate::runtime::LocalEvent;

/// The edge of one core: the gateway behind it, the deadlines, and how far a stop has come.
#[derive(Debug)]
pub struct Edge<S> {
    pub(super) service: S,
    pub(super) watch: Rc<Watch>,
    pub(super) preface: Option<Preface>,
    pub(super) preface_missing: Sampled,
    open: Cell<usize>,
    /// Bytes that the buffers of coming bodies may still take.
    body_bytes_left: Cell<usize>,
    stopping: Cell<bool>,
    abandoned: Cell<bool>,
    closed: LocalEvent,
}

impl<S: Service> Edge<S> {
    /// An edge without connections.
    #[must_use]
    pub fn new(service: S, deadlines: Deadlines) -> Self {
        Self {
            service,
            watch: Rc::new(Watch::new(deadlines)),
            preface: None,
            preface_missing: Sampled::new(),
            open: Cell::new(0),
            body_bytes_left: Cell::new(BODY_BYTES_PER_CORE_MAX),
            stopping: Cell::new(false),
            abandoned: Cell::new(false),
            closed: LocalEvent::new(),
        }
    }

    /// The same, with connections that begin with this before their first request.
    #[must_use]
    pub fn expecting(self, preface: Option<Preface>) -> Self {
        Self { preface, ..self }
    }

    /// The gateway behind it.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The deadlines of its connections.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Raised whenever a connection ends.
    pub fn closed(&self) -> &LocalEvent {
        &self.closed
    }

    /// From here on each connection ends with the answer that it owes, saying so; those that owe
    /// none end now.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.service.stopping();
        self.watch.end_idle();
    }

    /// Whether `stop` was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Cuts all connections, answered or not.
    pub fn abandon(&self) {
        self.abandoned.set(true);
        self.watch.abandon();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.get()
    }

    /// Takes bytes for a body that is coming; false when there are not so many left.
    pub(super) fn take_body_bytes(&self, bytes: usize) -> bool {
        let left = self.body_bytes_left.get().checked_sub(bytes);
        if let Some(left) = left {
            self.body_bytes_left.set(left);
        }
        left.is_some()
    }

    pub(super) fn give_body_bytes_back(&self, bytes: usize) {
        self.body_bytes_left.set(self.body_bytes_left.get() + bytes);
    }

    pub(super) fn connection_opened(&self) {
        self.open.set(self.open.get() + 1);
        self.service.connection_opened();
    }

    pub(super) fn connection_closed(&self) {
        self.open.set(self.open.get().saturating_sub(1));
        self.service.connection_closed();
        self.closed.raise();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;
    use crate::http::{Admitted, Head, ResponseWriter, Ticket};
    use std::net::SocketAddr;
    use std::task::{Context, Poll};

    /// A gateway that nobody asks.
    struct Unasked;

    impl Service for Unasked {
        type Permit = ();
        type Ticket = Never;
        fn admit(
            &self,
            _: &Head<'_>,
            _: SocketAddr,
            _: Option<u64>,
        ) -> Result<Admitted<()>, Never> {
            Err(Never)
        }
        fn accept(&self, (): (), _: &Head<'_>, _: SocketAddr, _: bytes::Bytes) -> Never {
            Never
        }
        fn refuse(&self, _: Refusal) -> Never {
            Never
        }
    }

    struct Never;

    impl Ticket for Never {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
        fn write(self, _: ResponseWriter<'_>) {}
    }

    #[test]
    fn bodies_share_a_budget() {
        let edge = Edge::new(Unasked, Deadlines::default());
        assert!(edge.take_body_bytes(BODY_BYTES_PER_CORE_MAX - 1));
        assert!(!edge.take_body_bytes(2));
        assert!(edge.take_body_bytes(1));
        assert!(!edge.take_body_bytes(1));
        edge.give_body_bytes_back(BODY_BYTES_PER_CORE_MAX);
        assert!(edge.take_body_bytes(BODY_BYTES_PER_CORE_MAX));
    }
}
