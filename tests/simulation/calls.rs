//! Couriers and their calls: on their way to a target, applied there, and answered.

use std::time::Duration;

use sluicegate::courier::Turn;
use sluicegate_contract::{Attempt, AttemptSink, Batch, ReasonKind, Receipt};

use crate::client;
use crate::plant::Plant;
use crate::run::Simulation;
use crate::world::Step;

/// Turns in a row that a courier may ask for at once.
const AT_ONCE_MAX: u32 = 100;

/// A call on its way to a target and back.
pub(crate) struct Call {
    pub(crate) life: u32,
    pub(crate) target: usize,
    pub(crate) batch: Batch,
    pub(crate) sink: Option<AttemptSink>,
    pub(crate) applied: bool,
    /// What will be answered; nothing where the answer is lost.
    attempts: Option<Vec<Attempt>>,
    back: Duration,
}

impl Simulation {
    pub(crate) fn courier(&mut self, place: usize) -> Result<(), String> {
        let Some(gateway) = &mut self.gateway else {
            return Ok(());
        };
        let (life, desk) = (gateway.life, &mut gateway.couriers[place]);
        if desk.ended {
            return Ok(());
        }
        let now = self.world.now();
        if desk.wake.is_some_and(|wake| wake <= now) {
            desk.wake = None;
        }
        let said = desk.outcomes.so_far();
        match desk.courier.turn(&mut desk.queue, self.world.instant()) {
            Turn::Ended => desk.ended = true,
            Turn::Wait(Some(at)) => {
                let at_once = self.world.until(at).is_zero();
                desk.at_once = if at_once { desk.at_once + 1 } else { 0 };
                if desk.at_once > AT_ONCE_MAX {
                    let name = self.targets[place].name;
                    return Err(format!(
                        "the courier of {name} spins: it asks for another turn at once, again and again"
                    ));
                }
                let pause = self.world.until(at).max(Duration::from_micros(1));
                if desk.wake.is_none_or(|wake| wake > now + pause) {
                    desk.wake = Some(now + pause);
                    self.world.after(
                        pause,
                        Step::Courier {
                            life,
                            target: place,
                        },
                    );
                }
            }
            Turn::Wait(None) => {}
        }
        let (cores, said) = (gateway.cores.len(), desk.outcomes.so_far() > said);
        let target = &mut self.targets[place];
        target
            .taken
            .extend(target.room.take_taken().into_iter().map(Some));
        for (batch, sink) in target.room.take_submitted() {
            let (there, back) = target.latency(&mut self.world);
            self.next_call += 1;
            let call = Call {
                life,
                target: place,
                batch,
                sink: Some(sink),
                applied: false,
                attempts: None,
                back,
            };
            self.calls.insert(self.next_call, call);
            self.world.after(there, Step::Apply(self.next_call));
        }
        if said {
            for core in 0..cores {
                self.world.soon(200, Step::Mail { life, core });
            }
            self.world.soon(200, Step::Drain { life });
        }
        Ok(())
    }

    pub(crate) fn apply(&mut self, number: usize) -> Result<(), String> {
        let Some(call) = self.calls.get_mut(&number).filter(|call| !call.applied) else {
            return Ok(());
        };
        let target = &mut self.targets[call.target];
        call.applied = true;
        call.attempts = target.apply(&call.batch, &mut self.world);
        let events: Vec<u64> = call.batch.records().iter().map(client::number_of).collect();
        let stored = call.attempts.as_ref().map(|attempts| {
            attempts
                .iter()
                .filter(|attempt| matches!(attempt, Attempt::Stored(_)))
                .count()
        });
        self.world.note(format_args!(
            "{}: call {number} of {events:?}, stored {stored:?}",
            target.name
        ));
        self.world.after(call.back, Step::Answer(number));
        Ok(())
    }

    pub(crate) fn answer(&mut self, number: usize) -> Result<(), String> {
        let Some(mut call) = self.calls.remove(&number) else {
            return Ok(());
        };
        let (Some(mut sink), plant) = (call.sink.take(), self.plant) else {
            return Ok(());
        };
        let lost = call.attempts.is_none();
        let mut attempts = call.attempts.unwrap_or_default();
        let failed = attempts
            .iter()
            .any(|attempt| matches!(attempt, Attempt::Again { .. }));
        let certain = Attempt::Again {
            certain: true,
            after: None,
            reason: ReasonKind::Unavailable.into(),
        };
        match plant {
            Plant::RetryTheWholeBatch if failed => attempts.fill(certain),
            Plant::TakePartForWhole if failed => attempts.fill(Attempt::Stored(Receipt::Nothing)),
            Plant::CallAmbiguousCertain if lost => attempts = vec![certain; call.batch.len()],
            _ => {}
        }
        for (index, attempt) in attempts.into_iter().enumerate() {
            sink.report(index, attempt);
        }
        // What was not reported counts as lost when the sink is dropped.
        drop(sink);
        let target = call.target;
        if self
            .gateway
            .as_ref()
            .is_some_and(|gateway| gateway.life == call.life)
        {
            self.world.soon(
                100,
                Step::Courier {
                    life: call.life,
                    target,
                },
            );
        }
        Ok(())
    }
}
