//! Evaluates the shapes of answers.
//!
//! An answer is written when the request is gone. What its expressions read of the request is read
//! when it arrives and kept with the entry, copied and bounded; what is known only then (what
//! became of each record, the refusal) comes as facts.

use bytes::Bytes;
use bytestring::ByteString;
use sluicegate_contract::Name;

use super::found::Found;
use super::frame::{Fault, Frame};
use super::plan::{EventView, Plan, RequestView};
use super::reply_names::{Given, ReplyRead};
use super::shape::{AnswerPlan, BodyPlan, Shapes};
use super::template::Template;
use super::trouble::Trouble;
use crate::limits::REPLY_KEPT_BYTES_MAX;

/// Which shape of a route an answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shaping {
    /// `reply.status`, `reply.headers`, `reply.body`.
    Success,
    /// `reply.refusal`.
    Refusal,
}

/// What answers read of a request, kept since it arrived. At most
/// [`REPLY_KEPT_BYTES_MAX`] bytes of values.
#[derive(Clone, Debug)]
pub struct Kept(Box<[Result<Found, Trouble>]>);

/// What is known when an answer is written.
pub trait ReplyFacts {
    /// The value of a read.
    fn fact(&self, read: &ReplyRead) -> Fact;
}

/// A value that is known when an answer is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// There is none.
    Absent,
    /// Text.
    Text(ByteString),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A JSON text.
    Json(Bytes),
}

/// An answer as its route shapes it. What is `None` stays as it is unshaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaped {
    /// The status, not judged yet.
    pub status: Option<i64>,
    /// Header fields, their values not judged yet.
    pub headers: Vec<(Name, ByteString)>,
    /// The body.
    pub body: Option<ShapedBody>,
}

/// A shaped body, which says what type it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapedBody {
    /// No body.
    Empty,
    /// A JSON text.
    Json(Bytes),
    /// Text.
    Text(Bytes),
    /// Any bytes.
    Bytes(Bytes),
}

impl Kept {
    /// Bytes that the values take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|found| found.as_ref().map_or(0, Found::bytes))
            .sum()
    }
}

impl Found {
    fn bytes(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Json(bytes, _) | Self::Bytes(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
            Self::Set(_) => self.payload().map_or(0, |json| json.len()),
        }
    }

    /// A copy that does not hold on to the body.
    fn detached(self) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Json(bytes, kind) => Self::Json(Bytes::copy_from_slice(&bytes), kind),
            Self::Bytes(bytes) => Self::Bytes(Bytes::copy_from_slice(&bytes)),
            Self::Text(text) => Self::Text(ByteString::from(&*text)),
            // An answer has no sets: it is a JSON array there.
            Self::Set(_) => self.payload().map_or(Self::Absent, Self::from_json),
        }
    }
}

impl Plan {
    /// Reads what answers will name of a request, from the first event of its body. `None` where
    /// the route shapes nothing.
    #[must_use]
    pub fn keep(&self, event: &EventView<'_>) -> Option<Kept> {
        let shapes = self.shapes.as_ref()?;
        let frame = Frame::new(self, event);
        let mut left = REPLY_KEPT_BYTES_MAX;
        let kept = shapes.given.iter().filter_map(|given| match given {
            Given::Kept(slot) => Some(frame.slot(*slot)),
            Given::Fact { .. } => None,
        });
        let bounded = kept.map(|found| {
            let found = found?;
            match left.checked_sub(found.bytes()) {
                Some(rest) => {
                    left = rest;
                    Ok(found.detached())
                }
                None => Err(Trouble::unusable(format!(
                    "values for `reply` are larger than {REPLY_KEPT_BYTES_MAX} bytes"
                ))),
            }
        });
        Some(Kept(bounded.collect()))
    }

    /// The same for a request that is refused before its events are known. `None` where the route
    /// does not shape refusals.
    #[must_use]
    pub fn keep_refused(&self, request: &RequestView<'_>) -> Option<Kept> {
        self.shapes.as_ref()?.refusal.as_ref()?;
        self.keep(&EventView::of_head(request))
    }

    /// Whether the route shapes answers of this kind.
    #[must_use]
    pub fn shapes(&self, shaping: Shaping) -> bool {
        let shapes = self.shapes.as_ref();
        shapes.is_some_and(|shapes| shapes.of(shaping).is_some())
    }

    /// Whether the status of this kind of answer is one that is written down.
    #[must_use]
    pub fn has_one_status(&self, shaping: Shaping) -> bool {
        let shape = self.shapes.as_ref().and_then(|shapes| shapes.of(shaping));
        shape.is_some_and(|shape| matches!(shape.status, Some(Template::Fixed(_))))
    }

    /// Shapes an answer. `None` where the route does not shape this kind.
    ///
    /// # Errors
    /// What could not be had, in one line that names the key and the expression.
    pub fn shape(
        &self,
        shaping: Shaping,
        kept: &Kept,
        facts: &dyn ReplyFacts,
    ) -> Option<Result<Shaped, String>> {
        let shapes = self.shapes.as_ref()?;
        let shape = shapes.of(shaping)?;
        let given = shapes.given(kept, facts);
        let index = crate::http::HeadIndex::default();
        let request = RequestView {
            head: crate::http::Head::new(b"", &index),
            path: &[],
            id: 0,
            time: std::time::UNIX_EPOCH,
            source_ip: std::net::Ipv4Addr::UNSPECIFIED.into(),
            auth: None,
        };
        let event = EventView::of_head(&request);
        let key = match shaping {
            Shaping::Success => "reply",
            Shaping::Refusal => "reply.refusal",
        };
        Some(shape.shaped(key, &Frame::of_reply(self, &event, &given)))
    }
}

impl Shapes {
    fn of(&self, shaping: Shaping) -> Option<&AnswerPlan> {
        match shaping {
            Shaping::Success => self.success.as_ref(),
            Shaping::Refusal => self.refusal.as_ref(),
        }
    }

    fn given(&self, kept: &Kept, facts: &dyn ReplyFacts) -> Vec<Result<Found, Trouble>> {
        let mut kept = kept.0.iter();
        let given = self.given.iter().map(|given| match given {
            Given::Kept(_) => kept
                .next()
                .cloned()
                .unwrap_or(Err(Trouble::Internal("a value was not kept"))),
            Given::Fact { read, test } => {
                let found = found(facts.fact(read), read);
                Ok(match test {
                    true => Found::from_boolean(found != Found::Absent),
                    false => found,
                })
            }
        });
        given.collect()
    }
}

fn found(fact: Fact, read: &ReplyRead) -> Found {
    match fact {
        Fact::Absent => Found::Absent,
        Fact::Text(text) => Found::Text(text),
        Fact::Integer(integer) => Found::from_integer(integer),
        Fact::Boolean(boolean) => Found::from_boolean(boolean),
        Fact::Json(json) => match read {
            ReplyRead::Result { inner, .. } => Found::from_json(json).inside(inner),
            _ => Found::from_json(json),
        },
    }
}

impl AnswerPlan {
    fn shaped(&self, key: &str, frame: &Frame<'_>) -> Result<Shaped, String> {
        let mut shaped = Shaped::default();
        let said = |part: &str, (trouble, expression): Fault<'_>| {
            format!("`{key}.{part}`: {expression}: {}", trouble.said())
        };
        if let Some(status) = &self.status {
            let found = frame.template(status).map_err(|f| said("status", f))?;
            let Some(number) = found.integer() else {
                let what = format!("it must be a whole number, and is {}", found.describe());
                return Err(said("status", (Trouble::unusable(what), status.shown())));
            };
            shaped.status = Some(number);
        }
        for (name, value) in &self.headers {
            let part = || format!("headers.{name}");
            let found = frame.template(value).map_err(|f| said(&part(), f))?;
            match found.text() {
                Some(text) => shaped.headers.push((Name::clone(name), text)),
                None if found == Found::Absent => {}
                None => {
                    let what = format!("it must be text, and is {}", found.describe());
                    return Err(said(&part(), (Trouble::unusable(what), value.shown())));
                }
            }
        }
        shaped.body = match &self.body {
            None => None,
            Some(BodyPlan::Empty) => Some(ShapedBody::Empty),
            Some(BodyPlan::Value(value)) => {
                let found = frame.template(value).map_err(|f| said("body", f))?;
                Some(ShapedBody::of(found))
            }
        };
        Ok(shaped)
    }
}

impl ShapedBody {
    fn of(found: Found) -> Self {
        let is_text = found.describe() == "text";
        match found {
            Found::Absent => Self::Empty,
            Found::Bytes(bytes) => Self::Bytes(bytes),
            Found::Json(json, _) if !is_text => Self::Json(json),
            found @ Found::Set(_) => found.payload().map_or(Self::Empty, Self::Json),
            found => found.payload().map_or(Self::Empty, Self::Text),
        }
    }
}

impl Trouble {
    /// What is wrong, in a few words.
    fn said(&self) -> String {
        match self {
            Self::Missing(path) => format!("{path} is missing"),
            Self::Unusable(what) => what.to_string(),
            Self::Duplicate => "a name occurs twice in an object".to_owned(),
            Self::Internal(what) => (*what).to_owned(),
        }
    }
}
