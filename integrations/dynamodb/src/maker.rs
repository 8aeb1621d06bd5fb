//! What a walk over values makes of them: attribute values, or the bytes that they take.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::Blob;
use bytes::Bytes;
use sluicegate_contract::SetKind;

use crate::number::Number;

/// An item, or a value of an expression, as the SDK takes it.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// What a walk over values makes of them.
pub(crate) trait Maker {
    type Made;
    type List: Default;
    type Map: Default;
    fn text(&self, text: Cow<'_, str>) -> Self::Made;
    fn bytes(&self, bytes: &[u8]) -> Self::Made;
    fn number(&self, text: &str, number: &Number) -> Self::Made;
    fn bool(&self, value: bool) -> Self::Made;
    fn null(&self) -> Self::Made;
    fn set(&self, kind: SetKind, members: &[&Bytes]) -> Self::Made;
    fn push(&self, list: &mut Self::List, value: Self::Made);
    fn list(&self, list: Self::List) -> Self::Made;
    fn insert(&self, map: &mut Self::Map, name: &str, value: Self::Made);
    fn map(&self, map: Self::Map) -> Self::Made;
}

/// Makes attribute values.
pub(crate) struct Make;

impl Maker for Make {
    type Made = AttributeValue;
    type List = Vec<AttributeValue>;
    type Map = Attributes;

    fn text(&self, text: Cow<'_, str>) -> AttributeValue {
        AttributeValue::S(text.into_owned())
    }

    fn bytes(&self, bytes: &[u8]) -> AttributeValue {
        AttributeValue::B(Blob::new(bytes))
    }

    fn number(&self, text: &str, _: &Number) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn bool(&self, value: bool) -> AttributeValue {
        AttributeValue::Bool(value)
    }

    fn null(&self) -> AttributeValue {
        AttributeValue::Null(true)
    }

    fn set(&self, kind: SetKind, members: &[&Bytes]) -> AttributeValue {
        let texts = || {
            let text = |member: &&Bytes| String::from_utf8_lossy(member).into_owned();
            members.iter().map(text).collect()
        };
        match kind {
            SetKind::Text => AttributeValue::Ss(texts()),
            SetKind::Number => AttributeValue::Ns(texts()),
            SetKind::Binary => {
                let blob = |member: &&Bytes| Blob::new(member.to_vec());
                AttributeValue::Bs(members.iter().map(blob).collect())
            }
        }
    }

    fn push(&self, list: &mut Self::List, value: AttributeValue) {
        list.push(value);
    }

    fn list(&self, list: Self::List) -> AttributeValue {
        AttributeValue::L(list)
    }

    fn insert(&self, map: &mut Self::Map, name: &str, value: AttributeValue) {
        map.insert(name.to_owned(), value);
    }

    fn map(&self, map: Self::Map) -> AttributeValue {
        AttributeValue::M(map)
    }
}

/// Counts bytes as DynamoDB does for the limit of an item.
pub(crate) struct Measure;

/// What a list or map costs beside its elements, which cost one more each.
const CONTAINER_BYTES: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    /// Names and values, and what lists and maps cost.
    bytes: usize,
    /// What of it this list or map itself costs.
    container: usize,
}

impl Maker for Measure {
    type Made = Size;
    type List = Size;
    type Map = Size;

    fn text(&self, text: Cow<'_, str>) -> Size {
        Size::of(text.len())
    }

    fn bytes(&self, bytes: &[u8]) -> Size {
        Size::of(bytes.len())
    }

    fn number(&self, _: &str, number: &Number) -> Size {
        Size::of(number.bytes())
    }

    fn bool(&self, _: bool) -> Size {
        Size::of(1)
    }

    fn null(&self) -> Size {
        Size::of(1)
    }

    fn set(&self, kind: SetKind, members: &[&Bytes]) -> Size {
        let number = |text: &[u8]| {
            let text = std::str::from_utf8(text).unwrap_or_default();
            Number::read(text).map_or(text.len(), |number| number.bytes())
        };
        let member = |member: &&Bytes| match kind {
            SetKind::Number => number(member),
            SetKind::Text | SetKind::Binary => member.len(),
        };
        Size::of(members.iter().map(member).sum())
    }

    fn push(&self, list: &mut Size, value: Size) {
        list.bytes += value.bytes;
        list.container += 1;
    }

    fn list(&self, list: Size) -> Size {
        list.contained()
    }

    fn insert(&self, map: &mut Size, name: &str, value: Size) {
        map.bytes += name.len() + value.bytes;
        map.container += 1;
    }

    fn map(&self, map: Size) -> Size {
        map.contained()
    }
}

impl Size {
    /// As an item, which is not itself a map: only the maps within it cost something.
    pub(crate) fn of_item(self) -> usize {
        self.bytes - self.container
    }

    fn of(bytes: usize) -> Self {
        Self {
            bytes,
            container: 0,
        }
    }

    /// With what the list or map around these elements costs.
    fn contained(self) -> Self {
        let container = self.container + CONTAINER_BYTES;
        Self {
            bytes: self.bytes + container,
            container,
        }
    }
}
