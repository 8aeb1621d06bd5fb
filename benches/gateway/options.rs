//! What the user of the bench may choose, and the roles that its child processes play.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::load::Load;

/// CPU time per acknowledged event, of Sluicegate and of a bare server, interleaved in one run.
#[derive(Debug, Parser)]
#[command(after_help = "Example: cargo bench --bench gateway -- --rounds 3 --work bare,kafka")]
pub(crate) struct Options {
    /// Rounds; each measures every work once.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds of each measurement's window.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// Seconds of load before the window.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm: f64,
    /// Keep-alive connections, a list.
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    pub(crate) connections: Vec<u16>,
    /// What to measure; the bare server is always among it.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "edge,none,discard,kafka,kinesis"
    )]
    pub(crate) work: Vec<Work>,
    /// Cores of the servers. The load shares the machine with them.
    #[arg(long, default_value_t = 2)]
    pub(crate) cores: usize,
    /// The driver of `sluicegate serve`.
    #[arg(long, default_value = "auto")]
    pub(crate) driver: String,
    /// Another `sluicegate` to measure than the one of this build.
    #[arg(long)]
    pub(crate) binary: Option<String>,
    /// Writes the tables to benches/results/ as well.
    #[arg(long)]
    pub(crate) write: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// One kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Work {
    /// The bare server.
    Bare,
    /// The gateway's edge with nothing behind it.
    Edge,
    /// The discarding target, `reply.after: none`: 202.
    None,
    /// The discarding target, `reply.after: required`: 200.
    Discard,
    /// Apache Kafka, acks=all, keyed by a field, four partitions.
    Kafka,
    /// The same, 100 events in an NDJSON body.
    KafkaBodies,
    /// The Kinesis null sink.
    Kinesis,
    /// `reply.after: spooled` with a discarding target behind it, as fast as it goes.
    Spooled,
    /// The same at half of that rate, beside a probe of the disk.
    SpooledHalf,
}

impl Work {
    /// What the tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare monoio + httparse",
            Self::Edge => "the edge alone",
            Self::None => "discard, 202 at once",
            Self::Discard => "discard, 200 after it",
            Self::Kafka => "Kafka, acks=all",
            Self::KafkaBodies => "Kafka, NDJSON of 100",
            Self::Kinesis => "Kinesis null sink, 5 ms",
            Self::Spooled => "spooled, 202 after fdatasync",
            Self::SpooledHalf => "spooled, half of that load",
        }
    }

    /// The path of its requests.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::None => "/none",
            _ => "/events",
        }
    }

    /// Events of one request.
    pub(crate) fn events(self) -> usize {
        match self {
            Self::KafkaBodies => 100,
            _ => 1,
        }
    }

    /// Whether `sluicegate serve` does it; else a child of the bench.
    pub(crate) fn is_whole(self) -> bool {
        !matches!(self, Self::Bare | Self::Edge)
    }

    /// Whether its answers wait for a disk.
    pub(crate) fn needs_spool(self) -> bool {
        matches!(self, Self::Spooled | Self::SpooledHalf)
    }

    /// Whether it needs a broker.
    pub(crate) fn needs_kafka(self) -> bool {
        matches!(self, Self::Kafka | Self::KafkaBodies)
    }
}

/// What a child process of the bench does.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Runs the bare server.
    #[command(hide = true)]
    Bare {
        /// Where it listens.
        address: SocketAddr,
        /// Its cores.
        cores: usize,
    },
    /// Runs the edge with nothing behind it.
    #[command(hide = true)]
    Edge {
        /// Where it listens.
        address: SocketAddr,
        /// Its cores.
        cores: usize,
        /// Its driver.
        driver: String,
    },
    /// Runs the Kinesis null sink.
    #[command(hide = true)]
    KinesisSink {
        /// Where it listens.
        address: SocketAddr,
    },
    /// Runs the load.
    #[command(hide = true)]
    Load {
        address: SocketAddr,
        server: u32,
        path: String,
        connections: u16,
        events: usize,
        warm: f64,
        window: f64,
        run: u32,
        rate: f64,
    },
}

impl Role {
    /// The words on the command line of the child that runs this load.
    pub(crate) fn load_words(load: &Load) -> Vec<String> {
        vec![
            "load".to_owned(),
            load.address.to_string(),
            load.server.to_string(),
            load.path.clone(),
            load.connections.to_string(),
            load.events.to_string(),
            load.warm.as_secs_f64().to_string(),
            load.window.as_secs_f64().to_string(),
            load.run.to_string(),
            load.rate.to_string(),
        ]
    }

    /// Plays the role.
    pub(crate) fn play(self) -> Result<(), crate::Failure> {
        match self {
            Self::Bare { address, cores } => crate::bare::serve(address, cores),
            Self::Edge {
                address,
                cores,
                driver,
            } => crate::edge::serve(address, cores, &driver),
            Self::KinesisSink { address } => crate::kinesis_sink::serve(address),
            Self::Load {
                address,
                server,
                path,
                connections,
                events,
                warm,
                window,
                run,
                rate,
            } => crate::load::run(Load {
                address,
                server,
                path,
                connections,
                events,
                warm: Duration::try_from_secs_f64(warm)?,
                window: Duration::try_from_secs_f64(window)?,
                run,
                rate,
            }),
        }
    }
}
