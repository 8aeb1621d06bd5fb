//! The running gateway: puts its parts together, starts them, and stops them in the right order.

mod cores;
mod keys;
mod sources;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sluicegate_contract::{OutcomeSink, Room};

use self::cores::{Delivery, start_workers};
use self::keys::open_keys;
use self::sources::Shared;
use crate::admin::{self, AdminHandle};
use crate::courier::{Courier, Lanes, Rules};
use crate::dead_letters::Clerk;
use crate::dispatch::{Inbox, Target};
use crate::http::Deadlines;
use crate::limits::{CORES_MAX, DRAIN_MAX, SPOOL_STOP_MAX};
use crate::observe::{self, Sources};
use crate::rooms::{self, RoomContext};
use crate::runtime::Driver;
use crate::settings::Settings;
use crate::settle::Mailboxes;
use crate::spool::{self, DrainThread};
use crate::worker::WorkerHandle;

/// How often shedding is looked after.
const HEALTH_TICK: Duration = Duration::from_secs(1);

/// What the command line says over the file.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Cores; all of the machine where nothing is said.
    pub cores: Option<usize>,
    /// How cores talk to the kernel.
    pub driver: Driver,
    /// How long the waits of connections may last; tests shorten them.
    pub deadlines: Deadlines,
}

/// A gateway that runs.
pub struct Running {
    /// Where the data port listens.
    pub http: SocketAddr,
    /// Where the admin port listens.
    pub admin: SocketAddr,
    /// How the cores talk to the kernel.
    pub driver: &'static str,
    /// Cores.
    pub cores: usize,
    shared: Arc<Shared>,
    workers: Vec<WorkerHandle>,
    lanes: Lanes,
    drain: Option<DrainThread>,
    clerk: Option<Clerk>,
    admin_handle: AdminHandle,
}

/// Starts a gateway.
///
/// # Errors
/// What could not be opened, naming it: an address, a thread, a room's own settings.
pub fn start(
    settings: Settings,
    options: &ServeOptions,
    context: &RoomContext,
) -> io::Result<Running> {
    let cores = cores(options)?;
    // The spool and the dead letters have mailboxes of their own, behind those of the cores.
    let mailboxes = Mailboxes::with_beside(cores, 2);
    let outcomes: Arc<dyn OutcomeSink> = Arc::new(mailboxes.clone());
    let opened = rooms::open(&settings, context, &outcomes).map_err(io::Error::other)?;
    let targets: Arc<[Target]> = opened.into();
    let couriers = couriers(&settings, &targets, &outcomes);
    let lanes = Lanes::start(couriers, cores)?;
    let clerk = clerk(&settings, &targets, &mailboxes)?;
    let letters = clerk.as_ref().map(Clerk::letters);
    let opened = spool::open(&settings, &targets, &mailboxes, cores, letters.clone())?;
    let (spool, drain) = opened.map(|it| (it.spool, it.thread)).unzip();
    let keys = open_keys(&settings, context, &mailboxes)?;
    let delivery = Delivery {
        targets: Arc::clone(&targets),
        mailboxes: mailboxes.clone(),
        keys: keys.clone(),
        letters,
        spool: spool.clone(),
    };
    let workers = start_workers(&settings, &delivery, options)?;
    let (http, driver) = workers
        .first()
        .map_or((settings.server.http, ""), |w| (w.address, w.driver_name));
    let admin_address = settings.server.admin;
    let shared = Arc::new(Shared {
        route_names: settings
            .routes
            .iter()
            .map(|route| Arc::clone(&route.name))
            .collect(),
        settings,
        targets,
        mailboxes,
        spool,
        keys,
        started: SystemTime::now(),
        driver,
        draining: AtomicBool::new(false),
    });
    let sources: Arc<dyn Sources> = shared.clone();
    let admin_handle = admin::start(admin_address, sources)?;
    watch_health(Arc::downgrade(&shared))?;
    let admin = admin_handle.address();
    observe::log::gateway_started(&observe::log::Started {
        driver,
        cores,
        http,
        admin,
        memory_ceiling_bytes: shared.memory_ceiling_bytes(),
    });
    Ok(Running {
        http,
        admin,
        driver,
        cores,
        shared,
        workers,
        lanes,
        drain,
        clerk,
        admin_handle,
    })
}

/// The clerk of dead letters, whose mailbox stands behind that of the spool.
fn clerk(
    settings: &Settings,
    targets: &Arc<[Target]>,
    mailboxes: &Mailboxes,
) -> io::Result<Option<Clerk>> {
    let number = mailboxes.all().len() + 1;
    match mailboxes.of(number) {
        Some(mailbox) => Clerk::start(settings, targets, mailbox, number),
        None => Ok(None),
    }
}

impl Running {
    /// Stops: no more connections, the answers in flight, the records of the couriers and of the
    /// client libraries, the admin port; in this order. Takes [`DRAIN_MAX`] at most, and the time of
    /// calls that are out then.
    pub fn stop(self) -> Drained {
        let began = Instant::now();
        self.shared.draining.store(true, Ordering::Release);
        for worker in &self.workers {
            worker.stop.stop();
        }
        let mut idle = true;
        for worker in self.workers {
            idle &= worker
                .join()
                .is_ok_and(|drained| drained.idle && drained.cut == 0);
        }
        // What of the spool is under way gets some time; what does not end in it stays there.
        let mut idle_spool = true;
        if let Some(drain) = &self.drain {
            drain.stop();
            let left = DRAIN_MAX.saturating_sub(began.elapsed());
            idle_spool = drain.wait_idle(left.min(SPOOL_STOP_MAX));
        }
        let left = DRAIN_MAX.saturating_sub(began.elapsed());
        if let Some(clerk) = &self.clerk {
            clerk.finish(left);
        }
        let left = DRAIN_MAX.saturating_sub(began.elapsed());
        let finish = idle && idle_spool;
        for target in &*self.shared.targets {
            match &target.room {
                Room::Batching(_) => {
                    if let Some(inbox) = &target.inbox {
                        if finish { inbox.stop() } else { inbox.hurry() }
                    }
                }
                Room::Producing(room) => room.flush(if finish { left } else { Duration::ZERO }),
            }
        }
        self.lanes.join();
        if let Some(drain) = self.drain {
            drain.join();
        }
        if let Some(spool) = &self.shared.spool {
            spool.stop();
        }
        if let Some(keys) = &self.shared.keys {
            keys.stop();
        }
        let in_flight = self
            .shared
            .targets
            .iter()
            .map(|target| target.gauge.used())
            .sum::<u64>();
        observe::log::drain_finished(began.elapsed(), in_flight);
        self.admin_handle.stop();
        Drained { idle }
    }
}

/// How a gateway ended.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Whether every request had its answer and every record its outcome.
    pub idle: bool,
}

/// Starts a gateway and runs it until SIGTERM or SIGINT; a second one ends it at once.
///
/// # Errors
/// As [`start`].
pub fn run(settings: Settings, options: &ServeOptions) -> io::Result<()> {
    let running = start(settings, options, &RoomContext::from_environment())?;
    wait_for_a_signal()?;
    running.stop();
    Ok(())
}

/// Returns at the next SIGTERM or SIGINT. From then on, another one ends the process at once: who
/// asks twice does not want to wait.
///
/// # Errors
/// The signals cannot be watched.
pub fn wait_for_a_signal() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    signals.forever().next();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            if signals.forever().next().is_some() {
                std::process::exit(0);
            }
        })?;
    Ok(())
}

fn cores(options: &ServeOptions) -> io::Result<usize> {
    let cores = match options.cores {
        Some(cores) => cores,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    if cores == 0 || cores > CORES_MAX {
        let text = format!("--cores {cores}: write a number from 1 to {CORES_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(cores)
}

/// The couriers of those targets that have one, to be started on lanes.
pub(crate) fn couriers(
    settings: &Settings,
    targets: &[Target],
    outcomes: &Arc<dyn OutcomeSink>,
) -> Vec<Courier> {
    let courier = |(target, written): (&Target, &crate::settings::Target)| {
        let (Room::Batching(room), Some(inbox)) = (&target.room, &target.inbox) else {
            return None;
        };
        let (give_up, linger) = (written.give_up, written.linger);
        Some(Courier {
            inbox: Arc::<Inbox>::clone(inbox),
            room: Arc::clone(room),
            rules: Rules {
                limits: room.limits(),
                give_up,
                linger,
            },
            outcomes: Arc::clone(outcomes),
            gate: Arc::clone(&target.gate),
            counters: Arc::clone(&target.counters),
        })
    };
    targets
        .iter()
        .zip(&settings.targets)
        .filter_map(courier)
        .collect()
}

/// Looks after what changes with time alone, until the gateway is gone.
fn watch_health(shared: std::sync::Weak<Shared>) -> io::Result<()> {
    std::thread::Builder::new()
        .name("health".into())
        .spawn(move || {
            while let Some(shared) = shared.upgrade() {
                for target in &*shared.targets {
                    target.gate.health().tick(Instant::now());
                }
                if let Some(spool) = &shared.spool {
                    spool.probe();
                }
                drop(shared);
                std::thread::sleep(HEALTH_TICK);
            }
        })?;
    Ok(())
}
