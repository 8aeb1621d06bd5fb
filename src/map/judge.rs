//! What operators and functions say of what is known of their operands.

use cel::common::ast::operators;

use super::budget::{AGAIN, LOOP, SUM};
use super::functions::Function;
use super::infer::Objection;
use super::types::{Shape, Type};

pub(super) const MAY_BE_ABSENT: &str = "may be absent: give it a default with `.orValue(…)`";
const CONVERT: &str = "convert one with `int(…)`, `double(…)` or `string(…)`";

type Judged = Result<Shape, Objection>;

/// An objection to all operands together.
fn together(message: impl Into<String>, help: &str) -> Objection {
    Objection {
        operand: None,
        message: message.into(),
        help: help.to_owned(),
    }
}

/// An objection to one operand.
fn against(operand: usize, message: impl Into<String>, help: &str) -> Objection {
    Objection {
        operand: Some(operand),
        ..together(message, help)
    }
}

/// True for what may be a map's key.
pub(super) fn is_key(kind: Type) -> bool {
    let whole = matches!(kind, Type::Int | Type::Uint);
    whole || matches!(kind, Type::Any | Type::Text | Type::Bool)
}

/// What an operator gives, or what is wrong with its operands.
pub(super) fn operator(name: &str, operands: &[Shape]) -> Judged {
    let kind = |index: usize| operands.get(index).map_or(Type::Any, |shape| shape.kind);
    match (name, operands) {
        (operators::CONDITIONAL, [condition, then, otherwise]) => {
            needs_bool(condition.kind, "the condition of `? :`")?;
            Ok(then.clone().either(otherwise.clone()))
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, _]) => {
            for index in 0..2 {
                needs_bool(kind(index), "each side of `&&` and `||`").map_err(|objection| {
                    Objection {
                        operand: Some(index),
                        ..objection
                    }
                })?;
            }
            Ok(Type::Bool.into())
        }
        (operators::LOGICAL_NOT, [value]) => {
            needs_bool(value.kind, "what `!` stands before")?;
            Ok(Type::Bool.into())
        }
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            [left, right],
        ) => ordered(left.kind, right.kind),
        (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => equal(left, right),
        (operators::IN, [element, range]) => inside(element.kind, range),
        (operators::NOT_STRICTLY_FALSE, _) => Ok(Type::Bool.into()),
        (
            SUM
            | operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [left, right],
        ) => arithmetic(name, left, right),
        (operators::NEGATE, [value]) => match value.kind {
            Type::Any | Type::Int | Type::Double => Ok(value.clone()),
            Type::Optional => Err(against(0, format!("what `-` negates {MAY_BE_ABSENT}"), "")),
            kind => {
                let message = format!("{} cannot be negated", kind.describe());
                Err(against(0, message, "`-` stands before an int or a double"))
            }
        },
        (LOOP | AGAIN, [value]) => Ok(value.clone()),
        (operators::OPT_SELECT | operators::OPT_INDEX, [value, _]) => {
            let inner = match value.kind {
                Type::List | Type::Map => value.inner(),
                _ => Type::Any.into(),
            };
            Ok(Shape::of(Type::Optional, inner))
        }
        (operators::INDEX, [value, index]) => indexed(value, index.kind),
        _ => Ok(Type::Any.into()),
    }
}

pub(super) fn needs_bool(given: Type, place: &str) -> Result<(), Objection> {
    if given == Type::Optional {
        let message = format!("{place} {MAY_BE_ABSENT}");
        return Err(against(0, message, "write `.orValue(false)`"));
    }
    if matches!(given, Type::Any | Type::Bool) {
        return Ok(());
    }
    let message = format!("{place} must be a boolean, not {}", given.describe());
    Err(against(0, message, "compare it with something: `… == 'x'`"))
}

fn ordered(left: Type, right: Type) -> Judged {
    if let Some(index) = [left, right]
        .iter()
        .position(|kind| *kind == Type::Optional)
    {
        let message = format!("a side of this comparison {MAY_BE_ABSENT}");
        return Err(against(index, message, ""));
    }
    for (index, kind) in [left, right].into_iter().enumerate() {
        if matches!(kind, Type::List | Type::Map | Type::Null) {
            let message = format!(
                "{} is neither less nor greater than another",
                kind.describe()
            );
            let help = match kind {
                Type::Null => "whether something is null: `… == null`",
                _ => "compare `size(…)`, or the values in it",
            };
            return Err(against(index, message, help));
        }
    }
    let comparable = left == right || (left.is_number() && right.is_number());
    if comparable || left.is_open() || right.is_open() {
        return Ok(Type::Bool.into());
    }
    let help = to_convert(left, right);
    let (left, right) = (left.describe(), right.describe());
    Err(together(
        format!("{left} and {right} cannot be compared"),
        help,
    ))
}

fn equal(left: &Shape, right: &Shape) -> Judged {
    let kinds = [left.kind, right.kind];
    let optional = kinds.iter().position(|kind| *kind == Type::Optional);
    if let Some(index) = optional
        && left.kind != right.kind
    {
        let message = format!("a side of this comparison {MAY_BE_ABSENT}");
        return Err(against(index, message, ""));
    }
    if let Some((left, right)) = never_equal(left, right) {
        let help = to_convert(left, right);
        let (left, right) = (left.describe(), right.describe());
        return Err(together(
            format!("{left} and {right} are never equal"),
            help,
        ));
    }
    Ok(Type::Bool.into())
}

/// The kinds that keep two values from ever being equal.
fn never_equal(left: &Shape, right: &Shape) -> Option<(Type, Type)> {
    let (one, two) = (left.kind, right.kind);
    if one == two {
        return match one {
            // Two empty lists are equal, whatever they would hold.
            Type::List | Type::Map => None,
            Type::Optional => never_equal(&left.inner(), &right.inner()),
            _ => None,
        };
    }
    let open = one == Type::Any || two == Type::Any;
    let null = one == Type::Null || two == Type::Null;
    let numbers = one.is_number() && two.is_number();
    (!(open || null || numbers)).then_some((one, two))
}

fn inside(element: Type, range: &Shape) -> Judged {
    let help = match range.kind {
        Type::Any | Type::Map if is_key(element) || element == Type::Double => "",
        Type::Any | Type::List => "",
        Type::Map => {
            let message = format!("{} is never a key of a map", element.describe());
            return Err(against(
                0,
                message,
                "a key is text, a whole number or a boolean",
            ));
        }
        Type::Optional => {
            let message = format!("what `in` looks into {MAY_BE_ABSENT}");
            return Err(against(1, message, "for nothing in it: `.orValue([])`"));
        }
        Type::Text => "whether a text holds another: `text.contains('x')`",
        _ => "write a list: `x in ['a', 'b']`",
    };
    if !matches!(range.kind, Type::Any | Type::List | Type::Map) {
        let message = format!(
            "`in` looks into a list or map, not into {}",
            range.kind.describe()
        );
        return Err(against(1, message, help));
    }
    if element == Type::Optional {
        let message = format!("what `in` looks for {MAY_BE_ABSENT}");
        return Err(against(0, message, ""));
    }
    if range.kind == Type::List
        && let Some((one, two)) = never_equal(&element.into(), &range.inner())
    {
        let help = to_convert(one, two);
        let (one, two) = (one.describe(), two.describe());
        let message = format!("{one} is never in a list whose elements are each {two}");
        return Err(together(message, help));
    }
    Ok(Type::Bool.into())
}

/// How values of two kinds become comparable.
fn to_convert(one: Type, two: Type) -> &'static str {
    let either = |kind: Type| one == kind || two == kind;
    if either(Type::Time) && either(Type::Text) {
        return "make a time of the text with `timestamp(…)`";
    }
    if either(Type::Bool) {
        return "compare a boolean with `true` or `false`, without quotes";
    }
    let plain = |kind: Type| kind.is_number() || kind == Type::Text;
    if plain(one) && plain(two) {
        return CONVERT;
    }
    "compare values of one type"
}

fn arithmetic(name: &str, left: &Shape, right: &Shape) -> Judged {
    let (one, two) = (left.kind, right.kind);
    if let Some(index) = [one, two].iter().position(|kind| *kind == Type::Optional) {
        return Err(against(
            index,
            format!("a side of this {MAY_BE_ABSENT}"),
            "",
        ));
    }
    let sum = name == SUM || name == operators::ADD;
    let sign = if sum { "+" } else { name.trim_matches('_') };
    for (index, kind) in [one, two].into_iter().enumerate() {
        if kind != Type::Any && !takes(sign, kind) {
            let message = format!("`{sign}` cannot be done with {}", kind.describe());
            let help = match (sign, kind) {
                ("%", Type::Double) => "`%` takes whole numbers: convert with `int(…)`",
                (_, Type::Text) => "convert it with `int(…)` or `double(…)`",
                _ => "it takes numbers",
            };
            return Err(against(index, message, help));
        }
    }
    let moment = |kind: Type| matches!(kind, Type::Time | Type::Duration);
    match (one, two) {
        (Type::Any, Type::Any) => Ok(Type::Any.into()),
        (Type::Any, known) | (known, Type::Any) if moment(known) => Ok(Type::Any.into()),
        // The other side must be of the same type, else there is no result.
        (Type::Any, known) | (known, Type::Any) => Ok(known.into()),
        (Type::List, Type::List) => Ok(left.clone().either(right.clone())),
        (Type::Time, Type::Time) if sign == "-" => Ok(Type::Duration.into()),
        (Type::Time, Type::Duration) => Ok(Type::Time.into()),
        (Type::Duration, Type::Time) if sum => Ok(Type::Time.into()),
        (one, two) if one == two && one != Type::Time => Ok(one.into()),
        (one, two) if moment(one) || moment(two) => {
            let (one, two) = (one.describe(), two.describe());
            let message = format!("`{sign}` cannot be done with {one} and {two}");
            let help = "what is added to a time, or subtracted, is a duration: `duration('1h')`";
            Err(together(message, help))
        }
        (one, two) => {
            let (one, two) = (one.describe(), two.describe());
            Err(together(
                format!("`{sign}` takes two values of one type, not {one} and {two}: {CONVERT}"),
                "",
            ))
        }
    }
}

/// Whether a sign can stand beside a value of this kind at all.
fn takes(sign: &str, kind: Type) -> bool {
    match sign {
        "+" => !matches!(kind, Type::Bool | Type::Null | Type::Map),
        "-" => kind.is_number() || matches!(kind, Type::Time | Type::Duration),
        "%" => matches!(kind, Type::Int | Type::Uint),
        _ => kind.is_number(),
    }
}

fn indexed(value: &Shape, index: Type) -> Judged {
    match value.kind {
        Type::Any => Ok(Type::Any.into()),
        Type::Optional => Ok(Type::Optional.into()),
        Type::List if index.is_number() || index == Type::Any => Ok(value.inner()),
        Type::List => {
            let message = format!(
                "a list is indexed by a whole number, not by {}",
                index.describe()
            );
            Err(against(1, message, "the first element is `[0]`"))
        }
        Type::Map if is_key(index) || index == Type::Double => Ok(value.inner()),
        Type::Map => {
            let message = format!("a map's key cannot be {}", index.describe());
            Err(against(
                1,
                message,
                "a key is text, a whole number or a boolean",
            ))
        }
        kind => {
            let message = format!("{} has no elements", kind.describe());
            let help = match kind {
                Type::Text => "a part of a text: `text.substring(0, 1)`",
                _ => "only a list or a map is looked into with `[…]`",
            };
            Err(against(0, message, help))
        }
    }
}

/// What a function gives, or what is wrong with its arguments.
pub(super) fn function(function: &Function, member: bool, operands: &[Shape]) -> Judged {
    for (index, operand) in operands.iter().enumerate() {
        let Some(takes) = function.takes.get(index).filter(|takes| !takes.is_empty()) else {
            continue;
        };
        let kind = operand.kind;
        let optional = **takes == [Type::Optional];
        let never_optional = optional && operand.path;
        if takes.contains(&kind) || (kind == Type::Any && !never_optional) {
            continue;
        }
        let name = function.name;
        let place = match (index, member) {
            (0, true) => format!("what `{name}` is called on"),
            (index, true) => format!("argument {index} of `{name}`"),
            (_, false) if operands.len() == 1 => format!("the argument of `{name}`"),
            (index, false) => format!("argument {} of `{name}`", index + 1),
        };
        if kind == Type::Optional {
            let message = format!("{place} {MAY_BE_ABSENT}");
            return Err(against(index, message, ""));
        }
        if optional {
            let message = format!("{place} is never absent, so that there is nothing to do for it");
            let help = "write `.?` before the last name of the path: `event.?name`";
            return Err(against(index, message, help));
        }
        let message = format!("{place} must be {}, not {}", one_of(takes), kind.describe());
        let help = format!("its form is {}", function.signature);
        return Err(against(index, message, &help));
    }
    let shape = |index: usize| operands.get(index).cloned().unwrap_or(Type::Any.into());
    Ok(match function.name {
        "orValue" => shape(0).inner().either(shape(1)),
        "or" => shape(0).either(shape(1)),
        "value" => shape(0).inner(),
        "optional.of" | "optional.ofNonZeroValue" => Shape::of(Type::Optional, shape(0)),
        "first" | "last" => Shape::of(Type::Optional, shape(0).inner()),
        "sort" | "distinct" | "slice" | "math.abs" | "math.sign" | "math.ceil" | "math.floor"
        | "math.round" | "math.trunc" => shape(0),
        "reverse" if shape(0).kind != Type::Any => shape(0),
        "split" | "keys" | "regex.extractAll" => Shape::of(Type::List, Type::Text.into()),
        "regex.extract" => Shape::of(Type::Optional, Type::Text.into()),
        _ => function.returns.into(),
    })
}

/// `text, a number or a list`.
fn one_of(kinds: &[Type]) -> String {
    let numbers = kinds.iter().filter(|kind| kind.is_number()).count();
    let mut words: Vec<&str> = Vec::new();
    for kind in kinds {
        let word = match kind.is_number() && numbers > 1 {
            true => "a number",
            false => kind.describe(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}
