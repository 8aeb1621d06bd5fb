//! `sluicegate try`: routes and maps one request, sends nothing, shows what would be sent.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use super::ending::{Ending, say};
use super::files::settings_of;
use super::test_run::{fields_of, fixed_moment};
use super::values;
use crate::gateway::{Given, Rehearsal, RehearsalRequest, rehearse};
use crate::limits::REQUEST_BYTES_MAX;
use crate::settings::Settings;

/// Shows what a request would become: its records, field by field, and the reply. Sends nothing.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sluicegate try orders.yaml 'POST /orders' \
                        --body '{\"id\": \"o1\"}' -H 'Content-Type: application/json'")]
pub(super) struct Arguments {
    /// A Sluicegate file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Method and path, a query included: 'POST /orders?dry=1'.
    #[arg(value_name = "REQUEST")]
    request: String,
    /// The body: text as it stands, `@file` for a file, `-` for stdin.
    #[arg(
        long,
        value_name = "BODY",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    body: String,
    /// A header field; may stand several times.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
}

pub(super) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let settings = settings_of(std::slice::from_ref(&arguments.file))?;
    let (method, target) = request_line(&arguments.request).map_err(Ending::Misuse)?;
    let body = body(&arguments.body).map_err(Ending::Wrong)?;
    let (time, id) = fixed_moment();
    let request = RehearsalRequest {
        method,
        target,
        headers: arguments.headers.clone(),
        body,
        time,
        id,
    };
    let rehearsal = rehearse(&settings, &request, &Given::default());
    say(&shown(&settings, &rehearsal));
    Ok(())
}

fn shown(settings: &Settings, rehearsal: &Rehearsal) -> String {
    let mut out = String::new();
    let route = rehearsal.route.and_then(|index| settings.routes.get(index));
    match route {
        Some(route) => out.push_str(&format!(
            "route {} ({} {})\n",
            route.name, route.method, route.path
        )),
        None => out.push_str("no route takes this request\n"),
    }
    for record in &rehearsal.records {
        let Some(route) = route else { break };
        let binding = route.bindings.get(record.binding);
        let target = binding.and_then(|binding| settings.targets.get(binding.target));
        out.push_str(&format!(
            "\nevent {} to {} ({} {})\n",
            record.event,
            binding.map_or("", |binding| &*binding.name),
            target.map_or("", |target| target.room.kind()),
            target.map_or("", |target| &*target.name),
        ));
        let fields = fields_of(settings, route, record.binding);
        for line in values::lines(&record.record, fields) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out.push_str(&format!("\nreply {}\n", rehearsal.status));
    for (name, value) in &rehearsal.fields {
        out.push_str(&format!("  {name}: {value}\n"));
    }
    if !rehearsal.body.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            String::from_utf8_lossy(&rehearsal.body).trim_end()
        ));
    }
    out
}

fn request_line(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("`{text}` is not a request: write for example 'POST /orders'");
    let (method, target) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let target = target.trim();
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    Ok((method.to_owned(), target.to_owned()))
}

fn body(text: &str) -> Result<Vec<u8>, String> {
    let most = REQUEST_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let read = match text.strip_prefix('@') {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(most).read_to_end(&mut bytes))
            .map_err(|error| format!("the body's file `{path}` cannot be read: {error}")),
        None if text == "-" => std::io::stdin()
            .lock()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("the body cannot be read from stdin: {error}")),
        None => return Ok(text.as_bytes().to_vec()),
    };
    read.map(|_| bytes)
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| "write 'Name: value'".to_owned())?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("`{name}` is not a header's name"));
    }
    if value.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("a header's value has no control characters".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
