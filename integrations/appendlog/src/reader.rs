//! Reads committed records in order, and goes on when more are committed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::Stored;
use crate::disk::Disk;
use crate::recovery::UNREADABLE_BYTES_MAX;
use crate::scan::{Found, Scan};
use crate::state::Shared;

/// What cannot be read for so long is passed by like any other damage, so that one bad sector does
/// not end delivery; a disk that hiccups, or is away for some minutes, is waited for.
const UNREADABLE_TIME: Duration = Duration::from_secs(600);

/// Gives the records of a log in order, from a sequence on. It may be sent to another thread; it
/// holds no lock of the log while it reads.
pub struct Reader {
    disk: Arc<dyn Disk>,
    shared: Shared,
    next: u64,
    /// The segment that is open: its base and where the reader stands in it.
    open: Option<(u64, Scan)>,
    /// Since when nothing but errors came, by the disk's clock.
    failing: Option<Duration>,
    /// A live log may go on behind what is read.
    is_of_snapshot: bool,
}

impl Reader {
    pub(crate) fn new(disk: Arc<dyn Disk>, shared: Shared, from: u64) -> Self {
        Self {
            disk,
            shared,
            next: from,
            open: None,
            failing: None,
            is_of_snapshot: false,
        }
    }

    pub(crate) fn of_snapshot(self) -> Self {
        Self {
            is_of_snapshot: true,
            ..self
        }
    }

    /// The sequence of the next record, as far as is known: past what is lost.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next
    }

    /// The next committed record; `None` if there is none yet: ask again after a commit. What is
    /// damaged is passed by. After an error ask again after a pause: the same place is tried again.
    #[expect(clippy::should_implement_trait)] // An iterator ends at `None`; a log goes on.
    pub fn next(&mut self) -> io::Result<Option<Stored>> {
        let read = self.read();
        match &read {
            Ok(_) => self.failing = None,
            Err(_) => {
                let now = self.disk.now();
                let since = *self.failing.get_or_insert(now);
                if let Some((_, scan)) = &mut self.open
                    && now.saturating_sub(since) >= UNREADABLE_TIME
                    && self.disk.list().is_ok()
                {
                    scan.be_lenient();
                }
            }
        }
        read
    }

    fn read(&mut self) -> io::Result<Option<Stored>> {
        loop {
            if !self.enter()? {
                return Ok(None);
            }
            let Some((base, scan)) = &mut self.open else {
                return Ok(None);
            };
            let found = scan.step()?;
            if scan.unreadable() > UNREADABLE_BYTES_MAX {
                // That is no bad sector but a disk that is not there: nothing is passed by, and the
                // same place is tried again, strictly at first.
                self.open = None;
                return Err(io::Error::other("much of a segment cannot be read"));
            }
            let base = *base;
            if !matches!(found, Found::Record(_))
                && scan.is_removed()
                && let Some(after) = after_removed(&self.shared, base, self.is_of_snapshot)
            {
                self.open = None;
                self.next = self.next.max(after);
                continue;
            }
            match found {
                Found::Record(header) if header.sequence < self.next => {}
                Found::Record(header) => {
                    let payload = Bytes::copy_from_slice(scan.payload()?);
                    self.next = header.sequence + 1;
                    return Ok(Some(Stored {
                        sequence: header.sequence,
                        kind: header.kind,
                        time: header.time,
                        payload,
                    }));
                }
                Found::Damage { bytes, sequences } => {
                    let lost = sequences.end - sequences.start;
                    self.next = self.next.max(sequences.end);
                    self.shared.lock().damage(base, bytes.start, lost);
                }
                // The state says that there is more in this segment, and there is not.
                Found::End { at, .. } => {
                    self.open = None;
                    self.pass(base, at);
                }
            }
        }
    }

    /// Opens the segment of the next record, or looks how far the open one is committed by now.
    /// False if there is nothing to read.
    fn enter(&mut self) -> io::Result<bool> {
        if self.open.as_ref().is_some_and(|(_, scan)| scan.has_more()) {
            return Ok(true);
        }
        loop {
            let state = self.shared.lock();
            let Some((segment, limit)) = state.segment_of(self.next) else {
                self.next = self.next.max(state.next);
                return Ok(false);
            };
            let (header, end, limit) = (segment.header, segment.end, limit.min(segment.next));
            let mark = segment.mark(self.next);
            drop(state);
            self.next = self.next.max(header.base);
            if let Some((base, scan)) = &mut self.open
                && *base == header.base
            {
                scan.extend(end, limit);
                return Ok(true);
            }
            match self.disk.open(&crate::segment_name(header.base)) {
                Ok(file) => {
                    let mut scan = Scan::new(file, header, limit, end);
                    if let Some(mark) = mark {
                        scan.skip_to(mark.at, mark.sequence);
                    }
                    self.open = Some((header.base, scan));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match after_removed(&self.shared, header.base, self.is_of_snapshot) {
                        Some(after) => self.next = self.next.max(after),
                        None => self.pass(header.base, 0),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes past a segment of which nothing more can be read.
    fn pass(&mut self, base: u64, at: u64) {
        let mut state = self.shared.lock();
        let segment = state.segments.iter().find(|it| it.header.base == base);
        let Some(after) = segment.map(|segment| segment.next) else {
            return;
        };
        state.damage(base, at, after.saturating_sub(self.next));
        self.next = self.next.max(after);
    }
}

/// The sequence behind a segment that is not there any more, if that is no loss: what is settled or
/// given up may go, and of what a snapshot saw nobody knows what was settled since.
fn after_removed(shared: &Shared, base: u64, of_snapshot: bool) -> Option<u64> {
    let state = shared.lock();
    let segment = state.segments.iter().find(|it| it.header.base == base);
    let Some(after) = segment.map(|segment| segment.next) else {
        return Some(0);
    };
    (of_snapshot || after <= state.settled()).then_some(after)
}
