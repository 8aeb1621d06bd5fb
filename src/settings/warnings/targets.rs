//! Doubts about the server, connections and targets.

use super::{Look, Raised, place, raise};
use crate::map::{Node, NodeValue, Position};
use crate::settings::node::{entries, entry};
use crate::settings::show::SECRET_WORDS;

impl Look<'_> {
    pub(super) fn targets(&self, raised: &mut Vec<Raised>) {
        self.unused(raised);
        self.admin(raised);
        for top in &self.parts.written {
            for section in ["connections", "targets"] {
                if let Some(section) = entry(top, section) {
                    plain_secrets(section, raised);
                }
            }
        }
    }

    fn unused(&self, raised: &mut Vec<Raised>) {
        let used = |place: usize| {
            let mut bindings = self
                .settings
                .routes
                .iter()
                .flat_map(|route| &route.bindings);
            bindings.any(|binding| binding.target == place)
        };
        for (place, named) in self.parts.targets.iter().enumerate() {
            // What other sections name (a target for dead letters, one that is read) is used too.
            if used(place) || self.is_named_elsewhere(&named.name) {
                continue;
            }
            let message = format!("no route sends to the target `{}`", named.name);
            let help = "name it in a route's `to`, or leave it out: it takes a connection and \
                        memory for its queue";
            raise(raised, "unused_target", named.at, message, help.to_owned());
        }
        for (place, named) in self.parts.connections.iter().enumerate() {
            let mut targets = self.settings.targets.iter();
            if targets.any(|target| target.connection == Some(place)) {
                continue;
            }
            let message = format!("no target uses the connection `{}`", named.name);
            let help = format!(
                "write `connection: {}` in a target, or leave it out",
                named.name
            );
            raise(raised, "unused_connection", named.at, message, help);
        }
    }

    fn takes_letters(&self, place: Option<u16>) -> bool {
        let (targets, routes) = (&self.settings.targets, &self.settings.routes);
        targets.iter().any(|target| target.dead_letter == place)
            || routes.iter().any(|route| route.reply.dead_letter == place)
    }

    /// True if a key of a route other than `to`, or a dead letter, names the target.
    fn is_named_elsewhere(&self, target: &str) -> bool {
        let place = self
            .settings
            .targets
            .iter()
            .position(|known| *known.name == *target);
        let letters = place.and_then(|place| u16::try_from(place).ok());
        if letters.is_some() && self.takes_letters(letters) {
            return true;
        }
        let named = |node: &Node| matches!(&node.value, NodeValue::Text(text) if text == target);
        self.parts.routes.iter().any(|(route, _)| {
            entries(route)
                .iter()
                .filter(|(name, _, _)| name != "to")
                .any(|(_, _, value)| any(value, &named))
        })
    }

    fn admin(&self, raised: &mut Vec<Raised>) {
        let admin = self.settings.server.admin;
        if admin.ip().is_loopback() {
            return;
        }
        let tops = self.parts.written.iter();
        let written = tops.filter_map(|top| entry(top, "server")).next();
        let at = written.map_or(Position::default(), |server| place(server, &["admin"]));
        let message = format!("the admin port listens on {admin}");
        let help = "whoever reaches it reads the settings, the routes and what targets say: bind it \
                    to 127.0.0.1, or to an address that only your own network reaches";
        raise(raised, "admin_exposed", at, message, help.to_owned());
    }
}

/// True if this holds for the value or one within it.
fn any(node: &Node, holds: &impl Fn(&Node) -> bool) -> bool {
    let within = match &node.value {
        NodeValue::List(items) => items.iter().any(|item| any(item, holds)),
        NodeValue::Map(entries) => entries.iter().any(|(_, _, value)| any(value, holds)),
        _ => false,
    };
    within || holds(node)
}

/// Values that are secret by their key and stand in the file as they are.
fn plain_secrets(node: &Node, raised: &mut Vec<Raised>) {
    for (name, _, value) in entries(node) {
        let NodeValue::Text(text) = &value.value else {
            plain_secrets(value, raised);
            continue;
        };
        let lower = name.to_lowercase();
        let is_secret = SECRET_WORDS.iter().any(|word| lower.contains(word))
            && !lower.ends_with(".url")
            && !lower.ends_with(".location");
        if is_secret && !text.is_empty() && !text.contains("${") {
            let message = format!("`{name}` stands in the file in plain text");
            let help = format!(
                "put it into a file of the secrets directory or into the environment, and write \
                 `{name}: ${{secret.NAME}}`: it is then shown nowhere"
            );
            raise(raised, "plain_secret", value.at, message, help);
        }
    }
}
