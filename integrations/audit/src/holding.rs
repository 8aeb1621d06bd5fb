//! What one target holds, against a history: filled record by record, in the target's own order.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::history::{History, Outcome};

/// Examples that a finding keeps.
const EXAMPLES_MAX: usize = 5;
/// Events of which is said how often they are there.
const REPEATED_SHOWN: usize = 3;

/// A target as far as the rules ask.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its name in the report.
    pub name: String,
    /// Whether an acknowledged event must be there.
    pub required: bool,
    /// Whether events of one key must be there in the order in which they were sent.
    pub ordered: bool,
    /// Whether it shows that an event was stored twice.
    pub shows_copies: bool,
    /// Whether nobody but this client writes to it: then whatever else is there is a stranger.
    pub exclusive: bool,
}

/// A record that a reader found.
#[derive(Clone, Debug)]
pub struct Found<'r> {
    /// The event's id, where the record shows one.
    pub id: Option<Cow<'r, str>>,
    /// The event as it is stored, where the target stores it whole.
    pub payload: Option<Cow<'r, [u8]>>,
    /// The record as it is stored, as far as it can be shown.
    pub record: &'r [u8],
    /// In which of the target's orders it stands: a partition or a shard.
    pub stream: u32,
    /// How often it was stored.
    pub copies: u64,
}

/// What breaks a rule: how often, and a few examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// How many.
    pub count: u64,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

impl Finding {
    /// Adds one; the words are made only where they are kept.
    pub fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }

    /// Adds those of another.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        let room = EXAMPLES_MAX.saturating_sub(self.examples.len());
        self.examples
            .extend(other.examples.iter().take(room).cloned());
    }
}

/// What a target was found to hold.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The target.
    pub target: Target,
    /// Records that were found, whosever they are.
    pub records: u64,
    /// Records of others, which no rule speaks of.
    pub others: u64,
    /// Payloads that were compared.
    pub compared: u64,
    /// What nobody sent.
    pub(crate) strangers: Finding,
    /// Payloads that are not as they were sent.
    pub(crate) damaged: Finding,
    /// Events of one key that stand the wrong way round.
    pub(crate) disorder: Finding,
    /// Acknowledged events whose place in the order of their key was looked at.
    pub(crate) in_order: u64,
    copies: Vec<u8>,
    /// Copies of an event beyond what a byte counts.
    beyond: u64,
    latest: HashMap<u32, Latest>,
    parents: HashMap<u32, Vec<u32>>,
}

/// Of the acknowledged events of a key that were found, the one that was sent last.
#[derive(Clone, Copy, Debug)]
struct Latest {
    stream: u32,
    sent: u64,
    number: u64,
}

impl Holding {
    /// Of a target that was not read yet.
    #[must_use]
    pub fn of(target: Target) -> Self {
        Self {
            target,
            records: 0,
            others: 0,
            compared: 0,
            strangers: Finding::default(),
            damaged: Finding::default(),
            disorder: Finding::default(),
            in_order: 0,
            copies: Vec::new(),
            beyond: 0,
            latest: HashMap::new(),
            parents: HashMap::new(),
        }
    }

    /// Forgets all: the target is read from its beginning again.
    pub fn begin_again(&mut self) {
        *self = Self::of(std::mem::take(&mut self.target));
    }

    /// A stream that goes on where these ended: the child of a shard that was split or merged.
    pub fn stream_follows(&mut self, stream: u32, parents: Vec<u32>) {
        self.parents.insert(stream, parents);
    }

    /// Takes the next record.
    pub fn take(&mut self, history: &History, found: &Found<'_>) {
        self.records += 1;
        let Some(id) = &found.id else {
            self.without_an_id(history, found);
            return;
        };
        let Some(number) = history.number_of(id) else {
            if self.target.exclusive || history.is_of_this_run(id.as_bytes()) {
                self.strangers.add(|| shown(id));
            } else {
                self.others += 1;
            }
            return;
        };
        let entry = history.entry(number);
        if entry.outcome == Outcome::Unsent {
            self.strangers.add(|| shown(id));
            return;
        }
        let first = self.count(number, found.copies);
        if let Some(payload) = &found.payload
            && let Some(equal) = history.is_payload(number, payload)
        {
            self.compared += 1;
            if !equal {
                self.damaged
                    .add(|| format!("{}: {}", shown(id), excerpt(payload)));
            }
        }
        if first && self.target.ordered && entry.outcome == Outcome::Ok && entry.key != u32::MAX {
            self.look_at_order(history, number, found.stream);
        }
    }

    /// How often an event was found.
    #[must_use]
    pub fn copies_of(&self, number: u64) -> u64 {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        self.copies.get(at).copied().map_or(0, u64::from)
    }

    /// How many records are there beyond one an event.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        let counted = self
            .copies
            .iter()
            .map(|copies| u64::from(copies.saturating_sub(1)));
        counted.sum::<u64>() + self.beyond
    }

    /// Some of the events that are there more than once: `o-1 2 times, o-2 3 times, …`.
    #[must_use]
    pub fn repeated(&self, history: &History) -> String {
        let mut repeated = history
            .entries()
            .map(|(number, _)| (number, self.copies_of(number)))
            .filter(|(_, copies)| *copies > 1);
        let shown: Vec<String> = repeated
            .by_ref()
            .take(REPEATED_SHOWN)
            .map(|(number, copies)| format!("{} {copies} times", history.id(number)))
            .collect();
        let more = if repeated.next().is_some() {
            ", …"
        } else {
            ""
        };
        shown.join(", ") + more
    }

    /// Whether every acknowledged event is there.
    #[must_use]
    pub fn has_all(&self, history: &History) -> bool {
        history
            .entries()
            .all(|(number, entry)| entry.outcome != Outcome::Ok || self.copies_of(number) > 0)
    }

    /// A record in which no id is to be found: one of ours that was spoiled, or another's.
    fn without_an_id(&mut self, history: &History, found: &Found<'_>) {
        if history.is_of_this_run(found.record) {
            self.damaged
                .add(|| format!("no id can be read: {}", excerpt(found.record)));
        } else if self.target.exclusive {
            self.strangers.add(|| excerpt(found.record));
        } else {
            self.others += 1;
        }
    }

    /// True where it is the first of its event.
    fn count(&mut self, number: u64, copies: u64) -> bool {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        if at >= self.copies.len() {
            self.copies.resize(at + 1, 0);
        }
        let Some(counted) = self.copies.get_mut(at) else {
            return false;
        };
        let first = *counted == 0;
        let sum = u64::from(*counted) + copies;
        *counted = u8::try_from(sum).unwrap_or(u8::MAX);
        self.beyond += sum - u64::from(*counted);
        first
    }

    /// An event that was answered before another of its key was sent must stand before it. It is
    /// enough to look at the one that was sent last of those found before.
    fn look_at_order(&mut self, history: &History, number: u64, stream: u32) {
        let entry = history.entry(number);
        self.in_order += 1;
        let this = Latest {
            stream,
            sent: entry.sent,
            number,
        };
        let Some(latest) = self.latest.get_mut(&entry.key) else {
            self.latest.insert(entry.key, this);
            return;
        };
        let follows = latest.stream == stream
            || self
                .parents
                .get(&stream)
                .is_some_and(|parents| parents.contains(&latest.stream));
        let before = *latest;
        if before.sent < entry.sent || !follows {
            *latest = this;
        }
        if !follows {
            self.disorder.add(|| {
                format!(
                    "{} stands in partition {stream} and {} of the same key in {}",
                    shown(&history.id(number)),
                    shown(&history.id(before.number)),
                    before.stream
                )
            });
        } else if entry.answered < before.sent {
            self.disorder.add(|| {
                format!(
                    "{} stands behind {}, which was sent after its answer",
                    shown(&history.id(number)),
                    shown(&history.id(before.number))
                )
            });
        }
    }
}

/// An id, which may be anything where a target holds what others wrote.
fn shown(id: &str) -> String {
    excerpt(id.as_bytes())
}

/// The beginning of a record, on one line.
fn excerpt(bytes: &[u8]) -> String {
    const BYTES_MAX: usize = 80;
    let text = String::from_utf8_lossy(bytes.get(..BYTES_MAX).unwrap_or(bytes));
    let dots = if bytes.len() > BYTES_MAX { "…" } else { "" };
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{plain}{dots}")
}
