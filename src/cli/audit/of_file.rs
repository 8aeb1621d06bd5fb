//! Targets as a route of a file says them: its mapping is rehearsed, and shows where an event stands
//! in each record.

use sluicegate_audit::{Events, Source, Target};

use crate::cli::Ending;
use crate::cli::test_run::fixed_moment;
use crate::gateway::{Given, Rehearsal, RehearsalRequest, rehearse};
use crate::rooms::{self, Sample};
use crate::settings::{After, Need, Route, Settings};

/// What a route says of an audit.
pub(super) struct OfRoute {
    pub(super) targets: Vec<(Target, Source)>,
    /// What its user should know.
    pub(super) notes: Vec<String>,
}

/// The targets of the route that takes this request.
pub(super) fn targets(
    settings: &Settings,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    events: &Events,
) -> Result<OfRoute, Ending> {
    // Two events of one key, and one of another.
    let mut rehearsals = Vec::new();
    for number in [0, events.keys(), 1] {
        let played = play(settings, method, target, headers, events, number);
        rehearsals.push((number, played?));
    }
    let route = rehearsals.first().and_then(|(_, played)| played.route);
    let route = route.and_then(|place| settings.routes.get(place));
    let Some(route) = route else {
        return Err(Ending::Wrong(format!(
            "no route of the file takes {method} {target}"
        )));
    };
    let mut found = OfRoute {
        targets: Vec::new(),
        notes: Vec::new(),
    };
    if route.reply.after == After::Any {
        found.notes.push(
            "the route answers after one target (`after: any`); events are looked for in each, \
             which is more than it promises"
                .to_owned(),
        );
    }
    for place in 0..route.bindings.len() {
        binding(settings, route, place, &rehearsals, events, &mut found)?;
    }
    if found.targets.is_empty() {
        let said = "no target of the route can be read back".to_owned();
        return Err(Ending::Wrong(said));
    }
    Ok(found)
}

fn binding(
    settings: &Settings,
    route: &Route,
    place: usize,
    rehearsals: &[(u64, Rehearsal)],
    events: &Events,
    found: &mut OfRoute,
) -> Result<(), Ending> {
    let Some(binding) = route.bindings.get(place) else {
        return Ok(());
    };
    let Some(target) = settings.targets.get(binding.target) else {
        return Ok(());
    };
    let samples: Vec<Sample> = rehearsals
        .iter()
        .filter_map(|(number, rehearsal)| {
            let mut records = rehearsal.records.iter();
            let record = records.find(|record| record.binding == place)?;
            Some(Sample {
                id: events.id(*number),
                event: events.payload(*number),
                record: record.record.clone(),
            })
        })
        .collect();
    let [one, of_the_same_key, of_another] = samples.as_slice() else {
        found.notes.push(format!(
            "`{}` is left out: its `when` does not take every event of the audit",
            binding.name
        ));
        return Ok(());
    };
    let seen = rooms::audited(settings, target, [one, of_the_same_key, of_another]);
    let seen = match seen {
        Ok(Some(seen)) => seen,
        Ok(None) => {
            let kind = target.room.kind();
            let said = format!(
                "`{}` is left out: a {kind} cannot be read back",
                binding.name
            );
            found.notes.push(said);
            return Ok(());
        }
        Err(said) => return Err(Ending::Wrong(format!("target `{}`: {said}", target.name))),
    };
    found.targets.push((
        Target {
            name: binding.name.to_string(),
            required: binding.need == Need::Required,
            ordered: seen.ordered && (seen.alone || route.reply.after != After::Spooled),
            shows_copies: seen.shows_copies,
            exclusive: false,
        },
        seen.source,
    ));
    Ok(())
}

/// One event, rehearsed; as any client of the file that the route lets in.
fn play(
    settings: &Settings,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    events: &Events,
    number: u64,
) -> Result<Rehearsal, Ending> {
    let (time, id) = fixed_moment();
    let mut headers = headers.to_vec();
    let typed = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if !headers.iter().any(typed) {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let clients = std::iter::once(None).chain((0..settings.clients.len()).map(Some));
    let mut refused = None;
    for client in clients {
        let request = RehearsalRequest {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.clone(),
            client,
            source_ip: None,
            body: events.payload(number),
            time,
            id,
        };
        let played = rehearse(settings, &request, &Given::default());
        if !played.records.is_empty() {
            return Ok(played);
        }
        refused.get_or_insert(played);
    }
    let (status, body) = refused.map_or((0, Vec::new()), |played| (played.status, played.body));
    Err(Ending::Wrong(format!(
        "{method} {target} would not take the audit's events ({status}): {}\nshape them with \
         --event, for example --event '{{\"id\":\"{{id}}\",\"user\":\"{{key}}\"}}'",
        String::from_utf8_lossy(&body).trim()
    )))
}
