//! The functions of expressions: name, signature, description, example and code side by side.
//! `schema --functions` prints this registry, and a test runs every example.

mod attributes;
mod codings;
mod encodings;
mod given;
mod language;
mod lists;
mod maps;
mod math;
mod moments;
pub(super) mod patterns;
mod request;
mod strings;
mod texts;
mod times;

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

pub(super) use attributes::AttributeSet;
use cel::common::ast::{CallExpr, Expr};
use cel::common::types::DYN_TYPE;
use cel::common::value::CowVal;
use cel::{DeclarationError, Env, ExecutionError};

use super::budget;
use super::types::Type;

/// One function of expressions.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called and what it gives.
    pub signature: &'static str,
    /// What it does, with units and bounds: one or two sentences.
    pub doc: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
    /// What the example gives, as it would stand in a payload.
    pub result: &'static str,
    /// How many arguments it takes when called as `name(…)`; empty where it cannot be.
    pub(super) global: &'static [usize],
    /// How many arguments it takes when called as `value.name(…)`; empty where it cannot be.
    pub(super) member: &'static [usize],
    /// The types that each argument may have, that of `value.` first. Nothing is known of one that
    /// has none or is not listed.
    pub(super) takes: &'static [&'static [Type]],
    pub(super) returns: Type,
    pub(super) code: Code,
}

// What most functions take.
const ANY: &[Type] = &[];
const INT: &[Type] = &[Type::Int];
const TEXT: &[Type] = &[Type::Text];
const MAP: &[Type] = &[Type::Map];
const NUMBER: &[Type] = &[Type::Int, Type::Uint, Type::Double];
const LIST: &[Type] = &[Type::List];
const TIME: &[Type] = &[Type::Time];
const DURATION: &[Type] = &[Type::Duration];
const OPTIONAL: &[Type] = &[Type::Optional];
const OCTETS: &[Type] = &[Type::Text, Type::Bytes];

/// Names that begin the names of functions: `math.abs`. Nothing else may be called so.
pub(super) const NAMESPACES: [&str; 3] = ["optional", "math", "regex"];

/// Where a function's code is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Code {
    /// In the expression library.
    Language,
    /// The compiler turns the call into a read of the request.
    Read,
    /// Here. A member function has its target as the first argument.
    Here(Native),
}

/// Code of a function.
pub(super) type Native =
    for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError>;

static ALL: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let parts = [
        request::FUNCTIONS,
        encodings::FUNCTIONS,
        attributes::FUNCTIONS,
        codings::FUNCTIONS,
        strings::FUNCTIONS,
        texts::FUNCTIONS,
        patterns::FUNCTIONS,
        lists::FUNCTIONS,
        maps::FUNCTIONS,
        math::FUNCTIONS,
        moments::FUNCTIONS,
        language::FUNCTIONS,
        times::FUNCTIONS,
    ];
    parts.concat()
});

/// Every function, ours first.
#[must_use]
pub fn all() -> &'static [Function] {
    &ALL
}

/// The reference of all functions, as text for a terminal.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for function in all() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", function.signature);
        let _ = writeln!(text, "    {}", function.doc);
        let _ = writeln!(
            text,
            "    ${{{}}}  →  {}\n",
            function.example, function.result
        );
    }
    text
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    all().iter().find(|function| function.name == name)
}

/// The function that a call with a namespace before it is: `math.abs(x)`.
pub(super) fn qualified(call: &CallExpr) -> Option<&'static Function> {
    let Expr::Ident(namespace) = &call.target.as_deref()?.expr else {
        return None;
    };
    all().iter().find(|function| {
        let inside = function.name.strip_prefix(namespace.as_str());
        inside.and_then(|rest| rest.strip_prefix('.')) == Some(call.func_name.as_str())
    })
}

/// The expression library's environment with our functions in it, made once.
pub(super) fn environment() -> Option<&'static Arc<Env>> {
    static ENVIRONMENT: LazyLock<Option<Arc<Env>>> =
        LazyLock::new(|| declare(Env::stdlib()).ok().map(Arc::new));
    ENVIRONMENT.as_ref()
}

fn declare(mut env: Env) -> Result<Env, DeclarationError> {
    budget::declare(&mut env)?;
    math::declare(&mut env)?;
    for function in all() {
        let Code::Here(code) = function.code else {
            continue;
        };
        let name = function.name;
        for &count in function.global {
            let arguments = (0..count).map(|_| DYN_TYPE).collect();
            env.add_overload(name, &format!("{name}_{count}"), arguments, code)?;
        }
        for &count in function.member {
            let arguments = (0..count).map(|_| DYN_TYPE).collect();
            let id = format!("{name}_of_{count}");
            env.add_member_overload(name, &id, DYN_TYPE, arguments, code)?;
        }
    }
    Ok(env)
}
