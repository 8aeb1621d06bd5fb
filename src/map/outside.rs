//! Expressions of a route outside of its records: `allow`, `limits[].per`. They share the plan's
//! slots and `let`s; what each of them reads decides when it is judged.

use bytestring::ByteString;

use super::found::Found;
use super::frame::{Fault, Frame};
use super::names::Names;
use super::plan::{EventView, LetPlan, MapError, Plan};
use super::scope::{JUDGED_EARLY, Scope};
use super::source::{ExpressionSource, Reach, Wants};
use super::template::{self, Template};
use super::trouble::Trouble;
use super::types::Type;
use super::{Issue, render};
use crate::error::{Code, Refusal};

/// An expression outside of records, compiled.
#[derive(Debug)]
pub(super) struct Outside {
    key: &'static str,
    value: Template,
    /// Whether it can be judged before the body is there.
    is_of_head: bool,
}

/// Compiles all of a route, in their order. After an issue the list may be short.
pub(super) fn compile(
    sources: &[ExpressionSource],
    names: &mut Names<'_>,
    computed: &[LetPlan],
    issues: &mut Vec<Issue>,
) -> Vec<Outside> {
    let mut compiled = Vec::with_capacity(sources.len());
    for source in sources {
        let mapping = names.scope;
        names.scope = Scope {
            key: Some(source.key),
            reach: source.reach,
        };
        let value = match source.wants {
            Wants::Condition => super::compile::condition(source.key, &source.node, names, issues),
            Wants::Text | Wants::OptionalText => text(source, names, issues),
        };
        names.scope = mapping;
        let Some(value) = value else { continue };
        let is_of_head = is_of_head(&value, names, computed);
        if !is_of_head && source.reach == Reach::Head {
            issues.push(Issue {
                at: source.node.at,
                message: format!("`{}` reads what comes with the body", source.key),
                help: Some(JUDGED_EARLY.to_owned()),
            });
        }
        compiled.push(Outside {
            key: source.key,
            value,
            is_of_head,
        });
    }
    compiled
}

/// Whether a template can be evaluated before the body is there.
pub(super) fn is_of_head(template: &Template, names: &Names<'_>, computed: &[LetPlan]) -> bool {
    let mut is_of_head = true;
    template.each_slot(&mut |slot| {
        let read = names.slots.get(slot).map(|slot| &slot.read);
        is_of_head &= read.is_some_and(|read| read.is_of_head(computed));
    });
    is_of_head
}

fn text(
    source: &ExpressionSource,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Template> {
    let template = template::compile(&source.node, names, issues)?;
    let help = match template.kind() {
        Type::Optional if source.wants == Wants::OptionalText => return Some(template),
        Type::Optional => "give it a default with `.orValue('')`",
        Type::List | Type::Map | Type::Null | Type::Bytes => "write one `${…}` that gives text",
        _ => return Some(template),
    };
    let (key, kind) = (source.key, template.kind().describe());
    issues.push(Issue {
        at: source.node.at,
        message: format!("`{key}` must be text, and this is {kind}"),
        help: Some(help.to_owned()),
    });
    None
}

impl Plan {
    /// Whether an expression outside of records reads the head alone, so that it can be judged
    /// with [`EventView::of_head`]. `place` is its place in `PlanSource::expressions`.
    #[must_use]
    pub fn is_of_head(&self, place: usize) -> bool {
        self.outside
            .get(place)
            .is_some_and(|known| known.is_of_head)
    }

    /// The text of an expression outside of records, for messages.
    #[must_use]
    pub fn shown(&self, place: usize) -> &str {
        self.outside
            .get(place)
            .map_or("", |known| known.value.shown())
    }

    /// Whether a condition outside of records holds.
    ///
    /// # Errors
    /// [`MapError`] where it cannot be judged.
    pub fn holds(&self, place: usize, event: &EventView<'_>) -> Result<bool, MapError> {
        let known = self.outside(place)?;
        let frame = Frame::new(self, event);
        let held = render::condition_holds(&frame, &known.value);
        held.map_err(|fault| refusal(known, fault))
    }

    /// The text that an expression outside of records gives.
    ///
    /// # Errors
    /// [`MapError`] where it has none.
    pub fn text(&self, place: usize, event: &EventView<'_>) -> Result<ByteString, MapError> {
        let known = self.outside(place)?;
        let frame = Frame::new(self, event);
        let found = frame.template(&known.value);
        let found = found.map_err(|fault| refusal(known, fault))?;
        found.text().ok_or_else(|| {
            let what = format!("it must be text, and is {}", found.describe());
            refusal(known, (Trouble::unusable(what), known.value.shown()))
        })
    }

    /// As [`Plan::text`], for one that may be absent.
    ///
    /// # Errors
    /// As [`Plan::text`].
    pub fn optional_text(
        &self,
        place: usize,
        event: &EventView<'_>,
    ) -> Result<Option<ByteString>, MapError> {
        let known = self.outside(place)?;
        let found = Frame::new(self, event).template(&known.value);
        let found = found.map_err(|fault| refusal(known, fault))?;
        if found == Found::Absent {
            return Ok(None);
        }
        self.text(place, event).map(Some)
    }

    /// Whether all conditions hold that are judged now: with `early` those that read the head
    /// alone, else those that read an event. The conditions are the first `count` expressions.
    ///
    /// # Errors
    /// `NotAllowed`, also where one cannot be judged.
    pub fn allowed(
        &self,
        count: usize,
        early: bool,
        event: &EventView<'_>,
    ) -> Result<(), MapError> {
        for place in (0..count).filter(|place| self.is_of_head(*place) == early) {
            match self.holds(place, event) {
                Ok(true) => {}
                Ok(false) => {
                    let detail = format!("`allow` does not hold: {}", self.shown(place));
                    return Err(Box::new(Refusal::new(Code::NotAllowed, detail)));
                }
                Err(mut refusal) => {
                    refusal.code = Code::NotAllowed;
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    fn outside(&self, place: usize) -> Result<&Outside, MapError> {
        self.outside.get(place).ok_or_else(|| {
            // Our own mistake: routes and plans are made together.
            let detail = "the route has no such expression";
            Box::new(Refusal::new(Code::Internal, detail))
        })
    }
}

fn refusal(known: &Outside, (trouble, expression): Fault<'_>) -> MapError {
    trouble.refusal_outside(known.key, expression)
}
