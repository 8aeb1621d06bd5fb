//! What a log does when it is opened: reads every segment once, keeps what is whole, cuts the torn
//! tail of the last one, copies damaged places aside, and starts whatever it finds.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, read_full, write_all};
use crate::format::{FIRST_RECORD, SegmentHeader};
use crate::scan::{Found, Scan};
use crate::state::{Segment, State};
use crate::{cursors, segment_base, segment_name};

/// The most bytes of a damaged place that are copied aside.
const QUARANTINE_BYTES_MAX: u64 = 1024 * 1024;
/// The most files that are copied aside; further damage is counted and skipped all the same.
const QUARANTINE_FILES_MAX: usize = 256;

/// What was found when a log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments with records.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes behind the last whole record, of writes that power or process did not survive. None
    /// of them was answered as stored.
    pub torn_bytes: u64,
    /// Damaged places that were not known before.
    pub damages: Vec<Damage>,
    /// Cursor files that could not be read; with both gone, delivery begins at the oldest record.
    pub cursor_files_damaged: usize,
}

impl Recovery {
    /// Whether there was anything but whole records.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.torn_bytes == 0 && self.damages.is_empty() && self.cursor_files_damaged == 0
    }

    /// Records that are lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let lost = |damage: &Damage| damage.sequences.end - damage.sequences.start;
        self.damages.iter().map(lost).sum()
    }
}

/// A place in a segment that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub segment: String,
    /// The bytes in it.
    pub bytes: std::ops::Range<u64>,
    /// The sequences that stood there. At the end of a segment it may be fewer.
    pub sequences: std::ops::Range<u64>,
    /// The file into which the bytes were copied, with a note, if that was possible.
    pub copied_to: Option<String>,
}

/// Reads everything. With `mend`, changes the directory: cuts what is torn, copies what is damaged
/// aside, removes what is empty; without, only looks.
pub(crate) fn recover(disk: &Arc<dyn Disk>, mend: bool) -> io::Result<(State, Recovery)> {
    let mut recovery = Recovery::default();
    let mut state = State::default();
    let found = cursors::read(disk.as_ref())?;
    recovery.cursor_files_damaged = found.damaged;
    let names = disk.list()?;
    let mut bases: Vec<u64> = names.iter().filter_map(|name| segment_base(name)).collect();
    bases.sort_unstable();
    let copies = names.iter().filter(|name| name.ends_with(".damaged"));
    let mut place = Place {
        disk,
        mend,
        copies: copies.count(),
        recovery: &mut recovery,
        state: &mut state,
    };
    for (index, base) in bases.iter().enumerate() {
        place.segment(*base, bases.get(index + 1).copied())?;
    }
    if mend && !bases.is_empty() {
        disk.sync_directory()?;
    }
    recovery.segments = state.segments.len();
    // A cursor may be ahead of the records: those that it passed were delivered, and then lost
    // before they were durable. No sequence below it is given out again.
    let cursors = found.state.cursors.values().copied().max();
    let known = [found.state.next, found.state.floor, state.next];
    state.next = known.into_iter().chain(cursors).max().unwrap_or_default();
    state.cursors = found.state.cursors;
    state.floor = found.state.floor;
    Ok((state, recovery))
}

struct Place<'a> {
    disk: &'a Arc<dyn Disk>,
    mend: bool,
    copies: usize,
    recovery: &'a mut Recovery,
    state: &'a mut State,
}

impl Place<'_> {
    /// Reads one segment; `limit` is the base of the next one.
    fn segment(&mut self, base: u64, limit: Option<u64>) -> io::Result<()> {
        let name = segment_name(base);
        let file = self.disk.open(&name)?;
        let length = file.length()?;
        let mut block = vec![0; FIRST_RECORD as usize];
        let read = read_full(file.as_ref(), &mut block, 0)?;
        block.truncate(read);
        self.state.next = self.state.next.max(base);
        let Some(header) = SegmentHeader::decode(&block, base) else {
            return self.headless(&name, file.as_ref(), length, base, limit);
        };
        let mut segment = Segment::new(header, length);
        let most = limit.unwrap_or(u64::MAX);
        let mut scan = Scan::new(Arc::clone(&file), header, most, length);
        let mut damages = Vec::new();
        let dirty = loop {
            let at = scan.at();
            match scan.step()? {
                Found::Record(found) => {
                    segment.record(found.sequence, found.time, at, scan.at());
                    self.recovery.records += 1;
                    // What the group of this record found durable cannot have been torn.
                    damages.retain_mut(
                        |(_, sequences, sure): &mut (_, std::ops::Range<u64>, _)| {
                            *sure |= sequences.start < found.durable_below();
                            true
                        },
                    );
                }
                Found::Damage { bytes, sequences } => damages.push((bytes, sequences, false)),
                Found::End { dirty, .. } => break dirty,
            }
        };
        self.recovery.bytes += length;
        for (bytes, sequences, sure) in damages {
            if sure || limit.is_some() {
                self.damage(&name, base, file.as_ref(), bytes, sequences)?;
            } else {
                self.recovery.torn_bytes += bytes.end - bytes.start;
            }
        }
        if dirty {
            match limit {
                None => self.recovery.torn_bytes += length - segment.end,
                Some(limit) => {
                    let lost = scan.expected()..limit;
                    self.damage(&name, base, file.as_ref(), segment.end..length, lost)?;
                }
            }
        }
        self.keep(&name, file.as_ref(), segment)
    }

    /// Keeps a segment at the length of its records, or removes it if it has none.
    fn keep(&mut self, name: &str, file: &dyn DiskFile, mut segment: Segment) -> io::Result<()> {
        if segment.next == segment.header.base {
            if self.mend {
                self.disk.remove(name)?;
            }
            return Ok(());
        }
        if self.mend && segment.length > segment.end {
            file.set_length(segment.end)?;
            segment.length = segment.end;
        }
        if self.mend {
            // Records that only the kernel has so far are counted from now on.
            file.sync()?;
        }
        self.state.next = self.state.next.max(segment.next);
        self.state.segments.push_back(segment);
        Ok(())
    }

    /// A segment without a readable header: nothing in it can be told from garbage.
    fn headless(
        &mut self,
        name: &str,
        file: &dyn DiskFile,
        length: u64,
        base: u64,
        limit: Option<u64>,
    ) -> io::Result<()> {
        self.recovery.bytes += length;
        let blank = is_blank(file, length)?;
        if !blank {
            self.damage(name, base, file, 0..length, base..limit.unwrap_or(base))?;
        }
        if !self.mend {
            return Ok(());
        }
        // A creation that was cut short leaves zeros; anything else is kept as a whole.
        if blank {
            self.disk.remove(name)
        } else {
            self.disk.rename(name, &format!("{name}.damaged"))
        }
    }

    fn damage(
        &mut self,
        name: &str,
        base: u64,
        file: &dyn DiskFile,
        bytes: std::ops::Range<u64>,
        sequences: std::ops::Range<u64>,
    ) -> io::Result<()> {
        let lost = sequences.end - sequences.start;
        self.state.damage(base, bytes.start, lost);
        let mut damage = Damage {
            segment: name.to_owned(),
            bytes,
            sequences,
            copied_to: None,
        };
        if self.mend && self.copies < QUARANTINE_FILES_MAX {
            // A disk that is full keeps no copy; the log starts all the same.
            damage.copied_to = quarantine(self.disk.as_ref(), file, &damage).ok();
            self.copies += 1;
        }
        self.recovery.damages.push(damage);
        Ok(())
    }
}

/// Copies damaged bytes into a file of their own, after a note of where they come from.
fn quarantine(disk: &dyn Disk, file: &dyn DiskFile, damage: &Damage) -> io::Result<String> {
    let name = format!("{}.{}.damaged", damage.segment, damage.bytes.start);
    if disk.list()?.contains(&name) {
        return Ok(name);
    }
    let length = (damage.bytes.end - damage.bytes.start).min(QUARANTINE_BYTES_MAX);
    let note = format!(
        "sluicegate append log: damaged bytes {}..{} of {}, where records {}..{} stood; the first \
         {length} bytes follow this line\n",
        damage.bytes.start,
        damage.bytes.end,
        damage.segment,
        damage.sequences.start,
        damage.sequences.end,
    );
    let mut content = note.into_bytes();
    let begin = content.len();
    content.resize(begin + length as usize, 0);
    let part = content.get_mut(begin..).unwrap_or_default();
    let read = read_full(file, part, damage.bytes.start)?;
    content.truncate(begin + read);
    let copy = disk.create(&name)?;
    write_all(copy.as_ref(), &content, 0)?;
    copy.sync()?;
    Ok(name)
}

fn is_blank(file: &dyn DiskFile, length: u64) -> io::Result<bool> {
    let mut window = vec![0; 64 * 1024];
    let mut at = 0;
    while at < length {
        let read = read_full(file, &mut window, at)?;
        if read == 0 {
            break;
        }
        if window.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += read as u64;
    }
    Ok(true)
}
