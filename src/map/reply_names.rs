//! The roots that only answers have: `results`, `error`, `reply`; and how an answer reads what is
//! not there any more when it is written.

use super::chain::{Chain, Link};
use super::found::Found;
use super::names::{Names, Resolved, nearest, one_of, slot};
use super::slots::{Read, Slot};
use super::source::{Reach, ResultSource};
use super::text::TextFault;
use super::types::Type;
use crate::split::Step;

/// The roots that only answers have.
pub(super) const REPLY_ROOTS: [&str; 3] = ["results", "error", "reply"];

/// What the answers of a route may name, and what they named so far.
#[derive(Debug)]
pub(super) struct ReplyNames<'s> {
    pub(super) results: &'s [ResultSource],
    pub(super) given: Vec<Given>,
}

/// Where a value comes from that an answer names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// Read when the request arrives, and kept: the place of its slot.
    Kept(usize),
    /// Known when the answer is written.
    Fact {
        read: ReplyRead,
        /// True for `has(…)`.
        test: bool,
    },
}

/// A value that is known when an answer is written.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyRead {
    /// `results.NAME.MEMBER`: what became of the record of a binding, by the binding's place.
    Result {
        /// The place of the binding.
        binding: usize,
        /// Its member.
        member: ResultMember,
        /// What is read inside of it, where it is JSON.
        inner: Vec<Step>,
    },
    /// `error.MEMBER`
    Error(ErrorMember),
    /// `reply.MEMBER`
    Reply(ReplyMember),
}

/// A member of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultMember {
    /// `delivered`, `refused`, `not_stored`, `unknown`, `pending` or `skipped`.
    Outcome,
    /// Why it was not delivered: a stable word.
    Code,
    /// What the target said about it.
    Detail,
    /// Whether sending again makes sense.
    Retryable,
    /// A member of the target's receipt, by its name.
    Receipt(&'static str),
}

/// A member of the refusal that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorMember {
    /// The stable word.
    Code,
    /// What was wrong, for people.
    Detail,
    /// The status that the contract gives it.
    Status,
    /// Whether sending again makes sense.
    Retryable,
}

/// A member of the answer as it would be unshaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMember {
    /// The request's id.
    Id,
    /// The true status.
    Status,
    /// `all`, `some`, `none` or `unknown`, as in `Sluicegate-Outcome`.
    Outcome,
    /// Events that were accepted: 1 or 0.
    Accepted,
    /// What a success means: `confirmed` or `memory`.
    Ack,
}

const ERROR_NAMES: [(&str, ErrorMember, Type); 4] = [
    ("code", ErrorMember::Code, Type::Text),
    ("detail", ErrorMember::Detail, Type::Text),
    ("status", ErrorMember::Status, Type::Int),
    ("retryable", ErrorMember::Retryable, Type::Bool),
];
const REPLY_NAMES: [(&str, ReplyMember, Type); 5] = [
    ("id", ReplyMember::Id, Type::Text),
    ("status", ReplyMember::Status, Type::Int),
    ("outcome", ReplyMember::Outcome, Type::Text),
    ("accepted", ReplyMember::Accepted, Type::Int),
    ("ack", ReplyMember::Ack, Type::Text),
];

/// A member of a result: what it is, its type, and why it may be missing, where it may.
type Member = (ResultMember, Type, Option<String>);

impl Names<'_> {
    /// What stands in an answer for a slot: values of the request are read when it arrives.
    pub(super) fn given(&mut self, place: usize) -> usize {
        let Some(reply) = &mut self.reply else {
            return place;
        };
        let Some(known) = self.slots.get(place) else {
            return place;
        };
        if matches!(
            known.read,
            Read::Given(..) | Read::Fixed(_) | Read::Pattern(_)
        ) {
            return place;
        }
        let kind = match known.kind(&self.lets) {
            Type::Optional => Type::Any,
            kind => kind,
        };
        let (shown, optional) = (known.shown.clone(), known.optional);
        let read = Read::Given(reply.place(Given::Kept(place)), kind);
        self.place_alone(Slot {
            shown,
            read,
            optional,
        })
    }

    /// `results`, `error`, `reply`.
    pub(super) fn reply_root(&mut self, chain: &Chain) -> Resolved {
        let refusal = self.scope.reach == Reach::Refusal;
        let Some(reply) = &mut self.reply else {
            let message = format!("`{}` is there in `reply` only", chain.root);
            let help = "it is known when the answer is written: after delivery";
            return Err(TextFault::new(0, message, help));
        };
        let optional = chain.links.iter().any(|link| link.optional);
        let (read, kind, depth, absent) = match chain.root.as_str() {
            "results" => reply.result(chain, refusal)?,
            "error" if !refusal => {
                let message = "`error` is there in `reply.refusal` only";
                return Err(TextFault::new(0, message, "a success has no error"));
            }
            "error" => {
                let (member, kind) = member("error", &chain.links, &ERROR_NAMES)?;
                (ReplyRead::Error(member), kind, 1, None)
            }
            _ => {
                let (member, kind) = member("reply", &chain.links, &REPLY_NAMES)?;
                let no_ack = refusal && member == ReplyMember::Ack;
                let absent = no_ack.then(|| "a refusal confirms nothing".to_owned());
                (ReplyRead::Reply(member), kind, 1, absent)
            }
        };
        let inside = matches!(&read, ReplyRead::Result { inner, .. } if !inner.is_empty());
        if chain.links.len() > depth && !inside {
            let message = format!("`{}` has no fields", shown_to(chain, depth));
            return Err(TextFault::new(0, message, ""));
        }
        let test = chain.test;
        if let Some(why) = absent.filter(|_| !optional && !test) {
            return Err(may_be_missing(chain, depth, &why));
        }
        let kind = if test { Type::Bool } else { kind };
        let given = reply.place(Given::Fact { read, test });
        Ok(slot(chain, Read::Given(given, kind), optional && !test))
    }
}

impl ReplyNames<'_> {
    fn place(&mut self, given: Given) -> usize {
        let known = self.given.iter().position(|other| *other == given);
        known.unwrap_or_else(|| {
            self.given.push(given);
            self.given.len() - 1
        })
    }

    /// The read of `results.NAME.MEMBER`, its type, the links that it takes, and why it may be
    /// missing.
    fn result(
        &self,
        chain: &Chain,
        refusal: bool,
    ) -> Result<(ReplyRead, Type, usize, Option<String>), TextFault> {
        let known: Vec<String> = self
            .results
            .iter()
            .map(|known| known.name.clone())
            .collect();
        let Some(name) = name_at(&chain.links, 0) else {
            return Err(one_of("results", &known));
        };
        let Some(binding) = self.results.iter().position(|known| known.name == name) else {
            let message = format!("this route sends nothing to `{name}`");
            let names = known.iter().map(String::as_str);
            let mut help = nearest(name, names);
            if help.is_empty() {
                help = format!("its `to` has {}", listed(&known));
            }
            return Err(TextFault::new(0, message, &help));
        };
        let Some(source) = self.results.get(binding) else {
            return Err(one_of("results", &known));
        };
        let root = format!("results.{name}");
        let Some(word) = name_at(&chain.links, 1) else {
            return Err(one_of(&root, &members_of(source)));
        };
        let (member, kind, absent) = source.member(word, refusal, &root)?;
        // Only JSON can be looked into.
        let links = chain.links.get(2..).filter(|_| kind == Type::Any);
        let inner = links
            .unwrap_or_default()
            .iter()
            .map(|link| link.step.clone());
        let inner = inner.collect();
        let read = ReplyRead::Result {
            binding,
            member,
            inner,
        };
        Ok((read, kind, 2, absent))
    }
}

impl ResultSource {
    fn member(&self, word: &str, refusal: bool, root: &str) -> Result<Member, TextFault> {
        let only_failed = || Some("a record that is delivered has none".to_owned());
        Ok(match word {
            "outcome" => (ResultMember::Outcome, Type::Text, None),
            "retryable" => (ResultMember::Retryable, Type::Bool, None),
            "code" => (ResultMember::Code, Type::Text, only_failed()),
            "detail" => (ResultMember::Detail, Type::Text, only_failed()),
            _ => {
                let Some(found) = self.receipt.iter().find(|known| known.name == word) else {
                    let names = members_of(self);
                    let message = format!("`{root}` has no `{word}`");
                    let mut help = nearest(word, names.iter().map(String::as_str));
                    if help.is_empty() {
                        let room = self.room;
                        help = format!("the result of a {room} target has {}", listed(&names));
                    }
                    return Err(TextFault::new(0, message, &help));
                };
                let absent = match (&self.uncertain, refusal) {
                    (_, true) => Some("what is refused may not have come so far".to_owned()),
                    (Some(why), _) => Some(why.clone()),
                    (None, _) if !found.certain => Some("not every record has it".to_owned()),
                    (None, _) => None,
                };
                let kind = match found.kind {
                    super::source::MemberKind::Text => Type::Text,
                    super::source::MemberKind::Integer => Type::Int,
                    super::source::MemberKind::Boolean => Type::Bool,
                    super::source::MemberKind::Json => Type::Any,
                };
                (ResultMember::Receipt(found.name), kind, absent)
            }
        })
    }
}

fn members_of(source: &ResultSource) -> Vec<String> {
    let all = ["outcome", "code", "detail", "retryable"].into_iter();
    let receipt = source.receipt.iter().map(|member| member.name);
    all.chain(receipt).map(str::to_owned).collect()
}

fn member<M: Copy>(
    root: &str,
    links: &[Link],
    names: &[(&str, M, Type)],
) -> Result<(M, Type), TextFault> {
    let all = || names.iter().map(|(name, ..)| *name);
    let Some(word) = name_at(links, 0) else {
        let all: Vec<String> = all().map(str::to_owned).collect();
        return Err(one_of(root, &all));
    };
    match names.iter().find(|(name, ..)| *name == word) {
        Some((_, member, kind)) => Ok((*member, *kind)),
        None => {
            let message = format!("`{root}` has no `{word}`");
            let mut help = nearest(word, all());
            if help.is_empty() {
                let all: Vec<String> = all().map(str::to_owned).collect();
                help = format!("it has {}", listed(&all));
            }
            Err(TextFault::new(0, message, &help))
        }
    }
}

fn name_at(links: &[Link], place: usize) -> Option<&str> {
    match links.get(place).map(|link| &link.step) {
        Some(Step::Name(name)) => Some(name),
        _ => None,
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn shown_to(chain: &Chain, depth: usize) -> String {
    let links = chain.links.get(..depth).unwrap_or_default();
    super::chain::shown(&chain.root, links)
}

fn may_be_missing(chain: &Chain, depth: usize, why: &str) -> TextFault {
    let whole = shown_to(chain, depth);
    let message = format!("`{whole}` may be missing: {why}");
    let mut optional = shown_to(chain, depth.saturating_sub(1));
    if let Some(name) = name_at(&chain.links, depth.saturating_sub(1)) {
        optional = format!("{optional}.?{name}");
    }
    let help = format!("write `{optional}`, and `.orValue(…)` where a value is needed");
    TextFault::new(0, message, &help)
}

impl Found {
    /// What is there inside of a JSON value; absent where it is not.
    pub(super) fn inside(self, steps: &[Step]) -> Self {
        let Self::Json(json, _) = &self else {
            return if steps.is_empty() { self } else { Self::Absent };
        };
        let mut raw: &[u8] = json;
        for step in steps {
            let next = match step {
                Step::Name(name) => {
                    serde_json::from_slice::<std::collections::HashMap<String, &_>>(raw)
                        .ok()
                        .and_then(|members| members.get(name).copied())
                }
                Step::Index(index) => {
                    serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(raw)
                        .ok()
                        .and_then(|elements| elements.get(*index).copied())
                }
            };
            let Some(next) = next else {
                return Self::Absent;
            };
            raw = next.get().as_bytes();
        }
        Self::from_json(bytes::Bytes::copy_from_slice(raw))
    }
}
