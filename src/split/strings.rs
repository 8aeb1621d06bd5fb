//! JSON strings: finding their end, judging their escapes, and taking the escapes away.

use std::borrow::Cow;

/// What is wrong with a string, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringFault {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Where a string ends (one past its closing quote), and whether it has escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringEnd {
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

/// Finds the end of the string whose opening quote is at `open`. The bytes are UTF-8 already.
pub(crate) fn string_end(bytes: &[u8], open: usize) -> Result<StringEnd, StringFault> {
    let mut at = open + 1;
    let mut escaped = false;
    loop {
        at = next_special(bytes, at);
        match bytes.get(at) {
            Some(b'"') => {
                return Ok(StringEnd {
                    end: at + 1,
                    escaped,
                });
            }
            Some(b'\\') => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            Some(_) => {
                let what = "a control character inside a string must be escaped";
                return Err(StringFault { at, what });
            }
            None => {
                let what = "the string does not end";
                return Err(StringFault {
                    at: bytes.len(),
                    what,
                });
            }
        }
    }
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The first quote, backslash or control byte from `at` on, or the end.
///
/// Eight bytes at a time: most strings of events are short, where a call into memchr costs more
/// than it saves, and the control bytes would need a pass of their own.
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|c| c.try_into().ok()) {
        let word = u64::from_le_bytes(chunk);
        let marks = zeros(word ^ (LOW_BITS * u64::from(b'"')))
            | zeros(word ^ (LOW_BITS * u64::from(b'\\')))
            | (word.wrapping_sub(LOW_BITS * 0x20) & !word & HIGH_BITS);
        if marks != 0 {
            // The lowest mark is exact: a borrow can only spoil bytes above a true one.
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    at + rest.iter().position(special).unwrap_or(rest.len())
}

fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

/// One past the escape whose backslash is at `at`.
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, StringFault> {
    let fault = |what| Err(StringFault { at, what });
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match code_unit(bytes, at) {
            None => fault("`\\u` needs four hexadecimal digits"),
            Some(0xDC00..=0xDFFF) => fault("a low surrogate stands alone"),
            Some(0xD800..=0xDBFF) => match code_unit(bytes, at + 6) {
                Some(0xDC00..=0xDFFF) => Ok(at + 12),
                _ => fault("a high surrogate stands alone"),
            },
            Some(_) => Ok(at + 6),
        },
        _ => fault("an unknown escape"),
    }
}

/// The number of the `\uXXXX` at `at`, if one stands there.
fn code_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |number, &byte| {
        Some(number * 16 + char::from(byte).to_digit(16)?)
    })
}

/// The text of a string, from its bytes between the quotes. They must have passed the scan: what
/// could not is left out.
pub(crate) fn unescape(inner: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', inner) else {
        return Cow::Borrowed(inner);
    };
    let mut text = Vec::with_capacity(inner.len());
    text.extend_from_slice(inner.get(..first).unwrap_or_default());
    let mut at = first;
    while at < inner.len() {
        let rest = inner.get(at..).unwrap_or_default();
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        text.extend_from_slice(rest.get(..plain).unwrap_or_default());
        at += plain;
        if at < inner.len() {
            at += unescape_one(inner, at, &mut text);
        }
    }
    Cow::Owned(text)
}

/// Adds the character of the escape at `at` and gives the escape's length.
fn unescape_one(inner: &[u8], at: usize, text: &mut Vec<u8>) -> usize {
    let plain = match inner.get(at + 1) {
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => {
            let high = code_unit(inner, at).unwrap_or(0);
            let (number, length) = if (0xD800..0xDC00).contains(&high) {
                let low = code_unit(inner, at + 6).unwrap_or(0xDC00);
                let low = low.wrapping_sub(0xDC00) & 0x3FF;
                (0x10000 + ((high - 0xD800) << 10) + low, 12)
            } else {
                (high, 6)
            };
            let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return length;
        }
        Some(&same) => same,
        None => return 1,
    };
    text.push(plain);
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_at_every_place() {
        for length in 0..20 {
            for place in 0..length {
                for special in [b'"', b'\\', 0, 0x1F] {
                    for other in [b'a', 0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xFF, 0xA2] {
                        let mut bytes = vec![other; length];
                        bytes[place] = special;
                        assert_eq!(next_special(&bytes, 0), place, "{bytes:?}");
                        assert_eq!(next_special(&bytes, place + 1), length, "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn escapes_become_characters() {
        for (inner, text) in [
            ("plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u0062c", "abc"),
            (r"\uD83D\uDE00!", "\u{1F600}!"),
            (r"\u0000", "\0"),
            (r"é\u00e9", "éé"),
        ] {
            assert_eq!(unescape(inner.as_bytes()), text.as_bytes(), "{inner}");
        }
    }

    #[test]
    fn lone_surrogates_and_unknown_escapes_are_refused() {
        for inner in [
            r"\uD800",
            r"\uDC00",
            r"\uD800\uD800",
            r"\uD800\n",
            r"\x",
            r"\u12",
            r"\u12G4",
            r"\U0041",
            "\\",
            "\n",
        ] {
            let text = format!("\"{inner}\"");
            assert!(string_end(text.as_bytes(), 0).is_err(), "{inner}");
        }
    }
}
