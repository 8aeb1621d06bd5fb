//! `POST /v1/{tenant}/events`: the text of a route.

/// Methods that a route may have.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 2048;

/// A route's method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteText {
    pub(super) method: String,
    /// As matchit takes it.
    pub(super) path: String,
    /// Names of the path's parameters, in order.
    pub(super) parameters: Vec<String>,
}

/// Reads a route's text.
///
/// # Errors
/// What is wrong and what to write instead.
pub(super) fn parse(text: &str) -> Result<RouteText, (String, String)> {
    let example = || "write for example `POST /v1/{tenant}/events`".to_owned();
    let Some((method, path)) = text.split_once(' ') else {
        return Err((format!("`{text}` is not a method and a path"), example()));
    };
    let path = path.trim();
    if !METHODS.contains(&method) {
        let upper = method.to_uppercase();
        let help = if METHODS.contains(&upper.as_str()) {
            format!("write `{upper}`")
        } else {
            format!("known methods: {}", METHODS.join(", "))
        };
        return Err((format!("`{method}` is not a method"), help));
    }
    if !path.starts_with('/') {
        return Err((
            format!("the path `{path}` does not start with `/`"),
            example(),
        ));
    }
    if path.len() > PATH_BYTES_MAX {
        return Err((
            format!("the path is longer than {PATH_BYTES_MAX} bytes"),
            example(),
        ));
    }
    if let Some(odd) = path
        .chars()
        .find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#'))
    {
        let help = "a path is visible ASCII without `?`, `#` and spaces; \
                    a query is not part of a route";
        return Err((
            format!("the path `{path}` holds `{}`", odd.escape_default()),
            help.to_owned(),
        ));
    }
    let parameters = parameters_of(path)?;
    Ok(RouteText {
        method: method.to_owned(),
        path: path.to_owned(),
        parameters,
    })
}

fn parameters_of(path: &str) -> Result<Vec<String>, (String, String)> {
    let mut names: Vec<String> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.starts_with([':', '*']) {
            let name = segment.trim_start_matches([':', '*']);
            let name = if name.is_empty() { "rest" } else { name };
            let star = if segment.starts_with('*') { "*" } else { "" };
            return Err((
                format!(
                    "the path's part `{segment}` is no parameter, and would be taken as it stands"
                ),
                format!("write `{{{star}{name}}}`"),
            ));
        }
        let Some(start) = segment.find('{') else {
            if segment.contains('}') {
                return Err((
                    format!("the path's part `{segment}` closes a `{{` that it does not open"),
                    "write a parameter as `{name}`".to_owned(),
                ));
            }
            continue;
        };
        let whole = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = whole.filter(|_| start == 0) else {
            return Err((
                format!("the path's part `{segment}` is not one parameter"),
                "a parameter takes a whole part of a path: `/orders/{id}`".to_owned(),
            ));
        };
        let (name, rest) = match name.strip_prefix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if rest && segments.peek().is_some() {
            return Err((
                format!("`{segment}` takes the rest of a path and must stand at its end"),
                format!("write `{{{name}}}` for one part"),
            ));
        }
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty()
            || !name.bytes().all(letters)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err((
                format!("`{name}` is not a name for a path parameter"),
                "letters, digits and `_`, not starting with a digit".to_owned(),
            ));
        }
        if names.iter().any(|known| known == name) {
            return Err((
                format!("the path parameter `{name}` occurs twice"),
                "give each its own name".to_owned(),
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_a_method_a_path_and_named_parameters() {
        let route = parse("POST /v1/{tenant}/events/{*rest}").unwrap();
        assert_eq!(route.method, "POST");
        assert_eq!(route.path, "/v1/{tenant}/events/{*rest}");
        assert_eq!(route.parameters, ["tenant", "rest"]);
        assert_eq!(parse("GET /").unwrap().parameters, Vec::<String>::new());
    }

    #[test]
    fn what_is_not_a_route_is_refused_with_the_remedy() {
        for (text, says) in [
            ("/orders", "not a method and a path"),
            ("post /orders", "not a method"),
            ("SEND /orders", "not a method"),
            ("POST orders", "does not start with `/`"),
            ("POST /orders?x=1", "holds `?`"),
            ("POST /or ders", "holds ` `"),
            ("POST /ördèrs", "holds"),
            ("POST /a{id}", "not one parameter"),
            ("POST /{id", "not one parameter"),
            ("POST /id}", "does not open"),
            ("POST /{*rest}/x", "must stand at its end"),
            ("POST /{a b}", "holds"),
            ("POST /{}", "not a name"),
            ("POST /{1a}", "not a name"),
            ("POST /{a}/{a}", "occurs twice"),
            ("POST /a/:id", "is no parameter"),
            ("POST /a/*", "is no parameter"),
        ] {
            let (message, help) = parse(text).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
            assert!(!help.is_empty(), "{text}");
        }
    }
}
