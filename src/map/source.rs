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
    /// How the route shapes its answers, where it does.
    pub reply: Option<ReplySource>,
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
    /// As `Text`, or nothing where it is optional.
    OptionalText,
}

/// What an expression outside of records may read, and so when it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The head alone: `path`, `query`, `request`, `auth`. It is judged before the body is read.
    Head,
    /// Also `event` and `body`. It is judged for each event, unless it reads the head alone.
    Event,
    /// Also `results` and `reply`. It is judged when a success is answered.
    Reply,
    /// `path`, `query`, `request`, `results`, `reply` and `error`. It is judged when a refusal is
    /// answered.
    Refusal,
}

/// How a route shapes its answers, as written.
#[derive(Clone, Debug, Default)]
pub struct ReplySource {
    /// Of what was done as the route promises.
    pub success: Option<ShapeSource>,
    /// Of what was not.
    pub refusal: Option<ShapeSource>,
    /// What `results.NAME` may name, in the order of the bindings.
    pub results: Vec<ResultSource>,
}

/// The shape of one kind of answer, as written. What is left out stays as it is unshaped.
#[derive(Clone, Debug, Default)]
pub struct ShapeSource {
    /// `status`
    pub status: Option<Node>,
    /// `headers`: names with their places, and values.
    pub headers: Vec<(String, Position, Node)>,
    /// `body`
    pub body: Option<Node>,
}

/// What is known of a binding's results when the file is loaded.
#[derive(Clone, Debug)]
pub struct ResultSource {
    /// The binding's name.
    pub name: String,
    /// The kind of its target, for messages.
    pub room: &'static str,
    /// What its target's receipts say.
    pub receipt: &'static [ReceiptMember],
    /// Why a success may be answered without its receipt, where it may.
    pub uncertain: Option<String>,
}

/// A member of a receipt.
#[derive(Clone, Copy, Debug)]
pub struct ReceiptMember {
    /// Its name, as in answers.
    pub name: &'static str,
    /// What it is.
    pub kind: MemberKind,
    /// True where each receipt has it.
    pub certain: bool,
}

/// What a member of a receipt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A JSON value that can be looked into.
    Json,
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
