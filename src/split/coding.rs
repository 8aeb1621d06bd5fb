//! Takes a body's Content-Encoding away, before it is cut into events.
//!
//! The whole body is there already, and it and what comes of it are bounded by the route's
//! `request_bytes`: so the work is bounded too, and is done at once on the core. Output is made in
//! place, in memory that never passes the bound; a body that would is refused where it reaches it.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::zstd_safe::{DCtx, get_error_name, get_frame_content_size};

use crate::admit::Coding;
use crate::error::{Code, Refusal};
use crate::limits::GZIP_MEMBERS_MAX;

/// Bits of the window of gzip and zlib: the largest that there is.
const WINDOW_BITS: u8 = 15;
/// How many times its size a body is first given room for.
const GROWTH_GUESS: usize = 4;
/// Room for the smallest body.
const ROOM_MIN: usize = 4 * 1024;
/// Bytes that brotli gives at a time.
const PIECE_BYTES: usize = 16 * 1024;
/// What the zstd library says where the output does not fit.
const ZSTD_TOO_SMALL: &str = "Destination buffer is too small";

/// Decoders with their tables, made when they are first needed and used again.
#[derive(Default)]
pub struct Decoders {
    gzip: Option<Decompress>,
    zlib: Option<Decompress>,
    zstd: Option<DCtx<'static>>,
}

impl std::fmt::Debug for Decoders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoders").finish_non_exhaustive()
    }
}

/// Why a body could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    TooLarge,
    CutShort,
    Damaged,
    GoesOn,
    Members,
}

impl Decoders {
    /// The body without its coding: at most `bytes_max` bytes.
    ///
    /// # Errors
    /// `RequestTooLarge` where it would have more, `EncodingInvalid` where it is not what its
    /// coding says.
    pub fn decode(
        &mut self,
        coding: Coding,
        body: &[u8],
        bytes_max: usize,
    ) -> Result<Bytes, Refusal> {
        let decoded = match coding {
            Coding::Gzip => self.gzip(body, bytes_max),
            Coding::Deflate => self.zlib(body, bytes_max),
            Coding::Zstd => self.zstd(body, bytes_max),
            Coding::Brotli => brotli(body, bytes_max),
        };
        let mut decoded = decoded.map_err(|trouble| refusal(trouble, coding, bytes_max))?;
        // Room that was not needed goes back before the body waits in a queue.
        if decoded.capacity() > 2 * decoded.len() {
            decoded.shrink_to_fit();
        }
        Ok(decoded.into())
    }

    /// RFC 1952: one member after another. Checksum and length of each are looked at.
    fn gzip(&mut self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Trouble> {
        let stream = self
            .gzip
            .get_or_insert_with(|| Decompress::new_gzip(WINDOW_BITS));
        let mut out = room(guessed(body.len()), bytes_max);
        let mut rest = body;
        for _ in 0..GZIP_MEMBERS_MAX {
            stream.reset(true);
            rest = inflate(stream, rest, bytes_max, &mut out)?;
            match rest {
                [] => return Ok(out),
                [0x1f, 0x8b, ..] => {}
                _ => return Err(Trouble::GoesOn),
            }
        }
        Err(Trouble::Members)
    }

    fn zlib(&mut self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Trouble> {
        let stream = self.zlib.get_or_insert_with(|| Decompress::new(true));
        stream.reset(true);
        let mut out = room(guessed(body.len()), bytes_max);
        match inflate(stream, body, bytes_max, &mut out)? {
            [] => Ok(out),
            _ => Err(Trouble::GoesOn),
        }
    }

    /// Straight into the output, so that no window has to be kept, however large the frame says
    /// that it is.
    fn zstd(&mut self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Trouble> {
        let context = self.zstd.get_or_insert_with(DCtx::create);
        let said = get_frame_content_size(body).map_err(|_| Trouble::Damaged)?;
        let said = said.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let first = said.unwrap_or_else(|| guessed(body.len())).min(bytes_max);
        for capacity in [first, bytes_max] {
            let mut out = Vec::with_capacity(capacity);
            match context.decompress(&mut out, body) {
                Ok(_) => return Ok(out),
                Err(code) if get_error_name(code) == ZSTD_TOO_SMALL => {}
                Err(_) => return Err(Trouble::Damaged),
            }
        }
        Err(Trouble::TooLarge)
    }
}

/// Inflates one stream to its end and gives what is behind it.
fn inflate<'b>(
    stream: &mut Decompress,
    body: &'b [u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<&'b [u8], Trouble> {
    loop {
        let read = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = body.get(read..).unwrap_or_default();
        let before = (stream.total_in(), out.len());
        let status = stream
            .decompress_vec(rest, out, FlushDecompress::None)
            .map_err(|_| Trouble::Damaged)?;
        if out.len() > bytes_max {
            return Err(Trouble::TooLarge);
        }
        let read = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        if status == Status::StreamEnd {
            return Ok(body.get(read..).unwrap_or_default());
        }
        if out.len() == out.capacity() {
            // One byte past the bound tells a body that has reached it from one that passes it.
            let more = out.len().max(ROOM_MIN).min(bytes_max + 1 - out.len());
            out.reserve_exact(more);
        } else if (stream.total_in(), out.len()) == before {
            return Err(Trouble::CutShort);
        }
    }
}

fn brotli(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Trouble> {
    let alloc = StandardAlloc::default;
    // Strict: windows of up to 16 MiB, as the RFC has them, and no larger.
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let mut out = room(guessed(body.len()), bytes_max);
    let mut piece = vec![0; PIECE_BYTES];
    let (mut left, mut read, mut total) = (body.len(), 0, 0);
    loop {
        let (mut free, mut written) = (piece.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            body,
            &mut free,
            &mut written,
            &mut piece,
            &mut total,
            &mut state,
        );
        let made = piece.get(..written).unwrap_or_default();
        if out.len() + made.len() > bytes_max {
            return Err(Trouble::TooLarge);
        }
        if out.capacity() - out.len() < made.len() {
            let more = out.len().max(made.len()).min(bytes_max - out.len());
            out.reserve_exact(more);
        }
        out.extend_from_slice(made);
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(out),
            BrotliResult::ResultSuccess => return Err(Trouble::GoesOn),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(Trouble::CutShort),
            BrotliResult::ResultFailure => return Err(Trouble::Damaged),
        }
    }
}

fn guessed(length: usize) -> usize {
    length.saturating_mul(GROWTH_GUESS).max(ROOM_MIN)
}

/// An empty output with room for so many bytes, but for one past the bound at most.
fn room(bytes: usize, bytes_max: usize) -> Vec<u8> {
    Vec::with_capacity(bytes.min(bytes_max + 1))
}

fn refusal(trouble: Trouble, coding: Coding, bytes_max: usize) -> Refusal {
    let what = match trouble {
        Trouble::TooLarge => {
            let detail = format!(
                "the body is larger than {bytes_max} bytes without its Content-Encoding, the \
                 route's `accept.request_bytes`"
            );
            return Refusal::new(Code::RequestTooLarge, detail);
        }
        Trouble::CutShort => "it is cut short".to_owned(),
        Trouble::Damaged => "it is damaged, or something else".to_owned(),
        Trouble::GoesOn => "it goes on behind its end".to_owned(),
        Trouble::Members => format!("it has more than {GZIP_MEMBERS_MAX} members"),
    };
    let name = coding.name();
    let detail = format!("the body is not what `Content-Encoding: {name}` says: {what}");
    Refusal::new(Code::EncodingInvalid, detail)
}
