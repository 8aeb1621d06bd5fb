//! Samples to a table: medians, spread, and ratios to the bare server of the same round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::options::{Options, Work};

/// What one measurement gave.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Which round.
    pub(crate) round: usize,
    /// Microseconds of the server's CPU per acknowledged event.
    pub(crate) cpu: f64,
    /// Microseconds of the load's CPU per acknowledged event.
    pub(crate) load_cpu: f64,
    /// Acknowledged events a second.
    pub(crate) rate: f64,
    /// Half of the requests were answered within so many milliseconds.
    pub(crate) p50: f64,
    /// 99 of 100 requests were answered within so many milliseconds.
    pub(crate) p99: f64,
    /// Records in a batch on average, where the target counts them.
    pub(crate) batch: Option<f64>,
    /// What the disk's own fdatasync took meanwhile: p50 and p99 in milliseconds.
    pub(crate) disk: Option<(f64, f64)>,
    /// Answers that were no success.
    pub(crate) refused: u64,
}

/// All samples of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    samples: BTreeMap<(u16, Work), Vec<Sample>>,
}

impl Report {
    /// Adds a sample.
    pub(crate) fn add(&mut self, connections: u16, work: Work, sample: Sample) {
        self.samples
            .entry((connections, work))
            .or_default()
            .push(sample);
    }

    /// The whole report as Markdown.
    pub(crate) fn text(&self, options: &Options) -> String {
        let mut text = format!(
            "{}\n\n{} rounds, windows of {} s after {} s, events of 512 bytes, one in a request, \
             servers on {} cores (driver {}); the load, the broker and the sink share the machine, \
             so only the ratios travel.\n",
            machine(),
            options.rounds,
            options.seconds,
            options.warm,
            options.cores,
            options.driver,
        );
        for connections in &options.connections {
            let _ = write!(
                text,
                "\n### {connections} connections\n\n\
                 | work | µs CPU an event (min–max) | × bare (min–max) | events/s | p50 ms | p99 ms \
                 | records a batch | µs of the load |\n\
                 |---|---|---|---|---|---|---|---|\n",
            );
            for ((of, work), samples) in &self.samples {
                if of == connections {
                    text.push_str(&self.row(*of, *work, samples));
                }
            }
        }
        self.disks(&mut text);
        text
    }

    /// What the disk did while spooled answers were measured, round by round.
    fn disks(&self, text: &mut String) {
        for ((connections, work), samples) in &self.samples {
            for sample in samples {
                let Some((p50, p99)) = sample.disk else {
                    continue;
                };
                let _ = write!(
                    text,
                    "\n{}, {connections} connections, round {}: answers p50 {:.2} ms, p99 {:.2} ms \
                     at {:.0} events/s; the disk's own fdatasync of 4 KiB meanwhile p50 {p50:.2} ms, \
                     p99 {p99:.2} ms\n",
                    work.title(),
                    sample.round + 1,
                    sample.p50,
                    sample.p99,
                    sample.rate,
                );
            }
        }
    }

    fn row(&self, connections: u16, work: Work, samples: &[Sample]) -> String {
        let of = |pick: fn(&Sample) -> f64| Spread::of(samples.iter().map(pick));
        let (cpu, ratio) = (of(|s| s.cpu), self.ratio(connections, samples));
        let batch = Spread::of(samples.iter().filter_map(|sample| sample.batch));
        let refused: u64 = samples.iter().map(|sample| sample.refused).sum();
        let remark = match refused {
            0 => String::new(),
            _ => format!(" ({refused} REFUSED)"),
        };
        format!(
            "| {}{remark} | {:.2} ({:.2}–{:.2}) | {:.2} ({:.2}–{:.2}) | {:.0} | {:.2} | {:.2} | {} | {:.2} |\n",
            work.title(),
            cpu.median,
            cpu.least,
            cpu.most,
            ratio.median,
            ratio.least,
            ratio.most,
            of(|s| s.rate).median,
            of(|s| s.p50).median,
            of(|s| s.p99).median,
            if batch.median > 0.0 {
                format!("{:.1}", batch.median)
            } else {
                "–".to_owned()
            },
            of(|s| s.load_cpu).median,
        )
    }

    /// To the bare server of the same round: what else the machine did then hits both.
    fn ratio(&self, connections: u16, samples: &[Sample]) -> Spread {
        let bare = self.samples.get(&(connections, Work::Bare));
        Spread::of(samples.iter().filter_map(|sample| {
            let yardstick = bare?.iter().find(|other| other.round == sample.round)?;
            Some(sample.cpu / yardstick.cpu)
        }))
    }
}

struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Zeros where there is nothing.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            least: at(0),
            most: at(last),
        }
    }
}

/// One line about the machine.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            Some(
                line.strip_prefix("model name")?
                    .trim_start_matches([' ', '\t', ':'])
                    .to_owned(),
            )
        })
        .unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel
        .split('-')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores of {model}, Linux {kernel}, loopback.")
}
