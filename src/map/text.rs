//! Texts with `${…}` in them, cut into pieces; and what must hold of an expression before it may
//! be parsed.

use crate::limits::{EXPRESSION_CHARACTERS_MAX, EXPRESSION_DEPTH_MAX};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text as it is, `$${` resolved.
    Literal(String),
    /// What stands between `${` and `}`.
    Expression {
        text: &'t str,
        /// Byte offset of `text` in the whole.
        at: usize,
    },
}

/// Something wrong in a text, at a byte offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextFault {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl TextFault {
    pub(super) fn new(at: usize, message: impl Into<String>, help: &str) -> Self {
        Self {
            at,
            message: message.into(),
            help: (!help.is_empty()).then(|| help.to_owned()),
        }
    }
}

/// Cuts a text into pieces. A text without `${` is one literal piece, or none if it is empty.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TextFault> {
    let mut found = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(dollar) = rest.find('$') else {
            literal.push_str(rest);
            break;
        };
        let (before, from_dollar) = rest.split_at(dollar);
        literal.push_str(before);
        at += dollar;
        if from_dollar.starts_with("$${") {
            literal.push_str("${");
            at += 3;
        } else if let Some(inside) = from_dollar.strip_prefix("${") {
            let Some(length) = expression_length(inside) else {
                let help = "write `}` where the expression ends, or `$${` for a literal `${`";
                return Err(TextFault::new(at, "`${` is not closed", help));
            };
            if !literal.is_empty() {
                found.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            at += 2;
            let text = inside.get(..length).unwrap_or_default();
            found.push(Piece::Expression { text, at });
            at += length + 1;
        } else {
            literal.push('$');
            at += 1;
        }
    }
    if !literal.is_empty() {
        found.push(Piece::Literal(literal));
    }
    Ok(found)
}

/// Bytes before the `}` that closes an expression; braces and strings inside of it are skipped.
fn expression_length(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, token) in Tokens::new(text) {
        match token {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// Judges an expression by its size and nesting, before the parser sees it: the parser keeps what
/// is open on its stack.
pub(super) fn measure(expression: &str) -> Result<(), TextFault> {
    if expression.trim().is_empty() {
        let help = "write a CEL expression between `${` and `}`";
        return Err(TextFault::new(0, "the expression is empty", help));
    }
    let characters = expression.chars().count();
    if characters > EXPRESSION_CHARACTERS_MAX {
        let message = format!(
            "the expression has {characters} characters, of which {EXPRESSION_CHARACTERS_MAX} are \
             allowed"
        );
        return Err(TextFault::new(0, message, "name a part of it in `let`"));
    }
    let mut open = 0_usize;
    for (at, token) in Tokens::new(expression) {
        match token {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > EXPRESSION_DEPTH_MAX {
            return Err(too_deep(at));
        }
    }
    Ok(())
}

/// The fault of an expression that nests too deep.
pub(super) fn too_deep(at: usize) -> TextFault {
    let message = format!("the expression nests deeper than {EXPRESSION_DEPTH_MAX} levels");
    TextFault::new(at, message, "name a part of it in `let`")
}

/// The characters of an expression outside of its strings and comments, with their places.
struct Tokens<'t> {
    text: &'t str,
    at: usize,
    raw: bool,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            raw: false,
        }
    }

    /// One past the string whose opening quote is at `at`, or the end of the text.
    fn string_end(&self, at: usize, quote: char) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let long = match quote {
            '"' => "\"\"\"",
            _ => "'''",
        };
        let close = if rest.starts_with(long) {
            long
        } else {
            &long[..1]
        };
        let mut place = at + close.len();
        while let Some(rest) = self.text.get(place..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(close) {
                return place + close.len();
            }
            let mut characters = rest.chars();
            let first = characters.next().map_or(1, char::len_utf8);
            place += first;
            if rest.starts_with('\\') && !self.raw {
                place += characters.next().map_or(0, char::len_utf8);
            }
        }
        self.text.len()
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.at..)?;
            let token = rest.chars().next()?;
            let at = self.at;
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            if token == '"' || token == '\'' {
                self.at = self.string_end(at, token);
                self.raw = false;
                continue;
            }
            let in_word = self.text.get(..at).unwrap_or_default();
            let in_word = in_word.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            // `r"…"`, `br"…"`: no escapes inside.
            self.raw = match token {
                'r' | 'R' => !in_word || self.text.get(..at).is_some_and(is_bytes_prefix),
                'b' | 'B' => self.raw,
                _ => false,
            };
            self.at += token.len_utf8();
            return Some((at, token));
        }
    }
}

/// True where a text ends in a `b` that is a word of its own.
fn is_bytes_prefix(text: &str) -> bool {
    let mut before = text.chars().rev();
    matches!(before.next(), Some('b' | 'B'))
        && !before
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match pieces(text) {
            Err(fault) => format!("{}: {}", fault.at, fault.message),
            Ok(pieces) => pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Literal(text) => format!("[{text}]"),
                    Piece::Expression { text, at } => format!("<{text}@{at}>"),
                })
                .collect(),
        }
    }

    #[test]
    fn texts_are_cut_where_expressions_stand() {
        for (text, cut) in [
            ("", ""),
            ("plain $ {x} $", "[plain $ {x} $]"),
            ("${a}", "<a@2>"),
            ("x${a}y${b}", "[x]<a@3>[y]<b@8>"),
            ("$${a}", "[${a}]"),
            ("$$${a}", "[$${a}]"),
            ("${ {'a': {}} }z", "< {'a': {}} @2>[z]"),
            ("${'}'}", "<'}'@2>"),
            (r#"${"\"}"}"#, r#"<"\"}"@2>"#),
            (r"${r'\'}", r"<r'\'@2>"),
            (r"${br'\'}", r"<br'\'@2>"),
            (r"${var'\'}'}", r"<var'\'}'@2>"),
            ("${'''}'}'''}", "<'''}'}'''@2>"),
            ("${''}}", "<''@2>[}]"),
            ("é${a", "2: `${` is not closed"),
            ("${'}", "0: `${` is not closed"),
            ("${a // }\n}", "<a // }\n@2>"),
        ] {
            assert_eq!(shown(text), cut, "{text}");
        }
    }

    #[test]
    fn expressions_are_bounded_before_they_are_parsed() {
        assert!(measure("a").is_ok());
        assert!(measure(" ").is_err());
        assert!(measure(&"a".repeat(4096)).is_ok());
        assert!(measure(&"a".repeat(4097)).is_err());
        let nested = |levels| format!("{}1{}", "(".repeat(levels), ")".repeat(levels));
        assert!(measure(&nested(32)).is_ok());
        assert_eq!(measure(&nested(33)).unwrap_err().at, 32);
        assert!(measure(&format!("'{}'", "(".repeat(100))).is_ok());
    }
}
