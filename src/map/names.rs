//! What a route's expressions may name, and which slot each name is.

use super::chain::{Chain, Link, shown};
use super::found::Found;
use super::functions::patterns::Pattern;
use super::reply_names::{REPLY_ROOTS, ReplyNames};
use super::scope::Scope;
use super::slots::{Field, Read, Slot};
use super::text::TextFault;
use super::types::Type;
use crate::limits::PATHS_MAX;
use crate::split::{Step, Wanted};

/// What a route's expressions may name, and what they named so far.
#[derive(Debug)]
pub(super) struct Names<'s> {
    /// The place whose expressions are compiled now.
    pub(super) scope: Scope,
    pub(super) raw: bool,
    pub(super) cloudevents: bool,
    pub(super) path_parameters: &'s [String],
    /// Labels that clients may have; `None` where anybody may send.
    pub(super) auth: Option<&'s [String]>,
    pub(super) wanted: Wanted,
    pub(super) slots: Vec<Slot>,
    pub(super) lets: Vec<Let>,
    /// Names of `let` that are defined later than the one that is compiled.
    pub(super) later: Vec<String>,
    pub(super) uuids: u32,
    /// What answers may name, while their expressions are compiled.
    pub(super) reply: Option<ReplyNames<'s>>,
}

/// A `let` that was compiled.
#[derive(Clone, Debug)]
pub(super) struct Let {
    pub(super) name: String,
    pub(super) value: LetValue,
    pub(super) kind: Type,
}

#[derive(Clone, Debug)]
pub(super) enum LetValue {
    /// A plain path: its uses read it themselves.
    Alias(Chain),
    /// Written down.
    Fixed(Found),
    /// Computed at most once for each record: the number among the computed.
    Computed(usize),
    /// Something is wrong with it, which was said: what names it is not told so again.
    Broken,
}

/// Names that are there in every route.
pub(super) const ROOTS: [&str; 7] = ["event", "body", "path", "query", "request", "auth", "ce"];
const REQUEST_NAMES: [&str; 6] = ["method", "path", "headers", "id", "time", "source_ip"];
/// Names that are known and mean something else or nothing here.
const ELSEWHERE: [(&str, &str); 3] = [
    (
        "env",
        "`${env.…}` is read once at load, and only in settings",
    ),
    (
        "secret",
        "`${secret.…}` is read once at load, and only in settings",
    ),
    ("stage", "`stage` is not known in this version"),
];

/// A read that was found for a chain, before it has a place among the slots.
pub(super) type Resolved = Result<Slot, TextFault>;

impl Names<'_> {
    /// The slot of a chain, added if it is new.
    pub(super) fn slot(&mut self, chain: &Chain) -> Result<usize, TextFault> {
        let slot = self.resolve(chain)?;
        Ok(self.place(slot))
    }

    /// The slot of the text, as received, of what a chain reads; `None` where that is not a part
    /// of the event.
    pub(super) fn text_slot(&mut self, chain: &Chain) -> Result<Option<usize>, TextFault> {
        let mut slot = self.resolve(chain)?;
        slot.read = match slot.read {
            Read::Event if !self.raw => Read::EventText,
            Read::Field(field) => Read::FieldText(field),
            _ => return Ok(None),
        };
        slot.shown = format!("json({})", slot.shown).into();
        Ok(Some(self.place(slot)))
    }

    /// The slot of a function that reads the request; `None` for other functions.
    pub(super) fn function_slot(&mut self, name: &str) -> Option<usize> {
        let read = match name {
            "now" => Read::Time,
            "now_millis" => Read::Millis,
            "uuid" => {
                self.uuids += 1;
                Read::Uuid(self.uuids)
            }
            _ => return None,
        };
        let shown = format!("{name}()").into();
        let optional = false;
        Some(self.place(Slot {
            shown,
            read,
            optional,
        }))
    }

    /// The slot of a regular expression.
    pub(super) fn pattern_slot(&mut self, pattern: Pattern) -> usize {
        self.place(Slot {
            shown: "the pattern".into(),
            read: Read::Pattern(pattern),
            optional: false,
        })
    }

    fn place(&mut self, slot: Slot) -> usize {
        let place = self.place_alone(slot);
        self.given(place)
    }

    pub(super) fn place_alone(&mut self, slot: Slot) -> usize {
        let known = self.slots.iter().position(|other| *other == slot);
        known.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        })
    }

    fn resolve(&mut self, chain: &Chain) -> Resolved {
        let root = chain.root.as_str();
        if let Some((_, why)) = ELSEWHERE.iter().find(|(name, _)| *name == root) {
            return Err(TextFault::new(0, *why, &self.names_help(&[])));
        }
        self.scope.check(root)?;
        match root {
            "event" => self.event(chain),
            "body" => match chain.links.as_slice() {
                [] => Ok(slot(chain, Read::Body, false)),
                _ => Err(TextFault::new(
                    0,
                    "`body` is the whole body as received, and cannot be looked into",
                    "write `event` for the event's fields",
                )),
            },
            "path" => self.path(chain),
            "query" | "request" => self.request(chain),
            "auth" => self.auth(chain),
            "ce" => self.attribute(chain),
            root if REPLY_ROOTS.contains(&root) && !self.is_let(root) => self.reply_root(chain),
            _ => self.named(chain),
        }
    }

    /// Outside of answers their roots may be names of `let`.
    fn is_let(&self, name: &str) -> bool {
        self.lets.iter().any(|known| known.name == name)
    }

    fn event(&mut self, chain: &Chain) -> Resolved {
        if chain.links.is_empty() {
            return Ok(slot(chain, Read::Event, false));
        }
        if self.raw {
            return Err(TextFault::new(
                0,
                "a route with `formats: [raw]` takes any bytes, so that its event has no fields",
                "use `${event}` as a whole, or accept `json`",
            ));
        }
        let too_many = || {
            let message = format!("a route may name at most {PATHS_MAX} paths into the event");
            TextFault::new(
                0,
                message,
                "pass the event on as a whole, or split the route",
            )
        };
        let optional = chain.links.iter().position(|link| link.optional);
        let path = self.wanted.add(&steps(&chain.links)).ok_or_else(too_many)?;
        // What stands before the first step that may be absent must be there.
        let last = chain.links.len() - 1;
        let needed = optional.or(chain.test.then_some(last));
        let needed = match needed.and_then(|at| chain.links.get(..at)) {
            None | Some([]) => None,
            Some(links) => {
                let path = self.wanted.add(&steps(links)).ok_or_else(too_many)?;
                Some((path, shown(&chain.root, links).into()))
            }
        };
        let field = Field { path, needed };
        if chain.test {
            return Ok(slot(chain, Read::HasField(field), false));
        }
        Ok(slot(chain, Read::Field(field), optional.is_some()))
    }

    fn path(&self, chain: &Chain) -> Resolved {
        let names = self.path_parameters;
        let Some(Step::Name(name)) = chain.links.first().map(|link| &link.step) else {
            return Err(one_of("path", names));
        };
        let Some(index) = names.iter().position(|known| known == name) else {
            let message = format!("the route's path has no parameter `{name}`");
            let help = nearest(name, names.iter().map(String::as_str));
            return Err(TextFault::new(0, message, &help));
        };
        only_text(chain, 1)?;
        if chain.test {
            let there = Read::Fixed(Found::from_boolean(true));
            return Ok(slot(chain, there, false));
        }
        let optional = chain.links.iter().any(|link| link.optional);
        Ok(slot(chain, Read::Path(index), optional))
    }

    fn request(&self, chain: &Chain) -> Resolved {
        let optional = chain.links.iter().any(|link| link.optional);
        let name = |index: usize| match chain.links.get(index).map(|link| &link.step) {
            Some(Step::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        if chain.root == "query" {
            let Some(parameter) = name(0) else {
                return Err(one_of("query", &["NAME".to_owned()]));
            };
            only_text(chain, 1)?;
            let read = if chain.test {
                Read::HasQuery
            } else {
                Read::Query
            };
            return Ok(slot(chain, read(parameter.into()), optional));
        }
        let Some(member) = name(0) else {
            return Err(one_of("request", &REQUEST_NAMES.map(str::to_owned)));
        };
        let read = match member {
            "headers" => {
                let Some(header) = name(1) else {
                    return Err(one_of("request.headers", &["NAME".to_owned()]));
                };
                only_text(chain, 2)?;
                let read = if chain.test {
                    Read::HasHeader
                } else {
                    Read::Header
                };
                return Ok(slot(
                    chain,
                    read(header.to_ascii_lowercase().into()),
                    optional,
                ));
            }
            "method" => Read::Method,
            "path" => Read::RequestPath,
            "id" => Read::Id,
            "time" => Read::Time,
            "source_ip" => Read::SourceIp,
            _ => {
                let message = format!("`request` has no `{member}`");
                return Err(TextFault::new(0, message, &nearest(member, REQUEST_NAMES)));
            }
        };
        only_text(chain, 1)?;
        if chain.test {
            let there = Read::Fixed(Found::from_boolean(true));
            return Ok(slot(chain, there, false));
        }
        Ok(slot(chain, read, optional))
    }

    fn named(&mut self, chain: &Chain) -> Resolved {
        let found = self.lets.iter().find(|known| known.name == chain.root);
        let Some(known) = found.cloned() else {
            return Err(self.unknown(&chain.root));
        };
        let mut whole = match known.value {
            LetValue::Alias(whole) => whole,
            LetValue::Broken => {
                return Ok(slot(chain, Read::Fixed(Found::null()), true));
            }
            LetValue::Fixed(found) if chain.links.is_empty() => {
                return Ok(slot(chain, Read::Fixed(found), false));
            }
            LetValue::Computed(index) if chain.links.is_empty() => {
                let optional = known.kind == Type::Optional;
                return Ok(slot(chain, Read::Let(index), optional));
            }
            _ => {
                let message = format!("`{}` is computed, and cannot be looked into", chain.root);
                return Err(TextFault::new(0, message, "name the part itself in `let`"));
            }
        };
        whole.links.extend(chain.links.iter().cloned());
        whole.test = chain.test;
        self.resolve(&whole)
    }

    fn unknown(&self, name: &str) -> TextFault {
        if self.later.iter().any(|later| later == name) {
            let message = format!("`{name}` is not defined yet");
            return TextFault::new(0, message, "a `let` may use those that stand before it");
        }
        let known: Vec<&str> = self.lets.iter().map(|known| known.name.as_str()).collect();
        let close = nearest(name, known.iter().copied().chain(ROOTS));
        let help = if close.is_empty() {
            self.names_help(&known)
        } else {
            close
        };
        TextFault::new(0, format!("`{name}` is not known"), &help)
    }

    fn names_help(&self, lets: &[&str]) -> String {
        let there = ROOTS.iter().filter(|root| self.scope.check(root).is_ok());
        let names: Vec<String> = there.chain(lets).map(|n| format!("`{n}`")).collect();
        format!("{} may name {}", self.scope.place(), names.join(", "))
    }
}

pub(super) fn slot(chain: &Chain, read: Read, optional: bool) -> Slot {
    let shown = if chain.test {
        format!("has({})", chain.shown())
    } else {
        chain.shown()
    };
    Slot {
        shown: shown.into(),
        read,
        optional,
    }
}

fn steps(links: &[Link]) -> Vec<Step> {
    links.iter().map(|link| link.step.clone()).collect()
}

/// Refuses to look into what is text.
pub(super) fn only_text(chain: &Chain, links: usize) -> Result<(), TextFault> {
    if chain.links.len() <= links {
        return Ok(());
    }
    let inner = chain.links.get(..links).unwrap_or_default();
    let message = format!("`{}` is text and has no fields", shown(&chain.root, inner));
    let help = format!("write `{}` alone", shown(&chain.root, inner));
    Err(TextFault::new(0, message, &help))
}

pub(super) fn one_of(root: &str, names: &[String]) -> TextFault {
    let message = format!("`{root}` cannot be used as a whole");
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{root}.{name}`"))
        .collect();
    TextFault::new(0, message, &format!("write {}", names.join(", ")))
}

/// `did you mean …`, or nothing where no known name is near.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let scored = known.into_iter().map(|other| {
        let (lower, other_lower) = (name.to_lowercase(), other.to_lowercase());
        (strsim::damerau_levenshtein(&lower, &other_lower), other)
    });
    let best = scored.min_by_key(|(distance, _)| *distance);
    match best {
        Some((distance, other)) if distance <= (name.chars().count() / 3).max(1) => {
            format!("did you mean `{other}`?")
        }
        _ => String::new(),
    }
}
