//! Computes a formula for one event. An error of one side of `&&` or `||` is none where the other
//! side decides, and everything is evaluated in the library's order: so that the same is missing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::operators;
use cel::common::value::CowVal;

use super::evaluate::{present, trouble_of};
use super::formula::{Call, Callee, Formula, Node, Order, Search};
use super::found::Found;
use super::frame::Frame;
use super::operand::Operand;
use super::slots::Read;
use super::trouble::Trouble;
use super::{budget, functions};

/// The value of a formula.
pub(super) fn compute(frame: &Frame<'_>, formula: &Formula) -> Result<Found, Trouble> {
    let outer = budget::left();
    budget::fill();
    // What is slow is done by the library, and a panic of it ends this evaluation only.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let computation = Computation { frame };
        match computation.value(&formula.root) {
            Ok(value) => value.into_found(frame.event.body),
            Err(failure) => Err(failure.trouble()),
        }
    }));
    budget::resume(outer);
    result.unwrap_or(Err(Trouble::Internal("the expression library failed")))
}

/// Why a part of a formula has no value.
enum Failure {
    Trouble(Trouble),
    /// A boolean was needed; the type that there was.
    NotBoolean(String),
}

impl Failure {
    fn trouble(self) -> Trouble {
        match self {
            Self::Trouble(trouble) => trouble,
            Self::NotBoolean(given) => Trouble::not_boolean(&given),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

type Computed<'f> = Result<Operand<'f>, Failure>;

struct Computation<'f, 'e> {
    frame: &'f Frame<'e>,
}

impl<'f> Computation<'f, '_> {
    fn value(&self, node: &'f Node) -> Computed<'f> {
        match node {
            Node::Constant(constant) => Ok(constant.operand()),
            Node::Slot(slot) => self.slot(*slot),
            Node::OrValue(slot, default) => {
                let default = self.value(default)?;
                Ok(self.present(*slot)?.unwrap_or(default))
            }
            Node::HasValue(slot) => Ok(Operand::Bool(self.present(*slot)?.is_some())),
            Node::Not(inner) => {
                let value = self.value(inner)?;
                let negated = value.boolean().map(|boolean| Operand::Bool(!boolean));
                let conflict =
                    || Trouble::overload(operators::LOGICAL_NOT, &[value.type_name()]).into();
                negated.ok_or_else(conflict)
            }
            Node::Negate(inner) => Ok(self.value(inner)?.negated()?),
            Node::And(sides) => self.logic(sides, false),
            Node::Or(sides) => self.logic(sides, true),
            Node::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                let chosen = if self.boolean(condition)? {
                    then
                } else {
                    otherwise
                };
                self.value(chosen)
            }
            Node::Equal(sides) => {
                let (left, right) = self.sides(sides)?;
                Ok(Operand::Bool(left.equals(&right)))
            }
            Node::NotEqual(sides) => {
                let (left, right) = self.sides(sides)?;
                Ok(Operand::Bool(!left.equals(&right)))
            }
            Node::Order(order, sides) => self.order(*order, sides),
            Node::Arithmetic(sign, sides) => {
                let (left, right) = self.sides(sides)?;
                Ok(sign.apply(left, right)?)
            }
            Node::OneOf(element, constants) => {
                let element = self.value(element)?;
                let mut constants = constants.iter();
                let found = constants.any(|constant| constant.operand().equals(&element));
                Ok(Operand::Bool(found))
            }
            Node::Search(search, sides) => self.search(*search, sides),
            Node::Matches(text, pattern) => {
                let value = self.value(text)?;
                let Some(text) = value.text() else {
                    let given = value.type_name();
                    let what = format!("matches: text is needed, not {given}");
                    return Err(Trouble::unusable(what).into());
                };
                budget::spend(text.len()).map_err(|_| Trouble::exhausted())?;
                Ok(Operand::Bool(pattern.is_match(text)))
            }
            Node::Call(call) => self.call(call),
        }
    }

    fn sides(&self, sides: &'f [Node; 2]) -> Result<(Operand<'f>, Operand<'f>), Failure> {
        let [left, right] = sides;
        Ok((self.value(left)?, self.value(right)?))
    }

    fn boolean(&self, node: &'f Node) -> Result<bool, Failure> {
        let value = self.value(node)?;
        let given = || Failure::NotBoolean(value.type_name().to_owned());
        value.boolean().ok_or_else(given)
    }

    /// `&&`, decided by false, and `||`, decided by true.
    fn logic(&self, sides: &'f [Node; 2], decisive: bool) -> Computed<'f> {
        let [left, right] = sides;
        let left = self.boolean(left);
        if matches!(left, Ok(value) if value == decisive) {
            return Ok(Operand::Bool(decisive));
        }
        let right = self.value(right)?;
        let conflict = |left: &str, right: &Operand<'_>| {
            let name = match decisive {
                true => operators::LOGICAL_OR,
                false => operators::LOGICAL_AND,
            };
            Err(Trouble::overload(name, &[left, right.type_name()]).into())
        };
        match (left, right.boolean()) {
            (Ok(_), Some(right)) => Ok(Operand::Bool(right)),
            (Err(_), Some(right)) if right == decisive => Ok(Operand::Bool(decisive)),
            (Ok(_), None) => conflict("bool", &right),
            (Err(Failure::NotBoolean(left)), _) => conflict(&left, &right),
            (Err(failure), _) => Err(failure),
        }
    }

    fn order(&self, order: Order, sides: &'f [Node; 2]) -> Computed<'f> {
        let (left, right) = self.sides(sides)?;
        let Some(found) = left.order(&right) else {
            let types = [left.type_name(), right.type_name()];
            return Err(Trouble::overload(order.name(), &types).into());
        };
        Ok(Operand::Bool(match order {
            Order::Less => found == Ordering::Less,
            Order::LessEquals => found != Ordering::Greater,
            Order::Greater => found == Ordering::Greater,
            Order::GreaterEquals => found != Ordering::Less,
        }))
    }

    fn search(&self, search: Search, sides: &'f [Node; 2]) -> Computed<'f> {
        let [whole, what] = sides;
        // Arguments are evaluated before what the function is called on.
        let what = self.value(what)?;
        let whole = self.value(whole)?;
        let (Some(text), Some(part)) = (whole.text(), what.text()) else {
            let types = [whole.type_name(), what.type_name()];
            return Err(Trouble::overload(search.name(), &types).into());
        };
        Ok(Operand::Bool(match search {
            Search::Contains => text.contains(part),
            Search::StartsWith => text.starts_with(part),
            Search::EndsWith => text.ends_with(part),
        }))
    }

    fn call(&self, call: &'f Call) -> Computed<'f> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        let (target, rest) = match (call.is_member, call.arguments.split_first()) {
            (true, Some((target, rest))) => (Some(target), rest),
            _ => (None, &*call.arguments),
        };
        for argument in rest {
            arguments.push(CowVal::Owned(self.value(argument)?.into_val()));
        }
        if let Some(target) = target {
            arguments.insert(0, CowVal::Owned(self.value(target)?.into_val()));
        }
        let code = match call.callee {
            Callee::Here(code) => code,
            Callee::Library(name) => {
                let environment = functions::environment();
                let found = environment.and_then(|known| known.find_overload(name, &arguments));
                found.ok_or_else(|| {
                    let types = arguments.iter().map(|argument| argument.get_type().name());
                    Trouble::overload(name, &types.collect::<Vec<_>>())
                })?
            }
        };
        match code(arguments) {
            Ok(value) => Ok(Operand::of_val(value.into_owned())),
            Err(error) => Err(trouble_of(&error).into()),
        }
    }

    /// What a slot reads, which must be there.
    fn slot(&self, slot: usize) -> Computed<'f> {
        match self.present(slot)? {
            Some(value) => Ok(value),
            None => {
                let slot = self.frame.plan.slots.get(slot);
                let shown = slot.map(|slot| slot.shown.clone()).unwrap_or_default();
                Err(Trouble::Missing(shown).into())
            }
        }
    }

    /// What a slot reads; `None` where it is absent.
    fn present(&self, slot: usize) -> Result<Option<Operand<'f>>, Failure> {
        let frame = self.frame;
        let Some(slot) = frame.plan.slots.get(slot) else {
            return Err(Trouble::Internal("a slot is not there").into());
        };
        Ok(match &slot.read {
            Read::Field(field) => match frame.field(field, slot)? {
                Some(capture) => {
                    let place = capture.start as usize..capture.end as usize;
                    let json = frame.event.body.get(place).unwrap_or_default();
                    Some(Operand::of_json(json, capture.kind)?)
                }
                None => None,
            },
            Read::HasField(field) => Some(Operand::Bool(frame.has(field)?)),
            Read::Path(index) => {
                let found = frame.event.request.path.get(*index);
                found.map(|(_, value)| Operand::Text(Cow::Borrowed(&**value)))
            }
            Read::Query(name) => frame.query(name)?.map(Operand::Text),
            Read::Method => Some(Operand::Text(frame.event.request.head.method().into())),
            Read::RequestPath => Some(Operand::Text(frame.event.request.head.path().into())),
            _ => present(frame, slot)?.map(Operand::of_val),
        })
    }
}
