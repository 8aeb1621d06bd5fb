//! A route as written to a route as run.

use std::sync::Arc;

use super::as_run::{After, Binding, Need, Otherwise, Route, Unmatched};
use super::as_written::{self, Defaults};
use super::build::{check_name, did_you_mean, key_place, target_names};
use super::build_accept::{accept, formats, query_of, reply};
use super::build_schema::Schemas;
use super::cors;
use super::gather::Parts;
use super::route_table::Table;
use super::route_text::{self, RouteText};
use super::{
    Sources, build_admission, build_idempotency, build_letters, build_reply, build_spool,
    check_mapping, node,
};
use crate::admit::schema::Schema;
use crate::limits;
use crate::map::{BindingSource, Issue, Node, NodeValue, Plan, PlanSource};
use crate::rooms;

/// All routes in the order of the files; the files of their schemas are mixed into `hash`. `None` for one that cannot be built; why is in `issues`.
pub(super) fn routes(
    parts: &Parts,
    sources: &Sources,
    hash: &mut String,
    issues: &mut Vec<Issue>,
) -> Vec<Option<Route>> {
    let mut table = Table::default();
    let mut schemas = Schemas::default();
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
            let schema = schema(node, written.as_ref(), parts, &mut schemas, sources, issues);
            let route = route(index, node, written.as_ref()?, text, plan, parts, issues)?;
            if node::entry(node, "name").is_some() {
                table.name(&route.name, key_place(node, &["name"]), sources, issues);
            }
            Some(Route { schema, ..route })
        });
    let built = built.collect();
    *hash = schemas.mixed_into(std::mem::take(hash));
    built
}

/// The schema that a route's events must fit: its own, or that of `defaults`.
fn schema(
    node: &Node,
    written: Option<&as_written::Route>,
    parts: &Parts,
    schemas: &mut Schemas,
    sources: &Sources,
    issues: &mut Vec<Issue>,
) -> Option<Arc<Schema>> {
    let written = written?;
    let own = written.schema.as_ref();
    let own = own.map(|schema| (schema, key_place(node, &["schema"])));
    let shared = parts.defaults.as_ref();
    let shared = shared.and_then(|(defaults, at)| Some((defaults.schema.as_ref()?, *at)));
    let (schema, at) = own.or(shared)?;
    if formats(written, parts).raw && *schema != serde_json::Value::Bool(true) {
        issues.push(Issue {
            at: own.map_or_else(|| key_place(node, &["accept", "formats"]), |(_, at)| at),
            message: "a `raw` body has no JSON that a `schema` could judge".to_owned(),
            help: Some("take other formats, or say `schema: true` in the route".to_owned()),
        });
        return None;
    }
    schemas.compiled(schema, at, sources, issues)
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
    let formats = written
        .map(|written| formats(written, parts))
        .unwrap_or_default();
    let reply = match whole {
        true => build_reply::reply(route, written, &bindings, parts, issues),
        false => None,
    };
    let source = PlanSource {
        lets,
        bindings,
        path_parameters: text?.parameters.clone(),
        raw: formats.raw,
        cloudevents: formats.cloudevents,
        auth: build_admission::labels(written, parts),
        reply,
        expressions: build_admission::expressions(route, parts),
    };
    match Plan::compile(&source) {
        Ok(plan) => {
            if whole {
                check_mapping::check(&plan, route, parts, issues);
            }
            whole.then_some(plan)
        }
        Err(found) => {
            for issue in found {
                // Expressions of `defaults` are compiled for each route.
                if !issues.contains(&issue) {
                    issues.push(issue);
                }
            }
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
    text: Option<RouteText>,
    plan: Option<Plan>,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<Route> {
    let before = issues.len();
    let none = Defaults::default();
    let defaults = parts
        .defaults
        .as_ref()
        .map_or(&none, |(defaults, _)| defaults);
    let cors = cors::of_route(node, written.cors.as_ref(), &parts.cors, issues);
    let auth = build_admission::auth(node, written, defaults, parts, issues);
    let first_limit = (index * limits::LIMITS_PER_ROUTE_MAX) as u32;
    let limits = build_admission::route_limits(node, written, defaults, parts, first_limit, issues);
    let keys = build_idempotency::keys(node, parts, issues);
    let accept = accept(node, written, defaults, issues);
    query_of(node, &accept.formats, text.as_ref(), issues);
    let mut reply = reply(node, written, defaults, issues);
    reply.dead_letter = build_letters::of_route(node, written, defaults, parts, issues);
    let mut bindings = bindings(node, written, parts, issues);
    build_letters::given_to(&mut bindings, reply.dead_letter, parts);
    for binding in &mut bindings {
        binding.keeps |= reply.otherwise == Otherwise::Spool && binding.need == Need::Required;
    }
    // Where a target is not known, whether one is required is not known either.
    if bindings.len() == written.to.len() {
        promises(node, &bindings, reply.after, issues);
    }
    build_spool::is_there(node, &reply, parts, issues);
    let name = written.name.as_deref();
    if let Some(name) = name {
        check_name(name, key_place(node, &["name"]), "route", issues);
    }
    let unmatched = match written.unmatched.or(defaults.unmatched) {
        Some(as_written::Unmatched::Accept) => Unmatched::Accept,
        Some(as_written::Unmatched::Refuse) | None => Unmatched::Refuse,
    };
    if issues.len() > before {
        return None;
    }
    let (text, plan, auth) = (text?, plan?, auth?);
    let whole = format!("{} {}", text.method, text.path);
    Some(Route {
        index,
        name: Arc::from(name.unwrap_or(&whole)),
        method: Arc::from(text.method),
        path: Arc::from(text.path),
        cors,
        auth,
        conditions: build_admission::condition_count(node, parts),
        limits,
        keys,
        accept,
        schema: None,
        plan,
        bindings,
        unmatched,
        reply,
    })
}

/// Notes a route whose reply would wait for nothing.
fn promises(node: &Node, bindings: &[Binding], after: After, issues: &mut Vec<Issue>) {
    let is_required = |binding: &Binding| binding.need == Need::Required;
    if bindings.iter().any(is_required) || matches!(after, After::None | After::Spooled) {
        return;
    }
    issues.push(Issue {
        at: key_place(node, &["to"]),
        message: "no target of this route is required, so its reply would promise nothing"
            .to_owned(),
        help: Some(
            "make one `need: required`, or say `reply: { after: spooled }` or `none`".to_owned(),
        ),
    });
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
            dead_letter: None,
            keeps: false,
        });
    }
    bindings
}
