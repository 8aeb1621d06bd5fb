//! What the connections of one core share.

use std::cell::Cell;
use std::rc::Rc;

use super::service::Service;
use super::watch::{Deadlines, Watch};
use crate::runtime::LocalEvent;

/// The edge of one core: the gateway behind it, the deadlines, and how far a stop has come.
#[derive(Debug)]
pub struct Edge<S> {
    pub(super) service: S,
    pub(super) watch: Rc<Watch>,
    open: Cell<usize>,
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
            open: Cell::new(0),
            stopping: Cell::new(false),
            abandoned: Cell::new(false),
            closed: LocalEvent::new(),
        }
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
