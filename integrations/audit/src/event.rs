//! The events of a run: each id, key and payload is a function of the event's number.

use std::fmt::Write as _;

use serde_json::Value;

/// Events of one run: the history keeps 24 bytes of each, and every target one more.
pub const EVENTS_MAX: u64 = 20_000_000;
/// Bytes of a template.
const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// Bytes of an event's filler.
const FILLER_BYTES_MAX: usize = 1 << 20;
/// What the filler is made of: what careless code spoils. An escape, a quote, a letter of two
/// bytes, one of four, a percent sign, spaces.
const FILLER: &[&str] = &[
    "plain ",
    "\\t",
    "\\\"q\\\"",
    "é",
    "🦀",
    "%2F",
    "  ",
    "\\\\",
    "a+b",
    "&amp;",
    "'",
    "${x}",
];

/// The text of an event with places that its number fills: `{id}` (once, alone in a string),
/// `{key}`, `{seq}` and `{filler}`.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
    id_at: Vec<String>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Id,
    Key,
    Seq,
    Filler,
}

impl Template {
    /// What is sent where nothing else is said.
    pub const DEFAULT: &'static str =
        r#"{"id":"{id}","key":"{key}","seq":{seq},"filler":"{filler}"}"#;

    /// Reads a template.
    ///
    /// # Errors
    /// It is no JSON object, or no string of it is `{id}`; in words for its writer.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(format!("is longer than {TEMPLATE_BYTES_MAX} bytes"));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let next = NAMES
                .iter()
                .filter_map(|(name, piece)| Some((rest.find(name)?, name.len(), piece)))
                .min_by_key(|(at, ..)| *at);
            let Some((at, length, piece)) = next else {
                pieces.push(Piece::Text(rest.to_owned()));
                break;
            };
            if at > 0 {
                pieces.push(Piece::Text(rest.get(..at).unwrap_or_default().to_owned()));
            }
            pieces.push(piece.clone());
            rest = rest.get(at + length..).unwrap_or_default();
        }
        let mut template = Self {
            text: text.to_owned(),
            pieces,
            id_at: Vec::new(),
        };
        let sample = template.filled("sample-of-the-id", "k0", 0, "x");
        let event: Value = serde_json::from_str(&sample)
            .map_err(|error| format!("is no JSON once its places are filled: {error}"))?;
        template.id_at = path_of(&event, "sample-of-the-id").ok_or(
            "has no string that is the id: write for example {\"id\":\"{id}\",\"user\":\"{key}\"}",
        )?;
        Ok(template)
    }

    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the members, from the outermost, under which the id stands.
    #[must_use]
    pub fn id_at(&self) -> &[String] {
        &self.id_at
    }

    fn filled(&self, id: &str, key: &str, seq: u64, filler: &str) -> String {
        let mut out = String::with_capacity(self.text.len() + filler.len() + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Id => out.push_str(id),
                Piece::Key => out.push_str(key),
                // Writing to a string cannot fail.
                Piece::Seq => drop(write!(out, "{seq}")),
                Piece::Filler => out.push_str(filler),
            }
        }
        out
    }
}

const NAMES: &[(&str, Piece)] = &[
    ("{id}", Piece::Id),
    ("{key}", Piece::Key),
    ("{seq}", Piece::Seq),
    ("{filler}", Piece::Filler),
];

/// The names of the members under which this text stands.
fn path_of(value: &Value, text: &str) -> Option<Vec<String>> {
    match value {
        Value::String(found) if found == text => Some(Vec::new()),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let mut path = path_of(value, text)?;
            path.insert(0, name.clone());
            Some(path)
        }),
        _ => None,
    }
}

/// The events of one run.
#[derive(Clone, Debug)]
pub struct Events {
    run: String,
    template: Template,
    keys: u64,
    filler_bytes: usize,
}

impl Events {
    /// Events of a new run, with so many keys and about so many bytes of filler each.
    #[must_use]
    pub fn new(template: Template, keys: u64, filler_bytes: usize) -> Self {
        let run = format!("{:012x}", fastrand::u64(..) >> 16);
        Self::of_run(run, template, keys, filler_bytes)
    }

    /// Events of a run that was given a name before.
    #[must_use]
    pub fn of_run(run: String, template: Template, keys: u64, filler_bytes: usize) -> Self {
        Self {
            run,
            template,
            keys: keys.clamp(1, u64::from(u32::MAX)),
            filler_bytes: filler_bytes.min(FILLER_BYTES_MAX),
        }
    }

    /// The name of the run: all its ids begin with it.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Bytes of filler, about.
    #[must_use]
    pub fn filler_bytes(&self) -> usize {
        self.filler_bytes
    }

    /// What events look like.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The id of an event.
    #[must_use]
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }

    /// The number of the event with this id; `None` where the id is not of this run, or not
    /// written as [`Self::id`] writes it.
    #[must_use]
    pub fn number_of(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(&self.run)?.strip_prefix('-')?;
        let number: u64 = digits.parse().ok()?;
        (number < EVENTS_MAX && self.id(number) == id).then_some(number)
    }

    /// The number of an event's key.
    #[must_use]
    pub fn key_of(&self, number: u64) -> u32 {
        u32::try_from(number % self.keys).unwrap_or(u32::MAX)
    }

    /// The key of an event, as it stands in it.
    #[must_use]
    pub fn key(&self, number: u64) -> String {
        format!("{}-k{}", self.run, number % self.keys)
    }

    /// The event itself.
    #[must_use]
    pub fn payload(&self, number: u64) -> Vec<u8> {
        let filler = self.filler(number);
        let (id, key) = (self.id(number), self.key(number));
        let text = self.template.filled(&id, &key, number / self.keys, &filler);
        text.into_bytes()
    }

    fn filler(&self, number: u64) -> String {
        let mut out = String::with_capacity(self.filler_bytes + 8);
        // A walk that is different for each number and the same at every call.
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        while out.len() < self.filler_bytes {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let place = usize::try_from(state >> 48).unwrap_or_default() % FILLER.len();
            out.push_str(FILLER.get(place).copied().unwrap_or_default());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_function_of_its_number_and_its_id_tells_it() {
        let template = Template::parse(Template::DEFAULT).unwrap();
        let events = Events::new(template, 7, 200);
        for number in [0, 1, 6, 7, 123_456, EVENTS_MAX - 1] {
            let payload = events.payload(number);
            assert_eq!(payload, events.payload(number));
            let event: Value = serde_json::from_slice(&payload).unwrap();
            let id = event["id"].as_str().unwrap();
            assert_eq!(events.number_of(id), Some(number));
            assert_eq!(event["key"], events.key(number));
            assert_eq!(event["seq"], number / 7);
            assert!(event["filler"].as_str().unwrap().len() > 100);
        }
        assert_ne!(events.filler(1), events.filler(2));
    }

    #[test]
    fn what_is_not_written_as_an_id_is_none() {
        let events = Events::new(Template::parse(Template::DEFAULT).unwrap(), 1, 0);
        let run = events.run().to_owned();
        for other in [
            String::new(),
            run.clone(),
            format!("{run}-"),
            format!("{run}-01"),
            format!("{run}-+1"),
            format!("{run}-1 "),
            format!("{run}--1"),
            format!("{run}-{EVENTS_MAX}"),
            format!("{run}-99999999999999999999999"),
            "000000000000-1".to_owned(),
        ] {
            assert_eq!(events.number_of(&other), None, "{other:?}");
        }
        assert_eq!(events.number_of(&format!("{run}-1")), Some(1));
    }

    #[test]
    fn a_template_of_ones_own_says_where_the_id_stands() {
        let own = r#"{"meta":{"event_id":"{id}"},"user":"{key}","n":{seq}}"#;
        let template = Template::parse(own).unwrap();
        assert_eq!(template.id_at(), ["meta", "event_id"]);
        let events = Events::new(template, 2, 10);
        let event: Value = serde_json::from_slice(&events.payload(5)).unwrap();
        assert_eq!(event["meta"]["event_id"], events.id(5));
        assert_eq!(
            (&event["n"], &event["user"]),
            (&2.into(), &events.key(5).into())
        );
        for (wrong, said) in [
            ("{\"id\":{id}}", "no JSON"),
            ("{\"a\":1}", "no string"),
            ("{\"a\":\"x{id}\"}", "no string"),
            ("", "no JSON"),
        ] {
            let error = Template::parse(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
