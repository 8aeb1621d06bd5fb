//! `sluicegate try`: routes and maps one request, sends nothing, shows what would be sent.

mod curl;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args};

use self::curl::{Curl, Trouble};
use super::ending::{Ending, say};
use super::files::settings_of;
use super::test_run::{fields_of, fixed_moment};
use super::values;
use crate::gateway::{Given, Rehearsal, RehearsalRequest, rehearse};
use crate::settings::Settings;

/// Rehearsals from which the time of each step is taken, at most.
const REHEARSALS_MAX: usize = 1000;
/// How long they may take together, unless their number is asked for.
const REHEARSALS_TIME: Duration = Duration::from_millis(500);

/// Shows what a request would become: its records, field by field, the reply, and the time that
/// each step takes. Sends nothing.
///
/// The request is written as 'POST /orders', or as for curl: a URL with curl's own flags.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sluicegate try orders.yaml 'POST /orders' \
                        --body '{\"id\": \"o1\"}' -H 'Content-Type: application/json'\n  \
                        sluicegate try orders.yaml curl http://127.0.0.1:8080/orders \
                        --json @order.json")]
pub(super) struct Arguments {
    /// A Sluicegate file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Method and path, a query included: 'POST /orders?dry=1'; or a URL.
    #[arg(value_name = "REQUEST", required = true, num_args = 1..=3)]
    request: Vec<String>,
    #[command(flatten)]
    curl: Curl,
    /// Rehearse it so often and show the median time of each step.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    times: Option<u32>,
    /// Who sends it: the name of one of the file's clients, whose key is not needed.
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// The address that it comes from; 127.0.0.1 by default.
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Option<std::net::IpAddr>,
}

pub(super) fn command(arguments: &Arguments, matches: Option<&ArgMatches>) -> Result<(), Ending> {
    let asked = arguments.curl.request(&arguments.request, matches);
    let asked = asked.map_err(|trouble| match trouble {
        Trouble::Written(message) => Ending::Misuse(message),
        Trouble::Unread(message) => Ending::Wrong(message),
    })?;
    let settings = settings_of(std::slice::from_ref(&arguments.file))?;
    let client = arguments.client.as_deref();
    let client = client.map(|name| client_of(&settings, name)).transpose()?;
    let (time, id) = fixed_moment();
    let request = RehearsalRequest {
        method: asked.method,
        target: asked.target,
        headers: asked.headers,
        client,
        source_ip: arguments.source_ip,
        body: asked.body,
        time,
        id,
    };
    let rehearsal = rehearse(&settings, &request, &Given::default());
    say(&shown(&settings, &rehearsal));
    say(&times(&settings, &request, &rehearsal, arguments.times));
    Ok(())
}

/// The time of each step: the median of many rehearsals, of which the first is not one, since it
/// pays for what the others find ready.
fn times(
    settings: &Settings,
    request: &RehearsalRequest,
    first: &Rehearsal,
    asked: Option<u32>,
) -> String {
    let began = Instant::now();
    let most = asked.map_or(REHEARSALS_MAX, |times| times as usize);
    let mut all: Vec<Vec<Duration>> = vec![Vec::new(); first.times.len()];
    let mut rehearsals = 0;
    while rehearsals < most && (asked.is_some() || began.elapsed() < REHEARSALS_TIME) {
        let next = rehearse(settings, request, &Given::default());
        for (times, (_, time)) in all.iter_mut().zip(&next.times) {
            times.push(*time);
        }
        rehearsals += 1;
    }
    let plural = if rehearsals == 1 { "" } else { "s" };
    let mut out = format!(
        "\ntime (median of {rehearsals} rehearsal{plural} on this machine, without sockets and \
         targets)\n"
    );
    let mut whole = Duration::ZERO;
    for ((step, cold), times) in first.times.iter().zip(&mut all) {
        times.sort();
        let median = times.get(times.len() / 2).copied().unwrap_or(*cold);
        whole += median;
        out.push_str(&format!("  {step:<8}{}\n", microseconds(median)));
    }
    out.push_str(&format!("  {:<8}{}\n", "together", microseconds(whole)));
    out
}

fn microseconds(time: Duration) -> String {
    format!("{:>9.1} µs", time.as_secs_f64() * 1e6)
}

/// The place of a client.
fn client_of(settings: &Settings, name: &str) -> Result<usize, Ending> {
    let place = settings
        .clients
        .iter()
        .position(|known| *known.name == *name);
    place.ok_or_else(|| {
        let names: Vec<&str> = settings.clients.iter().map(|known| &*known.name).collect();
        let known = match names.as_slice() {
            [] => "the file has none".to_owned(),
            names => format!("known: {}", names.join(", ")),
        };
        Ending::Wrong(format!("there is no client `{name}`: {known}"))
    })
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
    if let Some(why) = &rehearsal.unshaped {
        out.push_str(&format!("  not shaped as the route says: {why}\n"));
    }
    if !rehearsal.body.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            String::from_utf8_lossy(&rehearsal.body).trim_end()
        ));
    }
    out
}
