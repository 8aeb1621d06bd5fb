//! Places in an item, as updates name them: `status`, `address.city`, `lines[0].sku`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sluicegate_contract::Reason;

use crate::item::{Attributes, invalid};

/// Steps of a path.
const STEPS_MAX: usize = 32;

/// A place in an item: an attribute, or something within one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Name(String),
    Index(u32),
}

impl Path {
    /// The attribute of this name, whatever characters it has: names from events are no paths.
    ///
    /// # Errors
    /// `Invalid` for an empty name.
    pub(crate) fn of_name(name: &str) -> Result<Self, Reason> {
        if name.is_empty() {
            return Err(invalid("an attribute has an empty name".to_owned()));
        }
        Ok(Self(vec![Step::Name(name.to_owned())]))
    }

    /// Reads a path as the file has it: names with dots between them, and `[0]` for elements.
    ///
    /// # Errors
    /// `Invalid`, naming the path.
    pub(crate) fn read(text: &str) -> Result<Self, Reason> {
        let wrong = || {
            invalid(format!(
                "`{}` is not a path: write for example status, address.city or lines[0].sku",
                text.escape_debug()
            ))
        };
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, mut indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
            if name.is_empty() || name.contains(']') {
                return Err(wrong());
            }
            steps.push(Step::Name(name.to_owned()));
            while let Some(rest) = indexes.strip_prefix('[') {
                let (index, after) = rest.split_once(']').ok_or_else(wrong)?;
                let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
                let index = index.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
                steps.push(Step::Index(index));
                indexes = after;
            }
            if !indexes.is_empty() || steps.len() > STEPS_MAX {
                return Err(wrong());
            }
        }
        Ok(Self(steps))
    }

    /// The attribute at the top of the item that this is, or is within.
    pub(crate) fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// True where the other is this place or within it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Adds the path to an expression, each name as an alias.
    pub(crate) fn write(&self, names: &mut HashMap<String, String>, text: &mut String) {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Name(name) => {
                    if place > 0 {
                        text.push('.');
                    }
                    let known = names.iter().find(|(_, known)| *known == name);
                    let alias = known.map(|(alias, _)| alias.clone());
                    let alias = alias.unwrap_or_else(|| {
                        let alias = format!("#u{}", names.len());
                        names.insert(alias.clone(), name.clone());
                        alias
                    });
                    text.push_str(&alias);
                }
            }
        }
    }

    /// What stands at this place of an item.
    pub(crate) fn find<'i>(&self, item: &'i Attributes) -> Option<&'i AttributeValue> {
        let mut value = item.get(self.attribute())?;
        for step in self.0.iter().skip(1) {
            value = match (step, value) {
                (Step::Name(name), AttributeValue::M(map)) => map.get(name)?,
                (Step::Index(index), AttributeValue::L(list)) => list.get(*index as usize)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if place == 0 => write!(f, "{}", name.escape_debug())?,
                Step::Name(name) => write!(f, ".{}", name.escape_debug())?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_every_name_becomes_an_alias() {
        for (text, written) in [
            ("status", "#u0"),
            ("address.city", "#u0.#u1"),
            ("lines[0].sku", "#u0[0].#u1"),
            ("grid[1][22]", "#u0[1][22]"),
            ("a.a", "#u0.#u0"),
            ("my-name.größe", "#u0.#u1"),
        ] {
            let (mut names, mut out) = (HashMap::new(), String::new());
            let path = Path::read(text).unwrap();
            path.write(&mut names, &mut out);
            assert_eq!(out, written, "{text}");
            assert_eq!(path.to_string(), text);
        }
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[]",
            "a[x]",
            "a[-1]",
            "a[0]b",
            "[0]",
            "a]",
            "a[99999999999]",
        ] {
            let reason = Path::read(text).unwrap_err();
            assert!(reason.detail().unwrap().contains("is not a path"), "{text}");
        }
        assert!(Path::read(&"a.".repeat(40)).is_err());
    }

    #[test]
    fn a_name_of_an_event_is_no_path() {
        let path = Path::of_name("a.b[0]").unwrap();
        assert_eq!(path.attribute(), "a.b[0]");
        assert!(Path::of_name("").is_err());
    }
}
