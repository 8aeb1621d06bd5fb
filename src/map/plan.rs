//! The compiled mapping of a route.

use std::net::IpAddr;
use std::time::SystemTime;

use bytes::Bytes;
use sluicegate_contract::Record;

use super::fields::FieldPlan;
use super::frame::Frame;
use super::outside::Outside;
use super::shape::Shapes;
use super::slots::Slot;
use super::template::Template;
use super::{Issue, PlanSource, compile, render};
use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::split::{Capture, EventSpan, Wanted};

/// A route's mapping, compiled: what to find in an event, and how each binding's record is made
/// of it. Shared by all cores.
#[derive(Debug, Default)]
pub struct Plan {
    pub(super) wanted: Wanted,
    pub(super) slots: Vec<Slot>,
    /// The `let`s that are computed.
    pub(super) lets: Vec<LetPlan>,
    pub(super) bindings: Vec<BindingPlan>,
    /// In the order of [`PlanSource::expressions`].
    pub(super) outside: Vec<Outside>,
    /// How answers are shaped, where they are.
    pub(super) shapes: Option<Box<Shapes>>,
}

/// A `let` that is computed.
#[derive(Debug)]
pub(super) struct LetPlan {
    pub(super) value: Template,
    /// The computed `let`s that it uses, those that they use included, in order. They are
    /// computed before it: a long chain of them would else nest evaluations on the stack.
    pub(super) needs: Vec<usize>,
    /// Whether it can be computed before the body is there.
    pub(super) is_of_head: bool,
}

/// How one binding's record is made.
#[derive(Debug)]
pub(super) struct BindingPlan {
    pub(super) name: Box<str>,
    pub(super) when: Option<Template>,
    /// In the order of the room's fields.
    pub(super) fields: Vec<FieldPlan>,
}

impl Plan {
    /// Compiles a route's mapping.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn compile(source: &PlanSource) -> Result<Self, Vec<Issue>> {
        compile::compile(source)
    }

    /// The paths that the scan must capture.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Renders the record of one binding for one event. `None` where its `when` is false.
    ///
    /// # Errors
    /// [`MapError`] where the event does not have what the mapping needs.
    pub fn render(
        &self,
        binding: usize,
        event: &EventView<'_>,
    ) -> Result<Option<Record>, MapError> {
        let Some(binding) = self.bindings.get(binding) else {
            // Our own mistake: routes and plans are made together.
            let detail = "the route has no such binding";
            return Err(Box::new(Refusal::new(Code::Internal, detail)));
        };
        render::render(&Frame::new(self, event), binding)
    }
}

/// What a mapping may know of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'r> {
    /// The head.
    pub head: Head<'r>,
    /// Path parameters in the order of the route's path, percent-decoded.
    pub path: &'r [(&'r str, std::borrow::Cow<'r, str>)],
    /// The request's id, as it is answered.
    pub id: u128,
    /// When it arrived.
    pub time: SystemTime,
    /// Whose it is.
    pub source_ip: IpAddr,
    /// Who sent it, where its route asks for that.
    pub auth: Option<AuthView<'r>>,
}

/// What a mapping may know of who sent a request.
#[derive(Clone, Copy, Debug)]
pub struct AuthView<'r> {
    /// The client's name.
    pub name: &'r str,
    /// Its labels.
    pub labels: &'r [(Box<str>, Box<str>)],
}

impl<'r> AuthView<'r> {
    pub(super) fn label(&self, name: &str) -> Option<&'r str> {
        let found = self.labels.iter().find(|(known, _)| **known == *name);
        found.map(|(_, value)| &**value)
    }
}

/// What a mapping may know of an event.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'r> {
    /// The request that it came in.
    pub request: &'r RequestView<'r>,
    /// What the places of the event and its captures are in.
    pub body: &'r Bytes,
    /// The whole body, as received.
    pub received: &'r Bytes,
    /// The event's place in the body.
    pub span: EventSpan,
    /// A capture for each path of [`Plan::wanted`].
    pub captures: &'r [Option<Capture>],
    /// The event's place in its batch.
    pub index: usize,
}

impl<'r> EventView<'r> {
    /// A request whose body is not there yet, for expressions that read its head alone.
    #[must_use]
    pub fn of_head(request: &'r RequestView<'r>) -> Self {
        static NO_BODY: Bytes = Bytes::new();
        Self {
            request,
            body: &NO_BODY,
            received: &NO_BODY,
            span: EventSpan {
                start: 0,
                end: 0,
                kind: None,
            },
            captures: &[],
            index: 0,
        }
    }
}

/// Why a record could not be rendered. Its code is one of `FieldMissing`, `MappingFailed`,
/// `DuplicateField`; the detail names the field, the binding and the expression.
pub type MapError = Box<Refusal>;
