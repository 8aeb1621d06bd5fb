//! Reads JSON token by token, keeping numbers as they are written.
//!
//! The gateway validated the text before; here nothing is trusted all the same, and what is not
//! JSON is an error and never a panic.

use std::borrow::Cow;

/// What stands next in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'j> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Text(Cow<'j, str>),
    /// As written.
    Number(&'j str),
    Bool(bool),
    Null,
}

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'j> {
    rest: &'j [u8],
}

impl<'j> Reader<'j> {
    pub(crate) fn new(text: &'j [u8]) -> Self {
        Self { rest: text }
    }

    /// The next token; commas and colons are the caller's to ask for.
    pub(crate) fn token(&mut self) -> Result<Token<'j>, NotJson> {
        self.skip_space();
        let (first, after) = self.rest.split_first().ok_or(NotJson)?;
        let mut punctuation = |token| {
            self.rest = after;
            Ok(token)
        };
        match first {
            b'{' => punctuation(Token::ObjectStart),
            b'}' => punctuation(Token::ObjectEnd),
            b'[' => punctuation(Token::ArrayStart),
            b']' => punctuation(Token::ArrayEnd),
            b'"' => self.text().map(Token::Text),
            b't' => self.word("true", Token::Bool(true)),
            b'f' => self.word("false", Token::Bool(false)),
            b'n' => self.word("null", Token::Null),
            b'-' | b'0'..=b'9' => self.number().map(Token::Number),
            _ => Err(NotJson),
        }
    }

    /// Takes this punctuation mark if it stands next.
    pub(crate) fn take(&mut self, mark: u8) -> bool {
        self.skip_space();
        match self.rest.split_first() {
            Some((first, after)) if *first == mark => {
                self.rest = after;
                true
            }
            _ => false,
        }
    }

    /// Passes over one value.
    pub(crate) fn skip_value(&mut self) -> Result<(), NotJson> {
        let mut depth = 0_usize;
        loop {
            match self.token()? {
                Token::ObjectStart | Token::ArrayStart => depth += 1,
                Token::ObjectEnd | Token::ArrayEnd => {
                    depth = depth.checked_sub(1).ok_or(NotJson)?;
                }
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            while self.take(b',') || self.take(b':') {}
        }
    }

    /// True where nothing but space is left.
    pub(crate) fn is_done(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn word(&mut self, word: &str, token: Token<'j>) -> Result<Token<'j>, NotJson> {
        self.rest = self.rest.strip_prefix(word.as_bytes()).ok_or(NotJson)?;
        Ok(token)
    }

    fn number(&mut self) -> Result<&'j str, NotJson> {
        let part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let end = self
            .rest
            .iter()
            .position(|byte| !part(byte))
            .unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        std::str::from_utf8(number).map_err(|_| NotJson)
    }

    /// A string, its quotes included. Only one with escapes is copied.
    fn text(&mut self) -> Result<Cow<'j, str>, NotJson> {
        let inner = self.rest.get(1..).ok_or(NotJson)?;
        let mut escaped = false;
        let mut bytes = inner.iter().enumerate();
        let end = loop {
            match bytes.next().ok_or(NotJson)? {
                (end, b'"') => break end,
                (_, b'\\') => {
                    escaped = true;
                    bytes.next();
                }
                (_, 0..=0x1f) => return Err(NotJson),
                _ => {}
            }
        };
        let (text, after) = inner.split_at(end);
        let quoted = self.rest.get(..end + 2).ok_or(NotJson)?;
        self.rest = after.get(1..).ok_or(NotJson)?;
        if escaped {
            return serde_json::from_slice(quoted)
                .map(Cow::Owned)
                .map_err(|_| NotJson);
        }
        std::str::from_utf8(text)
            .map(Cow::Borrowed)
            .map_err(|_| NotJson)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_as_written() {
        let mut reader = Reader::new(br#" {"a" : -1.50e+3, "b\n":[true,null]} "#);
        assert_eq!(reader.token(), Ok(Token::ObjectStart));
        assert_eq!(reader.token(), Ok(Token::Text("a".into())));
        assert!(reader.take(b':'));
        assert_eq!(reader.token(), Ok(Token::Number("-1.50e+3")));
        assert!(reader.take(b','));
        assert_eq!(reader.token(), Ok(Token::Text("b\n".into())));
        assert!(reader.take(b':'));
        assert_eq!(reader.skip_value(), Ok(()));
        assert_eq!(reader.token(), Ok(Token::ObjectEnd));
        assert!(reader.is_done());
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in [
            "",
            "\"",
            "\"a",
            "\"\\",
            "\"\\\"",
            "tru",
            "nul",
            "x",
            "\"\\q\"",
            "\"\u{1}\"",
        ] {
            assert_eq!(Reader::new(text.as_bytes()).token(), Err(NotJson), "{text}");
        }
        for text in ["[1", "{\"a\":[}", "]"] {
            assert_eq!(
                Reader::new(text.as_bytes()).skip_value(),
                Err(NotJson),
                "{text}"
            );
        }
        assert_eq!(Reader::new(b"\"\xff\"").token(), Err(NotJson));
    }
}
