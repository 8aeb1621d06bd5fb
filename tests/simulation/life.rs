//! How a gateway begins and ends: started, killed, told to stop.

use crate::client;
use crate::gateway::Gateway;
use crate::plant::Plant;
use crate::run::{LATE_TICK, Simulation};
use crate::world::Step;

impl Simulation {
    pub(crate) fn start(&mut self) {
        self.lives += 1;
        for target in &mut self.targets {
            target.taken.push(None);
        }
        self.gateway = Some(Gateway::start(
            self.lives,
            &self.targets,
            &self.disk,
            self.plant,
            &mut self.world,
        ));
        self.late_planned = false;
        self.commit_planned = false;
    }

    /// The process is gone, with all that it knew. What it sent may still arrive.
    pub(crate) fn crash(&mut self, power: bool) -> Result<(), String> {
        if self.gateway.take().is_none() {
            return Ok(());
        }
        self.tally.crashes += 1;
        self.world.note(format_args!(
            "the process is killed, with the power: {power}"
        ));
        if power {
            self.disk.power_cut();
        } else {
            self.disk.process_kill();
        }
        self.forget_life();
        self.world.soon(500_000, Step::Start);
        Ok(())
    }

    /// What was in memory is gone. A cursor of the spool stands before the oldest record that is
    /// not settled: after any restart, what was delivered behind that one is delivered once more.
    pub(crate) fn forget_life(&mut self) {
        self.pending.clear();
        for (event, target) in self.checks.spooled() {
            self.targets[target].may_have_twice(event);
        }
        for call in self.calls.values_mut() {
            if call.sink.take().is_some() {
                for record in call.batch.records() {
                    self.targets[call.target].may_have_twice(client::number_of(record));
                }
            }
        }
    }

    /// It is told to stop: takes nothing more, and ends when the last request is settled; or at
    /// once, where somebody is in a hurry.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        let hurry = self.world.chance(30);
        let Some(gateway) = self.gateway.as_mut().filter(|gateway| !gateway.stopping) else {
            return Ok(());
        };
        gateway.stopping = true;
        let life = gateway.life;
        self.tally.stops += 1;
        self.world.note(format_args!("a stop, hurried: {hurry}"));
        if hurry {
            return self.end(false);
        }
        if !self.late_planned {
            self.late_planned = true;
            self.world.after(LATE_TICK, Step::Late { life });
        }
        Ok(())
    }

    /// The cores have ended: the couriers end what they have.
    pub(crate) fn end(&mut self, idle: bool) -> Result<(), String> {
        let Some(gateway) = &mut self.gateway else {
            return Ok(());
        };
        for core in &gateway.cores {
            core.hand_over_waiting();
        }
        gateway.spool.stop();
        for target in &*gateway.targets {
            if let Some(inbox) = &target.inbox {
                if idle { inbox.stop() } else { inbox.hurry() }
            }
        }
        if self.plant == Plant::EndWithoutTheRest && !idle {
            return gateway.is_settled(false).map(|()| self.gateway = None);
        }
        // Calls that are out end in their time.
        let life = gateway.life;
        for _ in 0..100_000 {
            for target in 0..self.targets.len() {
                self.courier(target)?;
            }
            let done = self
                .gateway
                .as_ref()
                .is_none_or(|gateway| gateway.couriers.iter().all(|desk| desk.ended));
            if done {
                break;
            }
            let call = self
                .calls
                .iter()
                .find(|(_, call)| call.life == life && call.sink.is_some());
            let Some((&number, call)) = call else {
                return Err(
                    "a courier was told to stop, has no call out, and does not end".to_owned(),
                );
            };
            if !call.applied {
                self.apply(number)?;
            }
            self.answer(number)?;
        }
        let Some(mut gateway) = self.gateway.take() else {
            return Ok(());
        };
        gateway.spool.end(&gateway.targets);
        if idle {
            for core in &gateway.cores {
                core.open_mail();
            }
        }
        gateway.is_settled(idle)?;
        self.world.note(format_args!("life {life} ends"));
        self.forget_life();
        self.world.soon(300_000, Step::Start);
        Ok(())
    }
}
