//! A request whose answer is awaited, as its connection holds it.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Core;
use super::refused::RefusalShape;
use crate::admit::{Held, Ready};
use crate::error::{Code, Refusal};
use crate::http::{ResponseWriter, Ticket as Awaited};
use crate::reply;
use crate::runtime;
use crate::settle::{Slot, Verdict};

/// A request whose answer is awaited. When it is dropped unanswered, since its client has gone,
/// its records are delivered all the same.
pub struct Ticket {
    core: Rc<Core>,
    state: State,
    /// Header fields of the answer beside its own: those of CORS, where the route has it.
    fields: Option<Box<[u8]>>,
    /// What it holds of its limits, until it has ended in whatever way.
    _held: Option<Box<Held>>,
}

enum State {
    Ready(Box<Ready>),
    Refused(Box<Refused>),
    Held(Slot),
    /// It asks only whether the gateway lives.
    Alive,
    Answered,
}

struct Refused {
    refusal: Refusal,
    id: u128,
    /// How its route shapes the answer, where it does.
    shape: Option<RefusalShape>,
    route: Option<usize>,
    started: Instant,
}

impl Ticket {
    pub(super) fn refused(
        core: &Rc<Core>,
        refusal: Refusal,
        route: Option<usize>,
        started: Instant,
    ) -> Self {
        let refused = Refused {
            refusal,
            id: core.fresh_id(),
            shape: None,
            route,
            started,
        };
        Self {
            core: Rc::clone(core),
            state: State::Refused(Box::new(refused)),
            fields: None,
            _held: None,
        }
    }

    /// The same refusal, with the id that its request has already, and shaped by its route.
    pub(super) fn shaped(mut self, id: u128, shape: Option<RefusalShape>) -> Self {
        if let State::Refused(refused) = &mut self.state {
            refused.id = id;
            refused.shape = shape;
        }
        self
    }

    pub(super) fn alive(core: &Rc<Core>) -> Self {
        Self {
            core: Rc::clone(core),
            state: State::Alive,
            fields: None,
            _held: None,
        }
    }

    /// Of a question about a route that was answered at once.
    pub(super) fn answered(core: &Rc<Core>, answer: Result<Ready, Refusal>) -> Self {
        match answer {
            Ok(ready) => Self {
                core: Rc::clone(core),
                state: State::Ready(Box::new(ready)),
                fields: None,
                _held: None,
            },
            Err(refusal) => Self::refused(core, refusal, None, runtime::now()),
        }
    }

    /// The same with further header fields of the answer.
    pub(super) fn with(mut self, fields: Option<Box<[u8]>>) -> Self {
        self.fields = fields;
        self
    }

    pub(super) fn held(core: &Rc<Core>, slot: Slot, held: Option<Box<Held>>) -> Self {
        Self {
            core: Rc::clone(core),
            state: State::Held(slot),
            fields: None,
            _held: held,
        }
    }
}

impl Awaited for Ticket {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Held(slot) = self.state else {
            return Poll::Ready(());
        };
        let mut state = self.core.state.borrow_mut();
        if state.ledger.poll_decided(slot, context.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn write(mut self, writer: ResponseWriter<'_>) {
        let counters = &self.core.counters;
        let state = &mut *self.core.state.borrow_mut();
        let fields = self.fields.take();
        let writer = writer.with(fields.as_deref().unwrap_or_default());
        match std::mem::replace(&mut self.state, State::Answered) {
            State::Refused(refused) => {
                let Refused {
                    refusal,
                    id,
                    shape,
                    route,
                    started,
                } = *refused;
                let code = refusal.code;
                counters.request(
                    route,
                    code.status(),
                    Some(code),
                    runtime::now().saturating_duration_since(started),
                );
                let parts = shape.as_ref().map(RefusalShape::parts);
                let written = reply::write_refusal(&refusal, id, parts, writer, &mut state.reply);
                if let (Some(why), Some(shape)) = (written.unshaped, shape) {
                    counters.reply_unshaped(shape.route(), &why);
                }
            }
            State::Held(slot) => {
                if let Some(entry) = state.ledger.entry(slot)
                    && let Some(refusal) = entry.refused()
                {
                    let (code, route) = (refusal.code, entry.route.index);
                    let took = entry.started.elapsed();
                    counters.request(Some(route), code.status(), Some(code), took);
                    let shape = entry.kept.as_ref().map(|kept| (&entry.route.plan, kept));
                    let scratch = &mut state.reply;
                    let written = reply::write_refusal(refusal, entry.id, shape, writer, scratch);
                    if let Some(why) = written.unshaped {
                        counters.reply_unshaped(route, &why);
                    }
                } else if let Some(entry) = state.ledger.entry(slot) {
                    let verdict = Verdict::judge(entry);
                    let route = Some(entry.route.index);
                    let took = runtime::now().saturating_duration_since(entry.started);
                    // A 207 is an answer with failures in it, and is counted as itself.
                    let code = verdict.code.filter(|code| code.status() == verdict.status);
                    let written = reply::write_verdict(entry, &verdict, writer, &mut state.reply);
                    // A refusal is counted by its code, whatever its route calls it.
                    let status = code.map_or(written.status, Code::status);
                    counters.request(route, status, code, took);
                    if let Some(why) = written.unshaped {
                        counters.reply_unshaped(entry.route.index, &why);
                    }
                }
                state.ledger.answered(slot);
            }
            State::Alive => reply::write_health(writer),
            State::Ready(ready) => {
                counters.request(Some(ready.route), ready.status, None, Duration::ZERO);
                writer.with(&ready.fields).write(ready.status, &[], b"");
            }
            State::Answered => {}
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let State::Held(slot) = self.state {
            self.core.state.borrow_mut().ledger.answered(slot);
        }
    }
}
