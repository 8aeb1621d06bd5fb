//! Values that have a form of their own: addresses, networks, paths.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
pub use sluicegate_contract::TimeSpan;

/// Bytes of a plain path.
const PATH_BYTES_MAX: usize = 1024;

/// An address and a port: `0.0.0.0:8080`, `[::1]:9090`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            let wrong = "is not an address and a port: write for example 0.0.0.0:8080";
            serde::de::Error::custom(format!("`{text}` {wrong}"))
        })
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An address and a port: 0.0.0.0:8080, [::1]:9090.",
            "type": "string"
        })
    }
}

/// A network or one address: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network(pub(super) IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address)));
        }
        let network: IpNet = text
            .parse()
            .map_err(|_| format!("`{text}` is not a network: write for example 10.0.0.0/8"))?;
        let whole = network.trunc();
        if whole != network {
            return Err(format!(
                "`{text}` names an address inside of a network: write {whole} for all of it, or \
                 {} for this address alone",
                network.addr()
            ));
        }
        Ok(Self(network))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A network or an address: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.",
            "type": "string"
        })
    }
}

/// A path without parameters, as it stands in a request: `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlainPath(pub(super) String);

impl<'de> Deserialize<'de> for PlainPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#{}*".contains(&byte);
        if text.starts_with('/') && text.len() <= PATH_BYTES_MAX && text.bytes().all(plain) {
            return Ok(Self(text.into_owned()));
        }
        let wrong = "is not a plain path: it starts with `/` and has no query, no parameters and \
                     no spaces; write for example /healthz";
        Err(serde::de::Error::custom(format!("`{text}` {wrong}")))
    }
}

impl JsonSchema for PlainPath {
    fn schema_name() -> Cow<'static, str> {
        "PlainPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A path without parameters: /healthz.",
            "type": "string"
        })
    }
}
