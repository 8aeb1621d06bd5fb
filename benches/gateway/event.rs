//! The events that the load sends: 512 bytes of JSON, a unique id, a key that spreads.

use std::fmt::Write as _;

/// Bytes of one event.
pub(crate) const EVENT_BYTES: usize = 512;
/// Distinct keys, so that every partition and shard gets its part.
const KEYS: u64 = 1000;
/// The bytes before the id's first digit.
pub(crate) const ID_PREFIX: &str = "{\"id\":\"";
/// Digits of an id: 8 of the run, 4 of the connection, 8 of the sequence, all hexadecimal.
pub(crate) const ID_DIGITS: usize = 20;
const KEY_PREFIX: &str = "\",\"user\":\"user-";
const KEY_DIGITS: usize = 4;
const MIDDLE: &str = "\",\"type\":\"click\",\"total\":12.5,\"active\":true,\"page\":{\"url\":\
    \"https://example.org/shop/articles/1234567\",\"title\":\"Of gates, rivers and fields\",\
    \"tags\":[\"water\",\"fields\",\"gates\"]},\"device\":{\"os\":\"linux\",\"width\":1920,\
    \"height\":1080},\"padding\":\"";
const END: &str = "\"}";

/// Which event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId {
    /// The measurement.
    pub(crate) run: u32,
    /// The connection that sent it.
    pub(crate) connection: u16,
    /// Its place among those of its connection.
    pub(crate) sequence: u32,
}

/// The text of an event whose id and key are to be written by [`stamp`].
pub(crate) fn template() -> Vec<u8> {
    let mut text = String::with_capacity(EVENT_BYTES);
    let _ = write!(
        text,
        "{ID_PREFIX}{:0>ID_DIGITS$}{KEY_PREFIX}{:0>KEY_DIGITS$}{MIDDLE}",
        0, 0
    );
    while text.len() + END.len() < EVENT_BYTES {
        text.push('.');
    }
    text.push_str(END);
    text.into_bytes()
}

/// Writes an id and its key into a template.
pub(crate) fn stamp(event: &mut [u8], id: EventId) {
    let place = ID_PREFIX.len();
    digits::<16>(event, place, 8, u64::from(id.run));
    digits::<16>(event, place + 8, 4, u64::from(id.connection));
    digits::<16>(event, place + 12, 8, u64::from(id.sequence));
    let key = (u64::from(id.sequence) * 31 + u64::from(id.connection) * 7) % KEYS;
    digits::<10>(event, place + ID_DIGITS + KEY_PREFIX.len(), KEY_DIGITS, key);
}

/// Reads the id from the first bytes of an event.
pub(crate) fn read(event: &[u8]) -> Option<EventId> {
    let text = event
        .strip_prefix(ID_PREFIX.as_bytes())?
        .get(..ID_DIGITS)
        .and_then(|digits| std::str::from_utf8(digits).ok())?;
    Some(EventId {
        run: u32::from_str_radix(text.get(..8)?, 16).ok()?,
        connection: u16::from_str_radix(text.get(8..12)?, 16).ok()?,
        sequence: u32::from_str_radix(text.get(12..)?, 16).ok()?,
    })
}

fn digits<const BASE: u64>(event: &mut [u8], start: usize, count: usize, mut number: u64) {
    for place in (start..start + count).rev() {
        if let Some(digit) = event.get_mut(place) {
            *digit = b"0123456789abcdef"[(number % BASE) as usize];
        }
        number /= BASE;
    }
}
