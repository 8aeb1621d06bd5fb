//! One expression, compiled: to a read where it is a plain path, to a program where it is more.

use std::thread;

use bytestring::ByteString;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, SourceInfo};

use super::chain::Chain;
use super::formula::{self, Formula};
use super::found::Found;
use super::functions;
use super::infer::{Conflict, infer};
use super::names::Names;
use super::resolve::Walk;
use super::text::{TextFault, measure, too_deep};
use super::types::{Shape, Type};
use crate::limits::EXPRESSION_DEPTH_MAX;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    /// As the file has it, `${…}` included: for messages.
    pub(super) text: Box<str>,
    pub(super) plan: ExpressionPlan,
    /// What is known of its value.
    pub(super) kind: Type,
}

#[derive(Clone, Debug)]
pub(super) enum ExpressionPlan {
    /// Always the same.
    Fixed(Found),
    /// A plain path: read, nothing computed.
    Slot(usize),
    /// A plain path with a default that is written down.
    OrValue(usize, Found),
    /// What our own form can say.
    Formula(Box<Formula>),
    /// Anything more.
    Program(Box<Program>),
}

/// A syntax tree in which slots stand for names.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) tree: IdedExpr,
    /// `@0` in the tree is the first of these, and so on.
    pub(super) slots: Box<[usize]>,
}

impl Expression {
    /// The slots that it reads.
    pub(super) fn slots(&self) -> &[usize] {
        match &self.plan {
            ExpressionPlan::Fixed(_) => &[],
            ExpressionPlan::Slot(slot) | ExpressionPlan::OrValue(slot, _) => {
                std::slice::from_ref(slot)
            }
            ExpressionPlan::Formula(formula) => &formula.slots,
            ExpressionPlan::Program(program) => &program.slots,
        }
    }
}

/// The parser keeps what is open on its stack, more than a thread of tests has: it is given a
/// stack that holds any expression that [`measure`] lets through.
const PARSER_STACK_BYTES: usize = 128 * 1024 * 1024;
/// Terms of one sum or links of one chain at most, which the parser also keeps on its stack.
const SPINE_MAX: usize = 1024;

/// Compiles the text between `${` and `}`. All faults are found at once, their places in the text.
pub(super) fn compile(text: &str, names: &mut Names<'_>) -> Result<Expression, Vec<TextFault>> {
    measure(text).map_err(|fault| vec![fault])?;
    let (mut tree, source) = parse(text)?;
    let mut walk = Walk::new(names, &source);
    walk.expression(&mut tree, 1);
    let mut faults = std::mem::take(&mut walk.faults);
    let slots = std::mem::take(&mut walk.slots);
    let mut conflicts = Vec::new();
    let kind = {
        let slot_of = |name: &str| {
            let local = name.strip_prefix('@').and_then(|n| n.parse::<usize>().ok());
            let slot = local.and_then(|local| slots.get(local)).copied();
            let slot = slot.and_then(|slot| walk.names.slots.get(slot));
            slot.map_or(Shape::from(Type::Any), |slot| slot.shape(&walk.names.lets))
        };
        infer(&tree, &slot_of, &mut conflicts).kind
    };
    if faults.is_empty() {
        let fault = |conflict: Conflict| {
            TextFault::new(walk.place_of(conflict.id), conflict.message, &conflict.help)
        };
        faults = conflicts.into_iter().map(fault).collect();
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Expression {
        text: format!("${{{text}}}").into(),
        plan: simplest(tree, slots, names),
        kind,
    })
}

/// The plain path that a text between `${` and `}` is, if it is one.
pub(super) fn chain(text: &str) -> Option<Chain> {
    measure(text).ok()?;
    let (tree, _) = parse(text).ok()?;
    Chain::of(&tree).filter(|chain| !chain.test)
}

/// The cheapest plan that gives what the tree gives.
fn simplest(tree: IdedExpr, slots: Vec<usize>, names: &Names<'_>) -> ExpressionPlan {
    let slot_of = |tree: &IdedExpr| match &tree.expr {
        Expr::Ident(name) => {
            let local: usize = name.strip_prefix('@')?.parse().ok()?;
            slots.get(local).copied()
        }
        _ => None,
    };
    if let Some(found) = literal(&tree) {
        return ExpressionPlan::Fixed(found);
    }
    if let Some(slot) = slot_of(&tree) {
        return ExpressionPlan::Slot(slot);
    }
    if let Expr::Call(call) = &tree.expr
        && call.func_name == "orValue"
        && let Some(slot) = call.target.as_deref().and_then(slot_of)
        && names.slots.get(slot).is_some_and(|slot| slot.optional)
        && let [default] = call.args.as_slice()
        && let Some(default) = literal(default)
    {
        return ExpressionPlan::OrValue(slot, default);
    }
    if let Some(formula) = formula::compile(&tree, &slots, names) {
        return ExpressionPlan::Formula(Box::new(formula));
    }
    let slots = slots.into_boxed_slice();
    ExpressionPlan::Program(Box::new(Program { tree, slots }))
}

fn literal(tree: &IdedExpr) -> Option<Found> {
    let Expr::Literal(literal) = &tree.expr else {
        return None;
    };
    Some(match literal {
        LiteralValue::Boolean(boolean) => Found::from_boolean(*boolean.inner()),
        LiteralValue::Bytes(bytes) => Found::Bytes(bytes.inner().to_vec().into()),
        LiteralValue::Double(double) => Found::from_double(*double.inner())?,
        LiteralValue::Int(integer) => Found::from_integer(*integer.inner()),
        LiteralValue::UInt(integer) => Found::from_integer(*integer.inner()),
        LiteralValue::Null => Found::null(),
        LiteralValue::String(text) => Found::Text(ByteString::from(text.inner())),
    })
}

/// Parses on a thread of its own, for its stack. Only when a file is loaded.
fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), Vec<TextFault>> {
    let internal = || vec![TextFault::new(0, "the expression could not be parsed", "")];
    thread::scope(|scope| {
        let parser = thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(PARSER_STACK_BYTES);
        let parser = parser.spawn_scoped(scope, || parse_here(text));
        let parser = parser.map_err(|_| internal())?;
        parser.join().unwrap_or_else(|_| Err(internal()))
    })
}

fn parse_here(text: &str) -> Result<(IdedExpr, SourceInfo), Vec<TextFault>> {
    let Some(environment) = functions::environment() else {
        let what = "the functions of expressions contradict each other";
        return Err(vec![TextFault::new(0, what, "")]);
    };
    match environment.parser().parse_with_source_info(text) {
        Ok((tree, source)) => {
            // Judged here, on the large stack: so is a tree that is too deep dropped.
            if spine(&tree) > SPINE_MAX {
                return Err(vec![too_deep(0)]);
            }
            Ok((tree, source))
        }
        Err(errors) => {
            let mut faults: Vec<TextFault> = errors
                .errors
                .iter()
                .map(|error| TextFault::new(place(text, error.pos), said(&error.msg), ""))
                .collect();
            faults.truncate(3);
            Err(faults)
        }
    }
}

/// How long the chain or sum is that a tree begins with.
fn spine(tree: &IdedExpr) -> usize {
    let mut place = tree;
    let mut length = 0;
    loop {
        length += 1;
        place = match &place.expr {
            Expr::Select(select) => &select.operand,
            Expr::Comprehension(inner) => &inner.iter_range,
            Expr::Call(call) => match call.target.as_deref().or(call.args.first()) {
                Some(first) => first,
                None => return length,
            },
            _ => return length,
        };
    }
}

/// The byte at a line (from 1) and column (from 1) that the parser counted in characters.
fn place(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let inside = rest
        .char_indices()
        .nth(column)
        .map_or(rest.len(), |(at, _)| at);
    before + inside
}

/// What the parser said, in one line without its own words.
fn said(message: &str) -> String {
    if message.contains("Recursion limit") {
        return format!("the expression nests deeper than {EXPRESSION_DEPTH_MAX} levels");
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.replace("<EOF>", "the end");
    // The parser lists everything that might follow; nobody reads that.
    let message = message.split(" expecting {").next().unwrap_or_default();
    format!(
        "this is not an expression: {}",
        message.lines().next().unwrap_or_default()
    )
}
