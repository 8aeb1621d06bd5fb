//! Decodes a chunked body: a state machine over bytes that moves the data together in place.
//!
//! The data of all chunks ends up as one contiguous piece right behind the head, so that a chunked
//! body is a slice of the connection's buffer like any other. Every byte is looked at once however
//! the body was cut on its way.

use crate::limits::{CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, TRAILER_BYTES_MAX};

use super::fields::is_token_byte;

/// Bytes of all chunk extensions of a body. Without it a body of one-byte chunks could carry a
/// thousand times its size in extensions, each within its own bound.
const EXTENSION_BYTES_TOTAL: usize = 16 * CHUNK_EXTENSION_BYTES_MAX;

/// Fields that must not come behind a body (RFC 9110, 6.5.1): they say where it ends, whose it is,
/// or how it is to be read, and a server behind or before this one might believe them.
const FORBIDDEN_TRAILERS: [&[u8]; 13] = [
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"cookie",
    b"expect",
    b"host",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];
/// Bytes of the longest of them.
const FORBIDDEN_BYTES_MAX: usize = b"proxy-authorization".len();

/// Where decoding stands in the buffer. `write <= read`, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// One past the data decoded so far.
    pub write: usize,
    /// The next byte to look at.
    pub read: usize,
}

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkFault {
    /// Not a chunked body; what is wrong with it.
    Malformed(&'static str),
    /// More data than was allowed.
    TooLarge,
}

/// Decodes one body.
#[derive(Clone, Copy, Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Of the chunk whose head is being read: its size so far. Within data: what is left of it.
    size: u64,
    /// Digits of the size so far.
    digits: usize,
    /// Bytes of this chunk's extensions, or of the trailers.
    extra: usize,
    /// Bytes of all extensions so far.
    extensions: usize,
    trailer: TrailerName,
    /// Data announced so far. `data <= data_max`.
    data: u64,
    data_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension(Extension),
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

/// The name of the trailer that is being read, in lower case, as far as it may be a forbidden one.
#[derive(Clone, Copy, Debug, Default)]
struct TrailerName {
    bytes: [u8; FORBIDDEN_BYTES_MAX],
    length: usize,
}

impl TrailerName {
    /// Takes the byte that led to this state.
    fn judge(&mut self, next: State, byte: u8) -> Result<(), ChunkFault> {
        match next {
            State::TrailerName => {
                if let Some(place) = self.bytes.get_mut(self.length) {
                    *place = byte.to_ascii_lowercase();
                }
                self.length += 1;
            }
            State::TrailerValue => {
                let name = self.bytes.get(..self.length).unwrap_or_default();
                if FORBIDDEN_TRAILERS.contains(&name) {
                    return malformed("a trailer holds a field that must stand before the body");
                }
            }
            _ => self.length = 0,
        }
        Ok(())
    }
}

/// `;name`, `;name=token` or `;name="quoted"`, with blanks around `;` and `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    Escaped,
    AfterValue,
}

impl ChunkedDecoder {
    /// A decoder that takes up to `data_max` bytes of data.
    #[must_use]
    pub fn new(data_max: u64) -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            extra: 0,
            extensions: 0,
            trailer: TrailerName::default(),
            data: 0,
            data_max,
        }
    }

    /// Data left of the chunk that is being read, in bytes, as far as it was announced.
    #[must_use]
    pub fn expected(&self) -> u64 {
        if self.state == State::Data {
            self.size
        } else {
            0
        }
    }

    /// Whether anything of the body has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::Size || self.digits > 0 || self.data > 0
    }

    /// Decodes `bytes[cursor.read..]`, moving data to `cursor.write`. Returns whether the body is
    /// complete; if not, all bytes were looked at.
    ///
    /// # Errors
    /// [`ChunkFault`]: the body is refused and the decoder must not be used again.
    pub fn advance(&mut self, bytes: &mut [u8], cursor: &mut Cursor) -> Result<bool, ChunkFault> {
        while self.state != State::Done {
            if self.state == State::Data {
                self.take_data(bytes, cursor);
                if self.state == State::Data {
                    return Ok(false);
                }
            }
            let Some(&byte) = bytes.get(cursor.read) else {
                return Ok(false);
            };
            cursor.read += 1;
            self.step(byte)?;
        }
        Ok(true)
    }

    fn take_data(&mut self, bytes: &mut [u8], cursor: &mut Cursor) {
        let arrived = bytes.len().saturating_sub(cursor.read);
        let left = usize::try_from(self.size).unwrap_or(usize::MAX);
        let taken = arrived.min(left);
        if cursor.write != cursor.read {
            bytes.copy_within(cursor.read..cursor.read + taken, cursor.write);
        }
        cursor.read += taken;
        cursor.write += taken;
        self.size -= taken as u64;
        if self.size == 0 {
            self.state = State::DataReturn;
        }
    }

    fn step(&mut self, byte: u8) -> Result<(), ChunkFault> {
        self.state = match self.state {
            State::Size => self.size_byte(byte)?,
            State::Extension(extension) => {
                self.extra += 1;
                self.extensions += 1;
                if self.extra > CHUNK_EXTENSION_BYTES_MAX || self.extensions > EXTENSION_BYTES_TOTAL
                {
                    return malformed("chunk extensions are too long");
                }
                extension_byte(extension, byte)?
            }
            State::SizeLineFeed => self.size_end(byte)?,
            State::DataReturn => expect(byte, b'\r', State::DataLineFeed)?,
            State::DataLineFeed => expect(byte, b'\n', State::Size)?,
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLineFeed => {
                let next = trailer_byte(self.state, byte)?;
                self.extra += usize::from(next != State::LastLineFeed);
                if self.extra > TRAILER_BYTES_MAX {
                    return malformed("the trailers are too long");
                }
                self.trailer.judge(next, byte)?;
                next
            }
            State::LastLineFeed => expect(byte, b'\n', State::Done)?,
            State::Data | State::Done => self.state,
        };
        Ok(())
    }

    fn size_byte(&mut self, byte: u8) -> Result<State, ChunkFault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if self.digits > 0 => return Ok(State::SizeLineFeed),
            b';' if self.digits > 0 => return Ok(State::Extension(Extension::BeforeName)),
            _ => return malformed("a chunk size is not a hexadecimal number"),
        };
        self.digits += 1;
        if self.digits > CHUNK_SIZE_DIGITS_MAX {
            return malformed("a chunk size has more than 16 digits");
        }
        self.size = (self.size << 4) | u64::from(digit);
        Ok(State::Size)
    }

    fn size_end(&mut self, byte: u8) -> Result<State, ChunkFault> {
        expect(byte, b'\n', State::Data)?;
        self.digits = 0;
        self.extra = 0;
        if self.size == 0 {
            return Ok(State::TrailerStart);
        }
        self.data = match self.data.checked_add(self.size) {
            Some(data) if data <= self.data_max => data,
            _ => return Err(ChunkFault::TooLarge),
        };
        Ok(State::Data)
    }
}

fn extension_byte(extension: Extension, byte: u8) -> Result<State, ChunkFault> {
    let blank = byte == b' ' || byte == b'\t';
    let token = is_token_byte(byte);
    let next = match (extension, byte) {
        (
            Extension::Name | Extension::AfterName | Extension::Value | Extension::AfterValue,
            b'\r',
        ) => {
            return Ok(State::SizeLineFeed);
        }
        (
            Extension::Name | Extension::AfterName | Extension::Value | Extension::AfterValue,
            b';',
        ) => Extension::BeforeName,
        (Extension::BeforeName, _) if blank => Extension::BeforeName,
        (Extension::BeforeName | Extension::Name, _) if token => Extension::Name,
        (Extension::Name | Extension::AfterName, b'=') => Extension::BeforeValue,
        (Extension::Name | Extension::AfterName, _) if blank => Extension::AfterName,
        (Extension::BeforeValue, b'"') => Extension::Quoted,
        (Extension::BeforeValue, _) if blank => Extension::BeforeValue,
        (Extension::BeforeValue | Extension::Value, _) if token => Extension::Value,
        (Extension::Value | Extension::AfterValue, _) if blank => Extension::AfterValue,
        (Extension::Quoted, b'"') => Extension::AfterValue,
        (Extension::Quoted, b'\\') => Extension::Escaped,
        (Extension::Quoted | Extension::Escaped, _) if is_text(byte) => Extension::Quoted,
        _ => return malformed("a chunk extension is not well-formed"),
    };
    Ok(State::Extension(next))
}

/// Trailers are checked like fields and then dropped: nothing downstream may depend on them.
fn trailer_byte(state: State, byte: u8) -> Result<State, ChunkFault> {
    match (state, byte) {
        (State::TrailerStart, b'\r') => Ok(State::LastLineFeed),
        (State::TrailerName, b':') => Ok(State::TrailerValue),
        (State::TrailerStart | State::TrailerName, _) if is_token_byte(byte) => {
            Ok(State::TrailerName)
        }
        (State::TrailerValue, b'\r') => Ok(State::TrailerLineFeed),
        (State::TrailerValue, _) if is_text(byte) => Ok(State::TrailerValue),
        (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
        _ => malformed("a trailer is not a well-formed field"),
    }
}

/// Anything but control characters; the horizontal tab is text.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

fn expect(byte: u8, wanted: u8, next: State) -> Result<State, ChunkFault> {
    if byte == wanted {
        Ok(next)
    } else {
        malformed("a chunk does not end with CRLF where its size says so")
    }
}

fn malformed<T>(detail: &'static str) -> Result<T, ChunkFault> {
    Err(ChunkFault::Malformed(detail))
}

#[cfg(test)]
mod tests;
