//! The values of a laid-out event as the schema library reads them.

use std::borrow::Cow;
use std::cell::Cell;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::Value;

use super::number::WrittenNumber;
use super::slots::{Document, Kind, Slot};

thread_local! {
    /// Errors that the library may still build for the event that it judges on this thread. It
    /// gathers all of them before it hands out the first, so that a hostile event could make it
    /// hold hundreds of megabytes. Each error asks its node for a value, which counts; once none
    /// is left, the members and elements of all values end early and the judge comes to its end.
    static ERRORS_LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// Lets the library build this many errors from here on.
pub(super) fn allow_errors(count: u32) {
    ERRORS_LEFT.set(count);
}

/// True where the last judge was cut short.
pub(super) fn ran_out_of_errors() -> bool {
    ERRORS_LEFT.get() == 0
}

/// The representation of an event in a [`Document`].
#[derive(Debug)]
pub(super) struct EventJson;

/// One value of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventNode<'a> {
    pub(super) document: &'a Document<'a>,
    pub(super) slot: &'a Slot,
    pub(super) place: u32,
}

impl Document<'_> {
    /// The event itself.
    pub(super) fn root(&self) -> Option<EventNode<'_>> {
        EventNode::at(self, 0)
    }
}

impl<'a> EventNode<'a> {
    pub(super) fn at(document: &'a Document<'a>, place: u32) -> Option<Self> {
        let slot = document.slot(place)?;
        Some(Self {
            document,
            place,
            slot,
        })
    }

    pub(super) fn text(&self) -> &'a str {
        self.document.text_of(self.slot)
    }

    /// The byte at which it begins.
    pub(super) fn start(&self) -> usize {
        let quote = usize::from(self.slot.kind == Kind::Plain);
        (self.slot.start as usize).saturating_sub(quote)
    }

    /// The member of this name, or the element of this index.
    pub(super) fn child(&self, step: &str) -> Option<Self> {
        match self.slot.kind {
            Kind::Object => self.member(step),
            Kind::Array => self.children().nth(step.parse().ok()?),
            _ => None,
        }
    }

    pub(super) fn children(&self) -> Children<'a> {
        Children {
            document: self.document,
            at: self.place + 1,
            end: self.slot.next,
        }
    }
}

/// Members of an object: names and values.
#[derive(Clone, Debug)]
pub(super) struct Members<'a>(Children<'a>);

/// Elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Children<'a> {
    document: &'a Document<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = EventNode<'a>;

    fn next(&mut self) -> Option<EventNode<'a>> {
        if self.at >= self.end || ran_out_of_errors() {
            return None;
        }
        let node = EventNode::at(self.document, self.at)?;
        self.at = node.slot.next;
        Some(node)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, EventNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.next()?;
        Some((name.text(), self.0.next()?))
    }
}

impl<'a> EventNode<'a> {
    pub(super) fn members(&self) -> Members<'a> {
        Members(self.children())
    }

    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let document = self.document;
        if self.slot.sorted != u32::MAX {
            let from = self.slot.sorted as usize;
            let names = document.sorted.get(from..from + self.slot.count as usize)?;
            let text = |place: &u32| document.slot(*place).map(|slot| document.text_of(slot));
            let found = names
                .binary_search_by(|place| text(place).unwrap_or_default().cmp(name))
                .ok()?;
            return Self::at(document, names.get(found)? + 1);
        }
        let mut at = self.place + 1;
        while at < self.slot.next {
            let (known, value) = (document.slot(at)?, document.slot(at + 1)?);
            let is_it =
                known.kind == Kind::Unescaped || (known.end - known.start) as usize == name.len();
            if is_it && document.text_of(known) == name {
                return Some(Self {
                    document,
                    place: at + 1,
                    slot: value,
                });
            }
            at = value.next;
        }
        None
    }
}

impl Json for EventJson {
    type Node<'a> = EventNode<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    // Up to sixteen names a lookup compares one by one, as a pass over all would.
    const KEYS_PER_LOOKUP: usize = 2;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(EventNode<'_>) -> T) -> T {
        let slots = [Slot::scalar(Kind::Plain, 0, string.len(), 1)];
        let document = Document {
            text: string,
            slots: &slots,
            sorted: &[],
            unescaped: "",
        };
        f(EventNode {
            document: &document,
            slot: &slots[0],
            place: 0,
        })
    }
}

impl<'a> Node<'a, EventJson> for EventNode<'a> {
    type Object = Self;
    type Array = Self;
    type Number = WrittenNumber<'a>;

    fn as_object(&self) -> Option<Self> {
        (self.slot.kind == Kind::Object).then_some(*self)
    }

    fn as_array(&self) -> Option<Self> {
        (self.slot.kind == Kind::Array).then_some(*self)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        self.is_string().then(|| Cow::Borrowed(self.text()))
    }

    fn as_number(&self) -> Option<WrittenNumber<'a>> {
        self.is_number().then(|| WrittenNumber(self.text()))
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.slot.kind {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.slot.kind == Kind::Null
    }

    fn is_number(&self) -> bool {
        self.slot.kind == Kind::Number
    }

    fn is_string(&self) -> bool {
        matches!(self.slot.kind, Kind::Plain | Kind::Unescaped)
    }

    fn json_type(&self) -> JsonType {
        match self.slot.kind {
            Kind::Null => JsonType::Null,
            Kind::True | Kind::False => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::Plain | Kind::Unescaped => JsonType::String,
            Kind::Array => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        self.is_string().then(|| self.text().chars().count() as u64)
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        // A character takes one to four bytes: often that decides without counting.
        let bytes = self.is_string().then(|| self.text().len() as u64)?;
        let fewest = bytes.div_ceil(4);
        if bytes < min || fewest > max {
            return Some(false);
        }
        if min <= fewest && bytes <= max {
            return Some(true);
        }
        Some((min..=max).contains(&self.string_length()?))
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => self.is_null(),
            Value::Bool(expected) => self.as_boolean() == Some(*expected),
            Value::Number(expected) => self.as_number().is_some_and(|it| it.equals(expected)),
            Value::String(expected) => self.is_string() && self.text() == expected,
            Value::Array(expected) => {
                self.slot.kind == Kind::Array
                    && self.slot.count as usize == expected.len()
                    && self
                        .children()
                        .zip(expected)
                        .all(|(it, expected)| it.equals_value(expected))
            }
            Value::Object(expected) => {
                self.slot.kind == Kind::Object
                    && self.slot.count as usize == expected.len()
                    && expected.iter().all(|(name, expected)| {
                        self.member(name)
                            .is_some_and(|it| it.equals_value(expected))
                    })
            }
        }
    }

    /// Asked for by errors alone, which must not hold what was in an event: always null.
    fn to_value(&self) -> Cow<'a, Value> {
        ERRORS_LEFT.set(ERRORS_LEFT.get().saturating_sub(1));
        Cow::Owned(Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        let document: *const Document<'_> = self.document;
        Some(NodeIdentity::tagged(document.addr(), self.place))
    }
}

impl<'a> Object<'a, EventJson> for EventNode<'a> {
    type Node = Self;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.slot.count as usize
    }

    fn get(&self, key: &Box<str>) -> Option<Self> {
        self.member(key)
    }

    fn members(&self) -> Members<'a> {
        EventNode::members(self)
    }
}

impl<'a> Array<'a, EventJson> for EventNode<'a> {
    type Node = Self;
    type ElementsIter = Children<'a>;

    fn len(&self) -> usize {
        self.slot.count as usize
    }

    fn elements(&self) -> Children<'a> {
        self.children()
    }

    fn is_unique(&self) -> bool {
        self.has_unique_elements()
    }
}
