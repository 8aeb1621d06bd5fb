//! Renders each binding's record from a plan compiled when the file is loaded.
//!
//! `compile` turns texts (`text`) into templates (`template`) of expressions (`expression`): a
//! plain path becomes a slot (`names`, `slots`), which is read from the bytes that the scan captured;
//! anything more stays a syntax tree in which slots stand for names (`resolve`), whose types are
//! inferred (`infer`, `judge`, `types`). What that tree says in our own form (`formula`, `operand`) is
//! computed (`compute`), the rest is evaluated by the expression library (`evaluate`), both within a
//! budget. `render` makes the record's fields (`fields`) of them.
//! Expressions outside of records (`allow`, `limits`) are compiled into the same plan (`outside`);
//! what each place may name is its `scope`. Answers that a route shapes are compiled by `shape` and
//! evaluated by `shaped`.

mod attributes;
mod auth;
mod budget;
mod cel_values;
mod chain;
mod compile;
mod compute;
mod evaluate;
mod expression;
mod field_maps;
mod fields;
mod formula;
mod found;
mod frame;
pub mod functions;
mod infer;
mod judge;
mod names;
mod operand;
mod outline;
mod outside;
mod plan;
mod render;
mod reply_names;
mod resolve;
mod scope;
mod shape;
mod shaped;
mod slots;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod trouble;
mod types;

pub use plan::{AuthView, EventView, MapError, Plan, RequestView};
pub use reply_names::{ErrorMember, ReplyMember, ReplyRead, ResultMember};
pub use shaped::{Fact, Kept, ReplyFacts, Shaped, ShapedBody, Shaping};
pub use source::{
    BindingSource, ExpressionSource, Issue, MemberKind, Node, NodeValue, PlanSource, Position,
    Reach, ReceiptMember, ReplySource, ResultSource, ShapeSource, Wants,
};

/// Compiles expressions for the expression library alone, so that a fuzzer can compare.
#[cfg(fuzzing)]
pub fn without_formulas<T>(compile: impl FnOnce() -> T) -> T {
    formula::SWITCHED_OFF.set(true);
    let compiled = compile();
    formula::SWITCHED_OFF.set(false);
    compiled
}
