//! The compiler: a route's mapping as written to a [`Plan`].

use std::collections::BTreeSet;

use super::chain::is_identifier;
use super::functions::NAMESPACES;
use super::names::{Let, LetValue, Names, ROOTS};
use super::plan::{BindingPlan, LetPlan, Plan};
use super::scope::Scope;
use super::slots::Read;
use super::template::{self, Template};
use super::types::Type;
use super::{BindingSource, Issue, Node, NodeValue, PlanSource, Position, fields, outside, shape};
use crate::split::Wanted;

pub(super) fn compile(source: &PlanSource) -> Result<Plan, Vec<Issue>> {
    let mut issues = Vec::new();
    let mut names = Names {
        scope: Scope::MAPPING,
        raw: source.raw,
        cloudevents: source.cloudevents,
        path_parameters: &source.path_parameters,
        auth: source.auth.as_deref(),
        wanted: Wanted::default(),
        slots: Vec::new(),
        lets: Vec::new(),
        later: source.lets.iter().map(|(name, ..)| name.clone()).collect(),
        uuids: 0,
        reply: None,
    };
    let mut computed = Vec::new();
    for (name, at, node) in &source.lets {
        compile_let(name, *at, node, &mut names, &mut computed, &mut issues);
    }
    names.later.clear();
    let bindings: Vec<BindingPlan> = source
        .bindings
        .iter()
        .map(|binding| compile_binding(binding, &mut names, &mut issues))
        .collect();
    let outside = outside::compile(&source.expressions, &mut names, &computed, &mut issues);
    let reply = source.reply.as_ref();
    let shapes = reply.and_then(|reply| shape::compile(reply, &mut names, &computed, &mut issues));
    if !issues.is_empty() {
        return Err(issues);
    }
    if source.cloudevents {
        names.wanted.envelop();
    }
    Ok(Plan {
        wanted: names.wanted,
        slots: names.slots,
        lets: computed,
        bindings,
        outside,
        shapes,
    })
}

fn compile_let(
    name: &str,
    at: Position,
    node: &Node,
    names: &mut Names<'_>,
    computed: &mut Vec<LetPlan>,
    issues: &mut Vec<Issue>,
) {
    let reserved = ROOTS.contains(&name) || NAMESPACES.contains(&name);
    let taken = reserved || names.lets.iter().any(|known| known.name == name);
    if taken || !is_identifier(name) {
        let message = if taken {
            format!("`{name}` is a name already")
        } else {
            format!("`{name}` cannot be a name in expressions")
        };
        let help = if taken {
            "give it another name: expressions know this one already".to_owned()
        } else {
            "a name has letters, digits and `_`, and begins with a letter".to_owned()
        };
        let help = Some(help);
        issues.push(Issue { at, message, help });
    }
    if let NodeValue::Text(text) = &node.value
        && let Some(chain) = template::whole_chain(text)
    {
        // Named once here, so that what is wrong with it is said here.
        if template::compile(node, names, issues).is_some() {
            let kind = Type::Any;
            names.add_let(name, LetValue::Alias(chain), kind);
        } else {
            names.add_let(name, LetValue::Broken, Type::Any);
        }
        return;
    }
    let Some(template) = template::compile(node, names, issues) else {
        names.add_let(name, LetValue::Broken, Type::Any);
        return;
    };
    let kind = template.kind();
    let value = match template {
        Template::Fixed(found) => LetValue::Fixed(found),
        template => {
            let needs = needs(&template, names, computed);
            let is_of_head = outside::is_of_head(&template, names, computed);
            computed.push(LetPlan {
                value: template,
                needs,
                is_of_head,
            });
            LetValue::Computed(computed.len() - 1)
        }
    };
    names.add_let(name, value, kind);
}

/// The computed `let`s that a template uses, directly or through others, in order.
fn needs(template: &Template, names: &Names<'_>, computed: &[LetPlan]) -> Vec<usize> {
    let mut needs = BTreeSet::new();
    template.each_slot(&mut |slot| {
        if let Some(Read::Let(index)) = names.slots.get(slot).map(|slot| &slot.read) {
            needs.insert(*index);
            let before = computed.get(*index).map_or(&[][..], |known| &known.needs);
            needs.extend(before);
        }
    });
    needs.into_iter().collect()
}

fn compile_binding(
    source: &BindingSource,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> BindingPlan {
    let when = source.when.as_ref();
    let when = when.and_then(|node| condition("when", node, names, issues));
    BindingPlan {
        name: source.name.as_str().into(),
        when,
        fields: fields::compile(source, names, issues),
    }
}

/// Compiles what must be true or false.
pub(super) fn condition(
    key: &str,
    node: &Node,
    names: &mut Names<'_>,
    issues: &mut Vec<Issue>,
) -> Option<Template> {
    let template = template::compile(node, names, issues)?;
    let kind = template.kind();
    if matches!(kind, Type::Bool | Type::Any) {
        return Some(template);
    }
    let help = match kind {
        Type::Optional => "give it a default with `.orValue(false)`",
        _ => "write one whole `${…}` that compares something",
    };
    let kind = kind.describe();
    issues.push(Issue {
        at: node.at,
        message: format!("`{key}` must be true or false, and this is {kind}"),
        help: Some(help.to_owned()),
    });
    None
}

impl Names<'_> {
    fn add_let(&mut self, name: &str, value: LetValue, kind: Type) {
        self.forget_later(name);
        self.lets.push(Let {
            name: name.to_owned(),
            value,
            kind,
        });
    }

    fn forget_later(&mut self, name: &str) {
        self.later.retain(|later| later != name);
    }
}
