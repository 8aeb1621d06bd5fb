//! The root `auth`: who sends.

use super::chain::Chain;
use super::found::Found;
use super::names::{Names, Resolved, nearest, one_of, only_text, slot};
use super::slots::Read;
use super::text::TextFault;
use crate::split::Step;

const AUTH_NAMES: [&str; 2] = ["name", "labels"];

impl Names<'_> {
    /// Who sends: known where the route asks for it.
    pub(super) fn auth(&self, chain: &Chain) -> Resolved {
        let Some(labels) = self.auth else {
            return Err(TextFault::new(
                0,
                "`auth` says who sends, and this route has `auth: none`",
                "ask for a key with `auth: [api_key]`",
            ));
        };
        let optional = chain.links.iter().any(|link| link.optional);
        let name = |index: usize| match chain.links.get(index).map(|link| &link.step) {
            Some(Step::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        match name(0) {
            Some("name") => {
                only_text(chain, 1)?;
                if chain.test {
                    let there = Read::Fixed(Found::from_boolean(true));
                    return Ok(slot(chain, there, false));
                }
                Ok(slot(chain, Read::AuthName, optional))
            }
            Some("labels") => {
                let Some(label) = name(1) else {
                    return Err(one_of("auth.labels", labels));
                };
                if !labels.iter().any(|known| known == label) {
                    let message = format!("no client has the label `{label}`");
                    let mut help = nearest(label, labels.iter().map(String::as_str));
                    if help.is_empty() {
                        help = format!("write it under `labels` of a client: {{ {label}: … }}");
                    }
                    return Err(TextFault::new(0, message, &help));
                }
                only_text(chain, 2)?;
                let read = if chain.test {
                    Read::HasAuthLabel
                } else {
                    Read::AuthLabel
                };
                Ok(slot(chain, read(label.into()), optional))
            }
            Some("claims") => Err(TextFault::new(
                0,
                "`auth.claims` is not known in this version",
                "it comes with JSON Web Tokens; an API key has `auth.name` and `auth.labels`",
            )),
            Some(other) => {
                let message = format!("`auth` has no `{other}`");
                Err(TextFault::new(0, message, &nearest(other, AUTH_NAMES)))
            }
            None => Err(one_of("auth", &AUTH_NAMES.map(str::to_owned))),
        }
    }
}
