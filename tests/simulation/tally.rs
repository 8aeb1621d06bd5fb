//! What runs count: a run in which nothing happens proves nothing.

use std::fmt;

/// What a run counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) faults: u64,
    pub(crate) crashes: u64,
    pub(crate) stops: u64,
    pub(crate) twice: u64,
    pub(crate) journal: (u64, u64),
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.stops += other.stops;
        self.twice += other.twice;
        self.journal.0 += other.journal.0;
    }

    /// A run in which little happened proves little.
    pub(crate) fn is_worth_something(&self, seeds: u64) {
        assert!(self.accepted > 50 * seeds, "{self}");
        assert!(self.refused + self.unknown > 5 * seeds, "{self}");
        assert!(
            self.faults > 10 * seeds && self.twice > seeds / 10,
            "{self}"
        );
        assert!(self.crashes > seeds / 4 && self.stops > seeds / 4, "{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} requests, {} events accepted, {} refused, {} unknown; {} faults, {} crashes, {} \
             stops, {} stored twice; {} lines",
            self.requests,
            self.accepted,
            self.refused,
            self.unknown,
            self.faults,
            self.crashes,
            self.stops,
            self.twice,
            self.journal.0
        )
    }
}
