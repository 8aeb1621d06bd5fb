//! What an event is laid out in: slots, each a value or the name of a member.

/// What a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    /// Its text stands in the event, without escapes.
    Plain,
    /// Its text stands in [`Document::unescaped`].
    Unescaped,
    Array,
    Object,
}

/// A value, or the name of a member: then the member's value is the next slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Text of a scalar, strings without their quotes; of a container its first byte.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The slot after this value and all that is in it.
    pub(super) next: u32,
    /// Elements or members.
    pub(super) count: u32,
    /// Of an object with many members: where its names begin in [`Document::sorted`].
    pub(super) sorted: u32,
}

impl Slot {
    pub(super) fn scalar(kind: Kind, start: usize, end: usize, next: usize) -> Self {
        // An event is at most `EVENT_BYTES_MAX` long, so that its places fit 32 bits.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            kind,
            start: place(start),
            end: place(end),
            next: place(next),
            count: 0,
            sorted: u32::MAX,
        }
    }
}

/// An event, laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) slots: &'t [Slot],
    pub(super) sorted: &'t [u32],
    pub(super) unescaped: &'t str,
}

impl<'t> Document<'t> {
    /// The text of a scalar or a name.
    pub(super) fn text_of(&self, slot: &Slot) -> &'t str {
        let text = match slot.kind {
            Kind::Unescaped => self.unescaped,
            _ => self.text,
        };
        text.get(slot.start as usize..slot.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn slot(&self, place: u32) -> Option<&'t Slot> {
        self.slots.get(place as usize)
    }
}
