//! Regular expressions. A pattern is written down, compiled once when the file is loaded, and takes
//! time that is linear in the text.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::any::Any;

use cel::ExecutionError;
use cel::common::types::{CelBool, CelList, CelOptional, CelString, Type as CelType};
use cel::common::value::{CowVal, StaticVal, Val};
use regex::{Regex, RegexBuilder};

use super::given::{Answer, Counts, Given, made, ours, text, wrong};
use super::{Function, TEXT};
use crate::limits::PATTERN_BYTES_MAX;
use crate::map::budget::spend;
use crate::map::types::Type;

const G2: Counts = (&[2], &[]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("matches", "text.matches(pattern) → bool"),
        "Whether a regular expression (RE2 syntax, written down) matches somewhere in a text.",
        ("event.name.matches('^A.a$')", "true"),
        (&[2], &[1]),
        &[TEXT, TEXT],
        Type::Bool,
        matches,
    ),
    ours(
        ("regex.extract", "regex.extract(text, pattern) → optional"),
        "The first match of a pattern: its first group if it has one, else all of it.",
        ("regex.extract('order-42', '-([0-9]+)').orValue('')", "42"),
        G2,
        &[TEXT, TEXT],
        Type::Optional,
        extract,
    ),
    ours(
        ("regex.extractAll", "regex.extractAll(text, pattern) → list"),
        "Every match of a pattern: its first group if it has one, else all of it.",
        ("regex.extractAll('a1 b22', '[0-9]+')", r#"["1","22"]"#),
        G2,
        &[TEXT, TEXT],
        Type::List,
        extract_all,
    ),
    ours(
        ("regex.replace", "regex.replace(text, pattern, by) → text"),
        "With every match replaced; in `by`, `$1` or `$name` is a group and `$$` a dollar sign.",
        ("regex.replace('+44 20-71', '[^0-9+]', '')", "+442071"),
        (&[3], &[]),
        &[TEXT, TEXT, TEXT],
        Type::Text,
        replace,
    ),
];

/// Which argument of a call, its target apart, must be a pattern.
pub(in crate::map) fn pattern_argument(name: &str, as_member: bool) -> Option<usize> {
    match name {
        "matches" => Some(usize::from(!as_member)),
        "regex.extract" | "regex.extractAll" | "regex.replace" => Some(1),
        _ => None,
    }
}

/// A regular expression of the file.
#[derive(Clone, Debug)]
pub(in crate::map) struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern; or says in one line what is wrong with it.
    pub(in crate::map) fn new(pattern: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build();
        regex.map(Self).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        })
    }

    pub(in crate::map) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

static PATTERN_TYPE: CelType = CelType::new_unspecified_type("pattern");

impl Val for Pattern {
    fn get_type(&self) -> &CelType {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static CelType {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// The text and the pattern; reading the text is paid for.
fn both<'g>(
    name: &str,
    given: &'g [CowVal<'_, '_>],
) -> Result<(&'g str, &'g Regex), ExecutionError> {
    let text = text(name, given, 0)?;
    let pattern = given.get(1);
    let found = pattern.and_then(|pattern| pattern.downcast_ref::<Pattern>());
    let found = found.ok_or_else(|| wrong(name, "a pattern", pattern))?;
    spend(text.len())?;
    Ok((text, &found.0))
}

fn matches<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (text, pattern) = both("matches", &given)?;
    Ok(CowVal::owned(CelBool::from(pattern.is_match(text))))
}

fn extract<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (text, pattern) = both("regex.extract", &given)?;
    let found = pattern.captures(text);
    let found = found.and_then(|found| found.get(usize::from(found.len() > 1)));
    let Some(found) = found else {
        return Ok(CowVal::owned(CelOptional::none()));
    };
    let found = CelString::from(found.as_str().to_owned());
    Ok(CowVal::owned(CelOptional::of(Box::new(found))))
}

fn extract_all<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (text, pattern) = both("regex.extractAll", &given)?;
    let mut all: Vec<Box<dyn Val + 'v>> = Vec::new();
    for found in pattern.captures_iter(text) {
        spend(64)?;
        if let Some(found) = found.get(usize::from(found.len() > 1)) {
            all.push(Box::new(CelString::from(found.as_str().to_owned())));
        }
    }
    Ok(CowVal::owned(CelList::from(all)))
}

fn replace<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, pattern) = both("regex.replace", &given)?;
    let by = text("regex.replace", &given, 2)?;
    let (mut out, mut rest) = (String::new(), 0);
    for found in pattern.captures_iter(whole) {
        let Some(place) = found.get(0) else { continue };
        // Paid as it grows: a short text can grow to any length.
        let before = out.len();
        out.push_str(whole.get(rest..place.start()).unwrap_or_default());
        found.expand(by, &mut out);
        spend(out.len() - before + 16)?;
        rest = place.end();
    }
    out.push_str(whole.get(rest..).unwrap_or_default());
    made(out)
}
