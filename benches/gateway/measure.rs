//! One measurement: the server of a kind of work is started, loaded, checked and stopped.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::Failure;
use crate::kafka::Kafka;
use crate::kinesis_sink::Counts;
use crate::load::Load;
use crate::options::{Options, Role, Work};
use crate::probe::Probe;
use crate::process::{Process, free_address, get};
use crate::report::Sample;

/// A run of the bench.
pub(crate) struct Bench<'o> {
    options: &'o Options,
    scratch: tempfile::TempDir,
    kafka: Option<Kafka>,
    sink: Option<(Process, SocketAddr)>,
    runs: u32,
    /// Requests a second of the last measurement of spooled answers.
    full_rate: f64,
}

/// What the load prints.
#[derive(Debug, Deserialize)]
struct Loaded {
    seconds: f64,
    acknowledged: u64,
    acknowledged_in_all: u64,
    refused: u64,
    first_refusal: Option<String>,
    server_nanoseconds: u64,
    load_nanoseconds: u64,
    p50_microseconds: u64,
    p99_microseconds: u64,
}

impl<'o> Bench<'o> {
    /// Starts what all measurements share: the broker and the sink.
    pub(crate) fn new(options: &'o Options) -> Result<Self, Failure> {
        // Beside the program, since what is temporary may be in memory, which syncs in no time.
        let program = std::env::current_exe()?;
        let scratch = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
        let kafka = if options.work.iter().any(|work| work.needs_kafka()) {
            Kafka::find()
                .inspect_err(|fault| eprintln!("!!! KAFKA IS LEFT OUT: {fault} !!!"))
                .ok()
        } else {
            None
        };
        let sink = if options.work.contains(&Work::Kinesis) {
            let address = free_address()?;
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["kinesis-sink", &address.to_string()]);
            let mut sink =
                Process::start("the null sink", &mut command, &scratch.path().join("sink"))?;
            sink.listening(address)?;
            Some((sink, address))
        } else {
            None
        };
        Ok(Self {
            options,
            scratch,
            kafka,
            sink,
            runs: 0,
            full_rate: 0.0,
        })
    }

    /// Whether this kind of work can be measured here.
    pub(crate) fn can(&self, work: Work) -> bool {
        !work.needs_kafka() || self.kafka.is_some()
    }

    /// Measures once.
    pub(crate) fn measure(
        &mut self,
        work: Work,
        connections: u16,
        round: usize,
    ) -> Result<Sample, Failure> {
        self.runs += 1;
        let topic = format!("bench-{}-{}", std::process::id(), self.runs);
        let kafka = self.kafka.as_ref().filter(|_| work.needs_kafka());
        if let Some(kafka) = kafka {
            kafka.create(&topic)?;
        }
        let (http, admin) = (free_address()?, free_address()?);
        let log = self.scratch.path().join("server.log");
        let mut server = match work {
            Work::Bare | Work::Edge => self.start_part(work, http, &log)?,
            _ => self.start_gateway(work, http, admin, &topic, &log)?,
        };
        let probe = match work {
            Work::SpooledHalf => Some(Probe::start(&self.scratch.path().join("probe"))?),
            _ => None,
        };
        let loaded = server
            .listening(http)
            .and_then(|()| self.load(work, connections, http, server.id()))
            .map_err(|fault| format!("{fault}\n{}", tail(&log)))?;
        let disk = probe.map(Probe::stop).transpose()?;
        let batch = match work.is_whole() {
            false => None,
            true => batch_records(&get(admin, "/metrics")?),
        };
        let graceful = server.stop()?;
        if work.is_whole() && !graceful {
            return Err(format!("did not stop with status 0\n{}", tail(&log)).into());
        }
        if let Some(kafka) = kafka {
            check_arrived(&loaded, kafka.records(&topic)?)?;
            kafka.delete(&topic)?;
        }
        let batch = match (&self.sink, work) {
            (Some((_, address)), Work::Kinesis) => Some(sink_batch(*address, &loaded)?),
            _ => batch,
        };
        if work == Work::Spooled {
            self.full_rate = loaded.acknowledged as f64 / loaded.seconds;
        }
        let mut sample = sample(round, &loaded, batch)?;
        sample.disk = disk;
        Ok(sample)
    }

    /// The bare server or the edge alone.
    fn start_part(&self, work: Work, http: SocketAddr, log: &Path) -> Result<Process, Failure> {
        let (http, cores) = (http.to_string(), self.options.cores.to_string());
        let mut command = Command::new(std::env::current_exe()?);
        match work {
            Work::Bare => command.args(["bare", &http, &cores]),
            _ => command.args(["edge", &http, &cores, &self.options.driver]),
        };
        Process::start("the server", &mut command, log)
    }

    fn start_gateway(
        &self,
        work: Work,
        http: SocketAddr,
        admin: SocketAddr,
        topic: &str,
        log: &Path,
    ) -> Result<Process, Failure> {
        let file: PathBuf = self.scratch.path().join("bench.yaml");
        let bootstrap = self.kafka.as_ref().map(|kafka| kafka.bootstrap.as_str());
        let (target, record) = match work {
            Work::Kafka | Work::KafkaBodies => (
                format!(
                    "kafka: {{ bootstrap_servers: \"{}\", topic: {topic} }}",
                    bootstrap.unwrap_or_default()
                ),
                "record: { key: \"${event.user}\", value: \"${event}\" }",
            ),
            Work::Kinesis => (
                "kinesis: { stream: bench }".to_owned(),
                "record: { partition_key: \"${event.user}\", data: \"${event}\" }",
            ),
            _ => ("discard: {}".to_owned(), "record: {}"),
        };
        let after = match work {
            Work::None => "none",
            Work::Spooled | Work::SpooledHalf => "spooled",
            _ => "required",
        };
        let path = work.path();
        let spool = match work.needs_spool() {
            true => format!("spool: {{ dir: \"{}\" }}\n", self.spool_dir()?.display()),
            false => String::new(),
        };
        fs::write(
            &file,
            format!(
                "sluicegate: 1\n{spool}\
                 server: {{ http: \"{http}\", admin: \"{admin}\" }}\n\
                 defaults: {{ auth: none }}\n\
                 targets:\n  measured: {{ {target} }}\n\
                 routes:\n  - route: POST {path}\n\
                 \x20   accept: {{ formats: [json, ndjson] }}\n\
                 \x20   to:\n      - target: measured\n        {record}\n\
                 \x20   reply: {{ after: {after} }}\n"
            ),
        )?;
        let binary = self
            .options
            .binary
            .as_deref()
            .unwrap_or(env!("CARGO_BIN_EXE_sluicegate"));
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .arg(&file)
            .args(["--cores", &self.options.cores.to_string()])
            .args(["--driver", &self.options.driver]);
        if let Some((_, sink)) = &self.sink {
            command
                .env("AWS_ENDPOINT_URL_KINESIS", format!("http://{sink}"))
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_ACCESS_KEY_ID", "bench")
                .env("AWS_SECRET_ACCESS_KEY", "bench");
        }
        Process::start("sluicegate", &mut command, log)
    }

    /// An empty directory for a spool.
    fn spool_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.scratch.path().join("spool");
        if dir.is_dir() {
            fs::remove_dir_all(&dir)?;
        }
        Ok(dir)
    }

    fn load(
        &self,
        work: Work,
        connections: u16,
        address: SocketAddr,
        server: u32,
    ) -> Result<Loaded, Failure> {
        let load = Load {
            address,
            server,
            path: work.path().to_owned(),
            connections,
            events: work.events(),
            warm: Duration::try_from_secs_f64(self.options.warm)?,
            window: Duration::try_from_secs_f64(self.options.seconds)?,
            run: self.runs,
            rate: if work == Work::SpooledHalf {
                self.full_rate / 2.0
            } else {
                0.0
            },
        };
        // The load ends by itself when answers come; `timeout` ends it when none does.
        let seconds = (self.options.warm + self.options.seconds + 30.0).ceil();
        let output = Command::new("timeout")
            .arg(seconds.to_string())
            .arg(std::env::current_exe()?)
            .args(Role::load_words(&load))
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return Err(format!(
                "the load failed ({}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
            .into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn sample(round: usize, loaded: &Loaded, batch: Option<f64>) -> Result<Sample, Failure> {
    if loaded.acknowledged == 0 {
        let first = loaded.first_refusal.as_deref().unwrap_or_default();
        return Err(format!("nothing was acknowledged {first}").into());
    }
    let events = loaded.acknowledged as f64;
    Ok(Sample {
        round,
        cpu: loaded.server_nanoseconds as f64 / 1000.0 / events,
        load_cpu: loaded.load_nanoseconds as f64 / 1000.0 / events,
        rate: events / loaded.seconds,
        p50: loaded.p50_microseconds as f64 / 1000.0,
        p99: loaded.p99_microseconds as f64 / 1000.0,
        batch,
        disk: None,
        refused: loaded.refused,
    })
}

/// What was acknowledged must be there; more may be there only where something was not
/// acknowledged.
fn check_arrived(loaded: &Loaded, arrived: u64) -> Result<(), Failure> {
    let acknowledged = loaded.acknowledged_in_all;
    if arrived < acknowledged || (arrived > acknowledged && loaded.refused == 0) {
        return Err(format!("{acknowledged} were acknowledged, {arrived} arrived").into());
    }
    Ok(())
}

/// Checks what the null sink saw since its last report; returns the mean size of its batches.
fn sink_batch(address: SocketAddr, loaded: &Loaded) -> Result<f64, Failure> {
    let counts: Counts = serde_json::from_str(&get(address, "/report")?)?;
    if counts.wrong > 0 {
        return Err(format!("the sink saw {} records that are no event", counts.wrong).into());
    }
    check_arrived(loaded, counts.distinct)?;
    if counts.records > counts.distinct {
        eprintln!("{} records came twice", counts.records - counts.distinct);
    }
    Ok(counts.records as f64 / counts.calls as f64)
}

/// The mean of `sluicegate_batch_records`, where the gateway counts batches.
fn batch_records(metrics: &str) -> Option<f64> {
    let sum_of = |name: &str| -> f64 {
        metrics
            .lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let batches = sum_of("sluicegate_batch_records_count");
    (batches > 0.0).then(|| sum_of("sluicegate_batch_records_sum") / batches)
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(12).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
