//! What a log does when it is opened: reads every segment once, keeps what is whole, cuts the torn
//! tail of the last one, copies damaged places aside, and starts whatever it finds.
//!
//! Invariant: no contents of files keep a log from opening, only a disk that cannot be read. What is
//! mended here is for space and for people; nothing that was promised hangs on it, so an error of
//! the disk while mending is counted and passed by. What cannot be read is never cut.

mod aside;
mod found;
mod read;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::cursors::CursorsFound;
use crate::disk::{Disk, DiskFile, read_full};
use crate::format::{FIRST_RECORD, SegmentHeader};
use crate::state::{Segment, State};
use crate::{cursors, segment_base, segment_name};
use aside::{copy, note, write_file};
pub use found::{Damage, Recovery};
use read::{Open, Read};

/// The most files that are copied aside; further damage is counted and skipped all the same.
const COPIES_MAX: usize = 256;
/// Bytes that bad sectors may cost; where there is more that cannot be read, the disk is not there,
/// and guessing would hide what it holds.
pub(crate) const UNREADABLE_BYTES_MAX: u64 = 1024 * 1024;
/// How the names of files with damage end.
const DAMAGED: &str = ".damaged";
/// The same for what is missing between the records of a last, unconfirmed group.
const TORN: &str = ".torn";

/// Reads everything. With `mend`, changes the directory: cuts what is torn, copies what is damaged
/// aside, removes what is empty; without, only looks.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    mend: bool,
) -> io::Result<(State, CursorsFound, Recovery)> {
    // First the cursors: what they say of a live log holds for segments that are listed later.
    let found = cursors::read(disk.as_ref());
    let names = disk.list()?;
    let mut bases: Vec<u64> = names.iter().filter_map(|name| segment_base(name)).collect();
    bases.sort_unstable();
    let aside = |name: &String| name.ends_with(DAMAGED) || name.ends_with(TORN);
    let copies = names.into_iter().filter(aside);
    let mut pass = Pass {
        disk,
        mend,
        copies: copies.collect(),
        known: found.state.next,
        ends: Vec::new(),
        recovery: Recovery {
            cursor_files_damaged: found.damaged,
            ..Recovery::default()
        },
        state: State::default(),
    };
    for (place, base) in bases.iter().enumerate() {
        pass.segment(*base, bases.get(place + 1).copied())?;
    }
    let mut settled = found.state.settled();
    if !mend {
        // A live log may have removed segments since. It made its cursors durable before.
        settled = settled.max(cursors::read(disk.as_ref()).state.settled());
    }
    pass.missing(settled);
    if !bases.is_empty() {
        pass.attempt(|| disk.sync_directory());
    }
    // A disk that went away while it was read has shown too little.
    disk.list()?;
    if pass.recovery.unreadable_bytes > UNREADABLE_BYTES_MAX {
        return Err(io::Error::other("much of it cannot be read"));
    }
    let Pass {
        mut state,
        mut recovery,
        ..
    } = pass;
    recovery.segments = state.segments.len();
    // A cursor may be ahead of the records: those that it passed were delivered, and then lost
    // before they were durable. No sequence below it is given out again.
    let cursors = found.state.cursors.values().copied().max();
    let known = [found.state.next, found.state.floor, state.next];
    state.next = known.into_iter().chain(cursors).max().unwrap_or_default();
    state.cursors.clone_from(&found.state.cursors);
    // What is not there any more and was settled stays so, whatever cursor is made later.
    let first = state
        .segments
        .front()
        .map_or(state.next, |it| it.header.base);
    state.floor = found.state.floor.max(settled.min(first));
    state.sync_errors = recovery.disk_errors;
    Ok((state, found, recovery))
}

/// One pass over all segments.
struct Pass<'a> {
    disk: &'a Arc<dyn Disk>,
    mend: bool,
    copies: Vec<String>,
    /// Records below this sequence were durable when the cursors were written last.
    known: u64,
    /// Of each segment its base, where it ends, and the sequence up to which it is accounted for.
    ends: Vec<(u64, u64, u64)>,
    recovery: Recovery,
    state: State,
}

impl Pass<'_> {
    fn segment(&mut self, base: u64, limit: Option<u64>) -> io::Result<()> {
        let name = segment_name(base);
        let file = match self.disk.open(&name) {
            // A live log removed it since its directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let open = Open {
            length: file.length()?,
            name,
            base,
            limit,
            file,
        };
        self.recovery.bytes += open.length;
        self.state.next = self.state.next.max(base);
        let mut block = header_block(&open);
        if !self.mend && SegmentHeader::decode(&block, base).is_none() {
            // A live log was perhaps about to write it.
            block = header_block(&open);
        }
        let Some(header) = SegmentHeader::decode(&block, base) else {
            if self.is_gone(&open) {
                return Ok(());
            }
            return self.headless(&open);
        };
        let header_damaged = block != header.encode();
        self.records(&open, header, header_damaged)
    }

    fn records(&mut self, open: &Open, header: SegmentHeader, damaged: bool) -> io::Result<()> {
        let mut read = Read::segment(open, header, self.known)?;
        if !self.mend && !read.gaps.is_empty() {
            // A live log was perhaps writing there; what a second look sees again is damage.
            let before = std::mem::replace(&mut read, Read::segment(open, header, self.known)?);
            read.gaps.retain(|gap| before.gaps.contains(gap));
            if self.is_gone(open) {
                return Ok(());
            }
        }
        let Read {
            segment,
            scan,
            gaps,
            records,
            durable,
        } = read;
        self.recovery.records += records;
        if damaged && segment.next > open.base {
            // The other copy served; nothing is lost.
            self.damage(open, 0..FIRST_RECORD, open.base..open.base);
        }
        let told = gaps.iter().map(|(_, sequences)| sequences.end).max();
        let until = told.unwrap_or_default().max(scan.expected());
        self.ends.push((open.base, scan.at(), until));
        for (bytes, sequences) in gaps {
            // What was durable before a later record was written cannot have been torn. The rest
            // belongs to the last group, which nobody was told of.
            if sequences.start < durable && !self.is_aside(open, &bytes, TORN) {
                self.damage(open, bytes, sequences);
                continue;
            }
            self.state.tear(open.base, bytes.start);
            if open.limit.is_none() {
                self.recovery.torn_bytes += bytes.end - bytes.start;
                if bytes.start < segment.end {
                    // The next opening must not take it for damage of something confirmed.
                    self.set_aside(open, &bytes, &sequences, TORN);
                }
            }
        }
        self.recovery.unreadable_bytes += scan.unreadable();
        self.keep(open, segment, scan.unreadable() == 0);
        Ok(())
    }

    /// Keeps a segment at the length of its records, or removes it if it has none. The space behind
    /// them is never written to again, so that nothing in it can ever pass for a record.
    fn keep(&mut self, open: &Open, mut segment: Segment, readable: bool) {
        let disk = self.disk;
        if segment.next == segment.header.base {
            let aside = format!("{}{DAMAGED}", open.name);
            self.attempt(|| match readable {
                true => disk.remove(&open.name),
                false => disk.rename(&open.name, &aside),
            });
            return;
        }
        if readable
            && open.length > segment.end
            && self.attempt(|| open.file.set_length(segment.end))
        {
            segment.length = segment.end;
        }
        if open.limit.is_none() {
            // Of the last group, some records may be in the kernel only, so far.
            self.attempt(|| open.file.sync());
        }
        self.state.next = self.state.next.max(segment.next);
        self.state.segments.push_back(segment);
    }

    /// Records of which not a byte is left: segments that end too early, or are gone. `settled` are
    /// those that nobody needs any more, so that they may be.
    fn missing(&mut self, settled: u64) {
        let ends = std::mem::take(&mut self.ends);
        let mut before = None;
        for (base, at, until) in ends {
            let (_, _, told) = before.unwrap_or((base, at, base));
            if let Some(before) = before {
                self.gap(before, base, settled);
            }
            before = Some((base, at, until.max(told)));
        }
        self.gap(before.unwrap_or((settled, 0, settled)), self.known, settled);
    }

    fn gap(&mut self, (base, at, from): (u64, u64, u64), to: u64, settled: u64) {
        let sequences = from.max(settled)..to;
        let name = segment_name(base);
        let aside = format!("{name}.{at}{DAMAGED}");
        // It is known where an earlier opening noted it, or set the segment aside that held it.
        let held = segment_name(sequences.start);
        let mut copies = self.copies.iter();
        if sequences.is_empty() || copies.any(|copy| *copy == aside || copy.starts_with(&held)) {
            return;
        }
        self.state.damage(base, at, sequences.end - sequences.start);
        // A note of it, so that the next opening does not report it once more.
        let note = note(&name, &(at..at), &sequences, 0);
        let disk = self.disk;
        self.attempt(|| write_file(disk.as_ref(), &aside, &note));
        self.recovery.damages.push(Damage {
            segment: name,
            bytes: at..at,
            sequences,
            copied_to: None,
        });
    }

    /// A segment without a readable header: nothing in it can be told from garbage.
    fn headless(&mut self, open: &Open) -> io::Result<()> {
        let disk = self.disk;
        if is_blank(open.file.as_ref(), open.length) {
            // Its creation was cut short.
            self.attempt(|| disk.remove(&open.name));
            return Ok(());
        }
        let aside = format!("{}{DAMAGED}", open.name);
        if self.mend {
            // It must be out of the way before its sequences are given out again.
            disk.rename(&open.name, &aside)?;
        }
        let sequences = open.base..open.limit.unwrap_or(self.known.max(open.base));
        self.ends.push((open.base, open.length, sequences.end));
        self.state
            .damage(open.base, 0, sequences.end - sequences.start);
        self.recovery.damages.push(Damage {
            segment: open.name.clone(),
            bytes: 0..open.length,
            sequences,
            copied_to: self.mend.then_some(aside),
        });
        Ok(())
    }

    fn damage(&mut self, open: &Open, bytes: Range<u64>, sequences: Range<u64>) {
        let lost = sequences.end - sequences.start;
        self.state.damage(open.base, bytes.start, lost);
        if self.is_aside(open, &bytes, DAMAGED) {
            return;
        }
        let copied_to = self.set_aside(open, &bytes, &sequences, DAMAGED);
        self.recovery.damages.push(Damage {
            segment: open.name.clone(),
            bytes,
            sequences,
            copied_to,
        });
    }

    /// Whether a live log removed the segment while it was read: what seems damaged is not.
    fn is_gone(&self, open: &Open) -> bool {
        !self.mend && open.file.is_removed()
    }

    fn is_aside(&self, open: &Open, bytes: &Range<u64>, end: &str) -> bool {
        self.copies
            .contains(&format!("{}.{}{end}", open.name, bytes.start))
    }

    /// Copies bytes into a file of their own. A disk that is full keeps no copy; the log starts all
    /// the same.
    fn set_aside(
        &mut self,
        open: &Open,
        bytes: &Range<u64>,
        sequences: &Range<u64>,
        end: &str,
    ) -> Option<String> {
        let name = format!("{}.{}{end}", open.name, bytes.start);
        let disk = self.disk;
        let copied = self.copies.len() < COPIES_MAX
            && self.attempt(|| copy(disk.as_ref(), open, bytes, sequences, &name));
        copied.then(|| {
            self.copies.push(name.clone());
            name
        })
    }

    /// Changes the directory where that is wanted; says whether it was done.
    fn attempt(&mut self, change: impl FnOnce() -> io::Result<()>) -> bool {
        let done = self.mend.then(change);
        self.recovery.disk_errors += u64::from(matches!(done, Some(Err(_))));
        matches!(done, Some(Ok(())))
    }
}

/// The block of a segment's header; what cannot be read stays zero.
fn header_block(open: &Open) -> Vec<u8> {
    let mut block = vec![0; FIRST_RECORD as usize];
    let _ = read_full(open.file.as_ref(), &mut block, 0);
    block
}

fn is_blank(file: &dyn DiskFile, length: u64) -> bool {
    let mut window = vec![0; 64 * 1024];
    let mut at = 0;
    while at < length {
        match read_full(file, &mut window, at) {
            Ok(0) => break,
            Ok(read) if window.iter().take(read).all(|byte| *byte == 0) => at += read as u64,
            Ok(_) | Err(_) => return false,
        }
    }
    true
}
