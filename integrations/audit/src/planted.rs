//! A violation of each rule is planted and must be found; what only looks like one must not.

mod random;
mod tables;

use std::time::Duration;

use crate::event::{Events, Template};
use crate::history::{History, Outcome};
use crate::holding::{Found, Holding, Target};
use crate::place::Place;
use crate::verdicts::{Asked, Judgement, Rule, Verdict, good, judge};

/// A record as a target holds it.
#[derive(Clone, Debug)]
struct Stored {
    stream: u32,
    record: Vec<u8>,
    copies: u64,
}

/// A run whose target can be changed before it is judged.
#[derive(Clone, Debug)]
struct Run {
    history: History,
    stored: Vec<Stored>,
    target: Target,
    asked: Asked,
}

fn events(keys: u64) -> Events {
    let template = Template::parse(Template::DEFAULT).unwrap();
    Events::of_run("0123456789ab".to_owned(), template, keys, 40)
}

impl Run {
    /// Events of these outcomes, each answered before the next was sent; the target holds those
    /// that were acknowledged, in order.
    fn of(keys: u64, outcomes: &[Outcome]) -> Self {
        let mut history = History::of(events(keys));
        for (number, outcome) in (0..).zip(outcomes) {
            history.sent(number, number * 10);
            if *outcome != Outcome::Unknown {
                history.answered(number, number * 10 + 5, *outcome);
            }
        }
        let mut run = Self {
            history,
            stored: Vec::new(),
            target: Target {
                name: "orders".to_owned(),
                required: true,
                ordered: true,
                shows_copies: true,
                exclusive: false,
            },
            asked: Asked {
                faults: 3,
                faults_min: 3,
                fresh: Some(Ok(Duration::from_millis(20))),
                ..Asked::default()
            },
        };
        for (number, outcome) in (0..).zip(outcomes) {
            if *outcome == Outcome::Ok {
                run.store(number);
            }
        }
        run
    }

    /// One more record of this event, behind all others.
    fn store(&mut self, number: u64) {
        let events = events(self.history.events().unwrap().keys());
        self.stored.push(Stored {
            stream: events.key_of(number) % 3,
            record: events.payload(number),
            copies: 1,
        });
    }

    fn judged(&self) -> Vec<Judgement> {
        let mut holding = Holding::of(self.target.clone());
        let place = Place::whole(&["id".to_owned()]);
        for stored in &self.stored {
            let found = Found {
                id: place.id_in(&stored.record).map(Into::into),
                payload: place.payload_in(&stored.record),
                record: &stored.record,
                stream: stored.stream,
                copies: stored.copies,
            };
            holding.take(&self.history, &found);
        }
        judge(&self.history, &[holding], &self.asked)
    }

    /// The rules that do not hold, with what became of them.
    fn broken(&self) -> Vec<(Rule, Verdict)> {
        let judged = self.judged();
        let broken: Vec<_> = judged
            .iter()
            .filter(|one| matches!(one.verdict, Verdict::Violated | Verdict::Void))
            .map(|one| (one.rule, one.verdict))
            .collect();
        assert_eq!(good(&judged), broken.is_empty(), "{judged:?}");
        broken
    }
}
