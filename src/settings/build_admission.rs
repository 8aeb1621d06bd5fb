//! What a route asks of who sends, and how much it lets come: its own keys over those of
//! `defaults`.

use sluicegate_contract::ByteSize;

use super::admission::{Auth, Limit, Quota};
use super::as_written::{self, Defaults};
use super::gather::Parts;
use super::rates::Rate;
use super::written_admission::{self, AuthKind};
use super::{build_idempotency, node};
use crate::limits::{LIMIT_REFILL_MAX, LIMITS_PER_ROUTE_MAX};
use crate::map::{ExpressionSource, Issue, Node, NodeValue, Position, Reach, Wants};

/// A key of a route, or of the defaults where the route does not say it.
pub(super) fn stated<'n>(route: &'n Node, key: &str, parts: &'n Parts) -> Option<&'n Node> {
    let shared = || node::entry(parts.defaults_node.as_ref()?, key);
    node::entry(route, key).or_else(shared)
}

/// What a route asks of who sends; `None` where that is not stated.
pub(super) fn auth(
    route: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<Auth> {
    let stated_at =
        |fallback: Position| stated(route, "auth", parts).map_or(fallback, |node| node.at);
    let mut wrong = |at: Position, message: &str, help: &str| {
        let issue = Issue {
            at,
            message: message.to_owned(),
            help: Some(help.to_owned()),
        };
        // What `defaults` say is read once for each route.
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    };
    let Some(auth) = written.auth.as_ref().or(defaults.auth.as_ref()) else {
        let help = "write `auth: [api_key]` or `auth: none` in the route, or in `defaults` for all";
        let at = node::place(route, &["route"]);
        wrong(at, "who may send is not stated: `auth` is missing", help);
        return None;
    };
    let kinds = match auth {
        written_admission::Auth::Word(kind) => std::slice::from_ref(kind),
        written_admission::Auth::List(kinds) => kinds,
    };
    let at = stated_at(route.at);
    match (
        kinds.contains(&AuthKind::None),
        kinds.contains(&AuthKind::ApiKey),
    ) {
        (true, true) => {
            let help = "let one of them stand alone: with `none` anybody may send";
            wrong(at, "`none` stands beside `api_key`", help);
            None
        }
        (false, true) => {
            if parts.clients.is_empty() {
                let help = "`sluicegate key new` makes a key and its entry under `clients:`";
                wrong(
                    at,
                    "`auth: [api_key]` asks for a key, and there are no clients",
                    help,
                );
            }
            Some(Auth::ApiKey)
        }
        _ => Some(Auth::None),
    }
}

/// Labels that clients have; `None` where a route has no `auth` to look into.
pub(super) fn labels(written: Option<&as_written::Route>, parts: &Parts) -> Option<Vec<String>> {
    let own = written.and_then(|written| written.auth.as_ref());
    let shared = parts.defaults.as_ref();
    let shared = shared.and_then(|(defaults, _)| defaults.auth.as_ref());
    let anybody = match own.or(shared) {
        Some(written_admission::Auth::Word(kind)) => *kind == AuthKind::None,
        Some(written_admission::Auth::List(kinds)) => kinds.contains(&AuthKind::None),
        None => false,
    };
    if anybody {
        return None;
    }
    let clients = parts
        .clients
        .iter()
        .filter_map(|named| named.value.as_ref());
    let mut labels: Vec<String> = clients
        .flat_map(|client| client.labels.keys().cloned())
        .collect();
    labels.sort();
    labels.dedup();
    Some(labels)
}

/// The conditions of a route: one, or a list of them.
fn conditions<'n>(route: &'n Node, parts: &'n Parts) -> &'n [Node] {
    match stated(route, "allow", parts) {
        None => &[],
        Some(Node {
            value: NodeValue::List(items),
            ..
        }) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

/// How many conditions a route has: they are the first of its expressions.
pub(super) fn condition_count(route: &Node, parts: &Parts) -> usize {
    conditions(route, parts).len()
}

/// A route's expressions outside of records: its conditions, then what its limits are counted by.
pub(super) fn expressions(route: &Node, parts: &Parts) -> Vec<ExpressionSource> {
    let conditions = conditions(route, parts)
        .iter()
        .map(|node| ExpressionSource {
            key: "allow",
            node: node.clone(),
            wants: Wants::Condition,
            reach: Reach::Event,
        });
    let limits = stated(route, "limits", parts).map_or(&[][..], node::items);
    let pers = limits.iter().filter_map(|limit| node::entry(limit, "per"));
    let pers = pers.map(|node| ExpressionSource {
        key: "limits.per",
        node: node.clone(),
        wants: Wants::Text,
        reach: Reach::Head,
    });
    let key = build_idempotency::expression(route, parts);
    conditions.chain(pers).chain(key).collect()
}

/// A route's limits. `first` is the number of the first.
pub(super) fn route_limits(
    route: &Node,
    written: &as_written::Route,
    defaults: &Defaults,
    parts: &Parts,
    first: u32,
    issues: &mut Vec<Issue>,
) -> Vec<Limit> {
    let nodes = stated(route, "limits", parts);
    let written = written.limits.as_deref().or(defaults.limits.as_deref());
    let mut per = condition_count(route, parts);
    let mut limits = limits(nodes, written.unwrap_or_default(), first, issues);
    for limit in &mut limits {
        if let Some(place) = &mut limit.per {
            *place = per;
            per += 1;
        }
    }
    limits
}

/// Limits as written to limits as run; the place of each `per` is not known here.
pub(super) fn limits(
    node: Option<&Node>,
    written: &[written_admission::Limit],
    first: u32,
    issues: &mut Vec<Issue>,
) -> Vec<Limit> {
    let nodes = node.map_or(&[][..], node::items);
    let mut found = Vec::new();
    if let Some(extra) = nodes.get(LIMITS_PER_ROUTE_MAX) {
        found.push(Issue {
            at: extra.at,
            message: format!("there are more than {LIMITS_PER_ROUTE_MAX} limits"),
            help: Some("a limit may hold `requests`, `events` and `bytes` together".to_owned()),
        });
    }
    let limits = nodes.iter().zip(written).zip(first..);
    let limits = limits.map(|((node, written), number)| limit(node, written, number, &mut found));
    let limits = limits.collect();
    for issue in found {
        // Those of `defaults` are read once for each route.
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }
    limits
}

fn limit(
    node: &Node,
    written: &written_admission::Limit,
    number: u32,
    issues: &mut Vec<Issue>,
) -> Limit {
    let bytes = written.bytes.map(|rate| rate.0);
    let rates = [written.requests, written.events, bytes];
    let count = rates.iter().flatten().count();
    let mut wrong = |at: Position, message: &str, help: &str| {
        issues.push(Issue {
            at,
            message: message.to_owned(),
            help: Some(help.to_owned()),
        });
    };
    if count == 0 && written.concurrent.is_none() {
        let help =
            "write one of `requests: 5000/s`, `events: …`, `bytes: 10MiB/s`, `concurrent: 100`";
        wrong(node.at, "the limit limits nothing", help);
    }
    let burst_at = node::place(node, &["burst"]);
    if written.burst.is_some() && count != 1 {
        let message = match count {
            0 => "`burst` belongs to a rate, and there is none",
            _ => "`burst` stands beside several rates, and it is not said whose it is",
        };
        wrong(
            burst_at,
            message,
            "write a limit for each rate, with its own `burst`",
        );
    }
    let mut quota = |rate: Option<Rate>| {
        let Rate { amount, window } = rate?;
        let burst = written.burst.map_or(amount, |ByteSize(burst)| burst);
        let quota = Quota {
            amount,
            window,
            burst,
        };
        if burst == 0 {
            wrong(
                burst_at,
                "`burst` is 0, so that nothing could ever come",
                "write at least 1",
            );
        } else if quota.nanoseconds(burst) > LIMIT_REFILL_MAX.as_nanos() as u64 {
            let help = "lower `burst` or raise the rate: it must come in again within a day";
            wrong(
                burst_at,
                "`burst` takes longer than a day to come in again",
                help,
            );
        }
        Some(quota)
    };
    Limit {
        number,
        per: written.per.is_some().then_some(0),
        requests: quota(written.requests),
        events: quota(written.events),
        bytes: quota(bytes),
        concurrent: written.concurrent,
    }
}
