//! A batch on its way to a target, and the sink that takes what became of each record in it.

use std::fmt;
use std::sync::Arc;

use crate::{Attempt, Reason, ReasonKind, Record};

/// Records for one call, in the order in which they should be sent. Never empty.
#[derive(Clone, Debug)]
pub struct Batch {
    records: Arc<Vec<Record>>,
    uncertain: Option<Arc<[bool]>>,
}

impl Batch {
    /// A batch of these records.
    ///
    /// The list is shared, since the courier keeps the records for another try.
    #[must_use]
    pub fn new(records: Arc<Vec<Record>>) -> Self {
        debug_assert!(!records.is_empty(), "a batch holds at least one record");
        Self {
            records,
            uncertain: None,
        }
    }

    /// Says of each record whether an earlier try may have stored it: that of a lost answer. A
    /// room that finds such a record at its target need not call it another's.
    #[must_use]
    pub fn after_uncertain(mut self, uncertain: Arc<[bool]>) -> Self {
        debug_assert_eq!(uncertain.len(), self.records.len(), "one for each record");
        self.uncertain = Some(uncertain);
        self
    }

    /// True where an earlier try may have stored the record at `index`.
    #[must_use]
    pub fn may_be_stored(&self, index: usize) -> bool {
        self.uncertain
            .as_ref()
            .and_then(|uncertain| uncertain.get(index))
            .copied()
            .unwrap_or(false)
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True for a batch without records, which the courier never makes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// Takes one [`Attempt`] for each record of a batch and hands all of them on when it is dropped.
///
/// What was not reported by then counts as uncertain: a room that panics, is cancelled or forgets
/// a record can never make it look stored, nor surely not stored.
pub struct AttemptSink {
    attempts: Vec<Option<Attempt>>,
    done: Option<Box<dyn FnOnce(Vec<Attempt>) + Send>>,
}

impl AttemptSink {
    /// A sink for a batch of `records` that calls `done` once, with an attempt for each record in
    /// the batch's order.
    pub fn new(records: usize, done: impl FnOnce(Vec<Attempt>) + Send + 'static) -> Self {
        Self {
            attempts: vec![None; records],
            done: Some(Box::new(done)),
        }
    }

    /// Reports on the record at `index` of the batch. Only the first report on a record counts;
    /// an index outside of the batch is ignored, as it can only come from a target's answer.
    pub fn report(&mut self, index: usize, attempt: Attempt) {
        let Some(slot) = self.attempts.get_mut(index) else {
            return;
        };
        if slot.is_none() {
            *slot = Some(attempt);
        }
    }

    /// Reports the same of every record that was not reported on yet.
    pub fn report_rest(&mut self, attempt: &Attempt) {
        for slot in self.attempts.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(attempt.clone());
        }
    }
}

impl Drop for AttemptSink {
    fn drop(&mut self) {
        let Some(done) = self.done.take() else { return };
        let unreported = || Attempt::Again {
            certain: false,
            after: None,
            reason: Reason::from(ReasonKind::AnswerLost),
        };
        done(
            self.attempts
                .drain(..)
                .map(|slot| slot.unwrap_or_else(unreported))
                .collect(),
        );
    }
}

impl fmt::Debug for AttemptSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptSink")
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Receipt;

    #[test]
    fn a_dropped_sink_reports_what_is_left_as_uncertain() {
        let (send, receive) = mpsc::channel();
        let mut sink = AttemptSink::new(2, move |attempts| send.send(attempts).unwrap());
        sink.report(1, Attempt::Stored(Receipt::Nothing));
        sink.report(1, Attempt::Refused(ReasonKind::Invalid.into()));
        sink.report(7, Attempt::Stored(Receipt::Nothing));
        drop(sink);
        let attempts = receive.recv().unwrap();
        assert!(matches!(attempts[0], Attempt::Again { certain: false, .. }));
        assert_eq!(attempts[1], Attempt::Stored(Receipt::Nothing));
    }
}
