//! The log as a state machine: synchronous, on a disk that is handed in, without a thread and
//! without a clock but the disk's.
//!
//! Invariants, beside the code that keeps them:
//! * `append` returns `Ok` only after the one `fdatasync` that covers its records (`write`).
//! * A file whose sync or write failed is never written or synced again (`poison`).
//! * A segment is unlinked only after the cursors that passed it are durable (`settled::sync`).
//! * No sequence is given out twice, unless its record was never confirmed (`recover`).

mod settled;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use crate::cursors::{CursorFiles, CursorState};
use crate::disk::{DirectoryLock, Disk, DiskFile, is_full, write_all};
use crate::format::{self, FIRST_RECORD, RECORD_BYTES_MAX, SegmentHeader};
use crate::reader::Reader;
use crate::recovery::{Recovery, recover};
use crate::state::{Segment, Shared, Usage};
pub(crate) use settled::expired;

use crate::{Append, AppendError, OpenError, Options, segment_name};

/// Space that is left to the disk: refusing begins before it is full to the last byte.
const FREE_BYTES_MIN: u64 = 1024 * 1024;
/// A quota is made of at least so many segments, so that it frees up in small steps.
const SEGMENTS_PER_QUOTA: u64 = 8;
/// A segment reserves at most such a part of what is free on the disk.
const SEGMENTS_PER_FREE: u64 = 4;
/// A log with an age limit begins a new segment after this part of it, so that age is told apart.
const SEGMENTS_PER_AGE: u32 = 8;
/// A buffer that grew past this for one large group is given back.
const BUFFER_BYTES_KEPT: usize = 4 * 1024 * 1024;

/// An append log that holds its directory.
pub struct Log {
    disk: Arc<dyn Disk>,
    options: Options,
    shared: Shared,
    active: Option<Active>,
    cursor_files: CursorFiles,
    /// What the cursor files hold.
    durable: CursorState,
    buffer: Vec<u8>,
    _lock: DirectoryLock,
}

/// The segment that is written to: always the last one of the state.
struct Active {
    file: Arc<dyn DiskFile>,
    header: SegmentHeader,
    /// Where the next record goes.
    end: u64,
    /// Bytes that were reserved.
    length: u64,
    first: Option<SystemTime>,
}

impl Log {
    /// Opens the log of a directory, mends it where that is needed, and says what was found.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Recovery), OpenError> {
        let failed = |error| OpenError::Disk(disk.place(), error);
        let lock = match disk.lock() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(OpenError::Held(disk.place()));
            }
            lock => lock.map_err(failed)?,
        };
        let (state, found, recovery) = recover(&disk, true).map_err(failed)?;
        recovery.say(&disk.place());
        let shared = Shared::default();
        *shared.lock() = state;
        let mut cursor_files = CursorFiles::new(&found);
        // Space for the cursors, before there is none. They are tried again when they are written.
        let _ = cursor_files.prepare(disk.as_ref());
        let proven = cursor_files.is_proven();
        let log = Self {
            cursor_files,
            // What could not be written anew may be in the kernel only: nothing goes because of it.
            durable: if proven {
                found.state
            } else {
                CursorState::default()
            },
            disk,
            options,
            shared,
            active: None,
            buffer: Vec::new(),
            _lock: lock,
        };
        Ok((log, recovery))
    }

    /// Stores records. `Ok` says that they are durable: one `pwritev` and one `fdatasync` for all
    /// of them. After an error none of them is stored, as far as the disk can still be believed.
    pub fn append(&mut self, batch: &[Append]) -> Result<Range<u64>, AppendError> {
        let next = self.shared.lock().next;
        let Some(first) = batch.first() else {
            return Ok(next..next);
        };
        if batch.iter().any(|it| it.payload.len() > RECORD_BYTES_MAX) {
            return Err(AppendError::TooLarge);
        }
        let bytes: u64 = batch
            .iter()
            .map(|it| format::extent(it.payload.len()))
            .sum();
        let mut tried = self.append_once(batch, bytes, first.time);
        let again = match &tried {
            Err(AppendError::Failed(_)) => true,
            Err(AppendError::Full) => self.free_active(),
            _ => false,
        };
        if again {
            tried = self.append_once(batch, bytes, first.time);
        }
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        tried
    }

    fn append_once(
        &mut self,
        batch: &[Append],
        bytes: u64,
        time: SystemTime,
    ) -> Result<Range<u64>, AppendError> {
        if !self
            .active
            .as_ref()
            .is_some_and(|it| self.fits(it, bytes, time))
        {
            self.begin_segment(bytes)?;
        }
        self.write(batch).map_err(|error| {
            self.poison(&error);
            refusal(&error)
        })
    }

    fn fits(&self, active: &Active, bytes: u64, time: SystemTime) -> bool {
        let aged = self.options.max_age.is_some_and(|age| {
            let spent = active
                .first
                .and_then(|first| time.duration_since(first).ok());
            spent.is_some_and(|spent| spent > age / SEGMENTS_PER_AGE)
        });
        active.end + bytes <= active.length && !aged
    }

    /// One write and one sync. Only what comes after the sync's success may be answered.
    fn write(&mut self, batch: &[Append]) -> io::Result<Range<u64>> {
        let Some(active) = &mut self.active else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let from = self.shared.lock().next;
        self.buffer.clear();
        for (place, append) in batch.iter().enumerate() {
            let sequence = from + place as u64;
            format::encode(
                append,
                sequence,
                place,
                active.header.salt,
                &mut self.buffer,
            );
        }
        write_all(active.file.as_ref(), &self.buffer, active.end)?;
        let began = self.disk.now();
        active.file.sync()?;
        let took = self.disk.now().saturating_sub(began);
        let mut state = self.shared.lock();
        state.syncs.add(took);
        state.next = from + batch.len() as u64;
        if let Some(segment) = state.segments.back_mut() {
            for (sequence, append) in (from..).zip(batch) {
                let at = active.end;
                active.end += format::extent(append.payload.len());
                segment.record(sequence, append.time, at, active.end);
            }
        }
        active.first = active.first.or(batch.first().map(|it| it.time));
        Ok(from..state.next)
    }

    /// Gives up the segment whose write or sync failed: the kernel may call its pages clean that
    /// never reached the disk, so that no later sync of this file proves anything. What was
    /// confirmed in it stays; what was not goes to another segment under the same sequences, and
    /// that segment's base hides whatever is left of it here.
    fn poison(&mut self, error: &io::Error) {
        let Some(active) = self.active.take() else {
            return;
        };
        tracing::warn!(
            target: "spool",
            place = self.disk.place(),
            segment = segment_name(active.header.base),
            %error,
            "spool.poisoned"
        );
        let mut state = self.shared.lock();
        state.poisoned += 1;
        state.sync_errors += u64::from(!is_full(error));
        drop(state);
        self.close(&active);
    }

    /// Cuts a segment that is not written to any more to the length of its records, or removes it
    /// if it has none. Neither is needed for what was promised, so errors are left alone.
    fn close(&self, active: &Active) {
        let name = segment_name(active.header.base);
        let mut state = self.shared.lock();
        let Some(segment) = state.segments.back_mut() else {
            return;
        };
        if segment.next == segment.header.base {
            state.segments.pop_back();
            drop(state);
            let _ = self.disk.remove(&name);
            return;
        }
        drop(state);
        if active.file.set_length(active.end).is_ok()
            && let Some(segment) = self.shared.lock().segments.back_mut()
        {
            segment.length = active.end;
        }
    }

    /// Makes the next segment, with room for `bytes` of records.
    fn begin_segment(&mut self, bytes: u64) -> Result<(), AppendError> {
        let length = self.segment_length(bytes)?;
        if let Some(active) = self.active.take() {
            self.close(&active);
        }
        let base = self.shared.lock().next;
        let header = SegmentHeader {
            base,
            salt: self.disk.salt(),
        };
        let name = segment_name(base);
        let file = self.create(&name, header, length).map_err(|error| {
            let mut state = self.shared.lock();
            state.sync_errors += u64::from(!is_full(&error));
            drop(state);
            let _ = self.disk.remove(&name);
            refusal(&error)
        })?;
        self.shared
            .lock()
            .segments
            .push_back(Segment::new(header, length));
        self.active = Some(Active {
            file,
            header,
            end: FIRST_RECORD,
            length,
            first: None,
        });
        Ok(())
    }

    /// File and directory are synced before the first record, so that a confirmed record has a
    /// file with a name.
    fn create(
        &self,
        name: &str,
        header: SegmentHeader,
        length: u64,
    ) -> io::Result<Arc<dyn DiskFile>> {
        let file = match self.disk.create(name) {
            // Left by a segment that was given up before it held anything confirmed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(name)?;
                self.disk.create(name)?
            }
            made => made?,
        };
        file.allocate(length)?;
        write_all(file.as_ref(), &header.encode(), 0)?;
        file.sync()?;
        self.disk.sync_directory()?;
        Ok(file)
    }

    /// How long the next segment may be: as long as asked for, or less where quota or disk end.
    fn segment_length(&self, bytes: u64) -> Result<u64, AppendError> {
        let Options {
            segment_bytes,
            max_bytes,
            ..
        } = self.options;
        let least = FIRST_RECORD + bytes;
        let usual = segment_bytes.min(max_bytes / SEGMENTS_PER_QUOTA);
        let free = self.disk.free_bytes().map_err(|error| refusal(&error))?;
        // What the present segment does not need comes free when it is closed.
        let spare = self.active.as_ref().map_or(0, |it| it.length - it.end);
        let used = self.shared.lock().bytes().saturating_sub(spare);
        let quota = max_bytes.saturating_sub(used);
        let free = free.saturating_add(spare);
        let free = free.saturating_sub(FREE_BYTES_MIN);
        if least > quota.min(free) {
            return Err(AppendError::Full);
        }
        // On a small disk, or a nearly full one, others find room as well.
        let share = (free / SEGMENTS_PER_FREE).max(least);
        Ok(usual.max(least).min(quota).min(share))
    }

    /// How full the log is, and how its readers and its disk do.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.lock().usage(self.options.max_bytes)
    }

    /// Reads committed records, from a sequence on or from the oldest one that is left.
    #[must_use]
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.disk), self.shared.clone(), from)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }
}

fn refusal(error: &io::Error) -> AppendError {
    if is_full(error) {
        AppendError::Full
    } else {
        AppendError::Failed(error.to_string())
    }
}
