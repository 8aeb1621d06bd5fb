//! Plain paths in a syntax tree: `event.a["b"].?c[0]`.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::split::Step;

/// A name with the steps behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) root: String,
    pub(super) links: Vec<Link>,
    /// True for `has(…)`: whether the last link is there.
    pub(super) test: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) step: Step,
    /// `.?` or `[?…]`.
    pub(super) optional: bool,
}

impl Chain {
    /// The chain that an expression is, if it is one. Walks a loop, as chains may be long.
    pub(super) fn of(expression: &IdedExpr) -> Option<Self> {
        let mut links = Vec::new();
        let mut test = false;
        let mut place = expression;
        loop {
            match &place.expr {
                Expr::Ident(name) => {
                    links.reverse();
                    let root = name.clone();
                    return Some(Self { root, links, test });
                }
                Expr::Select(select) => {
                    if select.test && !links.is_empty() {
                        return None;
                    }
                    test |= select.test;
                    links.push(Link {
                        step: Step::Name(select.field.clone()),
                        optional: false,
                    });
                    place = &select.operand;
                }
                Expr::Call(call) => {
                    let (operand, link) = indexed(call)?;
                    links.push(link);
                    place = operand;
                }
                _ => return None,
            }
        }
    }

    /// As it would be written.
    pub(super) fn shown(&self) -> String {
        shown(&self.root, &self.links)
    }
}

fn indexed(call: &CallExpr) -> Option<(&IdedExpr, Link)> {
    let optional = match call.func_name.as_str() {
        operators::INDEX => false,
        operators::OPT_INDEX | operators::OPT_SELECT => true,
        _ => return None,
    };
    let [operand, index] = call.args.as_slice() else {
        return None;
    };
    let Expr::Literal(literal) = &index.expr else {
        return None;
    };
    let step = match literal {
        LiteralValue::String(name) => Step::Name(name.inner().to_owned()),
        LiteralValue::Int(index) => Step::Index(usize::try_from(*index.inner()).ok()?),
        _ => return None,
    };
    Some((operand, Link { step, optional }))
}

/// A path as it would be written, without its question marks.
pub(super) fn shown(root: &str, links: &[Link]) -> String {
    let mut text = root.to_owned();
    for link in links {
        match &link.step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Name(name) if is_identifier(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Name(name) => text.push_str(&format!("[{name:?}]")),
        }
    }
    text
}

/// True for what may stand as a name in an expression.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
