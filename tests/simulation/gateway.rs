//! The gateway, put together as `serve.rs` does it, with its steps in the simulation's hands.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sluicegate::admit::Admission;
use sluicegate::courier::{Courier, Queue, Rules};
use sluicegate::dispatch::{self, Gate, Gauge, Inbox};
use sluicegate::gateway::{Core, CoreParts};
use sluicegate::observe::{CoreCounters, Shape, TargetCounters, TargetHealth};
use sluicegate::route::Routes;
use sluicegate::settings::{Environment, Settings, load_text};
use sluicegate::settle::Mailboxes;
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_contract::{Integration as _, Outcome, OutcomeSink, RecordId, Room};

use crate::plant::Plant;
use crate::rules::FILE;
use crate::spool;
use crate::target::Target;
use crate::world::World;

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    load_text("simulation.yaml", FILE, &Environment::fixed([]))
        .unwrap_or_else(|wrong| panic!("{wrong}"))
});

/// A gateway while it lives.
pub(crate) struct Gateway {
    pub(crate) life: u32,
    pub(crate) cores: Vec<Rc<Core>>,
    pub(crate) couriers: Vec<Desk>,
    pub(crate) targets: Arc<[dispatch::Target]>,
    pub(crate) spool: spool::Desk,
    pub(crate) stopping: bool,
}

/// A courier with its queue, and what it said.
pub(crate) struct Desk {
    pub(crate) courier: Courier,
    pub(crate) queue: Queue,
    pub(crate) ended: bool,
    /// When it is asked again anyway.
    pub(crate) wake: Option<Duration>,
    /// How often it asked for another turn at once, without a pause between.
    pub(crate) at_once: u32,
    pub(crate) outcomes: Arc<Counted>,
    room: Arc<crate::room::Room>,
    /// Records that its room was given before this life.
    puts_before: u64,
}

/// Counts the outcomes on their way to the cores.
pub(crate) struct Counted {
    mailboxes: Mailboxes,
    outcomes: AtomicU64,
    plant: Plant,
}

impl Counted {
    pub(crate) fn so_far(&self) -> u64 {
        self.outcomes.load(Ordering::Relaxed)
    }
}

impl OutcomeSink for Counted {
    fn outcome(&self, id: RecordId, outcome: Outcome) {
        self.outcomes(vec![(id, outcome)]);
    }

    fn outcomes(&self, mut outcomes: Vec<(RecordId, Outcome)>) {
        let before = self.outcomes.load(Ordering::Relaxed);
        if self.plant == Plant::DropAnOutcome && before % 100 > 90 {
            outcomes.pop();
        }
        self.outcomes
            .fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        self.mailboxes.outcomes(outcomes);
    }
}

impl Gateway {
    pub(crate) fn start(
        life: u32,
        targets: &[Target],
        disk: &SimulatedDisk,
        plant: Plant,
        world: &mut World,
    ) -> Self {
        let settings = &*SETTINGS;
        let cores = world.random.usize(1..=3);
        let queue_bytes = if world.chance(20) { 12 << 10 } else { 1 << 20 };
        let mailboxes = Mailboxes::with_beside(cores, 1);
        let doors: Arc<[dispatch::Target]> = targets.iter().map(|t| door(t, queue_bytes)).collect();
        let couriers = doors.iter().zip(targets).zip(&settings.targets);
        let couriers = couriers.map(|((door, target), written)| {
            let rules = Rules {
                limits: target.room.limits(),
                give_up: written.give_up,
                linger: written.linger,
            };
            desk(door, target, rules, &mailboxes, plant)
        });
        let couriers = couriers.collect();
        let spool = spool::Desk::open(settings, &doors, &mailboxes, cores, disk);
        let admission = Arc::new(Admission::new(settings));
        let shape = Shape {
            routes: settings
                .routes
                .iter()
                .map(|r| r.bindings.iter().map(|b| b.target).collect())
                .collect(),
            targets: doors.len(),
        };
        let core = |number: usize| {
            Core::still(CoreParts {
                number,
                routes: Routes::new(&settings.routes).unwrap(),
                admission: Arc::clone(&admission),
                server: settings.server.clone(),
                targets: Arc::clone(&doors),
                counters: CoreCounters::new(number, &shape),
                mailbox: Arc::clone(mailboxes.of(number).unwrap()),
                keys: None,
                letters: None,
                spool: Some(Arc::clone(&spool.spool)),
            })
        };
        world.note(format_args!(
            "life {life} begins: {cores} cores, queues of {queue_bytes} bytes"
        ));
        Self {
            life,
            cores: (0..cores).map(core).collect(),
            couriers,
            targets: doors,
            spool,
            stopping: false,
        }
    }

    /// Every record that was taken had its outcome, and every byte was given back.
    pub(crate) fn is_settled(&self, bytes: bool) -> Result<(), String> {
        for (desk, target) in self.couriers.iter().zip(&*self.targets) {
            let outcomes = desk.outcomes.outcomes.load(Ordering::Relaxed);
            let puts = desk.puts();
            if outcomes != puts {
                return Err(format!(
                    "{puts} records came to {} and had {outcomes} outcomes",
                    target.name
                ));
            }
            let held = target.gauge.used();
            if bytes && held != 0 {
                return Err(format!(
                    "{held} bytes of {} were never given back: an outcome is missing",
                    target.name
                ));
            }
        }
        Ok(())
    }
}

fn door(target: &Target, queue_bytes: u64) -> dispatch::Target {
    let name: Arc<str> = target.name.into();
    dispatch::Target {
        name: Arc::clone(&name),
        kind: "kinesis",
        room: Room::Batching(Arc::<crate::room::Room>::clone(&target.room)),
        gauge: Arc::new(Gauge::new(queue_bytes)),
        gate: Arc::new(Gate::new(Arc::new(TargetHealth::new(name)))),
        inbox: Some(Arc::<Inbox>::default()),
        counters: Arc::new(TargetCounters::new()),
        dead_letter: None,
        envelope: None,
        log: None,
    }
}

fn desk(
    door: &dispatch::Target,
    target: &Target,
    rules: Rules,
    mailboxes: &Mailboxes,
    plant: Plant,
) -> Desk {
    let outcomes = Arc::new(Counted {
        mailboxes: mailboxes.clone(),
        outcomes: AtomicU64::new(0),
        plant,
    });
    let sink: Arc<dyn OutcomeSink> = Arc::<Counted>::clone(&outcomes);
    Desk {
        courier: Courier {
            inbox: Arc::clone(door.inbox.as_ref().unwrap()),
            room: Arc::<crate::room::Room>::clone(&target.room),
            rules,
            outcomes: sink,
            gate: Arc::clone(&door.gate),
            counters: Arc::clone(&door.counters),
        },
        queue: Queue::new(rules),
        ended: false,
        wake: None,
        at_once: 0,
        outcomes,
        room: Arc::clone(&target.room),
        puts_before: target.room.puts(),
    }
}

impl Desk {
    /// Records that came to this courier: its room counts those of all lives.
    fn puts(&self) -> u64 {
        self.room.puts() - self.puts_before
    }
}
