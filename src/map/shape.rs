//! How a route shapes its answers: `reply.status`, `reply.headers`, `reply.body`, and the same
//! under `reply.refusal`, compiled. `shaped` evaluates them; they share the plan's slots and
//! `let`s.

use sluicegate_contract::Name;

use super::names::{Let, Names};
use super::plan::LetPlan;
use super::reply_names::{Given, REPLY_ROOTS, ReplyNames};
use super::scope::{REFUSED_EARLY, Scope};
use super::slots::Read;
use super::source::{Reach, ReplySource, ShapeSource};
use super::template::{self, Template};
use super::types::Type;
use super::{Issue, Node, NodeValue};

/// The shapes of a route's answers, compiled.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) given: Vec<Given>,
    pub(super) success: Option<AnswerPlan>,
    pub(super) refusal: Option<AnswerPlan>,
}

/// The shape of one kind of answer.
#[derive(Debug)]
pub(super) struct AnswerPlan {
    pub(super) status: Option<Template>,
    pub(super) headers: Vec<(Name, Template)>,
    pub(super) body: Option<BodyPlan>,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum BodyPlan {
    Empty,
    Value(Template),
}

pub(super) fn compile<'s>(
    source: &'s ReplySource,
    names: &mut Names<'s>,
    computed: &[LetPlan],
    issues: &mut Vec<Issue>,
) -> Option<Box<Shapes>> {
    names.reply = Some(ReplyNames {
        results: &source.results,
        given: Vec::new(),
    });
    let mapping = names.scope;
    let mut shapes = [
        (&source.success, "reply", Reach::Reply),
        (&source.refusal, "reply.refusal", Reach::Refusal),
    ]
    .map(|(shape, key, reach)| {
        let shape = shape.as_ref()?;
        names.scope = Scope {
            key: Some(key),
            reach,
        };
        let mut compiler = Compiler {
            key,
            names: &mut *names,
            computed,
            issues: &mut *issues,
        };
        Some(compiler.shape(shape))
    });
    names.scope = mapping;
    let given = names.reply.take()?.given;
    let (refusal, success) = (shapes[1].take(), shapes[0].take());
    Some(Box::new(Shapes {
        given,
        success,
        refusal,
    }))
}

struct Compiler<'c, 's> {
    key: &'static str,
    names: &'c mut Names<'s>,
    computed: &'c [LetPlan],
    issues: &'c mut Vec<Issue>,
}

impl Compiler<'_, '_> {
    fn shape(&mut self, source: &ShapeSource) -> AnswerPlan {
        self.check_lets(source);
        let status = source.status.as_ref().and_then(|node| self.status(node));
        let headers = source.headers.iter().filter_map(|(name, _, node)| {
            let value = self.header(name, node)?;
            Some((Name::from(name.as_str()), value))
        });
        let headers = headers.collect();
        let body = source.body.as_ref().and_then(|node| self.body(node));
        AnswerPlan {
            status,
            headers,
            body,
        }
    }

    /// A `let` must not take a name that answers have.
    fn check_lets(&mut self, source: &ShapeSource) {
        let taken = |known: &&Let| REPLY_ROOTS.contains(&known.name.as_str());
        if let Some(known) = self.names.lets.iter().find(taken) {
            let name = &known.name;
            let first = source.status.as_ref().or(source.body.as_ref());
            let first = first.or(source.headers.first().map(|(_, _, node)| node));
            self.issues.push(Issue {
                at: first.map(|node| node.at).unwrap_or_default(),
                message: format!("`{name}` is a `let` here, and means something else in `reply`"),
                help: Some("give the `let` another name".to_owned()),
            });
        }
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        let template = template::compile(node, self.names, self.issues)?;
        let mut reads_event = false;
        template.each_slot(&mut |slot| {
            let read = self.names.slots.get(slot).map(|slot| &slot.read);
            let given = match (read, &self.names.reply) {
                (Some(Read::Given(number, _)), Some(reply)) => reply.given.get(*number),
                _ => None,
            };
            if let Some(Given::Kept(place)) = given
                && let Some(Read::Let(index)) = self.names.slots.get(*place).map(|slot| &slot.read)
            {
                reads_event |= !self.computed.get(*index).is_some_and(|l| l.is_of_head);
            }
        });
        if reads_event && self.names.scope.reach == Reach::Refusal {
            let key = self.key;
            self.issues.push(Issue {
                at: node.at,
                message: format!("`{key}` names a `let` that reads what comes with the body"),
                help: Some(REFUSED_EARLY.to_owned()),
            });
        }
        Some(template)
    }

    fn status(&mut self, node: &Node) -> Option<Template> {
        let template = self.template(node)?;
        let help = match template.kind() {
            Type::Int | Type::Uint | Type::Any => return Some(template),
            Type::Optional => "give it a default with `.orValue(200)`",
            _ => "write a number, or one whole `${…}` that gives one",
        };
        let (key, kind) = (self.key, template.kind().describe());
        self.issues.push(Issue {
            at: node.at,
            message: format!("`{key}.status` must be a whole number, and this is {kind}"),
            help: Some(help.to_owned()),
        });
        None
    }

    fn header(&mut self, name: &str, node: &Node) -> Option<Template> {
        let template = self.template(node)?;
        let kind = template.kind();
        if !matches!(kind, Type::Map | Type::List | Type::Null | Type::Bytes) {
            return Some(template);
        }
        let (key, kind) = (self.key, kind.describe());
        self.issues.push(Issue {
            at: node.at,
            message: format!("`{key}.headers.{name}` must be text, and this is {kind}"),
            help: Some("write text, a number, or one `${…}` that gives such".to_owned()),
        });
        None
    }

    fn body(&mut self, node: &Node) -> Option<BodyPlan> {
        if matches!(&node.value, NodeValue::Text(text) if text.is_empty() || text == "none") {
            return Some(BodyPlan::Empty);
        }
        self.template(node).map(BodyPlan::Value)
    }
}
