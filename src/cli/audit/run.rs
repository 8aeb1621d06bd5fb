//! Runs an audit: send, read back, judge, say.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sluicegate_audit::load::{Load, Progress, Sent, run as run_load};
use sluicegate_audit::{
    Asked, Audit, EVENTS_MAX, Events, History, Rule, Source, Target, Template, good, json, table,
};

use super::{Arguments, of_file, targets};
use crate::cli::ending::{Ending, complain, say};
use crate::cli::files::settings_of;
use crate::settings::{Settings, TimeSpan};

/// How long targets may take to hold everything.
const DRAIN: Duration = Duration::from_secs(60);
/// The same where it was sent some time ago.
const DRAIN_OF_A_HISTORY: Duration = Duration::from_secs(5);
/// Between two looks at a running load.
const LOOK: Duration = Duration::from_millis(50);
/// Events that may follow a load: fresh ones, until one goes through.
const FRESH_MAX: u64 = 1000;

pub(in crate::cli) fn command(arguments: &Arguments) -> Result<(), Ending> {
    let settings = arguments
        .file
        .as_ref()
        .map(|file| settings_of(std::slice::from_ref(file)));
    let settings = settings.transpose()?;
    let load = load_of(arguments, settings.as_ref())?;
    let mut history = history_of(arguments, load.as_ref())?;
    let targets = targets_of(arguments, settings.as_ref(), &history)?;
    let mut audit = Audit::open(targets).map_err(Ending::Wrong)?;
    let ended = audited(arguments, load.as_ref(), &mut history, &mut audit);
    let closed = audit.close().map_err(Ending::Wrong);
    ended.and(closed)
}

/// Everything between the opening and the closing of the targets.
fn audited(
    arguments: &Arguments,
    load: Option<&Load>,
    history: &mut History,
    audit: &mut Audit,
) -> Result<(), Ending> {
    if arguments.history.is_none() {
        let load = load.ok_or_else(no_url)?;
        send(arguments, load, history)?;
        save(arguments, history)?;
    }
    let waits = match arguments.history {
        None => DRAIN,
        Some(_) => DRAIN_OF_A_HISTORY,
    };
    let waits = arguments.drain.unwrap_or(waits);
    let all = audit.drain(history, waits).map_err(Ending::Wrong)?;
    if !all && !arguments.json {
        let waited = TimeSpan(waits);
        complain(&format!(
            "the targets do not hold all of it after {waited}\n"
        ));
    }
    let mut asked = asked(arguments);
    let wanted = !asked.without.contains(&Rule::Fresh) && history.events().is_some();
    if let Some(load) = load.filter(|_| wanted) {
        let fresh = audit.fresh(load, history).map_err(Ending::Wrong)?;
        asked.fresh = Some(fresh);
        save(arguments, history)?;
    }
    let judged = audit.judge(history, &asked);
    match arguments.json {
        true => say(&format!("{:#}\n", json(&judged, history, audit.holdings()))),
        false => say(&table(&judged)),
    }
    if good(&judged) {
        Ok(())
    } else {
        Err(Ending::Said)
    }
}

fn asked(arguments: &Arguments) -> Asked {
    let named = |rule: &Rule| arguments.without.iter().any(|word| word == rule.word());
    Asked {
        without: Rule::ALL.into_iter().filter(named).collect(),
        duplicates_allowed: arguments.duplicates,
        acknowledged_min: arguments.acknowledged,
        faults: arguments.faults.unwrap_or(0),
        // Who counts faults wants to know what a run with faults shows.
        faults_min: u64::from(arguments.faults.is_some()),
        fresh: None,
    }
}

fn no_url() -> Ending {
    let said = "where to? Write FILE and its route ('POST /orders'), or --url";
    Ending::Misuse(said.to_owned())
}

/// Method and target of the request, where one is written.
fn request(arguments: &Arguments) -> Result<Option<(String, String)>, Ending> {
    let Some(text) = &arguments.request else {
        return Ok(None);
    };
    let wrong = || Ending::Misuse(format!("`{text}` is no request: write 'POST /orders'"));
    let (method, target) = text.split_once(' ').ok_or_else(wrong)?;
    if !target.starts_with('/') {
        return Err(wrong());
    }
    Ok(Some((method.to_uppercase(), target.to_owned())))
}

/// Where to send, as far as it is said.
fn load_of(arguments: &Arguments, settings: Option<&Settings>) -> Result<Option<Load>, Ending> {
    let written = arguments
        .url
        .as_deref()
        .map(|url| url.trim_end_matches('/'));
    let (method, url) = match (request(arguments)?, settings) {
        (Some((method, target)), Some(settings)) => {
            if arguments.history.is_some() && written.is_none() {
                return Ok(None);
            }
            let own = || {
                let mut address = settings.server.http;
                if address.ip().is_unspecified() {
                    address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
                }
                format!("http://{address}")
            };
            let base = written.map_or_else(own, str::to_owned);
            (method, format!("{base}{target}"))
        }
        _ => match written {
            Some(url) => ("POST".to_owned(), url.to_owned()),
            None => return Ok(None),
        },
    };
    let load = Load::to(&method, &url, arguments.headers.clone());
    let mut load = load.map_err(Ending::Misuse)?;
    load.rate = arguments.rate;
    load.time = arguments.time;
    load.connections = usize::from(arguments.connections);
    if load.events() > EVENTS_MAX - FRESH_MAX {
        return Err(Ending::Misuse(format!(
            "{} events are more than the {EVENTS_MAX} that one run may have: lower --rate or --time",
            load.events()
        )));
    }
    Ok(Some(load))
}

fn history_of(arguments: &Arguments, load: Option<&Load>) -> Result<History, Ending> {
    if let Some(path) = &arguments.history {
        if load.is_some() && arguments.save.is_none() {
            return Err(Ending::Misuse(
                "--history with --url sends a fresh event: say with --save where the longer \
                 history goes (the same file will do)"
                    .to_owned(),
            ));
        }
        let file = File::open(path).map_err(|error| of_file_error(path, &error))?;
        let read = sluicegate_audit::read(BufReader::new(file));
        return read.map_err(|said| Ending::Wrong(format!("{}: {said}", path.display())));
    }
    let load = load.ok_or_else(no_url)?;
    let text = match &arguments.event {
        None => Template::DEFAULT.to_owned(),
        Some(text) => match text.strip_prefix('@') {
            None => text.clone(),
            Some(path) => {
                let path = Path::new(path);
                let text = std::fs::read_to_string(path);
                text.map_err(|error| of_file_error(path, &error))?
            }
        },
    };
    let template = Template::parse(text.trim());
    let template = template.map_err(|said| Ending::Misuse(format!("the --event {said}")))?;
    let keys = load.keys(arguments.keys);
    Ok(History::of(Events::new(template, keys, arguments.filler)))
}

fn of_file_error(path: &Path, error: &std::io::Error) -> Ending {
    Ending::Wrong(format!("{}: {error}", path.display()))
}

fn targets_of(
    arguments: &Arguments,
    settings: Option<&Settings>,
    history: &History,
) -> Result<Vec<(Target, Source)>, Ending> {
    let (Some(settings), Some((method, target))) = (settings, request(arguments)?) else {
        let id = match history.events() {
            Some(events) => events.template().id_at().to_vec(),
            None => vec!["id".to_owned()],
        };
        return targets::of(arguments, &id).map_err(Ending::Misuse);
    };
    // A client's own events are shaped as its log says; where they stand is seen by ours.
    let own;
    let events = match history.events() {
        Some(events) => events,
        None => {
            let text = arguments.event.as_deref().unwrap_or(Template::DEFAULT);
            let template = Template::parse(text).map_err(Ending::Misuse)?;
            own = Events::new(template, arguments.keys, arguments.filler);
            &own
        }
    };
    let headers = &arguments.headers;
    let found = of_file::targets(settings, &method, &target, headers, events)?;
    for note in &found.notes {
        complain(&format!("note: {note}\n"));
    }
    Ok(found.targets)
}

/// Sends, and says how far it is.
fn send(arguments: &Arguments, load: &Load, history: &mut History) -> Result<(), Ending> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // A second Ctrl-C ends the process: who asks twice does not want the verdicts.
    let signals = signal_hook::flag::register_conditional_default(
        signal_hook::consts::SIGINT,
        Arc::clone(&interrupted),
    )
    .and_then(|_| {
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))
    });
    signals.map_err(|error| Ending::Wrong(format!("Ctrl-C cannot be watched: {error}")))?;
    let run = history.events().map(|events| events.run().to_owned());
    if !arguments.json {
        complain(&format!(
            "run {}: {} events in {:?}; Ctrl-C ends the sending, not the audit\n",
            run.unwrap_or_default(),
            load.events(),
            load.time
        ));
    }
    let progress = Arc::<Progress>::default();
    let sent = std::thread::scope(|scope| {
        let running = scope.spawn(|| run_load(load, history, &progress));
        let (shows, mut shown) = (std::io::stderr().is_terminal(), Instant::now());
        while !running.is_finished() {
            std::thread::sleep(LOOK);
            if interrupted.load(Ordering::Relaxed) {
                progress.stop.store(true, Ordering::Relaxed);
            }
            if shows && !arguments.json && shown.elapsed() > Duration::from_secs(1) {
                complain(&format!("\r{}", so_far(&progress)));
                shown = Instant::now();
            }
        }
        running.join()
    });
    let sent = sent.map_err(|_| Ending::Fault("the sender stopped by a panic".to_owned()))?;
    let sent = sent.map_err(Ending::Wrong)?;
    if !arguments.json {
        complain(&format!("\r{}\n{}", so_far(&progress), summary(&sent)));
    }
    match (&sent.trouble, history.tally().ok) {
        (Some(trouble), 0) => Err(Ending::Wrong(format!("nothing could be sent: {trouble}"))),
        _ => Ok(()),
    }
}

fn so_far(progress: &Progress) -> String {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    format!(
        "{} acknowledged, {} refused, {} in doubt",
        count(&progress.ok),
        count(&progress.failed),
        count(&progress.unknown)
    )
}

fn summary(sent: &Sent) -> String {
    let named = |(status, count): &(u16, u64)| match status {
        0 => format!("{count} without an answer"),
        status => format!("{count} × {status}"),
    };
    let answers: Vec<String> = sent.statuses.iter().map(named).collect();
    let milliseconds = |quantile| sent.latency.value_at_quantile(quantile) as f64 / 1000.0;
    let mut text = format!(
        "answers: {}; acknowledged within {:.1} ms (half), {:.1} ms (99 %) of when they were due\n",
        answers.join(", "),
        milliseconds(0.5),
        milliseconds(0.99)
    );
    if sent.unsent > 0 {
        text.push_str(&format!(
            "{} events were due and could not be sent, even late; more --connections may help\n",
            sent.unsent
        ));
    }
    text
}

fn save(arguments: &Arguments, history: &History) -> Result<(), Ending> {
    let Some(path) = &arguments.save else {
        return Ok(());
    };
    // Beside it first: a history that is half written would be the only one.
    let beside = path.with_extension("part");
    let file = File::create(&beside).map_err(|error| of_file_error(&beside, &error))?;
    let written = sluicegate_audit::write(history, BufWriter::new(file));
    let moved = written.and_then(|()| std::fs::rename(&beside, path));
    moved.map_err(|error| of_file_error(path, &error))
}
