//! The decoder of chunked bodies: the same data or the same fault however the bytes are cut, and
//! what a simple reader finds that looks at the whole body at once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::{ChunkFault, ChunkedDecoder, Cursor};

const EXTENSION_BYTES: usize = 1024;
const EXTENSIONS_BYTES: usize = 16 * 1024;
const TRAILER_BYTES: usize = 4096;
const FORBIDDEN: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "cookie",
    "expect",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What became of a body: its data and how many bytes it took, or why not.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Whole(Vec<u8>, usize),
    Part(Vec<u8>),
    Malformed,
    TooLarge,
}

fuzz_target!(|data: &[u8]| {
    for data_max in [4, 1000, u64::MAX] {
        let expected = simple(data, data_max);
        for ends in sluicegate_fuzz::cuts(data) {
            assert_eq!(decoded(data, &ends, data_max), expected, "cut at {ends:?}");
        }
    }
});

fn decoded(data: &[u8], ends: &[usize], data_max: u64) -> Verdict {
    let mut decoder = ChunkedDecoder::new(data_max);
    let mut buffer = Vec::new();
    let mut cursor = Cursor { write: 0, read: 0 };
    for end in ends {
        buffer.extend_from_slice(&data[buffer.len()..*end]);
        match decoder.advance(&mut buffer, &mut cursor) {
            Ok(true) => {
                buffer.truncate(cursor.write);
                return Verdict::Whole(buffer, cursor.read);
            }
            Ok(false) => assert!(cursor.write <= cursor.read && cursor.read == buffer.len()),
            Err(ChunkFault::Malformed(_)) => return Verdict::Malformed,
            Err(ChunkFault::TooLarge) => return Verdict::TooLarge,
        }
    }
    buffer.truncate(cursor.write);
    Verdict::Part(buffer)
}

/// The bytes that are left, and the data so far.
struct Reader<'d> {
    rest: &'d [u8],
    data: Vec<u8>,
    extensions: usize,
}

/// The body ends here, or is wrong here.
enum Stop {
    Short,
    Malformed,
    TooLarge,
}

fn simple(data: &[u8], data_max: u64) -> Verdict {
    let mut reader = Reader {
        rest: data,
        data: Vec::new(),
        extensions: 0,
    };
    match reader.body(data_max) {
        Ok(()) => Verdict::Whole(reader.data, data.len() - reader.rest.len()),
        Err(Stop::Short) => Verdict::Part(reader.data),
        Err(Stop::Malformed) => Verdict::Malformed,
        Err(Stop::TooLarge) => Verdict::TooLarge,
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.rest.split_first().ok_or(Stop::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), Stop> {
        for byte in wanted {
            if self.next()? != *byte {
                return Err(Stop::Malformed);
            }
        }
        Ok(())
    }

    fn body(&mut self, data_max: u64) -> Result<(), Stop> {
        let mut total: u128 = 0;
        loop {
            let size = self.size()?;
            if size == 0 {
                return self.trailers();
            }
            total += u128::from(size);
            if total > u128::from(data_max) {
                return Err(Stop::TooLarge);
            }
            let taken = usize::try_from(size)
                .unwrap_or(usize::MAX)
                .min(self.rest.len());
            let (data, rest) = self.rest.split_at(taken);
            self.data.extend_from_slice(data);
            self.rest = rest;
            if (taken as u64) < size {
                return Err(Stop::Short);
            }
            self.expect(b"\r\n")?;
        }
    }

    /// `1*16HEX [extensions] CRLF`
    fn size(&mut self) -> Result<u64, Stop> {
        let mut digits = String::new();
        loop {
            let byte = self.next()?;
            match byte {
                b'\r' if !digits.is_empty() => break,
                b';' if !digits.is_empty() => {
                    self.extension_list()?;
                    break;
                }
                _ if byte.is_ascii_hexdigit() && digits.len() < 16 => digits.push(byte.into()),
                _ => return Err(Stop::Malformed),
            }
        }
        self.expect(b"\n")?;
        u64::from_str_radix(&digits, 16).map_err(|_| Stop::Malformed)
    }

    /// Everything from behind the first `;` to the carriage return, by its grammar.
    fn extension_list(&mut self) -> Result<(), Stop> {
        let end = self.rest.iter().position(|byte| *byte == b'\r');
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        // The carriage return counts as well.
        let room = EXTENSION_BYTES.min(EXTENSIONS_BYTES - self.extensions);
        let bytes = line.len() + usize::from(end.is_some());
        let seen = &line[..line.len().min(room)];
        let well_formed = is_extension_prefix(seen);
        if !well_formed || bytes > room {
            return Err(Stop::Malformed);
        }
        let Some(end) = end else {
            return Err(Stop::Short);
        };
        if !is_extension_end(line) {
            return Err(Stop::Malformed);
        }
        self.extensions += bytes;
        self.rest = &self.rest[end + 1..];
        Ok(())
    }

    fn trailers(&mut self) -> Result<(), Stop> {
        let mut bytes = 0;
        loop {
            let mut name = String::new();
            let mut byte = self.next()?;
            if byte == b'\r' {
                return self.expect(b"\n");
            }
            let mut count = |bytes: &mut usize| {
                *bytes += 1;
                if *bytes > TRAILER_BYTES {
                    Err(Stop::Malformed)
                } else {
                    Ok(())
                }
            };
            while byte != b':' || name.is_empty() {
                if !is_token(byte) {
                    return Err(Stop::Malformed);
                }
                count(&mut bytes)?;
                name.push(byte.to_ascii_lowercase().into());
                byte = self.next()?;
            }
            count(&mut bytes)?;
            if FORBIDDEN.contains(&&*name) {
                return Err(Stop::Malformed);
            }
            loop {
                byte = self.next()?;
                count(&mut bytes)?;
                match byte {
                    b'\r' => break,
                    _ if is_text(byte) => {}
                    _ => return Err(Stop::Malformed),
                }
            }
            if self.next()? != b'\n' {
                return Err(Stop::Malformed);
            }
            count(&mut bytes)?;
        }
    }
}

/// The parts of a list of extensions between its `;`, quotes respected; the last may be cut off
/// inside of its quotes.
fn parts(line: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                parts.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&line[start..]);
    parts
}

fn is_extension_prefix(line: &[u8]) -> bool {
    let parts = parts(line);
    let Some((last, before)) = parts.split_last() else {
        return true;
    };
    before.iter().all(|part| is_extension(part, false)) && is_extension(last, true)
}

fn is_extension_end(line: &[u8]) -> bool {
    parts(line).iter().all(|part| is_extension(part, false))
}

/// `BWS token BWS [ "=" BWS ( token / quoted ) BWS ]`, or with `cut` the beginning of one.
fn is_extension(part: &[u8], cut: bool) -> bool {
    let part = behind(part, |byte| byte == b' ' || byte == b'\t').1;
    let (name, rest) = behind(part, is_token);
    if name.is_empty() {
        return cut && rest.is_empty();
    }
    let rest = behind(rest, |byte| byte == b' ' || byte == b'\t').1;
    let Some((b'=', rest)) = rest.split_first() else {
        return rest.is_empty();
    };
    let rest = behind(rest, |byte| byte == b' ' || byte == b'\t').1;
    let rest = match rest.split_first() {
        None => return cut,
        Some((b'"', rest)) => {
            let mut rest = rest;
            loop {
                match rest {
                    [] => return cut,
                    [b'"', after @ ..] => break after,
                    [b'\\'] => return cut,
                    [b'\\', byte, after @ ..] if is_text(*byte) => rest = after,
                    [b'\\', ..] => return false,
                    [byte, after @ ..] if is_text(*byte) => rest = after,
                    _ => return false,
                }
            }
        }
        Some(_) => {
            let (value, rest) = behind(rest, is_token);
            if value.is_empty() {
                return false;
            }
            rest
        }
    };
    behind(rest, |byte| byte == b' ' || byte == b'\t')
        .1
        .is_empty()
}

fn behind(bytes: &[u8], of: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !of(*byte));
    bytes.split_at(end.unwrap_or(bytes.len()))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}
