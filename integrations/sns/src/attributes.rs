//! Message attributes with their types.

use std::borrow::Cow;

use aws_sdk_sns::types::MessageAttributeValue;
use aws_smithy_types::Blob;
use sluicegate_contract::{Name, Reason, Value};

use crate::request::{invalid, is_legal};

/// More attributes than these do not reach a raw SQS subscription, and silently at that.
pub(crate) const ATTRIBUTES_MAX: usize = 10;
const NAME_BYTES_MAX: usize = 256;

/// One attribute of a message.
pub(crate) struct Attribute<'r> {
    pub(crate) name: &'r Name,
    value: Typed<'r>,
}

enum Typed<'r> {
    String(&'r str),
    Number(&'r str),
    Array(&'r str),
    Binary(&'r [u8]),
}

impl Attribute<'_> {
    /// Bytes as SNS counts them: name, type and value.
    pub(crate) fn bytes(&self) -> usize {
        let value = match self.value {
            Typed::String(text) | Typed::Number(text) | Typed::Array(text) => text.len(),
            Typed::Binary(bytes) => bytes.len(),
        };
        self.name.len() + self.data_type().len() + value
    }

    fn data_type(&self) -> &'static str {
        match self.value {
            Typed::String(_) => "String",
            Typed::Number(_) => "Number",
            Typed::Array(_) => "String.Array",
            Typed::Binary(_) => "Binary",
        }
    }

    /// As the SDK takes it.
    ///
    /// # Errors
    /// `Invalid` where the SDK would not.
    pub(crate) fn into_sdk(self) -> Result<MessageAttributeValue, Reason> {
        let builder = MessageAttributeValue::builder().data_type(self.data_type());
        let builder = match self.value {
            Typed::String(text) | Typed::Number(text) | Typed::Array(text) => {
                builder.string_value(text)
            }
            Typed::Binary(bytes) => builder.binary_value(Blob::new(bytes)),
        };
        builder.build().map_err(|error| invalid(error.to_string()))
    }
}

/// The attributes that are there.
///
/// # Errors
/// `Invalid`, naming the attribute that SNS would refuse.
pub(crate) fn read(value: &Value) -> Result<Vec<Attribute<'_>>, Reason> {
    let entries: &[(Name, Value)] = match value {
        Value::Map(entries) => entries,
        _ => &[],
    };
    let mut attributes: Vec<Attribute<'_>> = Vec::with_capacity(entries.len());
    for (name, value) in entries.iter().filter(|(_, value)| !value.is_absent()) {
        check_name(name)?;
        if attributes.iter().any(|earlier| earlier.name == name) {
            return Err(invalid(format!("the attribute `{name}` stands twice")));
        }
        let value =
            typed(value).map_err(|what| invalid(format!("the attribute `{name}` {what}")))?;
        attributes.push(Attribute { name, value });
    }
    if attributes.len() > ATTRIBUTES_MAX {
        let detail = format!("a message has at most {ATTRIBUTES_MAX} attributes");
        return Err(invalid(detail));
    }
    Ok(attributes)
}

fn typed(value: &Value) -> Result<Typed<'_>, Cow<'static, str>> {
    match value {
        Value::Text(text) if text.is_empty() => Err("must not be empty".into()),
        Value::Text(text) if is_legal(text) => Ok(Typed::String(text)),
        Value::Bytes(bytes) if bytes.is_empty() => Err("must not be empty".into()),
        Value::Bytes(bytes) => Ok(Typed::Binary(bytes)),
        Value::Json(json) => {
            let text = std::str::from_utf8(json).unwrap_or_default();
            match json.first() {
                Some(b'[') => check_array(text).map(|()| Typed::Array(text)),
                Some(b'-' | b'0'..=b'9') => Ok(Typed::Number(text)),
                _ => Err("must be text, a number, a list or bytes".into()),
            }
        }
        _ => Err("must be text without control characters, a number, a list or bytes".into()),
    }
}

/// Elements are texts, numbers, booleans and null: filter policies know nothing else.
fn check_array(text: &str) -> Result<(), Cow<'static, str>> {
    let elements: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|_| Cow::from("is not JSON"))?;
    let nested = elements.iter().any(|e| e.is_array() || e.is_object());
    if nested || !is_legal(text) {
        return Err("must be a list of texts, numbers, booleans and null".into());
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Reason> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let reserved = ["aws.", "amazon."].iter().any(|prefix| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    });
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let good =
        (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(legal) && !reserved && !dots;
    if good {
        return Ok(());
    }
    let shown: String = name.chars().take(64).filter(|c| !c.is_control()).collect();
    let detail = format!(
        "`{shown}` is not an attribute's name: letters, digits, `_`, `-`, and `.` within, not \
         beginning with AWS. or Amazon."
    );
    Err(invalid(detail))
}
