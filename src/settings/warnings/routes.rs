//! Doubts about routes and where their events go.

use sluicegate_contract::{ByteSize, Room};

use super::constant::is_constant;
use super::{Look, Raised, grouped, place, raise};
use crate::dispatch::Target;
use crate::map::Node;
use crate::rooms;
use crate::settings::node::{entry, items, to_value};
use crate::settings::units::TimeSpan;
use crate::settings::{self, After, Binding, Need, Route};

/// Microseconds of processor time that a call with one record takes, and a record in a full call.
const ALONE_MICROSECONDS: (u64, u64) = (120, 260);
const BATCHED_MICROSECONDS: (u64, u64) = (10, 15);
/// Milliseconds that a call takes.
const CALL_MILLISECONDS: (u64, u64) = (5, 10);
/// Seconds that API Gateway waits for an answer, and that load balancers keep a silent connection.
const API_GATEWAY_SECONDS: u64 = 29;
const BALANCER_SECONDS: u64 = 60;

impl Look<'_> {
    pub(super) fn routes(&self, raised: &mut Vec<Raised>) {
        let rooms = rooms::rehearsed(self.settings);
        for (route, (node, _)) in self.settings.routes.iter().zip(&self.parts.routes) {
            self.route(route, node, raised);
            let entries = entry(node, "to").map_or(&[][..], items);
            for (binding, entry) in route.bindings.iter().zip(entries) {
                let Some(target) = self.settings.targets.get(binding.target) else {
                    continue;
                };
                let to = To {
                    route,
                    node,
                    binding,
                    entry,
                    target,
                };
                self.alone(
                    &to,
                    rooms.get(binding.target).map(|open| &open.room),
                    raised,
                );
                self.hot_key(&to, raised);
                loss(&to, raised);
            }
            self.sizes(route, node, &rooms, raised);
            self.spooled(route, node, raised);
        }
    }

    fn route(&self, route: &Route, node: &Node, raised: &mut Vec<Raised>) {
        let at = place(node, &["route"]);
        if !self
            .settings
            .tests
            .iter()
            .any(|test| test.route == route.index)
        {
            raise(
                raised,
                "untested_route",
                at,
                format!("the route `{}` has no tests", route.name),
                "add `tests:` with a request and what must come of it: `sluicegate test` runs them, \
                 and a change that breaks the mapping shows before it is served"
                    .to_owned(),
            );
        }
        if route.reply.after == After::None {
            raise(
                raised,
                "unconfirmed_answers",
                place(node, &["reply", "after"]),
                "a 202 of this route says nothing of where the event is".to_owned(),
                "what waits in memory is lost if the process dies, and what a target refuses is \
                 told to nobody: say `after: required` where clients must be able to believe it"
                    .to_owned(),
            );
        }
        let within = route.reply.within;
        let waits = !matches!(route.reply.after, After::None | After::Spooled);
        if waits && within.as_secs() > API_GATEWAY_SECONDS {
            raise(
                raised,
                "long_wait",
                place(node, &["reply", "within"]),
                format!("clients may wait {} for an answer", TimeSpan(within)),
                format!(
                    "API Gateway gives up after {API_GATEWAY_SECONDS}s and most load balancers \
                     close a silent connection after {BALANCER_SECONDS}s: the client then learns \
                     nothing. Stay below what stands before the gateway"
                ),
            );
        }
        let own = entry(node, "limits").map(|limits| (limits, place(node, &["limits"])));
        let shared = || {
            let mut defaults = self
                .parts
                .written
                .iter()
                .filter_map(|top| entry(top, "defaults"));
            let limits = defaults.find_map(|defaults| entry(defaults, "limits"))?;
            Some((limits, limits.at))
        };
        let limits = own.or_else(shared);
        let per_address =
            limits.filter(|(limits, _)| to_value(limits).to_string().contains("request.source_ip"));
        if let Some((_, per_address)) = per_address.filter(|_| !self.trusts_a_proxy()) {
            raise(
                raised,
                "proxied_address",
                per_address,
                "a limit counts by `request.source_ip`, and no proxy is trusted".to_owned(),
                "behind a load balancer that address is the balancer's, so that all callers share \
                 one limit: name its network in `server.trusted_proxies`; where clients connect \
                 directly all is well"
                    .to_owned(),
            );
        }
    }

    /// True where the address of a caller is learnt from a proxy.
    fn trusts_a_proxy(&self) -> bool {
        self.parts.written.iter().any(|top| {
            entry(top, "server").is_some_and(|server| {
                entry(server, "trusted_proxies").is_some()
                    || entry(server, "proxy_protocol").is_some()
            })
        })
    }

    /// Records that need a call each.
    fn alone(&self, to: &To<'_>, room: Option<&Room>, raised: &mut Vec<Raised>) {
        let alone = to.target.room.fields_that_travel_alone();
        let record = entry(to.entry, "record");
        let found = alone
            .iter()
            .find_map(|name| Some((*name, entry(record?, name)?)));
        let Some((field, value)) = found else { return };
        let rate = self.rate;
        let cores = |(least, most): (u64, u64)| {
            let core = |microseconds: u64| (rate * microseconds) as f64 / 1e6;
            format!("{} to {}", cores(core(least)), cores(core(most)))
        };
        let calls = |milliseconds: u64| grouped((rate * milliseconds).div_ceil(1000).max(1));
        let allowed = match room {
            Some(Room::Batching(room)) => room.limits().concurrent_calls,
            _ => 0,
        };
        let mut help = format!(
            "at {} that is {} calls a second: {} cores, where full calls take {}; and {} to {} calls \
             in flight, of which `limits.concurrent_calls` allows {allowed}. The service charges the \
             same for both",
            self.rate(),
            grouped(rate),
            cores(ALONE_MICROSECONDS),
            cores(BATCHED_MICROSECONDS),
            calls(CALL_MILLISECONDS.0),
            calls(CALL_MILLISECONDS.1),
        );
        if field == "condition" {
            help.push_str(
                ", also where the condition does not hold. If a repeated event may overwrite its \
                 item, since its key comes from the event, leave `condition` out",
            );
        }
        let message = format!(
            "each record for `{}` is a call of its own, because of `{field}`",
            to.binding.name
        );
        raise(raised, "single_calls", value.at, message, help);
    }

    /// Events and bodies that never fit: said of the target that takes least.
    fn sizes(&self, route: &Route, node: &Node, rooms: &[Target], raised: &mut Vec<Raised>) {
        let accept = &route.accept;
        let bytes = |bytes: usize| ByteSize(bytes as u64).to_string();
        let at = |key: &str| {
            let own = entry(node, "accept").and_then(|accept| entry(accept, key));
            own.map_or(place(node, &["route"]), |own| own.at)
        };
        let of = |binding: &Binding| {
            let target = self.settings.targets.get(binding.target)?;
            let record_bytes = match rooms.get(binding.target).map(|open| &open.room) {
                Some(Room::Batching(room)) => Some(room.limits().record_bytes),
                _ => target.room.record_bytes(),
            };
            Some((target, record_bytes.unwrap_or(usize::MAX)))
        };
        let smallest = route
            .bindings
            .iter()
            .filter_map(of)
            .min_by_key(|(_, most)| *most);
        if let Some((target, most)) = smallest.filter(|(_, most)| accept.event_bytes > *most) {
            let (events, most, name) = (bytes(accept.event_bytes), bytes(most), &target.name);
            raise(
                raised,
                "larger_than_target",
                at("event_bytes"),
                format!("events may have {events}, records for `{name}` {most}"),
                format!(
                    "a larger event whose mapping holds all of it is refused with 413: lower \
                     `accept.event_bytes` to {most}, or raise `limits.record_bytes` where the \
                     service takes more"
                ),
            );
        }
        let queue = |(target, _): &(&settings::Target, usize)| target.queue_bytes;
        let least = route.bindings.iter().filter_map(of).min_by_key(queue);
        if let Some((target, _)) = least.filter(|one| accept.request_bytes as u64 > queue(one)) {
            let (body, name) = (bytes(accept.request_bytes), &target.name);
            let queue = ByteSize(target.queue_bytes);
            raise(
                raised,
                "larger_than_queue",
                at("request_bytes"),
                format!("bodies may have {body}, the queue of `{name}` holds {queue}"),
                "a body whose records do not fit the queue is refused however often it is sent: \
                 raise the target's `queue_bytes`, or lower `accept.request_bytes`"
                    .to_owned(),
            );
        }
    }

    fn hot_key(&self, to: &To<'_>, raised: &mut Vec<Raised>) {
        let Some(spread) = to.target.room.spread() else {
            return;
        };
        let record = entry(to.entry, "record");
        let (Some(record), None) = (record, entry_of(record, spread.unless)) else {
            return;
        };
        let value = spread
            .path
            .iter()
            .try_fold(record, |node, name| entry(node, name));
        let Some(value) = value.filter(|value| is_constant(value, to.node)) else {
            return;
        };
        let key = spread.path.last().map(String::as_str).unwrap_or_default();
        let message = format!(
            "`{key}` is the same for all records of `{}`",
            to.binding.name
        );
        let fits = match spread.records_per_second {
            Some(most) => format!(
                "takes {} a second at most; {} need {} of them",
                grouped(most),
                self.rate(),
                grouped(self.rate.div_ceil(most).max(1)),
            ),
            None => "takes them all, and its consumers cannot share the work".to_owned(),
        };
        let help = format!(
            "one {} {fits}: make the key of something that differs between events, such as \
             `${{event.user_id}}`",
            spread.part
        );
        raise(raised, "hot_key", value.at, message, help);
    }
}

/// An entry of `to` with what it belongs to.
struct To<'t> {
    route: &'t Route,
    node: &'t Node,
    binding: &'t Binding,
    entry: &'t Node,
    target: &'t settings::Target,
}

fn entry_of<'n>(record: Option<&'n Node>, name: Option<&str>) -> Option<&'n Node> {
    entry(record?, name?)
}

/// Processor cores as a short number.
fn cores(cores: f64) -> String {
    if cores >= 10.0 {
        return format!("{cores:.0}");
    }
    let text = format!("{cores:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn loss(to: &To<'_>, raised: &mut Vec<Raised>) {
    let answers_all = matches!(to.route.reply.after, After::None | After::Spooled);
    let kept = to.binding.dead_letter.is_some();
    if to.binding.need != Need::BestEffort || answers_all || kept {
        return;
    }
    let target = &to.target.name;
    let message = format!("no reply tells what `{}` loses", to.binding.name);
    let help = format!(
        "it is `best_effort`, so lost records are counted in \
         `sluicegate_best_effort_lost_total{{target=\"{target}\"}}` and nowhere else: keep \
         them with `dead_letter`; or set an alarm on that metric, then write `x-allow: \
         unwatched_loss` here; or make it `need: required`"
    );
    raise(
        raised,
        "unwatched_loss",
        place(to.entry, &["need"]),
        message,
        help,
    );
}
