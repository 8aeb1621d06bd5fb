//! Numbers: the language's extension for mathematics.

use cel::common::types::{INT_TYPE, UINT_TYPE};
use cel::{DeclarationError, Env, ExecutionError, extensions};

use super::given::{Answer, Given};
use super::language::language;
use super::{Function, NUMBER};
use crate::map::types::Type;

const G1: (&[usize], &[usize]) = (&[1], &[]);
const DOUBLE: &[Type] = &[Type::Double];

/// Adds the extension, and makes rounding take whole numbers: of JSON, `10` is one and `10.0` is
/// none, and a sender seldom knows the difference.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_extension(extensions::math)?;
    for name in ["math.ceil", "math.floor", "math.round", "math.trunc"] {
        env.add_overload(name, &format!("{name}_int"), vec![INT_TYPE], same)?;
        env.add_overload(name, &format!("{name}_uint"), vec![UINT_TYPE], same)?;
    }
    Ok(())
}

fn same<'b, 'v>(mut given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let missing = || ExecutionError::invalid_argument_count(1, 0);
    given.pop().ok_or_else(missing)
}

pub(super) const FUNCTIONS: &[Function] = &[
    language(
        "math.abs",
        "math.abs(number) → number",
        "Without its sign.",
        ("math.abs(-3)", "3"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.ceil",
        "math.ceil(number) → number",
        "The next whole number that is not less; a double stays a double.",
        ("math.ceil(event.total)", "13.0"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.floor",
        "math.floor(number) → number",
        "The next whole number that is not greater; a double stays a double.",
        ("math.floor(event.total)", "12.0"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.round",
        "math.round(number) → number",
        "The nearest whole number, halves away from zero; a double stays a double. Two decimals: \
         `math.round(x * 100.0) / 100.0`.",
        ("int(math.round(event.total))", "13"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.trunc",
        "math.trunc(number) → number",
        "Without what stands behind the point; a double stays a double.",
        ("math.trunc(-1.7)", "-1.0"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.sign",
        "math.sign(number) → number",
        "-1, 0 or 1.",
        ("math.sign(-3)", "-1"),
        G1,
        &[NUMBER],
        Type::Any,
    ),
    language(
        "math.sqrt",
        "math.sqrt(number) → double",
        "The square root.",
        ("math.sqrt(9)", "3.0"),
        G1,
        &[NUMBER],
        Type::Double,
    ),
    language(
        "math.isFinite",
        "math.isFinite(double) → bool",
        "Whether a double is a number and not infinite.",
        ("math.isFinite(1.0 / 0.0)", "false"),
        G1,
        &[DOUBLE],
        Type::Bool,
    ),
    language(
        "math.isNaN",
        "math.isNaN(double) → bool",
        "Whether a double is none: `0.0 / 0.0`.",
        ("math.isNaN(0.0 / 0.0)", "true"),
        G1,
        &[DOUBLE],
        Type::Bool,
    ),
    language(
        "math.isInf",
        "math.isInf(double) → bool",
        "Whether a double is infinite.",
        ("math.isInf(1.0 / 0.0)", "true"),
        G1,
        &[DOUBLE],
        Type::Bool,
    ),
    language(
        "math.greatest",
        "math.greatest(number, …) → number",
        "The greatest of its arguments, or of one list.",
        ("math.greatest(event.count, 7, 2)", "7"),
        G1,
        &[],
        Type::Any,
    ),
    language(
        "math.least",
        "math.least(number, …) → number",
        "The least of its arguments, or of one list.",
        ("math.least([event.count, 7, 2])", "2"),
        G1,
        &[],
        Type::Any,
    ),
];
