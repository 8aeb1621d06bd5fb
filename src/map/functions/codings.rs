//! More encodings: hexadecimal, URLs, JSON in texts, keyed hashes.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
};
use cel::common::value::{CowVal, Val};
use sha2::{Digest, Sha256};

use super::encodings::hexadecimal;
use super::given::{Answer, Counts, Given, failed, made, made_bytes, made_int, octets, ours, text};
use super::{Function, OCTETS, TEXT};
use crate::limits::JSON_DEPTH_MAX;
use crate::map::budget::spend;
use crate::map::cel_values::from_json;
use crate::map::types::Type;

const G1: Counts = (&[1], &[]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("parse_json", "parse_json(text) → value"),
        "The value of a text that is JSON: of a field that holds JSON in quotes. Another text is a \
         422.",
        (r#"parse_json('{"a": [1, 2]}').a[1]"#, "2"),
        G1,
        &[TEXT],
        Type::Any,
        parse_json,
    ),
    ours(
        ("base64url", "base64url(text or bytes) → text"),
        "Base64 of bytes, or of a text's UTF-8, with `-`, `_` and no padding, as URLs take it.",
        ("base64url('a?>')", "YT8-"),
        G1,
        &[OCTETS],
        Type::Text,
        base64url,
    ),
    ours(
        ("base64url_decode", "base64url_decode(text) → bytes"),
        "The bytes of such a text. Another text is a 422.",
        ("base64url_decode('YT8-')", "a?>"),
        G1,
        &[OCTETS],
        Type::Bytes,
        base64url_decode,
    ),
    ours(
        ("hex", "hex(text or bytes) → text"),
        "Two hexadecimal digits for each byte.",
        ("hex('Az')", "417a"),
        G1,
        &[OCTETS],
        Type::Text,
        hex,
    ),
    ours(
        ("hex_decode", "hex_decode(text) → bytes"),
        "The bytes of hexadecimal digits. Another text is a 422.",
        ("hex_decode('417A')", "Az"),
        G1,
        &[TEXT],
        Type::Bytes,
        hex_decode,
    ),
    ours(
        ("url_encode", "url_encode(text) → text"),
        "A text as a part of a URL: all but letters, digits and `-._~` as `%XX`.",
        ("url_encode('a b/ü')", "a%20b%2F%C3%BC"),
        G1,
        &[TEXT],
        Type::Text,
        url_encode,
    ),
    ours(
        ("url_decode", "url_decode(text) → text"),
        "With each `%XX` as its byte; `+` stays. A text that is not UTF-8 then is a 422.",
        ("url_decode('a%20b%2F%C3%BC')", "a b/ü"),
        G1,
        &[TEXT],
        Type::Text,
        url_decode,
    ),
    ours(
        ("hmac", "hmac(key, text or bytes) → text"),
        "HMAC with SHA-256 as 64 hexadecimal digits.",
        (
            "hmac('key', 'The quick brown fox jumps over the lazy dog')",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        ),
        (&[2], &[]),
        &[OCTETS, OCTETS],
        Type::Text,
        hmac,
    ),
    ours(
        ("crc32", "crc32(text or bytes) → int"),
        "CRC-32 as zip has it, a number from 0 to 4294967295.",
        ("crc32('123456789')", "3421780262"),
        G1,
        &[OCTETS],
        Type::Int,
        crc32,
    ),
];

/// Bytes of HMAC's block for SHA-256.
const BLOCK_BYTES: usize = 64;

fn parse_json<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let json = text("parse_json", &given, 0)?.trim_matches([' ', '\n', '\r', '\t']);
    // Each value costs more than its bytes.
    spend(json.len().saturating_mul(8))?;
    // The parser's own bound on nesting is that of events: what passes it does not overflow a stack
    // here. It must be the parser that makes values, as the one that skips them has no such bound.
    const { assert!(JSON_DEPTH_MAX <= 128, "the parser's own bound") };
    let valid = serde_json::from_str::<serde_json::Value>(json);
    valid.map_err(|_| failed("parse_json", "the text is not JSON"))?;
    let value = from_json(json.as_bytes());
    let value = value.map_err(|_| {
        failed(
            "parse_json",
            "a number is too large, or a name occurs twice",
        )
    })?;
    Ok(CowVal::Owned(owned(value.as_ref())))
}

/// A copy of what JSON can say that borrows nothing.
fn owned<'v>(value: &dyn Val) -> Box<dyn Val + 'v> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Box::new(CelString::from(text.inner().to_owned()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let list: Vec<_> = list
            .inner()
            .iter()
            .map(|value| owned(value.as_ref()))
            .collect();
        return Box::new(CelList::from(list));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let entries = map.inner().iter().map(|(key, value)| {
            let key = match key {
                CelMapKey::String(text) => CelMapKey::from(text.inner().to_owned()),
                CelMapKey::Int(integer) => CelMapKey::Int(*integer),
                CelMapKey::UInt(integer) => CelMapKey::UInt(*integer),
                CelMapKey::Bool(boolean) => CelMapKey::Bool(*boolean),
            };
            (key, owned(value.as_ref()))
        });
        return Box::new(CelMap::from(
            entries.collect::<std::collections::HashMap<_, _>>(),
        ));
    }
    if let Some(boolean) = value.downcast_ref::<CelBool>() {
        return Box::new(*boolean);
    }
    if let Some(integer) = value.downcast_ref::<CelInt>() {
        return Box::new(*integer);
    }
    match value.downcast_ref::<CelDouble>() {
        Some(double) => Box::new(*double),
        None => Box::new(CelNull),
    }
}

fn base64url<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(URL_SAFE_NO_PAD.encode(octets("base64url", &given, 0)?))
}

fn base64url_decode<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let bytes = URL_SAFE_NO_PAD.decode(octets("base64url_decode", &given, 0)?);
    made_bytes(bytes.map_err(|_| failed("base64url_decode", "the text is not base64 for URLs"))?)
}

fn hex<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    made(hexadecimal(octets("hex", &given, 0)?))
}

fn hex_decode<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let digits = text("hex_decode", &given, 0)?.as_bytes();
    let bad = || failed("hex_decode", "the text is not pairs of hexadecimal digits");
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    made_bytes(bytes.collect::<Option<Vec<u8>>>().ok_or_else(bad)?)
}

fn url_encode<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let whole = text("url_encode", &given, 0)?;
    spend(whole.len().saturating_mul(3))?;
    let mut out = String::with_capacity(whole.len());
    for byte in whole.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hexadecimal(&[byte]).to_ascii_uppercase());
        }
    }
    made(out)
}

fn url_decode<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let mut rest = text("url_decode", &given, 0)?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .first()
            .and_then(digit)
            .zip(after.get(1).and_then(digit));
        match pair {
            Some((high, low)) if *first == b'%' => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let text = String::from_utf8(bytes);
    made(text.map_err(|_| failed("url_decode", "the bytes are not UTF-8"))?)
}

fn hmac<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (key, message) = (octets("hmac", &given, 0)?, octets("hmac", &given, 1)?);
    spend(message.len())?;
    let mut block = [0_u8; BLOCK_BYTES];
    let hashed = Sha256::digest(key);
    let key: &[u8] = if key.len() > BLOCK_BYTES {
        &hashed
    } else {
        key
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let keyed = |pad: u8, parts: &[&[u8]]| {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ pad));
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize()
    };
    let inner = keyed(0x36, &[message]);
    made(hexadecimal(&keyed(0x5C, &[&inner])))
}

fn crc32<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let bytes = octets("crc32", &given, 0)?;
    spend(bytes.len())?;
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    made_int(i64::from(sum.sum()))
}
