//! A route as written to a route as run.

use std::sync::Arc;
use std::time::Duration;

use super::as_run::{
    Accept, After, BatchReply, Binding, Formats, Need, ReplyRule, Route, Unmatched,
};
use super::as_written::{self, Defaults, Format};
use super::build::{between, check_name, did_you_mean, key_place, target_names};
use super::gather::Parts;
use super::route_text::{self, RouteText};
use super::{Sources, node};
use crate::limits;
use crate::map::{BindingSource, Issue, Node, NodeValue, Plan, PlanSource, Position};
use crate::rooms;

/// `reply.within` at least.
const WITHIN_MIN: Duration = Duration::from_millis(1);

/// All routes in the order of the files. `None` for one that cannot be built; why is in `issues`.
pub(super) fn routes(
    parts: &Parts,
    sources: &Sources,
    issues: &mut Vec<Issue>,
) -> Vec<Option<Route>> {
    let mut table = Table::default();
    let built = parts
        .routes
        .iter()
        .take(limits::ROUTES_MAX)
        .enumerate()
        .map(|(index, (node, written))| {
            let at = key_place(node, &["route"]);
            let text = route_text(node, issues);
            if let Some(text) = &text {
                table.add(text, at, sources, issues);
            }
            let plan = plan(node, text.as_ref(), written.as_ref(), parts, issues);
            let route = route(index, node, written.as_ref()?, text?, plan?, parts, issues)?;
            table.name(&route.name, key_place(node, &["name"]), sources, issues);
            Some(route)
        });
    built.collect()
}

fn route_text(node: &Node, issues: &mut Vec<Issue>) -> Option<RouteText> {
    let route = node::entry(node, "route")?;
    let NodeValue::Text(text) = &route.value else {
        return None;
    };
    match route_text::parse(text) {
        Ok(text) => Some(text),
        Err((message, help)) => {
            issues.push(Issue {
                at: route.at,
                message,
                help: Some(help),
            });
            None
        }
    }
}

/// What routes there are already.
#[derive(Default)]
struct Table {
    router: matchit::Router<()>,
    routes: Vec<(String, String, Position)>,
    names: Vec<(Arc<str>, Position)>,
}

impl Table {
    fn add(&mut self, text: &RouteText, at: Position, sources: &Sources, issues: &mut Vec<Issue>) {
        let same_path = self.routes.iter().filter(|(_, path, _)| *path == text.path);
        let mut same_path = same_path.peekable();
        let new_path = same_path.peek().is_none();
        if let Some((_, _, first)) = same_path
            .clone()
            .find(|(method, _, _)| *method == text.method)
        {
            let place = sources.place(*first);
            issues.push(Issue {
                at,
                message: format!(
                    "`{} {}` is given twice: first at {place}",
                    text.method, text.path
                ),
                help: Some("one route takes a method and path: put both into one".to_owned()),
            });
            return;
        }
        let inserted = if new_path {
            self.router.insert(&text.path, ())
        } else {
            Ok(())
        };
        if let Err(error) = inserted {
            let other = match &error {
                matchit::InsertError::Conflict { with } => {
                    self.routes.iter().find(|(_, path, _)| path == with)
                }
                _ => None,
            };
            let message = match other {
                Some((method, path, first)) => format!(
                    "the path `{}` takes the same requests as `{method} {path}` at {}",
                    text.path,
                    sources.place(*first)
                ),
                None => format!("the path `{}` cannot be used: {error}", text.path),
            };
            let help = "give parameters in the same place of a path the same name".to_owned();
            issues.push(Issue {
                at,
                message,
                help: Some(help),
            });
            return;
        }
        self.routes
            .push((text.method.clone(), text.path.clone(), at));
    }

    fn name(&mut self, name: &Arc<str>, at: Position, sources: &Sources, issues: &mut Vec<Issue>) {
        if let Some((_, first)) = self.names.iter().find(|(known, _)| known == name) {
            issues.push(Issue {
                at,
                message: format!(
                    "the route name `{name}` is given twice: first at {}",
                    sources.place(*first)
                ),
                help: Some("names tell routes apart in metrics: give each its own".to_owned()),
            });
        }
        self.names.push((Arc::clone(name), at));
    }
}

/// The compiled mapping. Made from the tree, so that its errors show beside all others.
fn plan(
    route: &Node,
    text: Option<&RouteText>,
    written: Option<&as_written::Route>,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<Plan> {
    let mut bindings = Vec::new();
    let mut whole = true;
    for entry in node::entry(route, "to").map_or(&[][..], node::items) {
        let target = text_of(entry, "target");
        let known = target.and_then(|name| parts.targets.iter().find(|known| known.name == name));
        let kind = known.and_then(|known| known.kind);
        let room = kind.and_then(|kind| rooms::TARGETS.iter().find(|room| room.name == kind));
        let (Some(target), Some(room)) = (target, room) else {
            whole = false;
            continue;
        };
        bindings.push(BindingSource {
            name: text_of(entry, "as").unwrap_or(target).to_owned(),
            at: entry.at,
            room: room.name,
            when: node::entry(entry, "when").cloned(),
            fields: room.fields,
            record: node::entry(entry, "record").cloned(),
        });
    }
    let lets = node::entry(route, "let")
        .map_or(&[][..], node::entries)
        .to_vec();
    let source = PlanSource {
        lets,
        bindings,
        path_parameters: text?.parameters.clone(),
        raw: written.is_some_and(|written| formats(written, parts).raw),
    };
    match Plan::compile(&source) {
        Ok(plan) => whole.then_some(plan),
        Err(found) => {
            issues.extend(found);
            None
        }
    }
}

fn text_of<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    match &node::entry(node, key)?.value {
        NodeValue::Text(text) => Some(text),
        _ => None,
    }
}

fn route(
    index: usize,
    node: &Node,
    written: &as_written::Route,
    text: RouteText,
    plan: Plan,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<Route> {
    let before = issues.len();
    let none = Defaults::default();
    let defaults = parts
        .defaults
        .as_ref()
        .map_or(&none, |(defaults, _)| defaults);
    if written.auth.is_none() && defaults.auth.is_none() {
        issues.push(Issue {
            at: key_place(node, &["route"]),
            message: "who may send is not stated: `auth` is missing".to_owned(),
            help: Some(
                "write `auth: none` in the route, or in `defaults` for all routes".to_owned(),
            ),
        });
    }
    let accept = accept(node, written, defaults, issues);
    let reply = reply(node, written, defaults, issues);
    let bindings = bindings(node, written, parts, issues);
    let required = bindings
        .iter()
        .any(|binding| binding.need == Need::Required);
    if !required && reply.after != After::None {
        issues.push(Issue {
            at: key_place(node, &["to"]),
            message: "no target of this route is required, so its reply would promise nothing"
                .to_owned(),
            help: Some("make one `need: required`, or say `reply: { after: none }`".to_owned()),
        });
    }
    let whole = format!("{} {}", text.method, text.path);
    let name = written.name.as_deref();
    if let Some(name) = name {
        check_name(name, key_place(node, &["name"]), "route", issues);
    }
    let unmatched = match written.unmatched.or(defaults.unmatched) {
        Some(as_written::Unmatched::Accept) => Unmatched::Accept,
        Some(as_written::Unmatched::Refuse) | None => Unmatched::Refuse,
    };
    (issues.len() == before).then(|| Route {
        index,
        name: Arc::from(name.unwrap_or(&whole)),
        method: Arc::from(text.method),
        path: Arc::from(text.path),
        accept,
        plan,
        bindings,
        unmatched,
        reply,
    })
}

fn formats(written: &as_written::Route, parts: &Parts) -> Formats {
    let own = written
        .accept
        .as_ref()
        .and_then(|accept| accept.formats.as_ref());
    let shared = parts
        .defaults
        .as_ref()
        .and_then(|(defaults, _)| defaults.accept.as_ref());
    formats_of(own.or(shared.and_then(|accept| accept.formats.as_ref())))
}

fn formats_of(written: Option<&Vec<Format>>) -> Formats {
    let has = |format| written.is_none_or(|formats| formats.contains(&format));
    Formats {
        json: has(Format::Json),
        json_array: has(Format::JsonArray),
        ndjson: has(Format::Ndjson),
        raw: written.is_some_and(|formats| formats.contains(&Format::Raw)),
    }
}

fn accept(
    node: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    issues: &mut Vec<Issue>,
) -> Accept {
    let own = written.accept.clone().unwrap_or_default();
    let shared = defaults.accept.clone().unwrap_or_default();
    let at = |key| key_place(node, &["accept", key]);
    let listed = own.formats.or(shared.formats);
    let formats = formats_of(listed.as_ref());
    if formats.raw && (formats.json || formats.json_array || formats.ndjson) {
        issues.push(Issue {
            at: at("formats"),
            message: "`raw` stands beside other formats".to_owned(),
            help: Some("`raw` takes any bytes, so nothing could tell the others from it: let it stand alone".to_owned()),
        });
    }
    let mut bytes =
        |key, size: Option<sluicegate_contract::ByteSize>, normal: usize, most: usize| {
            let Some(size) = size else { return normal };
            let value = usize::try_from(size.0).unwrap_or(usize::MAX);
            if value == 0 || value > most {
                let most = sluicegate_contract::ByteSize(most as u64);
                issues.push(Issue {
                    at: at(key),
                    message: format!("`{key}` is {size}"),
                    help: Some(format!("it must be from 1B to {most}")),
                });
            }
            value
        };
    let request_bytes = bytes(
        "request_bytes",
        own.request_bytes.or(shared.request_bytes),
        limits::REQUEST_BYTES_DEFAULT,
        limits::REQUEST_BYTES_MAX,
    );
    let event_bytes = bytes(
        "event_bytes",
        own.event_bytes.or(shared.event_bytes),
        limits::EVENT_BYTES_DEFAULT.min(request_bytes),
        limits::EVENT_BYTES_MAX,
    );
    if event_bytes > request_bytes {
        issues.push(Issue {
            at: at("event_bytes"),
            message: "`event_bytes` is larger than `request_bytes`".to_owned(),
            help: Some(
                "a body holds its events: raise `request_bytes` or lower `event_bytes`".to_owned(),
            ),
        });
    }
    let events = own
        .events
        .or(shared.events)
        .map_or(limits::EVENTS_DEFAULT, |events| {
            usize::try_from(events)
                .unwrap_or(limits::EVENTS_MAX)
                .min(limits::EVENTS_MAX)
        });
    Accept {
        formats,
        event_bytes,
        request_bytes,
        events,
    }
}

fn reply(
    node: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    issues: &mut Vec<Issue>,
) -> ReplyRule {
    let own = written.reply.clone().unwrap_or_default();
    let shared = defaults.reply.clone().unwrap_or_default();
    let within = own
        .within
        .or(shared.within)
        .map_or(limits::WITHIN_DEFAULT, |span| span.0);
    let at = key_place(node, &["reply", "within"]);
    between("within", within, WITHIN_MIN, limits::WITHIN_MAX, at, issues);
    ReplyRule {
        after: match own.after.or(shared.after) {
            Some(as_written::After::Any) => After::Any,
            Some(as_written::After::None) => After::None,
            Some(as_written::After::Required) | None => After::Required,
        },
        within,
        receipts: own.receipts.or(shared.receipts).unwrap_or(false),
        batch: match own.batch.or(shared.batch) {
            Some(as_written::BatchReply::PerEvent) => BatchReply::PerEvent,
            Some(as_written::BatchReply::Worst) | None => BatchReply::Worst,
        },
    }
}

fn bindings(
    node: &Node,
    written: &as_written::Route,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Vec<Binding> {
    let entries = node::entry(node, "to").map_or(&[][..], node::items);
    if let Some(first) = entries.get(limits::BINDINGS_MAX) {
        issues.push(Issue {
            at: first.at,
            message: format!(
                "a route has at most {} entries in `to`",
                limits::BINDINGS_MAX
            ),
            help: Some("spread them over several routes".to_owned()),
        });
    }
    let mut bindings: Vec<Binding> = Vec::with_capacity(written.to.len());
    for (entry, binding) in entries.iter().zip(&written.to) {
        let place = parts
            .targets
            .iter()
            .position(|known| known.name == binding.target);
        let Some(target) = place else {
            issues.push(Issue {
                at: key_place(entry, &["target"]),
                message: format!("there is no target `{}`", binding.target),
                help: Some(did_you_mean(
                    &binding.target,
                    &target_names(parts),
                    "targets",
                )),
            });
            continue;
        };
        let name = binding.name.as_deref().unwrap_or(&binding.target);
        if let Some(own) = &binding.name {
            check_name(own, key_place(entry, &["as"]), "binding", issues);
        }
        if bindings.iter().any(|known| *known.name == *name) {
            issues.push(Issue {
                at: key_place(
                    entry,
                    &[if binding.name.is_some() {
                        "as"
                    } else {
                        "target"
                    }],
                ),
                message: format!("`{name}` occurs twice in this route"),
                help: Some("give one of them another name with `as: …`".to_owned()),
            });
        }
        bindings.push(Binding {
            name: Arc::from(name),
            target,
            need: match binding.need {
                Some(as_written::Need::BestEffort) => Need::BestEffort,
                Some(as_written::Need::Required) | None => Need::Required,
            },
        });
    }
    bindings
}
