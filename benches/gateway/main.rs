//! What one acknowledged event costs: Sluicegate against a bare monoio + httparse server, in one
//! run, interleaved, with a discarding target, with Apache Kafka and with a Kinesis null sink.
//!
//! `cargo bench --bench gateway` runs it; `-- --help` lists what may be chosen. The servers, the
//! sink and the load are processes of their own: the CPU time of all threads of the server alone is
//! divided by the events that the load saw acknowledged in the same window. Absolute microseconds
//! move from run to run, the ratios of one run stand.

mod bare;
mod edge;
mod event;
mod kafka;
mod kinesis_sink;
mod load;
mod measure;
mod options;
mod probe;
mod process;
mod report;
mod ring;

use std::process::ExitCode;

use clap::Parser as _;

use measure::Bench;
use options::{Options, Work};
use report::Report;

/// What went wrong, for people.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options {
        Options {
            role: Some(role), ..
        } => role.play(),
        // `cargo test --all-targets` starts benches too; a measurement is not a test.
        Options { bench: false, .. } => {
            println!("benches/gateway measures only under `cargo bench --bench gateway`");
            Ok(())
        }
        options => run(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut options: Options) -> Result<(), Failure> {
    options.work.push(Work::Bare);
    if options.work.contains(&Work::SpooledHalf) {
        // Half of what: that is measured first.
        options.work.push(Work::Spooled);
    }
    options.work.sort();
    options.work.dedup();
    let mut bench = Bench::new(&options)?;
    let works: Vec<Work> = options
        .work
        .iter()
        .copied()
        .filter(|work| bench.can(*work))
        .collect();
    let mut report = Report::default();
    for round in 0..options.rounds {
        for connections in &options.connections {
            for work in &works {
                let sample = bench
                    .measure(*work, *connections, round)
                    .map_err(|fault| format!("{}: {fault}", work.title()))?;
                eprintln!(
                    "round {} of {}: {:<24} {connections:>4} connections {:>7.2} µs {:>8.0} events/s",
                    round + 1,
                    options.rounds,
                    work.title(),
                    sample.cpu,
                    sample.rate,
                );
                report.add(*connections, *work, sample);
            }
        }
    }
    let text = report.text(&options);
    println!("\n{text}");
    if works.len() < options.work.len() {
        println!("!!! KAFKA WAS LEFT OUT: see above !!!");
    }
    if options.write {
        write(&text)?;
    }
    Ok(())
}

/// Keeps the tables beside the bench, under the day's date.
fn write(text: &str) -> Result<(), Failure> {
    let today = time::OffsetDateTime::now_utc().date();
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results"));
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{today}-gateway.md"));
    std::fs::write(
        &file,
        format!("# `cargo bench --bench gateway`, {today}\n\n{text}"),
    )?;
    println!("written to {}", file.display());
    Ok(())
}
