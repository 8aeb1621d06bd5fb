//! Finds the route of a request by path and method.

use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{Code, Refusal};
use crate::http::{Head, Span};
use crate::settings::{CorsRule, Route};

/// A route as one core holds it. The outer count is the core's own, so that counting a request's
/// reference never moves a cache line between cores.
pub type CoreRoute = Rc<Arc<Route>>;

/// Places of a path's parameters in the path, in the order of the route's text.
pub type Parameters = SmallVec<[Span; 4]>;

/// All routes of a file set, ready to be searched. Each core has its own.
#[derive(Debug, Default)]
pub struct Routes {
    paths: matchit::Router<usize>,
    methods: Vec<Methods>,
}

/// The routes that share one path.
#[derive(Debug)]
struct Methods {
    path: Arc<str>,
    routes: SmallVec<[CoreRoute; 2]>,
    allow: String,
}

/// A route that fits a request.
#[derive(Debug)]
pub struct Match<'m> {
    /// The route.
    pub route: &'m CoreRoute,
    /// Where its parameters stand in the request's path.
    pub parameters: Parameters,
}

impl Routes {
    /// Builds the table.
    ///
    /// # Errors
    /// The place of a route in `routes`, and why its path cannot stand beside those before it.
    pub fn new(routes: &[Arc<Route>]) -> Result<Self, (usize, String)> {
        let mut table = Self::default();
        for route in routes {
            table.add(route).map_err(|message| (route.index, message))?;
        }
        Ok(table)
    }

    fn add(&mut self, route: &Arc<Route>) -> Result<(), String> {
        let known = self
            .methods
            .iter()
            .position(|methods| methods.path == route.path);
        let place = known.unwrap_or(self.methods.len());
        if known.is_none() {
            self.paths
                .insert(route.path.to_string(), place)
                .map_err(|error| error.to_string())?;
            let path = Arc::clone(&route.path);
            self.methods.push(Methods {
                path,
                routes: SmallVec::new(),
                allow: String::new(),
            });
        }
        let methods = &mut self.methods[place];
        if methods
            .routes
            .iter()
            .any(|other| other.method == route.method)
        {
            return Err(format!("`{} {}` stands twice", route.method, route.path));
        }
        if !methods.allow.is_empty() {
            methods.allow.push_str(", ");
        }
        methods.allow.push_str(&route.method);
        methods.routes.push(Rc::new(Arc::clone(route)));
        Ok(())
    }

    /// The routes that have this path.
    #[must_use]
    pub fn at(&self, path: &str) -> &[CoreRoute] {
        let found = self.paths.at(path).ok();
        let methods = found.and_then(|found| self.methods.get(*found.value));
        methods.map_or(&[], |methods| &methods.routes)
    }

    /// The CORS rule that a refusal of this request goes by: that of its route; where the path has
    /// no such method, that of another of its routes; where no route has the path, the one of `elsewhere`.
    #[must_use]
    pub fn cors_of<'r>(
        &'r self,
        head: &Head<'_>,
        elsewhere: Option<&'r CorsRule>,
    ) -> Option<&'r CorsRule> {
        let routes = self.at(head.path());
        if routes.is_empty() {
            return elsewhere;
        }
        let found = routes.iter().find(|route| *route.method == *head.method());
        match found {
            Some(route) => route.cors.as_deref(),
            None => routes.iter().find_map(|route| route.cors.as_deref()),
        }
    }

    /// Finds the route of a request.
    ///
    /// # Errors
    /// `RouteNotFound`, or `MethodNotAllowed` with the methods that the path has.
    pub fn find(&self, head: &Head<'_>) -> Result<Match<'_>, Refusal> {
        let path = head.path();
        let Ok(found) = self.paths.at(path) else {
            return Err(Refusal::new(Code::RouteNotFound, "no route has this path"));
        };
        let methods = &self.methods[*found.value];
        let Some(route) = methods
            .routes
            .iter()
            .find(|route| *route.method == *head.method())
        else {
            let detail = format!("this path takes {}", methods.allow);
            let refusal = Refusal::new(Code::MethodNotAllowed, detail);
            return Err(refusal.with_field("Allow", methods.allow.clone()));
        };
        let parameters = found
            .params
            .iter()
            .map(|(_, value)| place_in(path, value))
            .collect();
        Ok(Match { route, parameters })
    }
}

/// Where `part`, a slice of `whole`, stands in it. Paths are shorter than 64 KiB by the limits of
/// a head.
fn place_in(whole: &str, part: &str) -> Span {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    debug_assert!(
        start + part.len() <= whole.len(),
        "a parameter is a slice of its path"
    );
    let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    Span {
        start: offset(start),
        end: offset(start + part.len()),
    }
}

/// The names of a path's parameters, in their order: `tenant`, `rest` for `/v1/{tenant}/{*rest}`.
pub fn parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.trim_start_matches('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_stand_in_their_order() {
        let names: Vec<_> = parameter_names("/v1/{tenant}/files/{*rest}").collect();
        assert_eq!(names, ["tenant", "rest"]);
        assert_eq!(parameter_names("/plain").count(), 0);
    }
}
