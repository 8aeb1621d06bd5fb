//! How a route shapes its answers: `reply.status`, `headers`, `body` and `refusal`, its own keys
//! over those of `defaults`. What can be known of their truth is judged here, the rest when an
//! answer is written.

use super::as_written::{self, After, Need};
use super::gather::Parts;
use super::{build_spool, node};
use crate::http::{is_field_name, is_field_value};
use crate::limits::REPLY_HEADERS_MAX;
use crate::map::{BindingSource, Issue, Node, NodeValue, ReplySource, ResultSource, ShapeSource};
use crate::reply::{may_say, own_field};
use crate::rooms;

/// The shapes of a route's answers, as its plan takes them; `None` where it shapes nothing.
pub(super) fn reply(
    route: &Node,
    written: Option<&as_written::Route>,
    bindings: &[BindingSource],
    parts: &Parts,
    issues: &mut Vec<Issue>,
) -> Option<ReplySource> {
    let own = node::entry(route, "reply");
    let shared = parts.defaults_node.as_ref();
    let shared = shared.and_then(|defaults| node::entry(defaults, "reply"));
    let success = shape(own, shared);
    let refusal_of =
        |reply: Option<&'_ Node>| reply.and_then(|r| node::entry(r, "refusal")).cloned();
    let refusal = match (refusal_of(own), refusal_of(shared)) {
        (None, None) => None,
        (own, shared) => shape(own.as_ref(), shared.as_ref()),
    };
    if success.is_none() && refusal.is_none() {
        return None;
    }
    let after = after(written, parts);
    if let Some(shape) = &success {
        let unconfirmed = matches!(after, After::None | After::Spooled);
        let truth = if unconfirmed { 202 } else { 200 };
        Judge {
            key: "reply",
            issues,
        }
        .shape(shape, &[truth]);
    }
    if let Some(shape) = &refusal {
        Judge {
            key: "reply.refusal",
            issues,
        }
        .shape(shape, &[422, 500]);
    }
    let or_else = build_spool::or_else(written, parts).is_some();
    let results = bindings.iter().enumerate().map(|(place, binding)| {
        let written = written.and_then(|route| route.to.get(place));
        let spills = "with `else: spooled` the reply may come before its receipt".to_owned();
        ResultSource {
            name: binding.name.clone(),
            room: binding.room,
            receipt: rooms::receipt_members(binding.room),
            uncertain: uncertain(binding, written, after).or(or_else.then_some(spills)),
        }
    });
    let results = results.collect();
    Some(ReplySource {
        success,
        refusal,
        results,
    })
}

fn after(written: Option<&as_written::Route>, parts: &Parts) -> After {
    let own = written.and_then(|route| route.reply.as_ref());
    let shared = parts.defaults.as_ref();
    let shared = shared.and_then(|(defaults, _)| defaults.reply.as_ref());
    own.and_then(|reply| reply.after)
        .or(shared.and_then(|reply| reply.after))
        .unwrap_or(After::Required)
}

/// Why a success may be answered before the receipt of a binding is there.
fn uncertain(
    binding: &BindingSource,
    written: Option<&as_written::Binding>,
    after: After,
) -> Option<String> {
    let name = &binding.name;
    match (written.and_then(|written| written.need), after) {
        (Some(Need::BestEffort), _) => Some(format!(
            "`{name}` is best_effort, and the reply does not wait for it"
        )),
        (_, After::Any) => Some("with `after: any` the reply waits for one target only".to_owned()),
        (_, After::Spooled) => {
            Some("with `after: spooled` the reply waits for no target".to_owned())
        }
        (_, After::None) => Some("with `after: none` the reply waits for no target".to_owned()),
        _ if binding.when.is_some() => Some(format!("`{name}` has a `when`")),
        _ => None,
    }
}

/// The shape in a map, key by key from the first of these that has it.
fn shape(own: Option<&Node>, shared: Option<&Node>) -> Option<ShapeSource> {
    let part = |key: &str| {
        let own = own.and_then(|node| node::entry(node, key));
        own.or(shared.and_then(|node| node::entry(node, key)))
    };
    let (status, headers, body) = (part("status"), part("headers"), part("body"));
    if status.is_none() && headers.is_none() && body.is_none() {
        return None;
    }
    Some(ShapeSource {
        status: status.cloned(),
        headers: headers.map_or(&[][..], node::entries).to_vec(),
        body: body.cloned(),
    })
}

/// Notes what is wrong with a shape, whatever its expressions give.
struct Judge<'i> {
    key: &'static str,
    issues: &'i mut Vec<Issue>,
}

impl Judge<'_> {
    /// `truths`: statuses of such answers, of which a literal one must be able to stand for one.
    fn shape(&mut self, shape: &ShapeSource, truths: &[u16]) {
        if let Some(status) = &shape.status {
            self.status(status, truths);
            let empty = |body: &Node| matches!(&body.value, NodeValue::Text(text) if text.is_empty() || text == "none");
            let no_content = matches!(&status.value, NodeValue::Number(number) if number == "204");
            if let Some(body) = shape
                .body
                .as_ref()
                .filter(|body| no_content && !empty(body))
            {
                self.issue(
                    body,
                    format!("`{}.body` is never sent: a 204 has no body", self.key),
                    "say `status: 200`, or leave `body` out",
                );
            }
        }
        if let Some((.., node)) = shape.headers.get(REPLY_HEADERS_MAX) {
            let message = format!(
                "`{}.headers` has more than {REPLY_HEADERS_MAX} fields",
                self.key
            );
            self.issue(node, message, "an answer has few");
        }
        let mut known: Vec<String> = Vec::new();
        for (name, _, value) in &shape.headers {
            self.header(name, value, shape.body.is_some());
            let lower = name.to_ascii_lowercase();
            if known.contains(&lower) {
                let message = format!("`{}.headers` has `{name}` twice", self.key);
                self.issue(value, message, "names compare in any case: leave one out");
            }
            known.push(lower);
        }
    }

    fn status(&mut self, node: &Node, truths: &[u16]) {
        let NodeValue::Number(text) = &node.value else {
            return;
        };
        let status = text.parse::<i64>().ok();
        if status.is_some_and(|status| truths.iter().any(|truth| may_say(*truth, status))) {
            return;
        }
        let (what, help) = match truths {
            [202] => (
                "of what is not confirmed (`after: none` or `spooled`)",
                "such a success is a 202: leave `status` out",
            ),
            [200] => (
                "of a success",
                "a success may be 200, 201, 202, 204 or 303; refusals are shaped under \
                 `reply.refusal`",
            ),
            _ => (
                "of a refusal",
                "a refusal may be a 4xx other than 408, 425 and 429, or 500; where that is not \
                 true of a refusal, it keeps its own status",
            ),
        };
        let message = format!("`{}.status: {text}` is not true {what}", self.key);
        self.issue(node, message, help);
    }

    fn header(&mut self, name: &str, value: &Node, has_body: bool) {
        let key = self.key;
        if !is_field_name(name) {
            let message = format!("`{name}` is not a header's name");
            let help = "a name has letters, digits and `-`, such as `X-Request-Id`";
            self.issue(value, message, help);
            return;
        }
        if let Some(why) = own_field(name) {
            let message = format!("`{key}.headers` cannot set `{name}`: {why}");
            self.issue(
                value,
                message,
                "leave it out: the gateway sends it where it is due",
            );
        }
        if name.eq_ignore_ascii_case("content-type") && !has_body {
            let message = format!("`{key}.headers` sets `{name}` of a body that it does not shape");
            self.issue(value, message, "shape the body too, or leave it out");
        }
        if let NodeValue::Text(text) = &value.value
            && !text.contains("${")
            && !(text.is_ascii() && is_field_value(text.as_bytes()))
        {
            let message =
                format!("`{key}.headers.{name}` has characters that a header cannot have");
            self.issue(
                value,
                message,
                "write visible ASCII; percent-encode what is not",
            );
        }
    }

    fn issue(&mut self, node: &Node, message: String, help: &str) {
        self.issues.push(Issue {
            at: node.at,
            message,
            help: Some(help.to_owned()),
        });
    }
}
