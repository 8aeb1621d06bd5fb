//! Formulas: expressions of comparisons, boolean logic, `? :`, arithmetic, texts and functions over
//! plain paths, as a tree of our own. What they give is what the expression library gives
//! (`tests/against_cel.rs`); what they do not know stays with it.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::functions::patterns::Pattern;
use super::functions::{self, Code, Native};
use super::names::Names;
use super::operand::{Operand, Sign};
use super::slots::Read;

/// An expression in our own form.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    pub(super) root: Node,
    /// The slots that it reads.
    pub(super) slots: Box<[usize]>,
}

/// A part of a formula.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Constant),
    Slot(usize),
    /// `optional.orValue(default)`
    OrValue(usize, Box<Self>),
    HasValue(usize),
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Box<[Self; 2]>),
    Or(Box<[Self; 2]>),
    Choose(Box<[Self; 3]>),
    Equal(Box<[Self; 2]>),
    NotEqual(Box<[Self; 2]>),
    Order(Order, Box<[Self; 2]>),
    Arithmetic(Sign, Box<[Self; 2]>),
    /// `x in ['a', 'b']`
    OneOf(Box<Self>, Box<[Constant]>),
    Search(Search, Box<[Self; 2]>),
    /// `text.matches('pattern')`
    Matches(Box<Self>, Pattern),
    /// A function of the language or of ours.
    Call(Box<Call>),
}

/// A function called with arguments, its target first.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) callee: Callee,
    pub(super) is_member: bool,
    pub(super) arguments: Box<[Node]>,
}

/// Where the code of a function is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    Here(Native),
    /// In the library, under this name.
    Library(&'static str),
}

/// What is written down.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
}

impl Constant {
    pub(super) fn operand(&self) -> Operand<'_> {
        match self {
            Self::Null => Operand::Null,
            Self::Bool(boolean) => Operand::Bool(*boolean),
            Self::Int(integer) => Operand::Int(*integer),
            Self::Uint(integer) => Operand::Uint(*integer),
            Self::Double(double) => Operand::Double(*double),
            Self::Text(text) => Operand::Text((&**text).into()),
        }
    }
}

/// `< <= > >=`
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
}

impl Order {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::LessEquals,
            operators::GREATER => Self::Greater,
            operators::GREATER_EQUALS => Self::GreaterEquals,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Less => operators::LESS,
            Self::LessEquals => operators::LESS_EQUALS,
            Self::Greater => operators::GREATER,
            Self::GreaterEquals => operators::GREATER_EQUALS,
        }
    }
}

/// Looking for one text in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Search {
    Contains,
    StartsWith,
    EndsWith,
}

impl Search {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "contains" => Self::Contains,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
        }
    }
}

#[cfg(any(test, fuzzing))]
thread_local! {
    /// Tests compile the same expression for the library, to compare.
    pub(super) static SWITCHED_OFF: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
thread_local! {
    /// How many formulas were compiled.
    pub(super) static COMPILED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The formula of a syntax tree in which slots stand for names; `None` where the tree holds what
/// only the library knows.
pub(super) fn compile(tree: &IdedExpr, slots: &[usize], names: &Names<'_>) -> Option<Formula> {
    #[cfg(any(test, fuzzing))]
    if SWITCHED_OFF.get() {
        return None;
    }
    let root = Compiler { slots, names }.node(tree)?;
    #[cfg(test)]
    COMPILED.set(COMPILED.get() + 1);
    Some(Formula {
        root,
        slots: slots.into(),
    })
}

struct Compiler<'c, 's> {
    slots: &'c [usize],
    names: &'c Names<'s>,
}

impl Compiler<'_, '_> {
    fn node(&self, tree: &IdedExpr) -> Option<Node> {
        match &tree.expr {
            Expr::Literal(literal) => constant(literal).map(Node::Constant),
            Expr::Ident(_) => {
                let (slot, optional) = self.slot(tree)?;
                // An optional value is only asked whether it is there, or given a default.
                (!optional).then_some(Node::Slot(slot))
            }
            Expr::Call(call) => self.call(call),
            _ => None,
        }
    }

    /// The slot that stands for a name, and whether it may be absent.
    fn slot(&self, tree: &IdedExpr) -> Option<(usize, bool)> {
        let Expr::Ident(name) = &tree.expr else {
            return None;
        };
        let local: usize = name.strip_prefix('@')?.parse().ok()?;
        let slot = self.slots.get(local).copied()?;
        Some((slot, self.names.slots.get(slot)?.optional))
    }

    fn call(&self, call: &CallExpr) -> Option<Node> {
        let name = call.func_name.as_str();
        if call.target.is_some() {
            return self.member(call);
        }
        match (name, call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                let parts = [
                    self.node(condition)?,
                    self.node(then)?,
                    self.node(otherwise)?,
                ];
                Some(Node::Choose(Box::new(parts)))
            }
            (operators::LOGICAL_NOT, [value]) => Some(Node::Not(Box::new(self.node(value)?))),
            (operators::NEGATE, [value]) => Some(Node::Negate(Box::new(self.node(value)?))),
            (operators::IN, [element, range]) => {
                let Expr::List(list) = &range.expr else {
                    return None;
                };
                let constants = list.elements.iter().map(|element| match &element.expr {
                    Expr::Literal(literal) => constant(literal),
                    _ => None,
                });
                let constants = constants.collect::<Option<_>>()?;
                Some(Node::OneOf(Box::new(self.node(element)?), constants))
            }
            (_, [left, right]) if name.starts_with(['_', '@']) => {
                let sides = || Some(Box::new([self.node(left)?, self.node(right)?]));
                if let Some(order) = Order::of(name) {
                    return Some(Node::Order(order, sides()?));
                }
                if let Some(sign) = Sign::of(name) {
                    return Some(Node::Arithmetic(sign, sides()?));
                }
                match name {
                    operators::LOGICAL_AND => Some(Node::And(sides()?)),
                    operators::LOGICAL_OR => Some(Node::Or(sides()?)),
                    operators::EQUALS => Some(Node::Equal(sides()?)),
                    operators::NOT_EQUALS => Some(Node::NotEqual(sides()?)),
                    _ => None,
                }
            }
            _ => self.function(name, None, &call.args),
        }
    }

    fn member(&self, call: &CallExpr) -> Option<Node> {
        let target = call.target.as_deref()?;
        if let Some(function) = functions::qualified(call) {
            return self.function(function.name, None, &call.args);
        }
        let optional = self.slot(target).filter(|(_, optional)| *optional);
        match (call.func_name.as_str(), call.args.as_slice(), optional) {
            ("orValue", [default], Some((slot, _))) => {
                Some(Node::OrValue(slot, Box::new(self.node(default)?)))
            }
            ("hasValue", [], Some((slot, _))) => Some(Node::HasValue(slot)),
            (name, [what], None) if Search::of(name).is_some() => {
                let sides = Box::new([self.node(target)?, self.node(what)?]);
                Some(Node::Search(Search::of(name)?, sides))
            }
            (name, arguments, None) => self.function(name, Some(target), arguments),
            _ => None,
        }
    }

    /// A function that takes plain values and gives one.
    fn function(
        &self,
        name: &str,
        target: Option<&IdedExpr>,
        arguments: &[IdedExpr],
    ) -> Option<Node> {
        let function = functions::find(name)?;
        let callee = match function.code {
            Code::Here(code) => Callee::Here(code),
            // The library does not tell what it has for members.
            Code::Language if target.is_none() => Callee::Library(function.name),
            Code::Language | Code::Read => return None,
        };
        let arguments = target.into_iter().chain(arguments);
        if let ("matches", [text, pattern]) = (name, &*arguments.clone().collect::<Vec<_>>()) {
            let (slot, _) = self.slot(pattern)?;
            let Read::Pattern(pattern) = &self.names.slots.get(slot)?.read else {
                return None;
            };
            return Some(Node::Matches(Box::new(self.node(text)?), pattern.clone()));
        }
        let arguments = arguments.map(|argument| self.node(argument));
        Some(Node::Call(Box::new(Call {
            callee,
            is_member: target.is_some(),
            arguments: arguments.collect::<Option<_>>()?,
        })))
    }
}

fn constant(literal: &LiteralValue) -> Option<Constant> {
    Some(match literal {
        LiteralValue::Boolean(boolean) => Constant::Bool(*boolean.inner()),
        LiteralValue::Double(double) => Constant::Double(*double.inner()),
        LiteralValue::Int(integer) => Constant::Int(*integer.inner()),
        LiteralValue::UInt(integer) => Constant::Uint(*integer.inner()),
        LiteralValue::Null => Constant::Null,
        LiteralValue::String(text) => Constant::Text(text.inner().into()),
        LiteralValue::Bytes(_) => return None,
    })
}
