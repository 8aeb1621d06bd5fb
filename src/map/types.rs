//! What is known of values before there is an event.

/// What is known of a value when the file is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing: what comes from the event, mostly.
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
    Null,
    Time,
    Duration,
    /// A set.
    Set,
    /// A value that may be absent.
    Optional,
}

impl Type {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Bool => "a boolean",
            Self::Int => "a whole number",
            Self::Uint => "an unsigned whole number",
            Self::Double => "a decimal number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::Set => "a set",
            Self::Optional => "a value that may be absent",
        }
    }

    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Any | Self::Optional)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

/// What is known of a value and of what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Type,
    /// Of each element of a list, each value of a map, or the value of an optional. `None` where
    /// nothing is known of them.
    of: Option<Box<Self>>,
    /// It is what a plain path reads, and there is an error instead where it is absent.
    pub(super) path: bool,
}

impl From<Type> for Shape {
    fn from(kind: Type) -> Self {
        Self {
            kind,
            of: None,
            path: false,
        }
    }
}

impl Shape {
    /// A list, map or optional of this.
    pub(super) fn of(kind: Type, inner: Self) -> Self {
        let of = (inner.kind != Type::Any).then(|| Box::new(inner));
        Self { of, ..kind.into() }
    }

    /// What it holds.
    pub(super) fn inner(&self) -> Self {
        match &self.of {
            Some(inner) => Self::clone(inner),
            None => Type::Any.into(),
        }
    }

    /// What is known of a value that is one of the two.
    pub(super) fn either(self, other: Self) -> Self {
        if self.kind != other.kind {
            return Type::Any.into();
        }
        let of = match (self.of, other.of) {
            (Some(one), Some(two)) => Some(Box::new(one.either(*two))),
            _ => None,
        };
        Self {
            of,
            ..self.kind.into()
        }
    }

    /// What is known of a value that is one of these; of none, nothing.
    pub(super) fn any_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let known = shapes.into_iter().reduce(Self::either);
        known.unwrap_or(Type::Any.into())
    }
}
