//! What evaluating one expression for one event may touch.
//!
//! An expression is bounded by its size, its loops by the event. Two loops over a large event, or
//! a loop that makes a large text again and again, would still cost what no core can spend: so
//! loops, and what makes values of unbounded size, pay from a budget of bytes.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::cell::Cell;

use cel::common::ast::operators;
use cel::common::types::{CelMap, DYN_TYPE, LIST_TYPE};
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError};

use super::cel_values::{sorted_keys, weight};
use crate::limits::EVALUATION_BYTES_MAX;

/// The name under which the compiler puts a sum: `+`, paid for.
pub(super) const SUM: &str = "@sum";
/// The name of what the compiler puts around a loop's range.
pub(super) const LOOP: &str = "@loop";
/// The name of what the compiler puts around a value that a loop reads again.
pub(super) const AGAIN: &str = "@again";
/// What a loop pays for each of its turns.
const TURN_BYTES: usize = 128;
/// The function that an exhausted budget fails in.
pub(super) const EXHAUSTED: &str = "@budget";

thread_local! {
    // Functions of the language are given their arguments only. An evaluation stays on its
    // thread, begins by filling this, and never runs inside of another.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Fills the budget for the next evaluation on this thread.
pub(super) fn fill() {
    LEFT.set(EVALUATION_BYTES_MAX);
}

/// Puts back what was left of the budget of an evaluation that this one interrupted.
pub(super) fn left() -> usize {
    LEFT.get()
}

/// See [`left`].
pub(super) fn resume(left: usize) {
    LEFT.set(left);
}

/// Pays for a value of so many bytes.
pub(super) fn spend(bytes: usize) -> Result<(), ExecutionError> {
    match LEFT.get().checked_sub(bytes) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => Err(ExecutionError::function_error(
            EXHAUSTED,
            "the expression touches more than it may for one event",
        )),
    }
}

/// Declares the functions that only the compiler writes.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(SUM, "sum", vec![DYN_TYPE, DYN_TYPE], sum)?;
    env.add_overload(LOOP, "loop_list", vec![LIST_TYPE], turns)?;
    env.add_overload(LOOP, "loop_any", vec![DYN_TYPE], turns)?;
    env.add_overload(AGAIN, "again", vec![DYN_TYPE], again)
}

fn sum<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [left, right] = arguments.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(2, arguments.len()));
    };
    let conflict = || {
        let types = [left, right].map(|value| value.get_type().name().to_owned());
        ExecutionError::no_such_overload(operators::ADD, types.to_vec())
    };
    spend(weight(left.as_ref(), EVALUATION_BYTES_MAX))?;
    spend(weight(right.as_ref(), EVALUATION_BYTES_MAX))?;
    let adder = left.as_adder().ok_or_else(conflict)?;
    // A list takes a map's keys, in no order; the language has no such sum.
    if right.downcast_ref::<CelMap<'_>>().is_some() {
        return Err(conflict());
    }
    let sum = adder.add(right.as_ref()).map_err(|error| match error {
        ExecutionError::Overflow(..) => error,
        _ => conflict(),
    })?;
    Ok(CowVal::Owned(sum.into_owned()))
}

fn turns<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let range = arguments
        .pop()
        .ok_or_else(|| ExecutionError::invalid_argument_count(1, 0))?;
    if let Some(sizer) = range.as_sizer() {
        let turns = usize::try_from(*sizer.size().inner()).unwrap_or(usize::MAX);
        spend(turns.saturating_mul(TURN_BYTES))?;
    }
    // The library goes over a map's keys in no order: the same event must give the same record.
    if let Some(map) = range.downcast_ref::<CelMap<'_>>() {
        let list = sorted_keys(map);
        return Ok(CowVal::owned(list));
    }
    Ok(range)
}

fn again<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = arguments
        .pop()
        .ok_or_else(|| ExecutionError::invalid_argument_count(1, 0))?;
    spend(weight(value.as_ref(), EVALUATION_BYTES_MAX))?;
    Ok(value)
}
