//! The paths into an event that a route's mapping reads, as a tree for the scan to walk beside.

use std::cmp::Ordering;

use super::envelope::Envelope;
use crate::limits::PATHS_MAX;

/// One step of a path into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object.
    Name(String),
    /// An element of an array.
    Index(usize),
}

/// The place of a path's capture in an event's captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathId(pub u16);

/// Steps of one path at most; with `PATHS_MAX` it bounds the tree.
const STEPS_MAX: usize = 64;
/// Places in the tree at most: a place's number, and a bit for it, fit where the scan keeps them.
pub(super) const PLACES_MAX: usize = 4096;
/// Of these, places that a CloudEvent's own members may take: the attributes and the root.
const ENVELOPE_PLACES_MAX: usize = PATHS_MAX + 16;
/// Up to here members are compared one after the other, above by halving.
const LINEAR_MEMBERS_MAX: usize = 8;

/// The paths that one route reads. An event's captures stand in the order in which the paths were
/// added.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The root stands first; [`Place`]s are numbers into this.
    nodes: Vec<Node>,
    paths: u16,
    /// Attributes of a CloudEvent that are read. They stand beside the event, not in it.
    attributes: Vec<(Box<str>, PathId)>,
    /// The same event as the `data` of a CloudEvent.
    envelope: Option<Box<Envelope>>,
}

/// One place in an event. Since paths have no wildcards, an event has each place at most once.
#[derive(Clone, Debug, Default)]
struct Node {
    path: Option<PathId>,
    /// Sorted by name.
    members: Vec<(Box<str>, Place)>,
    elements: Vec<(usize, Place)>,
}

/// The number of a place in the tree, or [`Place::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    /// Nothing of this value is wanted.
    pub(super) const NONE: Self = Self(u16::MAX);
    /// The event itself.
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            paths: 0,
            attributes: Vec::new(),
            envelope: None,
        }
    }
}

impl Wanted {
    /// Adds a path; the empty path is the whole event. The same path has the same id always.
    /// `None` past the limits: `PATHS_MAX` paths, or 64 steps.
    pub fn add(&mut self, path: &[Step]) -> Option<PathId> {
        if path.len() > STEPS_MAX {
            return None;
        }
        let mut place = Place::ROOT;
        for step in path {
            place = self.add_step(place, step)?;
        }
        let paths = self.paths;
        let node = self.nodes.get_mut(place.number())?;
        if node.path.is_none() {
            if usize::from(paths) >= PATHS_MAX {
                return None;
            }
            node.path = Some(PathId(paths));
            self.paths += 1;
        }
        node.path
    }

    /// Adds an attribute of a CloudEvent; its capture is text or a scalar. `None` past the limit.
    pub fn add_attribute(&mut self, name: &str) -> Option<PathId> {
        if let Some(known) = self.attribute(name) {
            return Some(known);
        }
        if usize::from(self.paths) >= PATHS_MAX {
            return None;
        }
        let path = PathId(self.paths);
        self.paths += 1;
        self.attributes.push((name.into(), path));
        Some(path)
    }

    /// Makes the tree of a CloudEvent around that of its data. Called once, after the last `add`.
    pub fn envelop(&mut self) {
        self.envelope = Some(Box::new(Envelope::around(self)));
    }

    /// The tree of a CloudEvent; none where the route takes none.
    pub(super) fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_deref()
    }

    /// Attributes of a CloudEvent that are read.
    pub(super) fn attributes(&self) -> &[(Box<str>, PathId)] {
        &self.attributes
    }

    fn attribute(&self, name: &str) -> Option<PathId> {
        let mut known = self.attributes.iter();
        known
            .find(|(known, _)| **known == *name)
            .map(|(_, path)| *path)
    }

    /// How many paths: as many captures has each event.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.paths)
    }

    /// True where the mapping reads nothing of an event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths == 0
    }

    /// The capture that a place has.
    pub(super) fn path(&self, place: Place) -> Option<PathId> {
        self.nodes.get(place.number()).and_then(|node| node.path)
    }

    /// The place of an object's member, by its unescaped name.
    pub(super) fn member(&self, place: Place, name: &[u8]) -> Place {
        let Some(node) = self.nodes.get(place.number()) else {
            return Place::NONE;
        };
        if node.members.len() <= LINEAR_MEMBERS_MAX {
            let found = node.members.iter().find(|(n, _)| n.as_bytes() == name);
            return found.map_or(Place::NONE, |(_, place)| *place);
        }
        let found = node
            .members
            .binary_search_by(|(n, _)| n.as_bytes().cmp(name));
        let member = found.ok().and_then(|index| node.members.get(index));
        member.map_or(Place::NONE, |(_, place)| *place)
    }

    /// The place of an array's element.
    pub(super) fn element(&self, place: Place, index: usize) -> Place {
        let Some(node) = self.nodes.get(place.number()) else {
            return Place::NONE;
        };
        let found = node.elements.iter().find(|(i, _)| *i == index);
        found.map_or(Place::NONE, |(_, place)| *place)
    }

    /// True where nothing below this place is wanted, so that names need not be compared.
    pub(super) fn has_no_members(&self, place: Place) -> bool {
        self.nodes
            .get(place.number())
            .is_none_or(|node| node.members.is_empty())
    }

    fn add_step(&mut self, from: Place, step: &Step) -> Option<Place> {
        let known = match step {
            Step::Name(name) => self.member(from, name.as_bytes()),
            Step::Index(index) => self.element(from, *index),
        };
        if known != Place::NONE {
            return Some(known);
        }
        if self.nodes.len() >= PLACES_MAX - ENVELOPE_PLACES_MAX {
            return None;
        }
        let added = Place(u16::try_from(self.nodes.len()).ok()?);
        self.nodes.push(Node::default());
        let node = self.nodes.get_mut(from.number())?;
        match step {
            Step::Name(name) => {
                let at = node
                    .members
                    .partition_point(|(n, _)| n.as_bytes().cmp(name.as_bytes()) == Ordering::Less);
                node.members.insert(at, (name.as_str().into(), added));
            }
            Step::Index(index) => node.elements.push((*index, added)),
        }
        Some(added)
    }
}

const _: () = assert!(PLACES_MAX < u16::MAX as usize);
const _: () = assert!(2 * PATHS_MAX < PLACES_MAX);

impl Wanted {
    /// This tree with a root above it: its own root is `data` there, and each of these names has a
    /// path of its own. Gives the tree and the paths of `data` and of the names.
    pub(super) fn below(&self, names: &[&str]) -> (Self, PathId, Vec<PathId>) {
        let up = |place: Place| Place(place.0 + 1);
        let mut nodes = vec![Node::default()];
        for node in &self.nodes {
            let mut node = node.clone();
            node.members
                .iter_mut()
                .for_each(|(_, place)| *place = up(*place));
            node.elements
                .iter_mut()
                .for_each(|(_, place)| *place = up(*place));
            nodes.push(node);
        }
        let mut outer = Self {
            nodes,
            paths: self.paths,
            ..Self::default()
        };
        let data = match self.nodes.first().and_then(|root| root.path) {
            Some(path) => path,
            None => outer.one_more(up(Place::ROOT)),
        };
        let mut members: Vec<(Box<str>, Place)> = vec![("data".into(), up(Place::ROOT))];
        let mut member = |outer: &mut Self, name: &str, path: Option<PathId>| {
            let place = Place(u16::try_from(outer.nodes.len()).unwrap_or(u16::MAX));
            outer.nodes.push(Node {
                path,
                ..Node::default()
            });
            members.push((name.into(), place));
            path.unwrap_or_else(|| outer.one_more(place))
        };
        for (name, path) in &self.attributes {
            member(&mut outer, name, Some(*path));
        }
        let paths = names
            .iter()
            .map(|name| match self.attribute(name) {
                Some(path) => path,
                None => member(&mut outer, name, None),
            })
            .collect();
        members.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        if let Some(root) = outer.nodes.first_mut() {
            root.members = members;
        }
        (outer, data, paths)
    }

    fn one_more(&mut self, place: Place) -> PathId {
        let path = PathId(self.paths);
        self.paths += 1;
        if let Some(node) = self.nodes.get_mut(place.number()) {
            node.path = Some(path);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Step {
        Step::Name(text.to_owned())
    }

    #[test]
    fn the_same_path_has_the_same_id_and_the_order_is_that_of_adding() {
        let mut wanted = Wanted::default();
        assert!(wanted.is_empty());
        assert_eq!(wanted.add(&[name("b")]), Some(PathId(0)));
        assert_eq!(wanted.add(&[]), Some(PathId(1)));
        assert_eq!(wanted.add(&[name("a"), Step::Index(2)]), Some(PathId(2)));
        assert_eq!(wanted.add(&[name("b")]), Some(PathId(0)));
        assert_eq!(wanted.len(), 3);
    }

    #[test]
    fn members_are_found_one_by_one_and_by_halving() {
        let mut wanted = Wanted::default();
        for count in 0..40_u16 {
            let path = [name(&format!("field{}", count * 7 % 40))];
            assert_eq!(wanted.add(&path), Some(PathId(count)));
            let found = wanted.member(Place::ROOT, b"field0");
            assert_eq!(wanted.path(found), Some(PathId(0)));
            assert_eq!(wanted.member(Place::ROOT, b"field"), Place::NONE);
        }
    }

    #[test]
    fn paths_and_steps_are_bounded() {
        let mut wanted = Wanted::default();
        for index in 0..PATHS_MAX {
            assert!(wanted.add(&[Step::Index(index)]).is_some());
        }
        assert_eq!(wanted.add(&[Step::Index(PATHS_MAX)]), None);
        assert_eq!(
            Wanted::default().add(&vec![Step::Index(0); STEPS_MAX + 1]),
            None
        );
    }
}
