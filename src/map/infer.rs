//! The small inference over expressions: what comes from the event is [`Type::Any`], and only what
//! conflicts for every event is a conflict.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};

use super::functions;
use super::judge;
use super::types::{Shape, Type};

/// Values that cannot stand where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The id of the node that it is about.
    pub(super) id: u64,
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
}

/// What an operator or function says of its operands.
pub(super) struct Objection {
    /// Which operand is wrong; `None` where they do not go together.
    pub(super) operand: Option<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Infers what is known of an expression's value, and notes what surely conflicts. `named` tells
/// it of what the compiler put in the place of names.
pub(super) fn infer(
    expression: &IdedExpr,
    named: &dyn Fn(&str) -> Shape,
    conflicts: &mut Vec<Conflict>,
) -> Shape {
    let mut inference = Inference {
        named,
        variables: Vec::new(),
        conflicts,
    };
    inference.shape(expression)
}

struct Inference<'i> {
    named: &'i dyn Fn(&str) -> Shape,
    /// Variables of the loops around, the innermost last.
    variables: Vec<(&'i str, Shape)>,
    conflicts: &'i mut Vec<Conflict>,
}

impl<'i> Inference<'i> {
    fn shape<'t: 'i>(&mut self, expression: &'t IdedExpr) -> Shape {
        match &expression.expr {
            Expr::Literal(literal) => of_literal(literal).into(),
            Expr::Ident(name) => {
                let variable = self.variables.iter().rev().find(|(known, _)| known == name);
                match variable {
                    Some((_, shape)) => shape.clone(),
                    None => (self.named)(name),
                }
            }
            Expr::List(list) => {
                let shapes: Vec<Shape> = list.elements.iter().map(|e| self.shape(e)).collect();
                Shape::of(Type::List, Shape::any_of(shapes))
            }
            Expr::Map(map) => {
                let mut values = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        continue;
                    };
                    let key = self.shape(&entry.key).kind;
                    if !judge::is_key(key) {
                        let message = format!("a map's key cannot be {}", key.describe());
                        let help = "a key is text, a whole number or a boolean";
                        self.conflict(entry.key.id, message, help);
                    }
                    values.push(self.shape(&entry.value));
                }
                Shape::of(Type::Map, Shape::any_of(values))
            }
            Expr::Select(select) => {
                let operand = self.shape(&select.operand);
                let kind = operand.kind;
                if !(kind.is_open() || kind == Type::Map) {
                    let message = format!("{} has no field `{}`", kind.describe(), select.field);
                    self.conflict(expression.id, message, "only a map has fields");
                }
                match kind {
                    _ if select.test => Type::Bool.into(),
                    Type::Map => operand.inner(),
                    Type::Optional => Type::Optional.into(),
                    _ => Type::Any.into(),
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Call(call) => self.call(call, expression.id),
            Expr::Struct(_) | Expr::Unspecified => Type::Any.into(),
        }
    }

    fn comprehension<'t: 'i>(&mut self, inner: &'t ComprehensionExpr) -> Shape {
        let range = self.shape(&inner.iter_range);
        if !(range.kind.is_open() || matches!(range.kind, Type::List | Type::Map)) {
            let message = format!("a loop needs a list or map, not {}", range.kind.describe());
            let help = "loop over a list of the event, or over one that is written down: `[…]`";
            self.conflict(inner.iter_range.id, message, help);
        }
        if range.kind == Type::Optional {
            let message = format!("what a loop goes over {}", judge::MAY_BE_ABSENT);
            let help = "for no turns: `.orValue([])`";
            self.conflict(inner.iter_range.id, message, help);
        }
        let element = match range.kind {
            Type::List => range.inner(),
            _ => Type::Any.into(),
        };
        let start = self.shape(&inner.accu_init);
        let outside = self.variables.len();
        self.variables.push((&inner.iter_var, element));
        self.variables.push((&inner.accu_var, start));
        let step = self.shape(&inner.loop_step);
        if inner.accu_var.starts_with('@')
            && let Some(gathered) = self.variables.last_mut()
        {
            // What a loop gathers is what its last turn gives; a bound name stays what it is.
            gathered.1 = step;
        }
        let result = self.shape(&inner.result);
        self.variables.truncate(outside);
        result
    }

    fn call<'t: 'i>(&mut self, call: &'t CallExpr, id: u64) -> Shape {
        let qualified = functions::qualified(call);
        let target = match qualified {
            Some(_) => None,
            None => call.target.as_deref(),
        };
        let operands: Vec<&IdedExpr> = target.into_iter().chain(&call.args).collect();
        let shapes: Vec<Shape> = operands.iter().map(|operand| self.shape(operand)).collect();
        let gathers = call
            .args
            .iter()
            .any(|operand| matches!(&operand.expr, Expr::Ident(name) if name == "@result"));
        if gathers && let Some(shape) = self.gathered(call, &shapes) {
            return shape;
        }
        let name = qualified.map_or(call.func_name.as_str(), |function| function.name);
        let judged = match functions::find(name) {
            Some(function) => judge::function(function, target.is_some(), &shapes),
            None => judge::operator(name, &shapes),
        };
        judged.unwrap_or_else(|objection| {
            let at = objection.operand.and_then(|operand| operands.get(operand));
            let id = at.map_or(id, |operand| operand.id);
            self.conflict(id, objection.message, &objection.help);
            Type::Any.into()
        })
    }

    /// The step of a loop, whose words are the language's own: the one that wrote the loop knows
    /// its condition only.
    fn gathered<'t: 'i>(&mut self, call: &'t CallExpr, shapes: &[Shape]) -> Option<Shape> {
        let (condition, result) = match (call.func_name.as_str(), shapes) {
            (operators::CONDITIONAL, [condition, then, _]) => (Some(condition), then.clone()),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, condition]) => {
                (Some(condition), Type::Bool.into())
            }
            (operators::ADD, [_, added]) => (None, added.clone()),
            _ => return None,
        };
        if let Some(condition) = condition
            && let Err(objection) = judge::needs_bool(condition.kind, "the condition of a loop")
        {
            let index = usize::from(call.func_name != operators::CONDITIONAL);
            let id = call.args.get(index).map_or(0, |operand| operand.id);
            self.conflict(id, objection.message, &objection.help);
        }
        Some(result)
    }

    fn conflict(&mut self, id: u64, message: impl Into<String>, help: &str) {
        self.conflicts.push(Conflict {
            id,
            message: message.into(),
            help: help.to_owned(),
        });
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
