//! What was sent, and what was answered when: 24 bytes an event.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::event::{EVENTS_MAX, Events};

/// What is known of an event from its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was never sent.
    #[default]
    Unsent,
    /// It was acknowledged: it must be in every required target.
    Ok,
    /// It was refused, surely stored nowhere: it must be in no target.
    Failed,
    /// Nobody knows: the answer was lost, or says so. It may be there or not.
    Unknown,
}

/// One event of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it was sent. Times of a history are microseconds and never equal.
    pub sent: u64,
    /// When its answer was there, or was given up.
    pub answered: u64,
    /// The number of its key.
    pub key: u32,
    /// What was answered.
    pub outcome: Outcome,
}

/// Events by their outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Acknowledged.
    pub ok: u64,
    /// Refused, nothing stored.
    pub failed: u64,
    /// Either.
    pub unknown: u64,
}

/// What a client sent and was told.
#[derive(Clone, Debug)]
pub struct History {
    ids: Ids,
    entries: Vec<Entry>,
    clock: u64,
}

#[derive(Clone, Debug)]
enum Ids {
    /// Of a run of our own: all follows from the number.
    Run(Box<Events>),
    /// Of a client: numbered in the order of its log.
    Client(Box<ClientIds>),
}

#[derive(Clone, Debug, Default)]
struct ClientIds {
    names: Vec<Box<str>>,
    /// By the hash of the name; two names of one hash are refused.
    numbers: HashMap<u64, u32>,
    /// The hash of each payload, where the log has it.
    payloads: Vec<Option<u64>>,
    keys: HashMap<Box<str>, u32>,
}

impl History {
    /// An empty history of these events.
    #[must_use]
    pub fn of(events: Events) -> Self {
        Self {
            ids: Ids::Run(Box::new(events)),
            entries: Vec::new(),
            clock: 0,
        }
    }

    /// An empty history of a client whose ids follow no rule.
    #[must_use]
    pub fn of_a_client() -> Self {
        Self {
            ids: Ids::Client(Box::default()),
            entries: Vec::new(),
            clock: 0,
        }
    }

    /// The events of a run of our own.
    #[must_use]
    pub fn events(&self) -> Option<&Events> {
        match &self.ids {
            Ids::Run(events) => Some(events),
            Ids::Client(_) => None,
        }
    }

    /// Notes that the event of this number is being sent, at about this time. It counts as unknown
    /// until [`Self::answered`].
    pub fn sent(&mut self, number: u64, micros: u64) {
        let stamp = self.stamp(micros);
        let key = match &self.ids {
            Ids::Run(events) => events.key_of(number),
            Ids::Client(_) => 0,
        };
        if let Some(entry) = self.place(number) {
            *entry = Entry {
                sent: stamp,
                answered: u64::MAX,
                key,
                outcome: Outcome::Unknown,
            };
        }
    }

    /// Notes what was answered, at about this time.
    pub fn answered(&mut self, number: u64, micros: u64, outcome: Outcome) {
        let stamp = self.stamp(micros);
        if let Some(entry) = self.place(number) {
            entry.answered = stamp;
            entry.outcome = outcome;
        }
    }

    /// Adds an entry of a saved run, its times as they were.
    ///
    /// # Errors
    /// The id is not of this run, or stands twice.
    pub fn restore(&mut self, id: &str, entry: Entry) -> Result<(), String> {
        let number = match &self.ids {
            Ids::Run(events) => events.number_of(id),
            Ids::Client(_) => None,
        };
        let number = number.ok_or_else(|| format!("`{id}` is not an id of this run"))?;
        let key = match &self.ids {
            Ids::Run(events) => events.key_of(number),
            Ids::Client(_) => 0,
        };
        let place = self
            .place(number)
            .ok_or_else(|| format!("`{id}` is beyond {EVENTS_MAX} events"))?;
        if place.outcome != Outcome::Unsent {
            return Err(format!("`{id}` stands twice: one line an event"));
        }
        *place = Entry { key, ..entry };
        self.clock = self.clock.max(entry.sent).max(clock_of(entry.answered));
        Ok(())
    }

    /// Adds an entry of a client's own log.
    ///
    /// # Errors
    /// The id stands twice, or there are too many.
    pub fn add(
        &mut self,
        id: &str,
        key: Option<&str>,
        payload: Option<&[u8]>,
        mut entry: Entry,
    ) -> Result<(), String> {
        let Ids::Client(ids) = &mut self.ids else {
            return Err("a run of our own has no other ids".to_owned());
        };
        let number = ids.names.len();
        if number as u64 >= EVENTS_MAX {
            return Err(format!("a history has at most {EVENTS_MAX} events"));
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if ids.numbers.insert(hash(id.as_bytes()), number).is_some() {
            return Err(format!("`{id}` stands twice: one line an event"));
        }
        ids.names.push(id.into());
        ids.payloads.push(payload.map(hash));
        // An event without a key is in order with itself only.
        let next = u32::try_from(ids.keys.len()).unwrap_or(u32::MAX);
        entry.key = match key {
            Some(key) => *ids.keys.entry(key.into()).or_insert(next),
            None => u32::MAX,
        };
        self.entries.push(entry);
        Ok(())
    }

    /// The number of an event with this id.
    #[must_use]
    pub fn number_of(&self, id: &str) -> Option<u64> {
        match &self.ids {
            Ids::Run(events) => events.number_of(id),
            Ids::Client(ids) => {
                let number = *ids.numbers.get(&hash(id.as_bytes()))?;
                let name = ids.names.get(usize::try_from(number).ok()?)?;
                (**name == *id).then_some(u64::from(number))
            }
        }
    }

    /// The id of an event.
    #[must_use]
    pub fn id(&self, number: u64) -> String {
        match &self.ids {
            Ids::Run(events) => events.id(number),
            Ids::Client(ids) => {
                let name = usize::try_from(number)
                    .ok()
                    .and_then(|at| ids.names.get(at));
                name.map(|name| name.to_string()).unwrap_or_default()
            }
        }
    }

    /// Whether a text has the form of this run's ids, sent or not.
    #[must_use]
    pub fn is_of_this_run(&self, text: &[u8]) -> bool {
        match &self.ids {
            Ids::Run(events) => {
                let run = events.run().as_bytes();
                text.windows(run.len()).any(|window| window == run)
            }
            Ids::Client(_) => false,
        }
    }

    /// Whether a payload is the one of this event; `None` where the history does not know it.
    #[must_use]
    pub fn is_payload(&self, number: u64, payload: &[u8]) -> Option<bool> {
        match &self.ids {
            Ids::Run(events) => Some(events.payload(number) == payload),
            Ids::Client(ids) => {
                let at = usize::try_from(number).ok()?;
                let known = (*ids.payloads.get(at)?)?;
                Some(known == hash(payload))
            }
        }
    }

    /// What is known of an event.
    #[must_use]
    pub fn entry(&self, number: u64) -> Entry {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        self.entries.get(at).copied().unwrap_or_default()
    }

    /// All events by number, those that were never sent included.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        (0..).zip(&self.entries)
    }

    /// The number behind the last one.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The last time of it.
    #[must_use]
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// Events by their outcome.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for entry in &self.entries {
            match entry.outcome {
                Outcome::Unsent => {}
                Outcome::Ok => tally.ok += 1,
                Outcome::Failed => tally.failed += 1,
                Outcome::Unknown => tally.unknown += 1,
            }
        }
        tally
    }

    /// A time later than every earlier one, so that "before" is never in doubt.
    fn stamp(&mut self, micros: u64) -> u64 {
        self.clock = micros.max(self.clock + 1);
        self.clock
    }

    fn place(&mut self, number: u64) -> Option<&mut Entry> {
        if number >= EVENTS_MAX {
            return None;
        }
        let at = usize::try_from(number).ok()?;
        if at >= self.entries.len() {
            self.entries.resize(at + 1, Entry::default());
        }
        self.entries.get_mut(at)
    }
}

/// A lost answer has no time.
fn clock_of(answered: u64) -> u64 {
    if answered == u64::MAX { 0 } else { answered }
}

/// The same in every process: the hasher's keys are fixed.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
