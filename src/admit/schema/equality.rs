//! When two values of an event are equal: as JSON Schema means it, numbers by their exact value.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};

use jsonschema::JsonType;
use jsonschema::json::Node as _;

use super::node::EventNode;
use super::number::Decimal;

/// Elements up to which each is compared with each.
const PAIRED_ELEMENTS_MAX: u32 = 12;

impl EventNode<'_> {
    /// The same value written otherwise is equal.
    fn equals(&self, other: &Self) -> bool {
        match (self.json_type(), other.json_type()) {
            (JsonType::Number, JsonType::Number) => {
                Decimal::of(self.text()) == Decimal::of(other.text())
            }
            (JsonType::String, JsonType::String) => self.text() == other.text(),
            (JsonType::Array, JsonType::Array) => {
                self.slot.count == other.slot.count
                    && self
                        .children()
                        .zip(other.children())
                        .all(|(a, b)| a.equals(&b))
            }
            (JsonType::Object, JsonType::Object) => {
                self.slot.count == other.slot.count
                    && self.members().all(|(name, value)| {
                        other.member(name).is_some_and(|other| value.equals(&other))
                    })
            }
            (one, another) => one == another && self.as_boolean() == other.as_boolean(),
        }
    }

    fn hash_into(&self, random: &RandomState, state: &mut impl Hasher) {
        match self.json_type() {
            JsonType::Number => Decimal::of(self.text()).hash(state),
            JsonType::String => self.text().hash(state),
            JsonType::Array => {
                state.write_u8(b'[');
                self.children()
                    .for_each(|child| child.hash_into(random, state));
                state.write_u8(b']');
            }
            JsonType::Object => {
                // Members in another order are the same object.
                let mut sum = 0_u64;
                for (name, value) in self.members() {
                    let mut member = random.build_hasher();
                    name.hash(&mut member);
                    value.hash_into(random, &mut member);
                    sum = sum.wrapping_add(member.finish());
                }
                state.write_u64(sum);
            }
            other => {
                state.write_u8(other as u8);
                self.as_boolean().hash(state);
            }
        }
    }

    /// No two elements are equal.
    pub(super) fn has_unique_elements(&self) -> bool {
        if self.slot.count <= PAIRED_ELEMENTS_MAX {
            let mut rest = self.children();
            while let Some(one) = rest.next() {
                if rest.clone().any(|other| one.equals(&other)) {
                    return false;
                }
            }
            return true;
        }
        // Hashed with a key that nobody outside knows, so that no event makes all of them meet.
        let random = RandomState::new();
        let hash = |element: &EventNode<'_>| {
            let mut hasher = random.build_hasher();
            element.hash_into(&random, &mut hasher);
            hasher.finish()
        };
        let mut hashed: Vec<(u64, u32)> = self
            .children()
            .map(|element| (hash(&element), element.place))
            .collect();
        hashed.sort_unstable();
        let node = |place: u32| EventNode::at(self.document, place);
        !hashed.windows(2).any(|two| match two {
            [(one, left), (other, right)] if one == other => {
                matches!((node(*left), node(*right)), (Some(left), Some(right)) if left.equals(&right))
            }
            _ => false,
        })
    }
}
