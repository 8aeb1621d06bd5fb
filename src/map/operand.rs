//! Values while a formula is computed, and what operators make of them: exactly what the
//! expression library would, without its boxes for what most expressions touch.

use std::borrow::Cow;
use std::cmp::Ordering;

use bytestring::ByteString;
use cel::ExecutionError;
use cel::common::ast::operators;
use cel::common::types::{CelBool, CelDouble, CelInt, CelMap, CelNull, CelString, CelUInt};
use cel::common::value::Val;

use super::budget::{SUM, spend};
use super::cel_values::{decimal, from_json, integer, to_found, weight};
use super::found::Found;
use super::trouble::Trouble;
use crate::limits::EVALUATION_BYTES_MAX;
use crate::split::{CaptureKind, unescape};

/// A value while a formula is computed.
#[derive(Debug)]
pub(super) enum Operand<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'v, str>),
    /// A list, map, bytes, time or duration, as the library has it.
    Other(Box<dyn Val + 'v>),
}

impl<'v> Operand<'v> {
    /// The value of a JSON text that the scan captured.
    pub(super) fn of_json(json: &'v [u8], kind: CaptureKind) -> Result<Self, Trouble> {
        let inner = || {
            json.get(1..json.len().saturating_sub(1))
                .unwrap_or_default()
        };
        let text = || std::str::from_utf8(json).unwrap_or_default();
        Ok(match kind {
            CaptureKind::PlainString => {
                Self::Text(std::str::from_utf8(inner()).unwrap_or_default().into())
            }
            CaptureKind::EscapedString => {
                let bytes = unescape(inner());
                Self::Text(String::from_utf8_lossy(&bytes).into_owned().into())
            }
            CaptureKind::Integer => Self::Int(integer(text())?),
            CaptureKind::Decimal => Self::Double(decimal(text())?),
            CaptureKind::True => Self::Bool(true),
            CaptureKind::False => Self::Bool(false),
            CaptureKind::Null => Self::Null,
            CaptureKind::Array | CaptureKind::Object => Self::Other(from_json(json)?),
        })
    }

    /// A value of the library.
    pub(super) fn of_val(value: Box<dyn Val + 'v>) -> Self {
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            return Self::Text(match text.as_borrowed() {
                Some(text) => Cow::Borrowed(text),
                None => Cow::Owned(text.inner().to_owned()),
            });
        }
        if let Some(boolean) = value.downcast_ref::<CelBool>() {
            return Self::Bool(*boolean.inner());
        }
        if let Some(integer) = value.downcast_ref::<CelInt>() {
            return Self::Int(*integer.inner());
        }
        if let Some(integer) = value.downcast_ref::<CelUInt>() {
            return Self::Uint(*integer.inner());
        }
        if let Some(double) = value.downcast_ref::<CelDouble>() {
            return Self::Double(*double.inner());
        }
        if value.downcast_ref::<CelNull>().is_some() {
            return Self::Null;
        }
        Self::Other(value)
    }

    /// The same as a value of the library.
    pub(super) fn into_val(self) -> Box<dyn Val + 'v> {
        match self {
            Self::Null => Box::new(CelNull),
            Self::Bool(boolean) => Box::new(CelBool::from(boolean)),
            Self::Int(integer) => Box::new(CelInt::from(integer)),
            Self::Uint(integer) => Box::new(CelUInt::from(integer)),
            Self::Double(double) => Box::new(CelDouble::from(double)),
            Self::Text(text) => Box::new(CelString::from(text)),
            Self::Other(value) => value,
        }
    }

    /// What it is for a record. Text of the event stays where it is.
    pub(super) fn into_found(self, body: &bytes::Bytes) -> Result<Found, Trouble> {
        Ok(match self {
            Self::Null => Found::null(),
            Self::Bool(boolean) => Found::from_boolean(boolean),
            Self::Int(integer) => Found::from_integer(integer),
            Self::Uint(integer) => Found::from_integer(integer),
            Self::Double(double) => to_found(&CelDouble::from(double))?,
            Self::Text(Cow::Borrowed(text)) => Found::Text(part_of(body, text)),
            Self::Text(Cow::Owned(text)) => Found::Text(ByteString::from(text)),
            Self::Other(value) => to_found(value.as_ref())?,
        })
    }

    /// The boolean, if it is one.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(boolean) => Some(*boolean),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The library's name of its type.
    pub(super) fn type_name(&self) -> &str {
        match self {
            Self::Null => CelNull::cel_type().name(),
            Self::Bool(_) => CelBool::cel_type().name(),
            Self::Int(_) => CelInt::cel_type().name(),
            Self::Uint(_) => CelUInt::cel_type().name(),
            Self::Double(_) => CelDouble::cel_type().name(),
            Self::Text(_) => CelString::cel_type().name(),
            Self::Other(value) => value.get_type().name(),
        }
    }

    /// Whether two values are equal; values of two types are not, numbers apart.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Null, Self::Null) => true,
            (Self::Other(one), Self::Other(two)) => one.equals(two.as_ref()),
            _ => self.number_order(other).flatten() == Some(Ordering::Equal),
        }
    }

    /// The order of two values, if they have one.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            (Self::Bool(one), Self::Bool(two)) => Some(one.cmp(two)),
            (Self::Other(one), Self::Other(two)) => one.as_comparer()?.compare(two.as_ref()).ok(),
            _ => self.number_order(other)?,
        }
    }

    /// The order of two numbers; the inner `None` where one is not a number in the sense of IEEE.
    fn number_order(&self, other: &Self) -> Option<Option<Ordering>> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "the language compares whole numbers with doubles as doubles"
        )]
        Some(match (self, other) {
            (Self::Int(one), Self::Int(two)) => Some(one.cmp(two)),
            (Self::Uint(one), Self::Uint(two)) => Some(one.cmp(two)),
            (Self::Double(one), Self::Double(two)) => one.partial_cmp(two),
            (Self::Int(one), Self::Uint(two)) => {
                Some(u64::try_from(*one).map_or(Ordering::Less, |one| one.cmp(two)))
            }
            (Self::Uint(one), Self::Int(two)) => {
                Some(i64::try_from(*one).map_or(Ordering::Greater, |one| one.cmp(two)))
            }
            (Self::Int(one), Self::Double(two)) => (*one as f64).partial_cmp(two),
            (Self::Double(one), Self::Int(two)) => one.partial_cmp(&(*two as f64)),
            (Self::Uint(one), Self::Double(two)) => (*one as f64).partial_cmp(two),
            (Self::Double(one), Self::Uint(two)) => one.partial_cmp(&(*two as f64)),
            _ => return None,
        })
    }

    /// What `-` before it gives.
    pub(super) fn negated(self) -> Result<Self, Trouble> {
        match self {
            Self::Int(integer) => integer
                .checked_neg()
                .map(Self::Int)
                .ok_or_else(Trouble::overflow),
            Self::Double(double) => Ok(Self::Double(-double)),
            other => Err(Trouble::overload(operators::NEGATE, &[other.type_name()])),
        }
    }

    /// Bytes that a sum pays for it.
    fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 8,
            Self::Other(value) => weight(value.as_ref(), EVALUATION_BYTES_MAX),
            _ => 8,
        }
    }
}

/// `+ - * / %`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Sign {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            SUM => Self::Add,
            operators::SUBSTRACT => Self::Subtract,
            operators::MULTIPLY => Self::Multiply,
            operators::DIVIDE => Self::Divide,
            operators::MODULO => Self::Remainder,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => operators::ADD,
            Self::Subtract => operators::SUBSTRACT,
            Self::Multiply => operators::MULTIPLY,
            Self::Divide => operators::DIVIDE,
            Self::Remainder => operators::MODULO,
        }
    }

    /// What the sign makes of two values.
    pub(super) fn apply<'v>(
        self,
        left: Operand<'v>,
        right: Operand<'v>,
    ) -> Result<Operand<'v>, Trouble> {
        if self == Self::Add {
            spend(left.weight()).map_err(|_| Trouble::exhausted())?;
            spend(right.weight()).map_err(|_| Trouble::exhausted())?;
        }
        match (left, right) {
            (Operand::Int(left), Operand::Int(right)) => {
                let done = match self {
                    Self::Add => left.checked_add(right),
                    Self::Subtract => left.checked_sub(right),
                    Self::Multiply => left.checked_mul(right),
                    _ if right == 0 => return Err(Trouble::division_by_zero()),
                    Self::Divide => left.checked_div(right),
                    Self::Remainder => left.checked_rem(right),
                };
                done.map(Operand::Int).ok_or_else(Trouble::overflow)
            }
            (Operand::Uint(left), Operand::Uint(right)) => {
                let done = match self {
                    Self::Add => left.checked_add(right),
                    Self::Subtract => left.checked_sub(right),
                    Self::Multiply => left.checked_mul(right),
                    _ if right == 0 => return Err(Trouble::division_by_zero()),
                    Self::Divide => left.checked_div(right),
                    Self::Remainder => left.checked_rem(right),
                };
                done.map(Operand::Uint).ok_or_else(Trouble::overflow)
            }
            (Operand::Double(left), Operand::Double(right)) if self != Self::Remainder => {
                Ok(Operand::Double(match self {
                    Self::Add => left + right,
                    Self::Subtract => left - right,
                    Self::Multiply => left * right,
                    Self::Divide | Self::Remainder => left / right,
                }))
            }
            (Operand::Text(left), Operand::Text(right)) if self == Self::Add => {
                let mut sum = match left {
                    Cow::Owned(text) => text,
                    Cow::Borrowed(text) => {
                        let mut sum = String::with_capacity(text.len() + right.len());
                        sum.push_str(text);
                        sum
                    }
                };
                sum.push_str(&right);
                Ok(Operand::Text(Cow::Owned(sum)))
            }
            (left, right) => self.apply_slowly(left, right),
        }
    }

    /// Lists, times and what does not go together, by the library.
    fn apply_slowly<'v>(
        self,
        left: Operand<'v>,
        right: Operand<'v>,
    ) -> Result<Operand<'v>, Trouble> {
        let (left, right) = (left.into_val(), right.into_val());
        let conflict = || {
            let types = [left.get_type().name(), right.get_type().name()];
            Trouble::overload(self.name(), &types)
        };
        let done = match self {
            // The language has no such sum; the library would add a map's keys in no order.
            Self::Add if right.downcast_ref::<CelMap<'_>>().is_some() => None,
            Self::Add => left.as_adder().map(|adder| adder.add(right.as_ref())),
            Self::Subtract => left.as_subtractor().map(|one| one.sub(right.as_ref())),
            Self::Multiply => left.as_multiplier().map(|one| one.mul(right.as_ref())),
            Self::Divide => left.as_divider().map(|one| one.div(right.as_ref())),
            Self::Remainder => left.as_modder().map(|one| one.modulo(right.as_ref())),
        };
        match done {
            Some(Ok(value)) => Ok(Operand::of_val(value.into_owned())),
            Some(Err(ExecutionError::Overflow(..))) => Err(Trouble::overflow()),
            Some(Err(_)) | None => Err(conflict()),
        }
    }
}

/// A text that may stand in the body, without a copy if it does.
fn part_of(body: &bytes::Bytes, text: &str) -> ByteString {
    let start = (text.as_ptr() as usize).checked_sub(body.as_ptr() as usize);
    let place = start.map(|start| start..start + text.len());
    let inside = place.filter(|place| place.end <= body.len() && !text.is_empty());
    let part = inside.map(|place| ByteString::try_from(body.slice(place)));
    match part {
        Some(Ok(part)) => part,
        _ => ByteString::from(text),
    }
}
