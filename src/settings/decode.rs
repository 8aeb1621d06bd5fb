//! Reads serde types from a positioned tree; an error knows the place of the value at fault.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use crate::map::{Node, NodeValue, Position};

/// Reads a `T` from a tree.
///
/// # Errors
/// What was wrong and where.
pub(super) fn decode<T: de::DeserializeOwned>(node: &Node) -> Result<T, DecodeError> {
    T::deserialize(NodeDeserializer(node)).map_err(|error| error.or_at(node.at))
}

/// What was wrong with a tree.
#[derive(Debug)]
pub(super) struct DecodeError {
    /// Where; filled by the innermost value that is being read.
    pub(super) at: Option<Position>,
    /// What.
    pub(super) message: String,
}

impl DecodeError {
    fn or_at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            at: None,
            message: message.to_string(),
        }
    }
}

/// A serde deserializer over a node.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'n>(pub(super) &'n Node);

impl<'n> NodeDeserializer<'n> {
    fn here<T>(self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| error.or_at(self.0.at))
    }

    fn number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, DecodeError> {
        if let Ok(value) = text.parse::<u64>() {
            return visitor.visit_u64(value);
        }
        if let Ok(value) = text.parse::<i64>() {
            return visitor.visit_i64(value);
        }
        match text.parse::<f64>() {
            Ok(value) => visitor.visit_f64(value),
            Err(_) => Err(de::Error::invalid_type(Unexpected::Str(text), &visitor)),
        }
    }

    /// A number, or a text that reads as one: `"${env.N}"` is text in YAML.
    fn numeric<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.here(match &self.0.value {
            NodeValue::Number(text) | NodeValue::Text(text) => Self::number(text, visitor),
            _ => self.deserialize_any(visitor),
        })
    }
}

macro_rules! numeric {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.numeric(visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.here(match &self.0.value {
            NodeValue::Null => visitor.visit_unit(),
            NodeValue::Bool(value) => visitor.visit_bool(*value),
            NodeValue::Number(text) => Self::number(text, visitor),
            NodeValue::Text(text) => visitor.visit_str(text),
            NodeValue::List(items) => visitor.visit_seq(Items(items.iter())),
            NodeValue::Map(entries) => visitor.visit_map(Entries::new(entries)),
        })
    }

    numeric! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            NodeValue::Text(text) if text == "true" => visitor.visit_bool(true),
            NodeValue::Text(text) if text == "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            NodeValue::Null => visitor.visit_none(),
            _ => self.here(visitor.visit_some(self)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.here(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.here(match &self.0.value {
            NodeValue::Text(text) => {
                let word: StrDeserializer<'_, DecodeError> = text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            NodeValue::Map(entries) => match entries.as_slice() {
                [(name, _, value)] => visitor.visit_enum(Variant { name, value }),
                _ => Err(de::Error::invalid_length(entries.len(), &"one key")),
            },
            _ => self.deserialize_any(visitor),
        })
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(item) = self.0.next() else {
            return Ok(None);
        };
        let value = seed.deserialize(NodeDeserializer(item));
        value.map(Some).map_err(|error| error.or_at(item.at))
    }
}

struct Entries<'n> {
    rest: std::slice::Iter<'n, (String, Position, Node)>,
    value: Option<&'n Node>,
}

impl<'n> Entries<'n> {
    fn new(entries: &'n [(String, Position, Node)]) -> Self {
        Self {
            rest: entries.iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((name, at, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let name: StrDeserializer<'_, DecodeError> = name.as_str().into_deserializer();
        seed.deserialize(name)
            .map(Some)
            .map_err(|error| error.or_at(*at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some(value) = self.value.take() else {
            return Err(de::Error::custom("a value was read before its name"));
        };
        seed.deserialize(NodeDeserializer(value))
            .map_err(|error| error.or_at(value.at))
    }
}

/// `{ name: value }` as the variant of an enum.
struct Variant<'n> {
    name: &'n str,
    value: &'n Node,
}

impl<'de, 'n> EnumAccess<'de> for Variant<'n> {
    type Error = DecodeError;
    type Variant = VariantValue<'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, VariantValue<'n>), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, VariantValue(self.value)))
    }
}

struct VariantValue<'n>(&'n Node);

impl<'de> VariantAccess<'de> for VariantValue<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        de::Deserialize::deserialize(NodeDeserializer(self.0))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(NodeDeserializer(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        NodeDeserializer(self.0).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            NodeValue::Map(entries) => {
                MapAccessDeserializer::new(Entries::new(entries)).deserialize_any(visitor)
            }
            _ => NodeDeserializer(self.0).deserialize_any(visitor),
        }
    }
}
