//! `sandbox --demo`: the file's tests over HTTP, and what landed, read back from each service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value as Json;
use sluicegate_contract::Value;

use super::keys::LentKeys;
use super::post::post;
use super::show::{COLUMNS, Look, cut, duration};
use crate::cli::Ending;
use crate::cli::ending::say;
use crate::cli::test_match::compare;
use crate::cli::test_run::{fields_of, records};
use crate::cli::values::record_json;
use crate::gateway::{Given, Rehearsal, RehearsalRequest, RehearsedRecord, rehearse};
use crate::rooms::{Landed, Landings, Place};
use crate::serve::Running;
use crate::settings::{Route, RouteTest, Settings};

/// How long a record may take to be read back.
const LANDING_TIME_MAX: Duration = Duration::from_secs(10);
/// How long to wait for records that should not come.
const SURPLUS_PAUSE: Duration = Duration::from_millis(100);
/// librdkafka asks for its producer id up to a second after its start. The first request would wait
/// for that, which says nothing of the gateway.
const KAFKA_START_PAUSE: Duration = Duration::from_millis(1100);
/// Fields of records that can be read back; a subject or a condition cannot.
const READABLE: &[&str] = &[
    "put",
    "partition_key",
    "data",
    "message",
    "attributes",
    "key",
    "value",
    "headers",
    "partition",
    "timestamp",
];

/// Sends all tests and judges what landed.
pub(super) fn run(
    settings: &Settings,
    running: &Running,
    keys: &LentKeys,
    places: &[Place],
    look: &Look,
    mut landings: Landings,
) -> Result<(), Ending> {
    if settings.tests.is_empty() {
        return Err(Ending::Wrong("the file has no `tests:` to send".to_owned()));
    }
    let (mut sent, mut wrong, mut landed) = (0, 0, 0);
    let mut services = BTreeSet::new();
    if places.iter().any(|place| place.service == "Kafka") {
        std::thread::sleep(KAFKA_START_PAUSE);
    }
    for test in &settings.tests {
        let Some(route) = settings.routes.get(test.route) else {
            continue;
        };
        let given = test.given.as_object();
        let unsent = match (given.is_some_and(|given| !given.is_empty()), test.source_ip) {
            (true, _) => Some("its `given:` wants targets that fail"),
            (false, Some(_)) => Some("it comes from a `source_ip` of its own"),
            (false, None) => None,
        };
        if let Some(unsent) = unsent {
            let why = format!("- {}: not sent, {unsent}", test.name);
            say(&format!("{}\n\n", look.dim(&cut(&why, COLUMNS))));
            continue;
        }
        let one = Test {
            settings,
            route,
            test,
            headers: keys.headers(test),
            places,
            look,
        };
        let (found, differences) = one.play(running, &mut landings);
        sent += 1;
        landed += found.len();
        services.extend(
            found
                .iter()
                .filter_map(|record| Some(places.get(record.place)?.service)),
        );
        wrong += usize::from(!differences.is_empty());
        for difference in differences {
            say(&format!("  {}\n", look.bad(&difference)));
        }
        say("\n");
    }
    let services: Vec<_> = services.into_iter().collect();
    let from = services.join(", ");
    if wrong > 0 {
        let said = format!("{wrong} of {sent} requests did not do what their tests say.");
        say(&format!("{}\n", look.bad(&said)));
        return Err(Ending::Said);
    }
    let said = format!("All {sent} requests did what their tests say: {landed} records read back");
    let said = if from.is_empty() {
        said
    } else {
        format!("{said} from {from}")
    };
    say(&format!("{}\n", look.good(&format!("{said}."))));
    Ok(())
}

/// One test on its way.
struct Test<'a> {
    settings: &'a Settings,
    route: &'a Route,
    test: &'a RouteTest,
    /// Its header fields with the key of its client.
    headers: Vec<(String, String)>,
    places: &'a [Place],
    look: &'a Look,
}

impl Test<'_> {
    /// Sends the request and gives what landed and what is wrong with it.
    fn play(&self, running: &Running, landings: &mut Landings) -> (Vec<Landed>, Vec<String>) {
        let test = self.test;
        let rehearsal = self.rehearsal();
        let (began, sent) = (Instant::now(), SystemTime::now());
        let answer = post(
            running.http,
            &test.method,
            &test.target,
            &self.headers,
            &test.body,
        );
        let answered = began.elapsed();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return (Vec::new(), vec![format!("{}: {error}", test.name)]),
        };
        say(&format!("{}\n", self.look.bold(&cut(&test.name, COLUMNS))));
        let request = format!("  {} {}", test.method, test.target);
        say(&format!("{}\n", cut(&request, COLUMNS)));
        let reply = format!(
            "  {} in {}  {}",
            answer.status,
            duration(answered),
            answer.body.trim()
        );
        say(&format!("{}\n", self.look.dim(&cut(&reply, COLUMNS))));
        let expected = self.expected(&rehearsal);
        let found = self.collect(&expected, sent, landings);
        let mut differences = Vec::new();
        let status = test.expect.get("status").and_then(Json::as_u64);
        if let Some(status) = status.filter(|status| *status != u64::from(answer.status)) {
            differences.push(format!("status: expected {status}, came {}", answer.status));
        }
        self.judge(&expected, &found, &rehearsal, &mut differences);
        (found, differences)
    }

    /// The same request up to dispatch, at another moment than the test's: what does not fit its
    /// expectations here depends on the clock or on the request's id.
    fn rehearsal(&self) -> Rehearsal {
        let request = RehearsalRequest {
            method: self.test.method.clone(),
            target: self.test.target.clone(),
            headers: self.test.headers.clone(),
            client: self.test.client,
            source_ip: self.test.source_ip,
            body: self.test.body.clone(),
            time: SystemTime::now(),
            id: uuid::Uuid::now_v7().as_u128(),
        };
        rehearse(self.settings, &request, &Given::new())
    }

    /// How many records should land in each place.
    fn expected(&self, rehearsal: &Rehearsal) -> BTreeMap<usize, usize> {
        let mut expected = BTreeMap::new();
        for record in &rehearsal.records {
            if let Some(place) = self.place_of_record(record) {
                *expected.entry(place).or_default() += 1;
            }
        }
        expected
    }

    /// A target of several topics has as many places: its record names the one.
    fn place_of_record(&self, record: &RehearsedRecord) -> Option<usize> {
        let target = self.route.bindings.get(record.binding)?.target;
        let named = self.places.iter().position(|place| {
            let names = |value: &Value| value.as_text() == Some(place.name.as_str());
            place.targets.contains(&target) && record.record.values().iter().any(names)
        });
        named.or_else(|| self.place_of(record.binding))
    }

    /// The targets that share a place.
    fn targets_of(&self, place: usize) -> &[usize] {
        self.places.get(place).map_or(&[], |place| &place.targets)
    }

    fn place_of(&self, binding: usize) -> Option<usize> {
        let target = self.route.bindings.get(binding)?.target;
        self.places
            .iter()
            .position(|place| place.targets.contains(&target))
    }

    /// Shows records as they land, until all that should have landed did, and a little longer.
    fn collect(
        &self,
        expected: &BTreeMap<usize, usize>,
        sent: SystemTime,
        landings: &mut Landings,
    ) -> Vec<Landed> {
        let wanted: usize = expected.values().sum();
        let end = Instant::now() + LANDING_TIME_MAX;
        let mut found = Vec::new();
        loop {
            let left = if found.len() < wanted {
                end.saturating_duration_since(Instant::now())
            } else {
                SURPLUS_PAUSE
            };
            let Some(landed) = landings.next(left) else {
                return found;
            };
            let took = landed.time.duration_since(sent).unwrap_or_default();
            self.look.landed(&landed, took);
            found.push(landed);
        }
    }

    fn judge(
        &self,
        expected: &BTreeMap<usize, usize>,
        found: &[Landed],
        rehearsal: &Rehearsal,
        out: &mut Vec<String>,
    ) {
        for (place, Place { service, name, .. }) in self.places.iter().enumerate() {
            let came = found.iter().filter(|landed| landed.place == place).count();
            let wanted = expected.get(&place).copied().unwrap_or(0);
            if came != wanted {
                out.push(format!(
                    "{service} {name}: expected {wanted} records, {came} landed"
                ));
            }
        }
        let Some(names) = self.test.expect.get("records").and_then(Json::as_object) else {
            return;
        };
        for (name, expected) in names {
            let binding = self
                .route
                .bindings
                .iter()
                .position(|binding| *binding.name == **name);
            let place = binding.and_then(|binding| self.place_of(binding));
            let (Some(binding), Some(place)) = (binding, place) else {
                continue;
            };
            // Records of two bindings in one place cannot be told apart by what is read back.
            let sharers =
                (0..self.route.bindings.len()).filter(|b| self.place_of(*b) == Some(place));
            if sharers.count() > 1 {
                continue;
            }
            let expected = readable(expected);
            // A target of several topics has as many places.
            let target = self.targets_of(place).first();
            let is_of = |landed: &&Landed| {
                let targets = self.targets_of(landed.place);
                target.is_some_and(|target| targets.contains(target))
            };
            let came = found.iter().filter(is_of);
            let came: Vec<Json> = came.map(|landed| landed.content.clone()).collect();
            let fields = fields_of(self.settings, self.route, binding);
            let rehearsed = rehearsal
                .records
                .iter()
                .filter(|record| record.binding == binding);
            let rehearsed: Vec<Json> = rehearsed
                .map(|record| record_json(&record.record, fields))
                .collect();
            let came = in_order_of(&expected, came);
            let (mut differences, mut of_this_moment) = (Vec::new(), Vec::new());
            let at = format!("records.{name}");
            records(&expected, &came, &at, &mut differences);
            records(&expected, &rehearsed, &at, &mut of_this_moment);
            let place_in = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
            let of_this_moment: BTreeSet<_> = of_this_moment.iter().map(|l| place_in(l)).collect();
            out.extend(
                differences
                    .into_iter()
                    .filter(|l| !of_this_moment.contains(&place_in(l))),
            );
        }
    }
}

/// The records in the order in which they are expected: partitions and shards keep none between
/// them.
fn in_order_of(expected: &Json, mut came: Vec<Json>) -> Vec<Json> {
    let Json::Array(items) = expected else {
        return came;
    };
    let mut ordered = Vec::with_capacity(came.len());
    for item in items {
        let fits = |record: &Json| {
            let mut differences = Vec::new();
            compare(item, Some(record), "", &mut differences);
            differences.is_empty()
        };
        if let Some(place) = came.iter().position(fits) {
            ordered.push(came.remove(place));
        }
    }
    ordered.append(&mut came);
    ordered
}

/// What is expected of a record, as far as it can be read back.
fn readable(expected: &Json) -> Json {
    match expected {
        Json::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| READABLE.contains(&name.as_str()));
            Json::Object(
                kept.map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            )
        }
        Json::Array(items) => items.iter().map(readable).collect(),
        other => other.clone(),
    }
}
