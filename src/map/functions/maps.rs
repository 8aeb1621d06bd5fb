//! Maps.

#![allow(
    clippy::needless_pass_by_value,
    reason = "the expression library gives arguments by value"
)]

use std::collections::{HashMap, HashSet};

use cel::ExecutionError;
use cel::common::types::{CelBool, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};

use super::given::{Answer, Counts, Given, copied, elements, failed, map, ours};
use super::{Function, LIST, MAP};
use crate::limits::EVALUATION_BYTES_MAX;
use crate::map::budget::spend;
use crate::map::cel_values::{sorted_keys, weight};
use crate::map::types::Type;

const M0: Counts = (&[], &[0]);
const M1: Counts = (&[], &[1]);

pub(super) const FUNCTIONS: &[Function] = &[
    ours(
        ("keys", "map.keys() → list"),
        "The names of a map, in their order.",
        ("{'b': 1, 'a': 2}.keys()", r#"["a","b"]"#),
        M0,
        &[MAP],
        Type::List,
        keys,
    ),
    ours(
        ("values", "map.values() → list"),
        "The values of a map, in the order of its names.",
        ("{'b': 1, 'a': 2}.values()", "[2,1]"),
        M0,
        &[MAP],
        Type::List,
        values,
    ),
    ours(
        ("merge", "map.merge(map) → map"),
        "The names of both; where both have one, the value of the second.",
        ("{'a': 1, 'b': 2}.merge({'b': 3})", r#"{"a":1,"b":3}"#),
        M1,
        &[MAP, MAP],
        Type::Map,
        merge,
    ),
    ours(
        ("pick", "map.pick(names) → map"),
        "Only these names of a map, as far as it has them.",
        ("event.pick(['id', 'nick'])", r#"{"id":"o1"}"#),
        M1,
        &[MAP, LIST],
        Type::Map,
        pick,
    ),
    ours(
        ("omit", "map.omit(names) → map"),
        "A map without these names: what must not leave the gateway, for one.",
        ("event.items[1].omit(['t'])", r#"{"n":20}"#),
        M1,
        &[MAP, LIST],
        Type::Map,
        omit,
    ),
];

fn keys<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let keys = sorted_keys(map("keys", &given, 0)?);
    spend(weight(&keys, EVALUATION_BYTES_MAX))?;
    Ok(CowVal::owned(keys))
}

fn values<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let map = map("values", &given, 0)?;
    let mut entries: Vec<_> = map.inner().iter().collect();
    spend(entries.len().saturating_mul(64))?;
    entries.sort_by_key(|(key, _)| *key);
    copied(entries.into_iter().map(|(_, value)| value.as_ref()))
}

fn merge<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (first, second) = (map("merge", &given, 0)?, map("merge", &given, 1)?);
    chosen([first, second], |_| true)
}

fn pick<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let names = names("pick", &given)?;
    chosen([map("pick", &given, 0)?], |name| names.contains(name))
}

fn omit<'b, 'v>(given: Given<'b, 'v>) -> Answer<'b, 'v> {
    let names = names("omit", &given)?;
    chosen([map("omit", &given, 0)?], |name| !names.contains(name))
}

fn names<'g>(
    function: &str,
    given: &'g [CowVal<'_, '_>],
) -> Result<HashSet<&'g str>, ExecutionError> {
    let list = elements(function, given, 1)?;
    spend(list.len().saturating_mul(32))?;
    let mut names = HashSet::with_capacity(list.len());
    for value in list {
        let name = value.downcast_ref::<CelString<'_>>();
        let name = name.ok_or_else(|| failed(function, "every name must be text"))?;
        names.insert(name.inner());
    }
    Ok(names)
}

/// A map of what these maps hold under the names that are wanted.
fn chosen<'b, 'v, 'g>(
    maps: impl IntoIterator<Item = &'g CelMap<'v>>,
    wanted: impl Fn(&str) -> bool,
) -> Answer<'b, 'v>
where
    'v: 'g,
{
    let mut entries: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for map in maps {
        for (key, value) in map.inner() {
            if matches!(key, CelMapKey::String(name) if !wanted(name.inner())) {
                continue;
            }
            spend(weight(value.as_ref(), EVALUATION_BYTES_MAX) + 64)?;
            entries.insert(copy_of(key), value.clone_as_boxed());
        }
    }
    Ok(CowVal::owned(CelMap::from(entries)))
}

fn copy_of<'v>(key: &CelMapKey<'v>) -> CelMapKey<'v> {
    match key {
        CelMapKey::String(text) => CelMapKey::String(text.clone()),
        CelMapKey::Int(integer) => CelMapKey::Int(*integer),
        CelMapKey::UInt(integer) => CelMapKey::UInt(*integer),
        CelMapKey::Bool(boolean) => CelMapKey::Bool(CelBool::from(*boolean.inner())),
    }
}
