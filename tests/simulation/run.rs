//! One run: load with faults and crashes, then rest, then a fresh event through every route.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use sluicegate::gateway::Ticket;
use sluicegate::http::{
    Head, HeadIndex, HeadScan, Parsed, ResponseWriter, Service as _, Ticket as _, parse,
};
use sluicegate_appendlog::simulated::SimulatedDisk;

use crate::calls::Call;
use crate::checks::Checks;
use crate::client;
use crate::gateway::Gateway;
use crate::plant::Plant;
use crate::room::Room;
use crate::rules::{NAMES, ROUTES, Route};
use crate::tally::Tally;
use crate::target::{Mood, Target};
use crate::world::{Step, World};

/// The time after which a fresh event must be through.
const FRESH: Duration = Duration::from_secs(5);
/// The time that everything needs to come to rest once the faults have ended.
const REST: Duration = Duration::from_secs(60);
pub(crate) const LATE_TICK: Duration = Duration::from_millis(20);

/// A request whose answer is awaited.
pub(crate) struct Pending {
    ticket: Ticket,
    woken: Arc<Flag>,
    events: Vec<u64>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) struct Simulation {
    pub(crate) world: World,
    pub(crate) targets: Vec<Target>,
    pub(crate) gateway: Option<Gateway>,
    /// The disk of the spool outlives its gateways.
    pub(crate) disk: SimulatedDisk,
    pub(crate) disk_time: Duration,
    pub(crate) checks: Checks,
    pub(crate) tally: Tally,
    pub(crate) plant: Plant,
    pub(crate) lives: u32,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) calls: BTreeMap<usize, Call>,
    pub(crate) next_call: usize,
    next_event: u64,
    pub(crate) late_planned: bool,
    pub(crate) commit_planned: bool,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, plant: Plant) -> Result<Tally, String> {
    let aloud = std::env::var_os("SLUICEGATE_SEED").is_some();
    let mut simulation = Simulation::new(World::new(seed, aloud), plant);
    let ended = simulation.whole();
    ended.map_err(|wrong| {
        let at = simulation.world.now();
        format!(
            "{wrong}\nafter {at:?} of seed {seed}; before that:\n{}",
            simulation.world.journal.tail()
        )
    })?;
    Ok(simulation.ended())
}

impl Simulation {
    fn new(mut world: World, plant: Plant) -> Self {
        let records = world.random.usize(1..=10);
        let calls = world.random.usize(1..=4);
        let room = |place| Room::new(place == crate::rules::TABLE, records, calls);
        let targets = (0..NAMES.len())
            .map(|place| Target::new(NAMES[place], room(place)))
            .collect();
        let disk = SimulatedDisk::new(world.random.u64(..), 8 << 30);
        if plant == Plant::AnswerBeforeTheDisk {
            disk.lie("");
        }
        Self {
            world,
            targets,
            gateway: None,
            disk,
            disk_time: Duration::ZERO,
            checks: Checks::default(),
            tally: Tally::default(),
            plant,
            lives: 0,
            pending: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            next_event: 0,
            late_planned: false,
            commit_planned: false,
        }
    }

    fn whole(&mut self) -> Result<(), String> {
        let long = Duration::from_millis(self.world.random.u64(2000..8000));
        self.plan(long);
        self.until(long)?;
        self.world.note(format_args!("the faults end"));
        for target in &mut self.targets {
            target.mood = Mood::Good;
        }
        if self.gateway.is_none() {
            self.start();
        }
        self.until(self.world.now() + REST)?;
        if !self.pending.is_empty() {
            return Err(format!(
                "{} requests were never answered",
                self.pending.len()
            ));
        }
        self.fresh()?;
        self.until(self.world.now() + REST)?;
        self.rest()?;
        self.checks.at_rest(&self.targets)
    }

    /// Requests, moods, crashes and stops of the time under load.
    fn plan(&mut self, long: Duration) {
        self.start();
        let microseconds = long.as_micros() as u64;
        let requests = self.world.random.u64(40..160);
        for _ in 0..requests {
            self.world.soon(microseconds, Step::Arrive);
        }
        for target in 0..self.targets.len() {
            for _ in 0..self.world.random.u32(1..6) {
                self.world.soon(microseconds, Step::Weather(target));
            }
        }
        for _ in 0..self.world.random.u32(..3) {
            let power = self.world.chance(50);
            self.world.soon(microseconds, Step::Crash { power });
        }
        for _ in 0..self.world.random.u32(..3) {
            self.world.soon(microseconds, Step::Stop);
        }
    }

    pub(crate) fn until(&mut self, end: Duration) -> Result<(), String> {
        while let Some(step) = self.world.next(end) {
            self.step(step)?;
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let life = self.gateway.as_ref().map(|gateway| gateway.life);
        match step {
            Step::Arrive => {
                let route = ROUTES[self.world.random.usize(..ROUTES.len())];
                let events = match self.world.random.u32(..10) {
                    0..=6 => 1,
                    7 | 8 => self.world.random.usize(2..8),
                    _ => self.world.random.usize(8..40),
                };
                self.arrive(route, events)
            }
            Step::Leave(request) => {
                if self.pending.remove(&request).is_some() {
                    self.world
                        .note(format_args!("request {request}: its client leaves"));
                }
                Ok(())
            }
            Step::Flush { life: of, core } if Some(of) == life => self.flush(core),
            Step::Mail { life: of, core } if Some(of) == life => {
                if let Some(gateway) = &self.gateway {
                    gateway.cores[core].open_mail();
                }
                self.read_answers()
            }
            Step::Late { life: of } if Some(of) == life => self.late(),
            Step::Courier { life: of, target } if Some(of) == life => self.courier(target),
            Step::Apply(call) => self.apply(call),
            Step::Answer(call) => self.answer(call),
            Step::Weather(target) => {
                let before = self.targets[target].mood;
                self.targets[target].change(&mut self.world);
                let target = &self.targets[target];
                self.world.note(format_args!(
                    "{}: {before:?}, then {:?}",
                    target.name, target.mood
                ));
                Ok(())
            }
            Step::Commit { life: of } if Some(of) == life => self.commit(),
            Step::Drain { life: of } if Some(of) == life => self.drain(),
            Step::Crash { power } => self.crash(power),
            Step::Stop => self.stop(),
            Step::Start if self.gateway.is_none() => {
                self.start();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn arrive(&mut self, route: Route, count: usize) -> Result<(), String> {
        let Some(gateway) = self.gateway.as_ref().filter(|gateway| !gateway.stopping) else {
            return Ok(());
        };
        let (life, core) = (gateway.life, self.world.random.usize(..gateway.cores.len()));
        let events: Vec<u64> = (self.next_event..).take(count).collect();
        self.next_event += count as u64;
        self.tally.requests += 1;
        let request = self.tally.requests;
        self.checks.sent(request, route, &events);
        self.world.note(format_args!(
            "request {request} to {}: {events:?}",
            route.path
        ));
        let (bytes, body) = client::request(route.path, &events);
        let mut index = HeadIndex::default();
        let parsed = parse(&bytes, &mut HeadScan::default(), &mut index);
        if !matches!(parsed, Parsed::Head(_)) {
            return Err(format!("a request was not understood: {parsed:?}"));
        }
        let head = Head::new(&bytes, &index);
        let peer = ([127, 0, 0, 1], 4000).into();
        let ticket = match gateway.cores[core].admit(&head, peer, Some(body.len() as u64)) {
            Ok(admitted) => gateway.cores[core].accept(admitted.permit, &head, peer, body),
            Err(ticket) => ticket,
        };
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let pending = Pending {
            ticket,
            woken,
            events,
        };
        self.pending.insert(request, pending);
        self.world.soon(2000, Step::Flush { life, core });
        self.ring_committer();
        if self.world.chance(5) {
            self.world.soon(1_500_000, Step::Leave(request));
        }
        if !self.late_planned {
            self.late_planned = true;
            self.world.after(LATE_TICK, Step::Late { life });
        }
        if self.plant == Plant::AcknowledgeEarly && self.world.chance(10) {
            let pending = self.pending.remove(&request).unwrap();
            let said = client::Said {
                ok: true,
                stored: "all".to_owned(),
                targets: Vec::new(),
            };
            let said = vec![said; pending.events.len()];
            return self
                .checks
                .answered(request, &pending.events, &said, &self.targets);
        }
        self.read_answers()
    }

    fn flush(&mut self, core: usize) -> Result<(), String> {
        if let Some(gateway) = &self.gateway {
            gateway.cores[core].hand_over_waiting();
        }
        self.ring_couriers();
        Ok(())
    }

    pub(crate) fn ring_couriers(&mut self) {
        let Some(gateway) = &self.gateway else { return };
        let life = gateway.life;
        for target in 0..self.targets.len() {
            self.world.soon(300, Step::Courier { life, target });
        }
    }

    /// Clients whose answer is ready read it.
    pub(crate) fn read_answers(&mut self) -> Result<(), String> {
        let mut ready = Vec::new();
        for (request, pending) in &mut self.pending {
            if pending.woken.0.swap(false, Ordering::Relaxed) {
                let waker = Waker::from(Arc::clone(&pending.woken));
                if pending
                    .ticket
                    .poll_ready(&mut Context::from_waker(&waker))
                    .is_ready()
                {
                    ready.push(*request);
                }
            }
        }
        for request in ready {
            let Pending { ticket, events, .. } = self.pending.remove(&request).unwrap();
            let mut answer = Vec::new();
            ticket.write(ResponseWriter::new(&mut answer, true, false));
            let (status, said) = client::read(&answer, events.len())?;
            self.world
                .note(format_args!("request {request} is answered {status}"));
            let twice = self.plant == Plant::AnswerTwice && self.world.chance(2);
            for _ in 0..=u32::from(twice) {
                self.checks
                    .answered(request, &events, &said, &self.targets)?;
            }
        }
        Ok(())
    }

    fn late(&mut self) -> Result<(), String> {
        let Some(gateway) = &mut self.gateway else {
            return Ok(());
        };
        let life = gateway.life;
        for core in &gateway.cores {
            core.answer_late();
        }
        let idle = gateway.cores.iter().all(|core| core.is_idle());
        if idle && gateway.stopping {
            gateway.spool.stop();
        }
        let idle = idle && (!gateway.stopping || gateway.spool.is_idle());
        self.late_planned = !idle || gateway.stopping;
        if self.late_planned {
            self.world.after(LATE_TICK, Step::Late { life });
        }
        self.ring_committer();
        self.read_answers()?;
        if idle
            && self
                .gateway
                .as_ref()
                .is_some_and(|gateway| gateway.stopping)
        {
            return self.end(true);
        }
        Ok(())
    }

    /// An event of each route is through in time, sent again by its client until it is.
    fn fresh(&mut self) -> Result<(), String> {
        for route in ROUTES {
            let (before, end) = (self.checks.accepted, self.world.now() + FRESH);
            while self.checks.accepted == before {
                if self.world.now() >= end {
                    let path = route.path;
                    return Err(format!("no event to {path} was accepted within {FRESH:?}"));
                }
                self.next_event += u64::from(client::is_poison(self.next_event));
                self.arrive(*route, 1)?;
                self.until(self.world.now() + Duration::from_millis(250))?;
            }
        }
        Ok(())
    }

    /// The last stop: nothing is left.
    fn rest(&mut self) -> Result<(), String> {
        let Some(gateway) = &mut self.gateway else {
            return Err("the gateway is gone".to_owned());
        };
        if !gateway.cores.iter().all(|core| core.is_idle()) || !gateway.spool.is_idle() {
            return Err("a core or the drain still waits for an outcome".to_owned());
        }
        gateway.is_settled(true)?;
        gateway.stopping = true;
        self.end(true)
    }

    fn ended(self) -> Tally {
        let mut tally = self.tally;
        (tally.accepted, tally.refused, tally.unknown) = (
            self.checks.accepted,
            self.checks.refused,
            self.checks.unknown,
        );
        for target in &self.targets {
            tally.faults += target.faults;
            tally.twice += target.stored.values().filter(|times| **times > 1).count() as u64;
        }
        tally.journal = self.world.journal.summary();
        tally
    }
}
