//! Renders each binding's record from a plan compiled when the file is loaded.

mod plan;
mod source;

pub use plan::{EventView, MapError, Plan, RequestView};
pub use source::{BindingSource, Issue, Node, NodeValue, PlanSource, Position};
