//! `Prefer` (RFC 7240): what a client would like of its answer. A gateway that does not do it says
//! nothing: preferences never refuse a request.

use super::Head;

/// The preferences of a request that the gateway knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `return`: how much the body of a success should say.
    pub returned: Option<Returned>,
    /// `handling`: how a batch with mixed results should be answered.
    pub handling: Option<Handling>,
}

/// `return=…`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// No body: the status says it all.
    Minimal,
    /// Each event with its receipts.
    Representation,
}

/// `handling=…`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// 207 for a batch with mixed results.
    Lenient,
    /// The status of the worst event.
    Strict,
}

impl Preferences {
    /// Reads all `Prefer` fields of a head. Of a preference that stands twice the first counts,
    /// even where its value is unknown; what is malformed is passed over.
    #[must_use]
    pub fn of(head: &Head<'_>) -> Self {
        let mut found = Self::default();
        let (mut returned, mut handling) = (false, false);
        let fields = head
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        for (_, field) in fields {
            for element in pieces(field, b',') {
                // What stands behind a `;` are parameters, of which none is defined for these.
                let preference = pieces(element, b';').next().unwrap_or_default();
                let mut parts = pieces(preference, b'=');
                let name = parts.next().unwrap_or_default();
                let word = unquoted(parts.next().unwrap_or_default());
                if name.eq_ignore_ascii_case(b"return") && !returned {
                    returned = true;
                    found.returned = known(word, [Returned::Minimal, Returned::Representation]);
                } else if name.eq_ignore_ascii_case(b"handling") && !handling {
                    handling = true;
                    found.handling = known(word, [Handling::Lenient, Handling::Strict]);
                }
            }
        }
        found
    }
}

/// A value of a preference.
pub trait Applied: Copy {
    /// The whole preference, as `Preference-Applied` has it.
    fn applied(self) -> &'static str;
}

impl Applied for Returned {
    fn applied(self) -> &'static str {
        match self {
            Self::Minimal => "return=minimal",
            Self::Representation => "return=representation",
        }
    }
}

impl Applied for Handling {
    fn applied(self) -> &'static str {
        match self {
            Self::Lenient => "handling=lenient",
            Self::Strict => "handling=strict",
        }
    }
}

/// The value that a word stands for.
fn known<P: Applied>(word: &[u8], values: [P; 2]) -> Option<P> {
    values.into_iter().find(|value| {
        let (_, expected) = value.applied().split_once('=').unwrap_or_default();
        word.eq_ignore_ascii_case(expected.as_bytes())
    })
}

/// The parts of a field's value between separators that stand outside of quoted strings, without
/// the white space around them. A string that is not closed ends with the field.
fn pieces(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            let ends = byte == separator && !quoted;
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ => {}
            }
            ends
        })
        .map(<[u8]>::trim_ascii)
}

/// The text of a quoted string. Escapes stay: no word that is known has any.
fn unquoted(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadIndex, Span};

    /// What is understood of these `Prefer` fields, as `Preference-Applied` would say it.
    fn understood(fields: &[&str]) -> Vec<&'static str> {
        let mut text = Vec::new();
        let mut index = HeadIndex::default();
        for field in fields {
            let mut put = |part: &str| {
                let start = text.len() as u16;
                text.extend_from_slice(part.as_bytes());
                let end = text.len() as u16;
                Span { start, end }
            };
            index.fields.push((put("PREFER"), put(field)));
        }
        let found = Preferences::of(&Head::new(&text, &index));
        let returned = found.returned.map(Returned::applied);
        returned
            .into_iter()
            .chain(found.handling.map(Handling::applied))
            .collect()
    }

    #[test]
    fn preferences_are_read_as_the_rfc_says() {
        const MINIMAL: &str = "return=minimal";
        const LENIENT: &str = "handling=lenient";
        const FULL: &str = "return=representation";
        for (fields, expected) in [
            (&[][..], &[][..]),
            (&["return=minimal"], &[MINIMAL]),
            (&["Return = \"minimal\""], &[MINIMAL]),
            (&["return=minimal; foo=\"some, return=x\""], &[MINIMAL]),
            (&["handling=lenient, return=minimal"], &[MINIMAL, LENIENT]),
            (&["handling=lenient", "return=minimal"], &[MINIMAL, LENIENT]),
            (&["return=representation, return=minimal"], &[FULL]),
            (&["return=representation", "return=minimal"], &[FULL]),
            (&["handling=strict"], &["handling=strict"]),
            // The first counts, even where nobody knows it.
            (&["return=everything, return=minimal"], &[]),
            (&["respond-async, wait=100, return=minimal"], &[MINIMAL]),
            (&["foo=\"return=minimal, \\\", handling=lenient\""], &[]),
            (&["foo; return=minimal"], &[]),
            (&["foo=\"never closed, return=minimal"], &[]),
            (&[",, ,return=minimal,"], &[MINIMAL]),
            (&["return", "return=minimal"], &[]),
            (&["return==minimal"], &[]),
            (&["returned=minimal, xreturn=minimal"], &[]),
        ] {
            assert_eq!(understood(fields), expected, "{fields:?}");
        }
    }
}
