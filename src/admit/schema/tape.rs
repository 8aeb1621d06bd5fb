//! An event as a flat list of slots, made in one pass and used again for each event: what a schema
//! looks at. Numbers stay text, so that none is rounded before it is judged.

use super::slots::{Document, Kind, Slot};
use crate::limits::JSON_DEPTH_MAX;

/// Objects with more members than this get their names sorted, so that each is found by halving.
const SORTED_FROM: u32 = 16;
/// Slots that a tape keeps room for; what one large event needed more is given back.
const KEPT_SLOTS_MAX: usize = 64 * 1024;

/// Why an event cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The name at this byte was there before in the same object: a schema would judge one value
    /// and a consumer might read the other.
    Duplicate(usize),
    /// It is not JSON, or nests too deep. The scan of the body refuses such a thing before.
    Broken(usize),
}

/// Room for the slots of one event, used again for the next.
#[derive(Debug, Default)]
pub struct Tape {
    slots: Vec<Slot>,
    sorted: Vec<u32>,
    unescaped: String,
    open: Vec<Open>,
}

/// An object or array that is not closed yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    slot: usize,
    object: bool,
    /// A bit for each name that was seen, by a cheap hash: most new names need no comparison.
    seen: u64,
}

impl Tape {
    /// Lays out one JSON value with nothing behind it.
    ///
    /// # Errors
    /// A name that occurs twice in an object, and what is not JSON.
    pub(super) fn read<'t>(&'t mut self, text: &'t str) -> Result<Document<'t>, Trouble> {
        self.slots.clear();
        self.sorted.clear();
        self.unescaped.clear();
        self.open.clear();
        if self.slots.capacity() > KEPT_SLOTS_MAX {
            self.slots.shrink_to(KEPT_SLOTS_MAX);
            self.sorted.shrink_to(KEPT_SLOTS_MAX);
            self.unescaped.shrink_to(KEPT_SLOTS_MAX);
        }
        let mut reader = Reader {
            text,
            bytes: text.as_bytes(),
            at: 0,
            tape: self,
        };
        reader.value()?;
        reader.skip();
        if reader.at < text.len() {
            return Err(Trouble::Broken(reader.at));
        }
        Ok(Document {
            text,
            slots: &self.slots,
            sorted: &self.sorted,
            unescaped: &self.unescaped,
        })
    }
}

struct Reader<'r> {
    text: &'r str,
    bytes: &'r [u8],
    at: usize,
    tape: &'r mut Tape,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<(), Trouble> {
        loop {
            self.skip();
            let start = self.at;
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    let object = open == b'{';
                    self.open(object)?;
                    if self.peek() == Some(if object { b'}' } else { b']' }) {
                        self.at += 1;
                        self.close()?;
                    } else {
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    let slot = self.string()?;
                    self.tape.slots.push(slot);
                }
                Some(b'-' | b'0'..=b'9') => {
                    while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
                        self.at += 1;
                    }
                    self.push(Kind::Number, start);
                }
                Some(b't') => self.word("true", Kind::True)?,
                Some(b'f') => self.word("false", Kind::False)?,
                Some(b'n') => self.word("null", Kind::Null)?,
                _ => return Err(Trouble::Broken(start)),
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Closes what ends behind a value. True where the whole event has ended.
    fn after_value(&mut self) -> Result<bool, Trouble> {
        loop {
            let Some(open) = self.tape.open.last().copied() else {
                return Ok(true);
            };
            if let Some(slot) = self.tape.slots.get_mut(open.slot) {
                slot.count += 1;
            }
            self.skip();
            match (self.peek(), open.object) {
                (Some(b','), object) => {
                    self.at += 1;
                    if object {
                        self.skip();
                        self.name()?;
                    }
                    return Ok(false);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    self.close()?;
                }
                _ => return Err(Trouble::Broken(self.at)),
            }
        }
    }

    fn open(&mut self, object: bool) -> Result<(), Trouble> {
        if self.tape.open.len() >= JSON_DEPTH_MAX {
            return Err(Trouble::Broken(self.at));
        }
        self.tape.open.push(Open {
            slot: self.tape.slots.len(),
            object,
            seen: 0,
        });
        let start = self.at;
        self.at += 1;
        self.push(if object { Kind::Object } else { Kind::Array }, start);
        self.skip();
        Ok(())
    }

    fn close(&mut self) -> Result<(), Trouble> {
        let Some(open) = self.tape.open.pop() else {
            return Err(Trouble::Broken(self.at));
        };
        let next = u32::try_from(self.tape.slots.len()).unwrap_or(u32::MAX);
        let Some(slot) = self.tape.slots.get_mut(open.slot) else {
            return Err(Trouble::Broken(self.at));
        };
        slot.next = next;
        if open.object && slot.count > SORTED_FROM {
            self.sort_names(open.slot)?;
        }
        Ok(())
    }

    fn name(&mut self) -> Result<(), Trouble> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(Trouble::Broken(start));
        }
        let slot = self.string()?;
        self.look_for_twin(&slot, start)?;
        self.tape.slots.push(slot);
        self.skip();
        if self.peek() != Some(b':') {
            return Err(Trouble::Broken(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// Compares a name with those before it. Of many the sorting finds the twins.
    fn look_for_twin(&mut self, name: &Slot, start: usize) -> Result<(), Trouble> {
        let text = self.bytes_of(name);
        let (first, last) = (text.first(), text.last());
        let mixed = u32::from(first.copied().unwrap_or(0)) * 7
            + u32::from(last.copied().unwrap_or(0)) * 13
            + text.len() as u32;
        let bit = 1_u64 << (mixed % 64);
        let Some(open) = self.tape.open.last().copied() else {
            return Err(Trouble::Broken(start));
        };
        let count = self.tape.slots.get(open.slot).map_or(0, |slot| slot.count);
        if open.seen & bit != 0 && count <= SORTED_FROM {
            let mut place = open.slot + 1;
            while let Some(known) = self.tape.slots.get(place) {
                if self.bytes_of(known) == text {
                    return Err(Trouble::Duplicate(start));
                }
                let Some(value) = self.tape.slots.get(place + 1) else {
                    break;
                };
                place = value.next as usize;
            }
        }
        if let Some(open) = self.tape.open.last_mut() {
            open.seen |= bit;
        }
        Ok(())
    }

    fn sort_names(&mut self, object: usize) -> Result<(), Trouble> {
        let from = self.tape.sorted.len();
        let mut place = object + 1;
        while let Some(value) = self.tape.slots.get(place + 1) {
            self.tape
                .sorted
                .push(u32::try_from(place).unwrap_or(u32::MAX));
            place = value.next as usize;
        }
        let mut sorted = std::mem::take(&mut self.tape.sorted);
        let names = sorted.get_mut(from..).unwrap_or_default();
        let name_of = |place: &u32| {
            let slot = self.tape.slots.get(*place as usize);
            slot.map(|slot| self.bytes_of(slot)).unwrap_or_default()
        };
        names.sort_unstable_by(|one, other| name_of(one).cmp(name_of(other)));
        let twin = names
            .windows(2)
            .find(|two| matches!(two, [one, other] if name_of(one) == name_of(other)));
        let twin = twin.and_then(|two| two.iter().max().copied());
        let twin = twin.and_then(|place| self.tape.slots.get(place as usize).copied());
        self.tape.sorted = sorted;
        if let Some(slot) = self.tape.slots.get_mut(object) {
            slot.sorted = u32::try_from(from).unwrap_or(u32::MAX);
        }
        match twin {
            None => Ok(()),
            Some(twin) if twin.kind == Kind::Plain => {
                Err(Trouble::Duplicate((twin.start as usize).saturating_sub(1)))
            }
            Some(_) => Err(Trouble::Duplicate(self.at)),
        }
    }

    fn bytes_of(&self, slot: &Slot) -> &[u8] {
        let bytes = match slot.kind {
            Kind::Unescaped => self.tape.unescaped.as_bytes(),
            _ => self.bytes,
        };
        bytes
            .get(slot.start as usize..slot.end as usize)
            .unwrap_or_default()
    }

    /// Reads a string from its opening quote on.
    fn string(&mut self) -> Result<Slot, Trouble> {
        let open = self.at;
        let next = self.tape.slots.len() + 1;
        let mut escaped = false;
        let mut at = open + 1;
        loop {
            at = next_mark(self.bytes, at);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(_) => {
                    escaped = true;
                    at += 2;
                }
                None => return Err(Trouble::Broken(open)),
            }
        }
        self.at = at + 1;
        if !escaped {
            return Ok(Slot::scalar(Kind::Plain, open + 1, at, next));
        }
        let quoted = self.text.get(open..=at).unwrap_or_default();
        let text: String = serde_json::from_str(quoted).map_err(|_| Trouble::Broken(open))?;
        let start = self.tape.unescaped.len();
        self.tape.unescaped.push_str(&text);
        Ok(Slot::scalar(
            Kind::Unescaped,
            start,
            self.tape.unescaped.len(),
            next,
        ))
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Trouble> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Trouble::Broken(start));
        }
        self.at += word.len();
        self.push(kind, start);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let next = self.tape.slots.len() + 1;
        self.tape
            .slots
            .push(Slot::scalar(kind, start, self.at, next));
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The first quote or backslash from `at` on, or the end. Eight bytes at a time: most strings of
/// events are short, and a call into memchr costs more than it saves.
fn next_mark(bytes: &[u8], mut at: usize) -> usize {
    let zeros = |word: u64| word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS;
    while let Some(chunk) = bytes
        .get(at..at + 8)
        .and_then(|chunk| chunk.try_into().ok())
    {
        let word = u64::from_le_bytes(chunk);
        let marks = zeros(word ^ (LOW_BITS * u64::from(b'"')))
            | zeros(word ^ (LOW_BITS * u64::from(b'\\')));
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let mark = |&byte: &u8| byte == b'"' || byte == b'\\';
    at + rest.iter().position(mark).unwrap_or(rest.len())
}
