//! `cors`: which pages of other origins may send to a route.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::build::between;
use super::node;
use super::units::TimeSpan;
use crate::admit::{CorsRule, OriginPattern, Origins};
use crate::limits::{CORS_ENTRIES_MAX, CORS_MAX_AGE_DEFAULT, CORS_MAX_AGE_MAX};
use crate::map::{Issue, Node};

/// What a page may read of every answer without being told so in the file.
const EXPOSED: &str =
    "Retry-After, Sluicegate-Outcome, RateLimit, RateLimit-Policy, Idempotency-Replayed";

/// Which pages of other origins may send, and what their scripts may read. The whole of it stands
/// over that of `defaults`, and that over the one of `server`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cors {
    /// Origins as browsers send them: `https://shop.example.org`. `https://*.example.org` takes
    /// any one name there, `http://localhost:*` any port, `'*'` any origin. A request from a page of
    /// another origin is a 403. An empty list switches CORS off.
    pub origins: Vec<String>,
    /// Request header fields that a page may set; any by default.
    pub headers: Option<Vec<String>>,
    /// Answer header fields that a page may read beside `Retry-After`, `Sluicegate-Outcome`,
    /// `RateLimit` and `RateLimit-Policy`.
    pub expose: Option<Vec<String>>,
    /// Whether cookies and the like may come along; false by default. Not with `'*'`.
    pub credentials: Option<bool>,
    /// How long a browser may remember that it may send: 1h by default, 24h at most.
    pub max_age: Option<TimeSpan>,
    /// Whether pages of the public network may reach a gateway in a private one; false by default.
    pub private_network: Option<bool>,
}

/// The rule of what is written. `holder` is the node that has `cors` as a key.
pub(super) fn rule(
    written: &Cors,
    holder: &Node,
    issues: &mut Vec<Issue>,
) -> Option<Arc<CorsRule>> {
    let here = node::entry(holder, "cors")?;
    let at = |key: &str| node::place(here, &[key]);
    let origins = origins(written, here, issues)?;
    let credentials = written.credentials.unwrap_or(false);
    if credentials && origins == Origins::Any {
        issues.push(Issue {
            at: at("credentials"),
            message: "`credentials` stands beside the origin `'*'`".to_owned(),
            help: Some(
                "browsers refuse that, since any page could act for its visitors: list the origins"
                    .to_owned(),
            ),
        });
    }
    let max_age = written.max_age.map_or(CORS_MAX_AGE_DEFAULT, |span| span.0);
    between(
        "max_age",
        max_age,
        Duration::ZERO,
        CORS_MAX_AGE_MAX,
        at("max_age"),
        issues,
    );
    let mut list = |key, names: &Option<Vec<String>>| {
        let names = names.as_ref()?;
        field_names(key, names, here, issues);
        Some(names.join(", "))
    };
    let headers = list("headers", &written.headers);
    // With credentials a browser takes `*` for a name; whatever it asks for is allowed then.
    let headers = headers.filter(|names| names != "*");
    let mut expose = EXPOSED.to_owned();
    if let Some(more) = list("expose", &written.expose).filter(|more| !more.is_empty()) {
        expose.push_str(", ");
        expose.push_str(&more);
    }
    Some(Arc::new(CorsRule {
        origins,
        headers: headers.map(String::into_boxed_str),
        expose: expose.into_boxed_str(),
        credentials,
        max_age,
        private_network: written.private_network.unwrap_or(false),
    }))
}

/// The origins; none where the list is empty, which switches CORS off.
fn origins(written: &Cors, here: &Node, issues: &mut Vec<Issue>) -> Option<Origins> {
    let nodes = node::entry(here, "origins").map_or(&[][..], node::items);
    if let Some(first) = nodes.get(CORS_ENTRIES_MAX) {
        issues.push(Issue {
            at: first.at,
            message: format!("`origins` has more than {CORS_ENTRIES_MAX} entries"),
            help: Some("each request is compared with all of them: use a pattern".to_owned()),
        });
    }
    let mut patterns = Vec::with_capacity(written.origins.len());
    for (text, node) in written.origins.iter().zip(nodes) {
        if text == "*" {
            if written.origins.len() > 1 {
                issues.push(Issue {
                    at: node.at,
                    message: "`'*'` stands beside other origins".to_owned(),
                    help: Some("it is any origin: let it stand alone, or leave it out".to_owned()),
                });
            }
            return Some(Origins::Any);
        }
        match OriginPattern::parse(text) {
            Ok(pattern) => patterns.push(pattern),
            Err((message, help)) => issues.push(Issue {
                at: node.at,
                message,
                help: Some(help),
            }),
        }
    }
    (!patterns.is_empty()).then_some(Origins::These(patterns))
}

/// Notes what cannot be the name of a header field.
fn field_names(key: &str, names: &[String], here: &Node, issues: &mut Vec<Issue>) {
    let nodes = node::entry(here, key).map_or(&[][..], node::items);
    for (count, (name, node)) in names.iter().zip(nodes).enumerate() {
        let is_name_byte =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let shown: String = name.chars().take(100).collect();
        if count >= CORS_ENTRIES_MAX {
            issues.push(Issue {
                at: node.at,
                message: format!("`{key}` has more than {CORS_ENTRIES_MAX} entries"),
                help: Some("leave out what no page needs".to_owned()),
            });
            return;
        }
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            issues.push(Issue {
                at: node.at,
                message: format!("`{shown}` is not the name of a header field"),
                help: Some("write names as `X-Request-Id`: letters, digits and `-`".to_owned()),
            });
        } else if name == "*" && names.len() > 1 {
            issues.push(Issue {
                at: node.at,
                message: format!("`'*'` stands beside other names in `{key}`"),
                help: Some("it is any name: let it stand alone, or leave it out".to_owned()),
            });
        }
    }
}

/// The rule of a route: its own, else that of `defaults`, else that of `server`.
pub(super) fn of_route(
    node: &Node,
    own: Option<&Cors>,
    shared: &Shared,
    issues: &mut Vec<Issue>,
) -> Option<Arc<CorsRule>> {
    match (own, &shared.defaults) {
        (Some(own), _) => rule(own, node, issues),
        (None, Some(rule)) => rule.clone(),
        (None, None) => shared.server.clone().flatten(),
    }
}

/// The rules that hold for routes without one; the outer is none where nothing is written.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) defaults: Option<Option<Arc<CorsRule>>>,
    pub(super) server: Option<Option<Arc<CorsRule>>>,
}

/// A rule as it is run, for people.
pub(super) fn shown(rule: &CorsRule) -> Value {
    let origins = match &rule.origins {
        Origins::Any => vec!["*".to_owned()],
        Origins::These(patterns) => patterns.iter().map(ToString::to_string).collect(),
    };
    json!({
        "origins": origins,
        "headers": names(rule.headers.as_deref().unwrap_or("*")),
        "expose": names(&rule.expose),
        "credentials": rule.credentials,
        "max_age": TimeSpan(rule.max_age).to_string(),
        "private_network": rule.private_network,
    })
}

fn names(list: &str) -> Vec<&str> {
    list.split(", ").filter(|name| !name.is_empty()).collect()
}
