//! `ce`: the attributes of a CloudEvent.

use super::chain::Chain;
use super::names::{Names, Resolved, only_text, slot};
use super::slots::{Field, Read};
use super::text::TextFault;
use crate::limits::PATHS_MAX;
use crate::split::Step;

/// Attributes that messages name.
const KNOWN: &str = "`ce.id`, `ce.source`, `ce.type`, `ce.subject`, `ce.time` or an extension";

impl Names<'_> {
    /// The read of `ce.type` and the like.
    pub(super) fn attribute(&mut self, chain: &Chain) -> Resolved {
        if !self.cloudevents {
            return Err(TextFault::new(
                0,
                "`ce` is there only where a route accepts CloudEvents",
                "add `cloudevents` to the route's `accept.formats`",
            ));
        }
        let Some(Step::Name(name)) = chain.links.first().map(|link| &link.step) else {
            let help = format!("write {KNOWN}");
            return Err(TextFault::new(0, "`ce` cannot be used as a whole", &help));
        };
        if matches!(name.as_str(), "data" | "data_base64") {
            let message = format!("`ce` has no `{name}`: the data of a CloudEvent is `event`");
            return Err(TextFault::new(0, message, "write `event`"));
        }
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if name.is_empty() || !name.bytes().all(letters) {
            let message = format!("`{name}` cannot be the name of an attribute of a CloudEvent");
            let help = format!("they have lower-case letters and digits only: {KNOWN}");
            return Err(TextFault::new(0, message, &help));
        }
        only_text(chain, 1)?;
        let Some(path) = self.wanted.add_attribute(name) else {
            let message = format!("a route may name at most {PATHS_MAX} paths into the event");
            return Err(TextFault::new(0, message, "split the route"));
        };
        let field = Field { path, needed: None };
        if chain.test {
            return Ok(slot(chain, Read::HasField(field), false));
        }
        let optional = chain.links.iter().any(|link| link.optional);
        Ok(slot(chain, Read::Field(field), optional))
    }
}
