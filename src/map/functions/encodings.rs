//! JSON, base64 and hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cel::ExecutionError;
use cel::common::types::{CelBytes, CelInt, CelString};
use cel::common::value::{CowVal, Val};
use sha2::Digest;

use super::{ANY, Code, Function, OCTETS};
use crate::map::budget::spend;
use crate::map::cel_values::to_found;
use crate::map::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "json",
        signature: "json(value) → text",
        doc: "The JSON text of a value: of a path into the event, its bytes exactly as received; \
              of anything else, a text without white space whose objects are sorted by name.",
        example: "json(event.tags)",
        result: r#"["a", "b"]"#,
        global: &[1],
        member: &[],
        takes: &[ANY],
        returns: Type::Text,
        code: Code::Here(json),
    },
    Function {
        name: "base64",
        signature: "base64(text or bytes) → text",
        doc: "Base64 of bytes, or of a text's UTF-8, with `+`, `/` and padding.",
        example: "base64(event.name)",
        result: "QWRh",
        global: &[1],
        member: &[],
        takes: &[OCTETS],
        returns: Type::Text,
        code: Code::Here(base64),
    },
    Function {
        name: "base64_decode",
        signature: "base64_decode(text) → bytes",
        doc: "The bytes of a base64 text with `+`, `/` and padding. Another text is a 422.",
        example: "base64_decode('QWRh')",
        result: "Ada",
        global: &[1],
        member: &[],
        takes: &[OCTETS],
        returns: Type::Bytes,
        code: Code::Here(base64_decode),
    },
    Function {
        name: "hash",
        signature: "hash(text or bytes) → text",
        doc: "SHA-256 as 64 hexadecimal digits.",
        example: "hash(event.name)",
        result: "99a563ab2f6e21e96998f9fddd2a2bab82b70ac019579502b8d7fc0032ff62bb",
        global: &[1],
        member: &[],
        takes: &[OCTETS],
        returns: Type::Text,
        code: Code::Here(hash),
    },
    Function {
        name: "md5",
        signature: "md5(text or bytes) → text",
        doc: "MD5 as 32 hexadecimal digits: for keys that others compute so, not for secrets.",
        example: "md5(event.name)",
        result: "1a382809b7c03f686e12dd15677c5497",
        global: &[1],
        member: &[],
        takes: &[OCTETS],
        returns: Type::Text,
        code: Code::Here(md5),
    },
    Function {
        name: "crc32c",
        signature: "crc32c(text or bytes) → int",
        doc: "CRC-32C (Castagnoli) as a number from 0 to 4294967295.",
        example: "crc32c('123456789')",
        result: "3808858755",
        global: &[1],
        member: &[],
        takes: &[OCTETS],
        returns: Type::Int,
        code: Code::Here(crc32c),
    },
];

fn json<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("json", arguments)?;
    let failed = || ExecutionError::function_error("json", "the value has no JSON form");
    let found = to_found(value.as_ref()).map_err(|_| failed())?;
    let mut out = Vec::new();
    if !found.write_json(&mut out) {
        return Err(failed());
    }
    spend(out.len())?;
    let text = String::from_utf8(out).map_err(|_| failed())?;
    Ok(CowVal::owned(CelString::from(text)))
}

fn base64<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("base64", arguments)?;
    let text = STANDARD.encode(octets("base64", value.as_ref())?);
    spend(text.len())?;
    Ok(CowVal::owned(CelString::from(text)))
}

fn base64_decode<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("base64_decode", arguments)?;
    let bytes = STANDARD.decode(octets("base64_decode", value.as_ref())?);
    let failed = |_| ExecutionError::function_error("base64_decode", "the text is not base64");
    let bytes = bytes.map_err(failed)?;
    spend(bytes.len())?;
    Ok(CowVal::owned(CelBytes::from(bytes)))
}

fn hash<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("hash", arguments)?;
    let bytes = octets("hash", value.as_ref())?;
    spend(bytes.len())?;
    let text = hexadecimal(&sha2::Sha256::digest(bytes));
    Ok(CowVal::owned(CelString::from(text)))
}

fn md5<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("md5", arguments)?;
    let bytes = octets("md5", value.as_ref())?;
    spend(bytes.len())?;
    let text = hexadecimal(&md5::Md5::digest(bytes));
    Ok(CowVal::owned(CelString::from(text)))
}

fn crc32c<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = one("crc32c", arguments)?;
    let bytes = octets("crc32c", value.as_ref())?;
    spend(bytes.len())?;
    Ok(CowVal::owned(CelInt::from(i64::from(crc32c::crc32c(
        bytes,
    )))))
}

fn one<'b, 'v>(
    name: &str,
    mut arguments: Vec<CowVal<'b, 'v>>,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let wrong = || ExecutionError::function_error(name, "one argument is needed");
    arguments.pop().ok_or_else(wrong)
}

fn octets<'b>(name: &str, value: &'b (dyn Val + '_)) -> Result<&'b [u8], ExecutionError> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(text.inner().as_bytes());
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Ok(bytes.inner());
    }
    let given = value.get_type().name();
    let what = format!("text or bytes are needed, not {given}");
    Err(ExecutionError::function_error(name, what))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |number: u8| char::from_digit(u32::from(number), 16).unwrap_or('0');
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}
