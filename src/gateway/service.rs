//! A core as the HTTP edge sees it: what it admits, accepts and refuses.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use super::admission::{self, Approach, admit};
use super::refused::RefusalShape;
use super::{Arrival, Core, Ticket};
use crate::admit::{Permit, answer_options, client_address};
use crate::error::{Code, Refusal};
use crate::http::{Admitted, Head, Service};
use crate::runtime;

impl Service for Rc<Core> {
    type Permit = Permit;
    type Ticket = Ticket;

    fn admit(
        &self,
        head: &Head<'_>,
        peer: SocketAddr,
        length: Option<u64>,
    ) -> Result<Admitted<Permit>, Ticket> {
        if let Some(path) = &self.server.health_path
            && **path == *head.path()
        {
            return Err(self.health(head));
        }
        if let Some(answer) = answer_options(&self.routes, head) {
            return Err(Ticket::answered(self, answer));
        }
        let source_ip = client_address(head, peer.ip(), &self.server.trusted_proxies);
        let approach = Approach {
            head,
            length,
            source_ip,
            time: None,
        };
        match admit(&self.admission, &self.routes, &approach) {
            Ok(permit) => {
                let body_bytes_max = permit.body_bytes_max();
                Ok(Admitted {
                    permit,
                    body_bytes_max,
                })
            }
            Err(turned) => {
                let elsewhere = self.server.cors.as_deref();
                let cors = self.routes.cors_of(head, elsewhere);
                let fields = cors.map(|rule| rule.fields(head));
                let (route, refusal) = (turned.route, turned.refusal);
                let (id, time) = (self.next_id(), runtime::system_now());
                let shape = RefusalShape::of_head(&self.routes, head, id, time, source_ip);
                let ticket = Ticket::refused(self, refusal, route, runtime::now());
                Err(ticket.shaped(id, shape).with(fields))
            }
        }
    }

    fn accept(&self, permit: Permit, head: &Head<'_>, _: SocketAddr, body: Bytes) -> Ticket {
        let started = runtime::now();
        let (id, time) = (self.next_id(), runtime::system_now());
        let body = self.own_if_small(&permit, body);
        let arrival = Arrival {
            permit: &permit,
            auth: admission::auth_view(&self.admission, &permit),
            head,
            body: &body,
            id,
            time,
        };
        let fields = permit.cors_fields(head);
        let ticket = match self.deliver(&arrival, started) {
            Ok(slot) => Ticket::held(self, slot, permit.into_held()),
            Err(refusal) => {
                let kept = self.state.borrow_mut().manifest.kept.take();
                let shape = RefusalShape::of_arrival(&arrival, kept);
                let route = Some(permit.route().index);
                Ticket::refused(self, refusal, route, started).shaped(id, shape)
            }
        };
        ticket.with(fields)
    }

    fn refuse(&self, refusal: Refusal) -> Ticket {
        Ticket::refused(self, refusal, None, runtime::now())
    }

    fn refuse_body(&self, permit: &Permit, head: &Head<'_>, refusal: Refusal) -> Ticket {
        let route = Some(permit.route().index);
        let ticket = Ticket::refused(self, refusal, route, runtime::now());
        ticket.with(permit.cors_fields(head))
    }

    fn stopping(&self) {
        self.stopping.set(true);
    }

    fn connection_opened(&self) {
        self.counters.connection_opened();
    }

    fn connection_closed(&self) {
        self.counters.connection_closed();
    }

    fn is_idle(&self) -> bool {
        Core::is_idle(self)
    }
}

impl Core {
    pub(super) fn fresh_id(&self) -> u128 {
        self.next_id()
    }

    /// The answer at `server.health_path`, which stands before all routes.
    fn health(self: &Rc<Self>, head: &Head<'_>) -> Ticket {
        let refusal = match head.method() {
            "GET" | "HEAD" if !self.stopping.get() => return Ticket::alive(self),
            "GET" | "HEAD" => Refusal::new(Code::Stopping, "this gateway is stopping"),
            _ => Refusal::new(Code::MethodNotAllowed, "this path takes GET, HEAD")
                .with_field("Allow", "GET, HEAD"),
        };
        Ticket::refused(self, refusal, None, runtime::now())
    }
}
