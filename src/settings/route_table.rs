//! Which routes there are: no two may take the same request or have the same name.

use std::sync::Arc;

use super::Sources;
use super::route_text::RouteText;
use crate::map::{Issue, Position};

/// What routes there are already.
#[derive(Default)]
pub(super) struct Table {
    router: matchit::Router<()>,
    routes: Vec<(String, String, Position)>,
    names: Vec<(Arc<str>, Position)>,
}

impl Table {
    /// Adds a route's method and path.
    pub(super) fn add(
        &mut self,
        text: &RouteText,
        at: Position,
        sources: &Sources,
        issues: &mut Vec<Issue>,
    ) {
        let same_path = self.routes.iter().filter(|(_, path, _)| *path == text.path);
        let mut same_path = same_path.peekable();
        let new_path = same_path.peek().is_none();
        if let Some((_, _, first)) = same_path
            .clone()
            .find(|(method, _, _)| *method == text.method)
        {
            let place = sources.place(*first);
            issues.push(Issue {
                at,
                message: format!(
                    "`{} {}` is given twice: first at {place}",
                    text.method, text.path
                ),
                help: Some("one route takes a method and path: put both into one".to_owned()),
            });
            return;
        }
        let inserted = if new_path {
            self.router.insert(&text.path, ())
        } else {
            Ok(())
        };
        if let Err(error) = inserted {
            let other = match &error {
                matchit::InsertError::Conflict { with } => {
                    self.routes.iter().find(|(_, path, _)| path == with)
                }
                _ => None,
            };
            let message = match other {
                Some((method, path, first)) => format!(
                    "the path `{}` takes the same requests as `{method} {path}` at {}",
                    text.path,
                    sources.place(*first)
                ),
                None => format!("the path `{}` cannot be used: {error}", text.path),
            };
            let help = "give parameters in the same place of a path the same name".to_owned();
            issues.push(Issue {
                at,
                message,
                help: Some(help),
            });
            return;
        }
        self.routes
            .push((text.method.clone(), text.path.clone(), at));
    }

    /// Adds a route's name.
    pub(super) fn name(
        &mut self,
        name: &Arc<str>,
        at: Position,
        sources: &Sources,
        issues: &mut Vec<Issue>,
    ) {
        if let Some((_, first)) = self.names.iter().find(|(known, _)| known == name) {
            issues.push(Issue {
                at,
                message: format!(
                    "the route name `{name}` is given twice: first at {}",
                    sources.place(*first)
                ),
                help: Some("names tell routes apart in metrics: give each its own".to_owned()),
            });
        }
        self.names.push((Arc::clone(name), at));
    }
}
