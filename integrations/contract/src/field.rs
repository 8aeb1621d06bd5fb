//! The fields that a mapping may set in a room's record.

/// One field of a room's record. Validation, the JSON Schema, the reference page and the compiled
/// mapping all come from a room's list of these.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key under `record:`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a mapping must set it (where it has no default).
    pub required: bool,
    /// The expression that stands where the mapping says nothing, as it would be written.
    pub default: Option<&'static str>,
    /// One sentence with units and bounds.
    pub doc: &'static str,
}

/// What a field holds, and so how a mapping's value becomes a [`crate::Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`crate::Value::Text`]: a string as its text; a number or boolean as it was written.
    /// An object, an array or null is refused.
    Text {
        /// Characters (not bytes) at least.
        characters_min: usize,
        /// Characters (not bytes) at most.
        characters_max: usize,
    },
    /// [`crate::Value::Bytes`]: an object or array as its JSON bytes exactly as received, a string
    /// as its text, a number or boolean as it was written.
    Payload,
    /// As [`Kind::Payload`], where null is no value: [`crate::Value::Absent`].
    PayloadOrNull,
    /// [`crate::Value::Integer`].
    Integer {
        /// The smallest that is taken.
        min: i64,
        /// The largest that is taken.
        max: i64,
    },
    /// [`crate::Value::Map`] of names to [`crate::Value::Text`]. An entry whose value is absent is
    /// left out.
    TextMap {
        /// Entries at most.
        entries_max: usize,
    },
    /// [`crate::Value::Map`] of names to [`crate::Value::Bytes`], each as [`Kind::Payload`]. An
    /// entry whose value is absent is left out.
    PayloadMap {
        /// Entries at most.
        entries_max: usize,
    },
    /// [`crate::Value::Map`] of names to values with their types: text and booleans as
    /// [`crate::Value::Text`], numbers and arrays as [`crate::Value::Json`], bytes as
    /// [`crate::Value::Bytes`]. An entry whose value is absent is left out.
    AttributeMap {
        /// Entries at most.
        entries_max: usize,
    },
    /// Changes of an item: [`crate::Value::Map`] of the sections that the mapping has, each an
    /// item. In a section that is written as names and values the names are paths (`a.b[0]`);
    /// in one that is a computed object ([`crate::Value::Json`]) each name is a whole name.
    Update(&'static [Section]),
    /// An item: [`crate::Value::Map`] of names to JSON, text or bytes, or one
    /// [`crate::Value::Json`] that is an object.
    Item,
    /// [`crate::Value::Expression`]: text in the target's own expression language, where each
    /// `${…}` is bound as a value and never spliced.
    Condition,
    /// [`crate::Value::Choice`]: one word of these, fixed when the file is loaded.
    Choice(&'static [&'static str]),
}

/// A part of a [`Kind::Update`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The key that it is written under.
    pub name: &'static str,
    /// True where it is a list of names without values. Its [`crate::Value::Map`] has the boolean
    /// `true` beside each.
    pub names_only: bool,
    /// One sentence.
    pub doc: &'static str,
}
