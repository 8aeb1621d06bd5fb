//! The small inference over expressions: what comes from the event is [`Type::Any`].

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::budget::{AGAIN, LOOP, SUM};
use super::functions;

/// What is known of a value when the file is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
    Null,
    Time,
    /// A value that may be absent.
    Optional,
}

impl Type {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Bool => "a boolean",
            Self::Int | Self::Uint => "a whole number",
            Self::Double => "a decimal number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Time => "a time",
            Self::Optional => "a value that may be absent",
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Any | Self::Optional)
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

const MAY_BE_ABSENT: &str = "may be absent: give it a default with `.orValue(…)`";

/// Two types that cannot stand where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The node's id.
    pub(super) id: u64,
    pub(super) message: String,
}

/// Infers an expression's type, noting what surely conflicts. `named` gives the type of what the
/// compiler put in the place of names.
pub(super) fn infer(
    expression: &IdedExpr,
    named: &dyn Fn(&str) -> Type,
    conflicts: &mut Vec<Conflict>,
) -> Type {
    match &expression.expr {
        Expr::Literal(literal) => of_literal(literal),
        Expr::Ident(name) => named(name),
        Expr::List(list) => {
            for element in &list.elements {
                infer(element, named, conflicts);
            }
            Type::List
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    infer(&entry.key, named, conflicts);
                    infer(&entry.value, named, conflicts);
                }
            }
            Type::Map
        }
        Expr::Select(select) => {
            let operand = infer(&select.operand, named, conflicts);
            if !(operand.is_open() || operand == Type::Map) {
                let message = format!("{} has no field `{}`", operand.describe(), select.field);
                let id = expression.id;
                conflicts.push(Conflict { id, message });
            }
            if select.test { Type::Bool } else { Type::Any }
        }
        Expr::Comprehension(comprehension) => {
            let range = infer(&comprehension.iter_range, named, conflicts);
            if !(range.is_open() || matches!(range, Type::List | Type::Map)) {
                let message = format!("a loop needs a list or map, not {}", range.describe());
                let id = comprehension.iter_range.id;
                conflicts.push(Conflict { id, message });
            }
            infer(&comprehension.loop_step, named, conflicts);
            match infer(&comprehension.accu_init, named, conflicts) {
                known @ (Type::List | Type::Bool) => known,
                _ => infer(&comprehension.result, named, conflicts),
            }
        }
        Expr::Call(call) => {
            let mut types = Vec::with_capacity(call.args.len() + 1);
            for argument in call.target.as_deref().into_iter().chain(&call.args) {
                types.push(infer(argument, named, conflicts));
            }
            of_call(&call.func_name, &types).unwrap_or_else(|message| {
                let id = expression.id;
                conflicts.push(Conflict { id, message });
                Type::Any
            })
        }
        Expr::Struct(_) | Expr::Unspecified => Type::Any,
    }
}

fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn of_call(name: &str, types: &[Type]) -> Result<Type, String> {
    match (name, types) {
        (operators::CONDITIONAL, [condition, then, otherwise]) => {
            needs_bool(*condition, "the condition of `? :`")?;
            Ok(if then == otherwise { *then } else { Type::Any })
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
            needs_bool(*left, "each side of `&&` and `||`")?;
            needs_bool(*right, "each side of `&&` and `||`")?;
            Ok(Type::Bool)
        }
        (operators::LOGICAL_NOT, [value]) => {
            needs_bool(*value, "what `!` stands before")?;
            Ok(Type::Bool)
        }
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            [left, right],
        ) => {
            if [left, right].contains(&&Type::Optional) {
                return Err(format!("a side of this comparison {MAY_BE_ABSENT}"));
            }
            let comparable = left == right || (left.is_number() && right.is_number());
            if comparable || left.is_open() || right.is_open() {
                return Ok(Type::Bool);
            }
            let (left, right) = (left.describe(), right.describe());
            Err(format!("{left} and {right} cannot be compared"))
        }
        (operators::EQUALS | operators::NOT_EQUALS, [left, right])
            if (*left == Type::Optional) != (*right == Type::Optional)
                && ![left, right].contains(&&Type::Any) =>
        {
            Err(format!("a side of this comparison {MAY_BE_ABSENT}"))
        }
        (
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::IN
            | operators::NOT_STRICTLY_FALSE,
            _,
        ) => Ok(Type::Bool),
        (
            SUM
            | operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [left, right],
        ) => arithmetic(name, *left, *right),
        (operators::NEGATE, [value]) if value.is_open() || value.is_number() => Ok(*value),
        (operators::NEGATE, [value]) => Err(format!("{} cannot be negated", value.describe())),
        (LOOP | AGAIN, [value]) => Ok(*value),
        (operators::OPT_SELECT | operators::OPT_INDEX, _) => Ok(Type::Optional),
        (operators::INDEX, [value, _]) if value.is_open() => Ok(*value),
        (operators::INDEX, [Type::List | Type::Map, _]) => Ok(Type::Any),
        (operators::INDEX, [value, _]) => Err(format!("{} has no elements", value.describe())),
        _ => Ok(functions::find(name).map_or(Type::Any, |function| function.returns)),
    }
}

fn arithmetic(name: &str, left: Type, right: Type) -> Result<Type, String> {
    if left == Type::Optional || right == Type::Optional {
        return Err(format!("a side of this {MAY_BE_ABSENT}"));
    }
    if left == Type::Any || right == Type::Any {
        return Ok(Type::Any);
    }
    let sum = name == SUM || name == operators::ADD;
    let fits = match left {
        Type::Text | Type::Bytes | Type::List => sum && left == right,
        Type::Time => right == Type::Time,
        _ => left.is_number() && left == right,
    };
    if fits {
        return Ok(left);
    }
    let sign = name.trim_matches('_');
    let sign = if sum { "+" } else { sign };
    let (left, right) = (left.describe(), right.describe());
    Err(format!(
        "`{sign}` takes two values of one type, not {left} and {right}: convert one with \
         `int(…)`, `double(…)` or `string(…)`"
    ))
}

fn needs_bool(given: Type, place: &str) -> Result<(), String> {
    if given == Type::Optional {
        return Err(format!("{place} {MAY_BE_ABSENT}"));
    }
    if matches!(given, Type::Any | Type::Bool) {
        return Ok(());
    }
    Err(format!(
        "{place} must be a boolean, not {}",
        given.describe()
    ))
}
