//! What the compiler is given: the mapping as it stands in the file, with its places.

use sluicegate_contract::Field;

/// A place in one of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which file of the set.
    pub file: usize,
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset past the last byte.
    pub end: usize,
}

/// A value of the file, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub at: Position,
    /// What it is.
    pub value: NodeValue,
}

/// A value of the file. A `Text` may hold `${…}`.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// Text, escapes of the file resolved, `${…}` and `$${` not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Names (with their places) and values, in their order.
    Map(Vec<(String, Position, Node)>),
}

/// A route's mapping as written.
#[derive(Clone, Debug)]
pub struct PlanSource {
    /// `let`, in order; a later one may use an earlier one.
    pub lets: Vec<(String, Position, Node)>,
    /// `to`.
    pub bindings: Vec<BindingSource>,
    /// Names of the route's path parameters.
    pub path_parameters: Vec<String>,
    /// True where the route accepts raw bodies, so that there is no `event` to look into.
    pub raw: bool,
    /// True where the route accepts CloudEvents, so that there is `ce`.
    pub cloudevents: bool,
    /// Labels that clients of this route have; `None` where anybody may send, so that there is
    /// no `auth`.
    pub auth: Option<Vec<String>>,
    /// Expressions outside of records; a [`super::Plan`] knows them by their place in this list.
    pub expressions: Vec<ExpressionSource>,
}

/// An expression outside of records, as written: `allow`, `limits[].per`.
#[derive(Clone, Debug)]
pub struct ExpressionSource {
    /// The key that it stands at, for messages.
    pub key: &'static str,
    /// The expression.
    pub node: Node,
    /// What it must give.
    pub wants: Wants,
    /// When it is judged.
    pub reach: Reach,
}

/// What an expression outside of records must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// True or false.
    Condition,
    /// Text, or what has a text: a number, true or false.
    Text,
}

/// What an expression outside of records may read, and so when it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The head alone: `path`, `query`, `request`, `auth`. It is judged before the body is read.
    Head,
    /// Also `event` and `body`. It is judged for each event, unless it reads the head alone.
    Event,
}

/// One entry of `to` as written.
#[derive(Clone, Debug)]
pub struct BindingSource {
    /// `as`, or the target's name: for messages.
    pub name: String,
    /// Where the entry stands.
    pub at: Position,
    /// The kind of the target's room: for messages.
    pub room: &'static str,
    /// `when`.
    pub when: Option<Node>,
    /// The fields that the room takes.
    pub fields: &'static [Field],
    /// `record`: a [`NodeValue::Map`], or `None` where it is left out.
    pub record: Option<Node>,
}

/// Something wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Where.
    pub at: Position,
    /// What was wrong, naming it.
    pub message: String,
    /// What was expected, the nearest known name, or what to do.
    pub help: Option<String>,
}
