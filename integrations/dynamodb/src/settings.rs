//! What the file says of a DynamoDB target.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use sluicegate_aws::{Access, LimitBounds, LimitSettings, Problem};
use sluicegate_contract::Limits;

/// What BatchWriteItem takes: 25 puts, no key twice, 16 MiB; an item has 400 KiB at most.
pub(crate) const BOUNDS: LimitBounds = LimitBounds {
    default: LIMITS,
    most: Limits {
        concurrent_calls: 256,
        ..LIMITS
    },
};

const LIMITS: Limits = Limits {
    records: 25,
    call_bytes: 16 << 20,
    record_bytes: 400 << 10,
    unique_keys: true,
    concurrent_calls: 8,
};

/// A DynamoDB table. The credentials need `dynamodb:BatchWriteItem` for plain puts and deletes;
/// `dynamodb:PutItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem` for updates and for writes
/// with `condition` or `returning`; and where `key` is left out `dynamodb:DescribeTable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The table's name or ARN.
    pub table: String,
    /// The table's key: the partition key and, where the table has one, the sort key, each with
    /// its type. With it, items are checked before anything is sent. Without it, the table is
    /// asked at the first call. `update` and `delete` need it.
    #[serde(default)]
    pub key: Option<KeyAttributes>,
    /// A connection of kind `aws`, whose region, endpoint and profile hold where this target says
    /// nothing.
    #[serde(default)]
    pub connection: Option<String>,
    /// The AWS region, for example `eu-west-1`.
    #[serde(default)]
    pub region: Option<String>,
    /// The URL of DynamoDB, where it is not AWS itself.
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// Limits of a call: 25 records, 16MiB, items of 400KiB as DynamoDB counts them.
    #[serde(default)]
    pub limits: LimitSettings,
    /// The connection's access, filled in when the file is loaded.
    #[serde(skip)]
    pub shared: Access,
}

/// Names and types of a table's key attributes, the partition key first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttributes(pub Vec<(String, KeyType)>);

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KeyType {
    /// A string.
    S,
    /// A number.
    N,
    /// Binary.
    B,
}

impl Settings {
    /// Checks what can be known without asking AWS.
    ///
    /// # Errors
    /// The key at fault and what was expected.
    pub fn validate(&self) -> Result<(), Problem> {
        let arn = self.table.starts_with("arn:");
        if arn && region_of(&self.table).is_none() {
            let message = format!(
                "`{}` is not a table's ARN: write \
                 arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
                self.table
            );
            return Err(("table", message));
        }
        if !arn && !is_name(&self.table) {
            let message = format!(
                "`{}` is not a table's name: 3 to 255 of a-z A-Z 0-9 _ . -",
                self.table
            );
            return Err(("table", message));
        }
        if let Some(KeyAttributes(key)) = &self.key {
            let names: Vec<_> = key.iter().map(|(name, _)| name.as_str()).collect();
            let legal = |name: &&str| (1..=255).contains(&name.len());
            let distinct = !matches!(names.as_slice(), [a, b] if a == b);
            if !(1..=2).contains(&names.len()) || !names.iter().all(legal) || !distinct {
                let message = "a table has one or two key attributes: `key: { pk: S, sk: S }`";
                return Err(("key", message.to_owned()));
            }
        }
        self.access().validate()?;
        self.limits.validate(&BOUNDS)
    }

    /// How to reach the table: this target's words, then its ARN's, then its connection's.
    #[must_use]
    pub fn access(&self) -> Access {
        let arn = region_of(&self.table).map(str::to_owned);
        Access {
            region: self.region.clone().or(arn),
            endpoint_url: self.endpoint_url.clone(),
            profile: None,
        }
        .or(&self.shared)
    }
}

fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (3..=255).contains(&name.len()) && name.bytes().all(legal)
}

/// The region in a table's ARN; `None` where it is not one.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("table/")?;
    let known = scheme == "arn" && partition.starts_with("aws") && service == "dynamodb";
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (known && account && !region.is_empty() && is_name(name)).then_some(region)
}

/// Read by hand, since the order of the two says which is the partition key.
impl<'de> Deserialize<'de> for KeyAttributes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = KeyAttributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one or two key attributes with their types: { pk: S, sk: S }")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<KeyAttributes, A::Error> {
                let mut key = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if key.len() == 2 {
                        return Err(serde::de::Error::custom(
                            "a table has at most two key attributes: write `key: { pk: S, sk: S }`",
                        ));
                    }
                    key.push(entry);
                }
                Ok(KeyAttributes(key))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for KeyAttributes {
    fn schema_name() -> Cow<'static, str> {
        "KeyAttributes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The partition key, then the sort key where there is one, each with \
                            its type.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 2,
            "additionalProperties": generator.subschema_for::<KeyType>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Result<Settings, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_is_checked_before_it_is_asked() {
        for (json, expected) in [
            (r#"{"table":"orders"}"#, Ok(())),
            (r#"{"table":"orders","key":{"pk":"S","sk":"N"}}"#, Ok(())),
            (
                r#"{"table":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders"}"#,
                Ok(()),
            ),
            (
                r#"{"table":"arn:aws:dynamodb:eu-west-1:1:table/orders"}"#,
                Err("table"),
            ),
            (r#"{"table":"a"}"#, Err("table")),
            (r#"{"table":"a table"}"#, Err("table")),
            (r#"{"table":"orders","key":{}}"#, Err("key")),
            (r#"{"table":"orders","key":{"":"S"}}"#, Err("key")),
            (
                r#"{"table":"orders","endpoint_url":"localhost"}"#,
                Err("endpoint_url"),
            ),
            (
                r#"{"table":"orders","limits":{"records":26}}"#,
                Err("limits.records"),
            ),
            (
                r#"{"table":"orders","limits":{"record_bytes":"1MiB"}}"#,
                Err("limits.record_bytes"),
            ),
        ] {
            let checked = settings(json).unwrap().validate().map_err(|(key, _)| key);
            assert_eq!(checked, expected, "{json}");
        }
        for json in [
            r#"{}"#,
            r#"{"table":"orders","tabel":1}"#,
            r#"{"table":"orders","key":{"pk":"string"}}"#,
            r#"{"table":"orders","key":{"a":"S","b":"S","c":"S"}}"#,
            r#"{"table":"orders","shared":{}}"#,
        ] {
            assert!(settings(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_partition_key_stands_first() {
        let settings = settings(r#"{"table":"orders","key":{"z":"S","a":"B"}}"#).unwrap();
        let key = vec![("z".to_owned(), KeyType::S), ("a".to_owned(), KeyType::B)];
        assert_eq!(settings.key, Some(KeyAttributes(key)));
    }
}
