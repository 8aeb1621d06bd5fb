//! `Idempotency-Key` (the IETF's draft-ietf-httpapi-idempotency-key-header): what a client calls
//! its request, and how that and the payload become numbers.

use sha2::{Digest as _, Sha256};

use super::{Key, Payload};
use crate::error::{Code, Refusal};
use crate::http::Head;
use crate::limits::IDEMPOTENCY_KEY_BYTES_MAX;

/// The header field's name, in lower case.
const FIELD: &str = "idempotency-key";

/// The key that a request's head has: a quoted string, or a token without quotes, which is the
/// same key.
///
/// # Errors
/// `IdempotencyKeyInvalid`.
pub fn of_head(head: &Head<'_>) -> Result<Option<String>, Refusal> {
    let mut found = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case(FIELD));
    let Some((_, value)) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(invalid("it stands twice"));
    }
    parsed(value).map(Some).map_err(invalid)
}

/// What a request is refused with whose key cannot be one.
pub fn invalid(why: &str) -> Refusal {
    let detail = format!(
        "`Idempotency-Key` is not a key: {why}; send a quoted string of at most \
         {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters, a UUID for example"
    );
    Refusal::new(Code::IdempotencyKeyInvalid, detail)
}

fn parsed(value: &[u8]) -> Result<String, &'static str> {
    let value = value.trim_ascii();
    let key = match value {
        [] => return Err("it is empty"),
        [b'"', inner @ ..] => unquoted(inner)?,
        bare => {
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
            if !bare.iter().all(plain) {
                return Err("without quotes it has no spaces, commas, semicolons and quotes");
            }
            String::from_utf8_lossy(bare).into_owned()
        }
    };
    match key.len() {
        0 => Err("it is empty"),
        1..=IDEMPOTENCY_KEY_BYTES_MAX => Ok(key),
        _ => Err("it is too long"),
    }
}

/// The text of a string (RFC 8941, 3.3.3) whose opening quote is gone.
fn unquoted(inner: &[u8]) -> Result<String, &'static str> {
    let mut text = String::new();
    let mut rest = inner.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' if rest.as_slice().is_empty() => return Ok(text),
            b'"' => return Err("something follows its closing quote"),
            b'\\' => match rest.next() {
                Some(escaped @ (b'"' | b'\\')) => text.push(char::from(*escaped)),
                _ => return Err("a backslash stands before a quote or a backslash only"),
            },
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => return Err("it has characters that are not visible ASCII"),
        }
    }
    Err("its closing quote is missing")
}

/// Whose key it is: the same text is another key on another route or of another client.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// The route's name.
    pub route: &'s str,
    /// The client's name, where the route asks who sends.
    pub client: Option<&'s str>,
}

impl Scope<'_> {
    /// The number of a key. Clients choose their keys, so the hash is one that nobody finds
    /// collisions of.
    #[must_use]
    pub fn key(&self, text: &str) -> Key {
        let mut hash = Fingerprint::new();
        hash.part(self.route.as_bytes());
        hash.part(self.client.unwrap_or_default().as_bytes());
        hash.part(text.as_bytes());
        hash.number()
    }
}

/// A hash of several parts, of which none can run into the next.
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The first 128 bits.
    #[must_use]
    pub fn number(self) -> Payload {
        let whole = self.0.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        u128::from_be_bytes(half)
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_quoted_string_or_a_token() {
        for (value, key) in [
            (
                "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
                Some("8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ),
            (
                "8e03978e-40d5-43dd-bc93-6894a57f9324",
                Some("8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ),
            ("\"a b, c; \\\" \\\\\"", Some("a b, c; \" \\")),
            ("  \"x\"  ", Some("x")),
            ("YWJj+/==", Some("YWJj+/==")),
            ("", None),
            ("\"\"", None),
            ("\"", None),
            ("\"abc", None),
            ("\"abc\" def", None),
            ("\"abc\";p=1", None),
            ("\"a\\n\"", None),
            ("\"a\tb\"", None),
            ("\"\u{e9}\"", None),
            ("a b", None),
            ("a,b", None),
            ("a\"b", None),
        ] {
            assert_eq!(parsed(value.as_bytes()).ok().as_deref(), key, "{value}");
        }
        let longest = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX);
        assert!(parsed(longest.as_bytes()).is_ok());
        assert!(parsed(format!("{longest}k").as_bytes()).is_err());
        assert!(parsed(format!("\"{longest}k\"").as_bytes()).is_err());
    }

    #[test]
    fn the_same_text_is_another_key_elsewhere() {
        let key = |route, client, text| Scope { route, client }.key(text);
        let known = key("a", Some("b"), "c");
        assert_eq!(known, key("a", Some("b"), "c"));
        for other in [
            key("a", None, "c"),
            key("a", Some("b"), "d"),
            key("ab", None, "c"),
            key("a", Some("bc"), ""),
            key("", Some("ab"), "c"),
        ] {
            assert_ne!(known, other);
        }
    }
}
