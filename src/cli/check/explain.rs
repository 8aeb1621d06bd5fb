//! `--explain`: every value in force, and where it comes from.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::Arguments;
use crate::settings::{Origin, Review, ValueInForce};

/// Columns of a key with its value before the origin is no more aligned.
const COLUMNS_MAX: usize = 60;
/// Variables that are shown as they are; of others that count only that they are set.
const SHOWN: &[&str] = &[
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "SLUICEGATE_SECRETS_DIR",
];
const HIDDEN: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
];

/// The values as lines of `key: value  # origin`.
pub(super) fn text(review: &Review, arguments: &Arguments, matches: Option<&ArgMatches>) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for value in &review.values {
        let (shown, origin) = match value.key.as_str() {
            "server.http" => flag(arguments.listen.http, "http", matches),
            "server.admin" => flag(arguments.listen.admin, "admin", matches),
            _ => None,
        }
        .unwrap_or_else(|| (value.value.clone(), origin(value)));
        lines.push((format!("{}: {shown}", value.key), origin));
    }
    for (id, name, value) in [
        (
            "cores",
            "cores",
            arguments
                .listen
                .cores
                .map_or("all".to_owned(), |n| n.to_string()),
        ),
        (
            "driver",
            "driver",
            format!("{:?}", arguments.listen.driver).to_lowercase(),
        ),
        (
            "log_format",
            "log-format",
            format!("{:?}", arguments.listen.log_format).to_lowercase(),
        ),
    ] {
        let origin = source(id, name, matches).unwrap_or_else(|| "default".to_owned());
        lines.push((format!("--{name}: {value}"), origin));
    }
    for (name, value) in environment() {
        lines.push((format!("{name}: {value}"), "environment".to_owned()));
    }
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .filter(|columns| *columns <= COLUMNS_MAX)
        .max()
        .unwrap_or(0);
    lines
        .iter()
        .map(|(line, origin)| format!("{line:width$}  # {origin}\n"))
        .collect()
}

fn origin(value: &ValueInForce) -> String {
    match &value.origin {
        Origin::File(place) => place.clone(),
        Origin::Defaults(place) => format!("defaults, {place}"),
        Origin::Variable(variable, place) => format!("{variable}, {place}"),
        Origin::Default => "default".to_owned(),
    }
}

/// What a flag or its variable says, where one was given.
fn flag<T: ToString>(
    value: Option<T>,
    id: &str,
    matches: Option<&ArgMatches>,
) -> Option<(String, String)> {
    Some((value?.to_string(), source(id, id, matches)?))
}

fn source(id: &str, name: &str, matches: Option<&ArgMatches>) -> Option<String> {
    match matches?.value_source(id)? {
        ValueSource::CommandLine => Some(format!("flag --{name}")),
        ValueSource::EnvVariable => {
            let variable = name.to_uppercase().replace('-', "_");
            Some(format!("environment SLUICEGATE_{variable}"))
        }
        _ => None,
    }
}

/// The variables that clients of the targets read, those that are set.
fn environment() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            let endpoint = name.starts_with("AWS_ENDPOINT_URL");
            if SHOWN.contains(&name.as_str()) || endpoint && !value.contains('@') {
                return Some((name, value));
            }
            let hidden = HIDDEN.contains(&name.as_str()) || endpoint;
            hidden.then(|| (name, "(set)".to_owned()))
        })
        .collect();
    found.sort();
    found
}
