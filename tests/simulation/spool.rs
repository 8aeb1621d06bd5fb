//! The spool of a gateway: its log on a simulated disk, its committer and its drain, turned by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate::dispatch;
use sluicegate::runtime;
use sluicegate::settings::Settings;
use sluicegate::settle::{CoreMailbox, Mail, Mailboxes};
use sluicegate::spool::{Drain, DrainRules, LogBacklog, Spool, recover};
use sluicegate_appendlog::simulated::SimulatedDisk;
use sluicegate_appendlog::{Committer, Writer};

use crate::run::Simulation;
use crate::world::Step;

/// Cursors are told to the log so often.
const CURSOR_PAUSE: Duration = Duration::from_millis(200);

/// How long a spool in which nothing happens looks after its cursors.
const AWAKE: Duration = Duration::from_secs(3);

/// A spool while its gateway lives.
pub(crate) struct Desk {
    pub(crate) spool: Arc<Spool>,
    committer: Committer,
    drain: Drain,
    backlog: LogBacklog,
    mailbox: Arc<CoreMailbox>,
    told: Duration,
    wake: Option<Duration>,
    /// Something happened since the drain was asked last.
    stirred: bool,
    /// Until when cursors are looked after.
    awake_until: Duration,
}

impl Desk {
    pub(crate) fn open(
        settings: &Settings,
        doors: &[dispatch::Target],
        mailboxes: &Mailboxes,
        cores: usize,
        disk: &SimulatedDisk,
    ) -> Self {
        let written = settings.spool.as_ref().unwrap();
        let recovered = recover(
            settings,
            written,
            doors,
            Arc::new(disk.clone()),
            (cores, false),
        );
        let (log, rules) =
            recovered.unwrap_or_else(|wrong| panic!("the spool does not open: {wrong}"));
        let (writer, committer) = Writer::by_hand(log);
        let backlog = LogBacklog::new(writer.clone());
        let spool = Arc::new(Spool::new(writer, PathBuf::from("spool"), doors));
        let rules = DrainRules {
            held: Arc::clone(spool.held()),
            ..rules
        };
        Self {
            spool,
            committer,
            drain: Drain::new(rules),
            backlog,
            mailbox: Arc::clone(mailboxes.of(cores).unwrap()),
            told: Duration::ZERO,
            wake: None,
            stirred: true,
            awake_until: Duration::ZERO,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.drain.is_idle()
    }

    pub(crate) fn stop(&mut self) {
        self.drain.stop();
    }

    fn take_mail(&mut self, doors: &[dispatch::Target]) -> (Instant, std::time::SystemTime) {
        let now = (runtime::now(), runtime::system_now());
        self.stirred |= !self.mailbox.is_empty();
        while let Some(mail) = self.mailbox.take() {
            match mail {
                Mail::Outcome(id, outcome) => self.drain.outcome(id, outcome, doors, now),
                Mail::Outcomes(outcomes) => {
                    for (id, outcome) in outcomes {
                        self.drain.outcome(id, outcome, doors, now);
                    }
                }
                _ => {}
            }
        }
        now
    }

    /// The last turn: outcomes are taken, cursors told, and everything is on the disk.
    pub(crate) fn end(&mut self, doors: &[dispatch::Target]) {
        self.take_mail(doors);
        self.backlog.flush();
        self.spool.stop();
        while self.committer.turn() {}
    }
}

impl Simulation {
    /// Whoever stored something rings the committer.
    pub(crate) fn ring_committer(&mut self) {
        if let Some(gateway) = &self.gateway
            && !self.commit_planned
        {
            let life = gateway.life;
            self.commit_planned = true;
            self.world.soon(3000, Step::Commit { life });
        }
    }

    pub(crate) fn commit(&mut self) -> Result<(), String> {
        self.commit_planned = false;
        self.disk
            .pass(self.world.now().saturating_sub(self.disk_time));
        self.disk_time = self.world.now();
        let Some(gateway) = &mut self.gateway else {
            return Ok(());
        };
        gateway.spool.committer.turn();
        gateway.spool.stirred |= !self.pending.is_empty();
        let (life, cores) = (gateway.life, gateway.cores.len());
        for core in 0..cores {
            self.world.soon(200, Step::Mail { life, core });
        }
        self.world.soon(200, Step::Drain { life });
        Ok(())
    }

    pub(crate) fn drain(&mut self) -> Result<(), String> {
        let now = self.world.now();
        let Some(gateway) = &mut self.gateway else {
            return Ok(());
        };
        let (life, desk) = (gateway.life, &mut gateway.spool);
        if desk.wake.is_some_and(|wake| wake <= now) {
            desk.wake = None;
        }
        let times = desk.take_mail(&gateway.targets);
        let used = |doors: &[dispatch::Target]| -> Vec<u64> {
            doors.iter().map(|door| door.gauge.used()).collect()
        };
        let before = used(&gateway.targets);
        let wake = desk.drain.step(times, &mut desk.backlog, &gateway.targets);
        for lost in desk.drain.take_lost() {
            self.world.note(format_args!(
                "the drain gives up a record for {}: {}",
                lost.target, lost.reason
            ));
        }
        let stirred = std::mem::take(&mut desk.stirred) || before != used(&gateway.targets);
        if stirred {
            desk.awake_until = now + AWAKE;
        }
        let mut told = false;
        if now >= desk.told + CURSOR_PAUSE {
            desk.told = now;
            desk.backlog.flush();
            told = now < desk.awake_until;
        }
        if let Some(at) = wake {
            let pause = self.world.until(at).max(Duration::from_micros(1));
            if desk.wake.is_none_or(|wake| wake > now + pause) {
                desk.wake = Some(now + pause);
                self.world.after(pause, Step::Drain { life });
            }
        }
        if told {
            self.world.after(CURSOR_PAUSE, Step::Drain { life });
            self.ring_committer();
        }
        if stirred {
            self.ring_couriers();
        }
        Ok(())
    }
}
