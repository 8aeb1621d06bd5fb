//! `sluicegate audit`: what a gateway answered against what its targets hold.

#[cfg(feature = "audit")]
mod of_file;
#[cfg(feature = "audit")]
mod run;
#[cfg(feature = "audit")]
mod targets;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

#[cfg(feature = "audit")]
pub(super) use self::run::command;
use crate::settings::TimeSpan;

/// Proves that nothing is lost: sends events of known ids through a gateway, notes every answer,
/// reads back what each target holds, and judges seven rules.
///
/// Exits 0 only if all that was asked holds. A rule that could not be judged is void, which is no
/// pass; `--without` says that one is not wanted. The rules: lost (every acknowledged event is in
/// every required target), strangers (nothing is there that was never sent or was refused), payload
/// (equal byte for byte), order (of a key, where the target promises it), duplicates (no more than
/// events whose outcome is in doubt), fresh (a last event goes through within 5 s), enough (enough
/// was acknowledged and enough went wrong to say anything).
///
/// Break something while it sends: kill the gateway, a broker, the network. Reading begins when the
/// sending is over. It writes to the targets what your route writes, so use ones made for tests.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  The targets of a route, as its file says (URL and credentials as well):
    sluicegate audit orders.yaml 'POST /orders' --rate 500/s --time 1m
  The same, its events shaped as the route wants them:
    sluicegate audit orders.yaml 'POST /orders' --event '{\"id\":\"{id}\",\"user\":\"{key}\"}'
  Targets by hand; each takes options behind commas:
    sluicegate audit --url http://127.0.0.1:8080/orders \\
      --kafka localhost:9092/orders,ordered --dynamodb orders,id=pk,payload=raw,count=puts
  Kill the gateway three times meanwhile, and say so:
    sluicegate audit orders.yaml 'POST /orders' --time 5m --faults 3 --save run.ndjson
  Read back again, or judge a client's own log, one line of JSON an event
  ({\"id\":…,\"outcome\":\"ok\"|\"failed\"|\"unknown\"}, and as they are known \"key\", \"sent\",
  \"answered\", \"payload\"):
    sluicegate audit --history run.ndjson --kafka localhost:9092/orders --without fresh

Options of a target: id=PATH (where the event's id stands: members of a JSON value, data.id; an
attribute in DynamoDB), payload=PATH (where the whole event stands, or `none`), ordered (events of a
key keep their order), best_effort (an acknowledged event may be missing), exclusive (nobody else
writes there); DynamoDB: count=ATTRIBUTE (each write adds 1 to it, so that a second is seen);
SNS: queue=URL (a queue with raw delivery that is subscribed already; else one is made and deleted
at the end). AWS' region, endpoint and credentials come from where every AWS tool takes them.")]
pub(super) struct Arguments {
    /// A Sluicegate file: its route says what the targets are and where the event stands there.
    #[arg(value_name = "FILE", requires = "request")]
    file: Option<PathBuf>,
    /// Method and path of its route: 'POST /orders'.
    #[arg(value_name = "REQUEST")]
    request: Option<String>,
    /// Where the gateway takes the events, path included; with FILE its address is enough, and
    /// `server.http` of the file is the default.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A header field of each request, such as an API key; may stand several times.
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The event: a JSON object with {id}, {key}, {seq} and {filler} in it, or @FILE.
    #[arg(long, value_name = "JSON")]
    event: Option<String>,
    /// Bytes of {filler}, about.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    filler: usize,
    /// Keys over which the events are spread, about.
    #[arg(long, value_name = "N", default_value_t = 256)]
    keys: u64,
    /// Events a second: 500/s, 60000/m.
    #[arg(long, default_value = "200/s", value_parser = super::check::rate)]
    rate: u64,
    /// How long to send.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    time: Duration,
    /// Connections over which to send.
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// A Kafka topic: BROKER,BROKER/TOPIC and options; may stand several times.
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    kafka: Vec<String>,
    /// A librdkafka property to reach Kafka with: NAME=VALUE (security.protocol, sasl.*, ssl.*).
    #[arg(long, value_name = "PROPERTY", conflicts_with = "file")]
    kafka_property: Vec<String>,
    /// A Kinesis stream, by name or ARN, and options.
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    kinesis: Vec<String>,
    /// A DynamoDB table, by name or ARN, and options.
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    dynamodb: Vec<String>,
    /// An SNS topic's ARN, and options.
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    sns: Vec<String>,
    /// The directory of a target `log`, and options.
    #[arg(long, value_name = "TARGET", conflicts_with = "file")]
    log: Vec<String>,
    /// How long targets may take to hold everything once the sending is over: 60s, and 5s with
    /// --history.
    #[arg(long, value_name = "TIME", value_parser = time)]
    drain: Option<Duration>,
    /// How many faults happened meanwhile, as you count them; 0 makes the run void.
    #[arg(long, value_name = "N")]
    faults: Option<u64>,
    /// Acknowledged events under which the run is void.
    #[arg(long, value_name = "N", default_value_t = 1)]
    acknowledged: u64,
    /// Duplicates that are allowed beyond one for each event in doubt: what a spool sends again
    /// after a crash.
    #[arg(long, value_name = "N", default_value_t = 0)]
    duplicates: u64,
    /// A rule that is not judged: lost, strangers, payload, order, duplicates, fresh, enough.
    #[arg(long, value_name = "RULE", value_parser = RULES)]
    without: Vec<String>,
    /// Judge this history instead of sending: what --save wrote, or a client's own log.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Write the history there, so that reading back can be repeated.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print the verdicts as JSON.
    #[arg(long)]
    json: bool,
}

const RULES: [&str; 7] = [
    "lost",
    "strangers",
    "payload",
    "order",
    "duplicates",
    "fresh",
    "enough",
];

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("write a header field as `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn time(text: &str) -> Result<Duration, String> {
    let span: TimeSpan = text.parse()?;
    if !(100..=7 * 86_400_000).contains(&span.0.as_millis()) {
        return Err("a time from 100ms to 7d".to_owned());
    }
    Ok(span.0)
}

/// A build without the clients that read back.
#[cfg(not(feature = "audit"))]
pub(super) fn command(_: &Arguments) -> Result<(), super::Ending> {
    let said = "this build has no audit: build with the feature `audit`";
    Err(super::Ending::Wrong(said.to_owned()))
}

#[cfg(all(test, feature = "audit"))]
mod tests {
    use sluicegate_audit::Rule;

    use super::*;

    #[test]
    fn the_rules_of_the_command_line_are_all_rules() {
        assert_eq!(RULES, Rule::ALL.map(Rule::word));
    }

    #[test]
    fn fields_and_times_are_read() {
        let field = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(header("X-API-Key: a:b"), field("X-API-Key", "a:b"));
        assert!(header("none").is_err());
        assert_eq!(time("1m"), Ok(Duration::from_secs(60)));
        assert!(time("8d").is_err() && time("1ms").is_err() && time("soon").is_err());
    }
}
