//! The answer to an event that an image of a page sent: a picture of nothing, or nothing.

use super::OUTCOME;
use crate::http::ResponseWriter;
use crate::settings::Pixel;
use crate::settle::Verdict;

/// A transparent GIF of 1×1.
const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\
    \x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Writes the answer to a success, and gives its status. No cache may keep it: the next showing of the page is an event
/// of its own.
pub(super) fn write(pixel: Pixel, verdict: &Verdict, writer: ResponseWriter<'_>) -> u16 {
    let outcome = verdict.stored.as_str().as_bytes();
    let kept: (&str, &[u8]) = ("Cache-Control", b"no-store");
    match pixel {
        Pixel::Gif => {
            let kind: (&str, &[u8]) = ("Content-Type", b"image/gif");
            writer.write(verdict.status, &[kind, (OUTCOME, outcome), kept], GIF);
            verdict.status
        }
        Pixel::Nothing => {
            writer.write(204, &[(OUTCOME, outcome), kept], b"");
            204
        }
    }
}
