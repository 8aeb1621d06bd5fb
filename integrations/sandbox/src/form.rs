//! The form encoding in which SNS takes its calls, and the XML in which it answers.

use std::collections::BTreeMap;

/// The fields of a call: `PublishBatchRequestEntries.member.1.Message=…&…`.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    /// A field; empty where it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The fields under `prefix.1.`, `prefix.2.`, … in order, each group without its prefix.
    pub(crate) fn groups(&self, prefix: &str) -> Vec<Self> {
        let mut groups: BTreeMap<u32, Self> = BTreeMap::new();
        for (name, value) in &self.0 {
            let rest = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('.'));
            let Some((number, rest)) = rest.and_then(|rest| rest.split_once('.')) else {
                continue;
            };
            if let Ok(number) = number.parse() {
                let group = groups.entry(number).or_default();
                group.0.insert(rest.to_owned(), value.clone());
            }
        }
        groups.into_values().collect()
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit().unwrap_or(0), digit().unwrap_or(0));
                u8::try_from(high * 16 + low).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text as it stands in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_its_groups() {
        let form = Form::read(b"Action=Publish&m.1.Id=a&m.2.Id=b%20%C3%A4+c&m.10.Id=z&broken&x=%4");
        assert_eq!(form.get("Action"), "Publish");
        let ids: Vec<_> = form
            .groups("m")
            .iter()
            .map(|g| g.get("Id").to_owned())
            .collect();
        assert_eq!(ids, ["a", "b ä c", "z"]);
        assert_eq!(form.get("nothing"), "");
    }
}
