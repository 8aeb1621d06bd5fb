//! Where each reader stands, kept in two files that are written in turn.
//!
//! Invariant: the file that holds the last durable state is never written to, so a torn or failed
//! write costs nothing. Both are preallocated, so that a full disk does not stop the cursors, and
//! with them the removal of what was delivered.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic `SLUICCUR` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | bytes up to and without the CRC |
//! | 16 | 8 | generation: the higher one counts |
//! | 24 | 8 | next: no record gets a sequence below this any more |
//! | 32 | 8 | floor: records below it were given up |
//! | 40 | 4 | how many cursors follow |
//! | 44 | 2 + n + 8 each | length of the name, name in UTF-8, sequence to deliver next |
//! | then | 4 | CRC32C of all before |

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, is_full, read_full, write_all};
use crate::format::{number_u32, number_u64};

const FILES: [&str; 2] = ["cursors.a", "cursors.b"];
const NEW: &str = "cursors.new";
const MAGIC: &[u8; 8] = b"SLUICCUR";
const VERSION: u32 = 1;
const HEADER: usize = 44;
/// What each file begins with; it grows if there are very many cursors.
const RESERVED: u64 = 16 * 1024;
/// Past this a length field is damaged.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What the files hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CursorState {
    pub(crate) next: u64,
    pub(crate) floor: u64,
    pub(crate) cursors: BTreeMap<String, u64>,
}

impl CursorState {
    /// Everything below this sequence is settled.
    pub(crate) fn settled(&self) -> u64 {
        let lowest = self.cursors.values().copied().min();
        self.floor.max(lowest.unwrap_or_default())
    }
}

/// What was found when the files were opened.
#[derive(Debug, Default)]
pub(crate) struct CursorsFound {
    pub(crate) state: CursorState,
    /// Files that are there and hold nothing readable.
    pub(crate) damaged: usize,
    generation: u64,
    last: usize,
}

/// Reads the newest state that is whole.
pub(crate) fn read(disk: &dyn Disk) -> CursorsFound {
    let mut found = CursorsFound::default();
    for (place, name) in FILES.into_iter().enumerate() {
        let bytes = match contents(disk, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // What cannot be read is damaged.
            Err(_) => vec![1],
            Ok(bytes) => bytes,
        };
        match decode(&bytes) {
            Some((generation, state)) if generation > found.generation => {
                (found.generation, found.state, found.last) = (generation, state, place);
            }
            Some(_) => {}
            // A file that was made and never written holds zeros.
            None => found.damaged += usize::from(bytes.iter().any(|byte| *byte != 0)),
        }
    }
    found
}

fn contents(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let mut bytes = vec![0; file.length()?.min(BYTES_MAX) as usize];
    let read = read_full(file.as_ref(), &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The two files, to write.
pub(crate) struct CursorFiles {
    generation: u64,
    /// Which file holds the last durable state.
    last: usize,
    /// Open files; one whose sync failed is dropped, and replaced by a new one.
    files: [Option<Arc<dyn DiskFile>>; 2],
    /// What was read of the last file: it may be in the kernel only, and is written and synced
    /// before the other file is touched.
    unproven: Option<Vec<u8>>,
}

impl CursorFiles {
    pub(crate) fn new(found: &CursorsFound) -> Self {
        let read = encode(found.generation, &found.state);
        Self {
            generation: found.generation,
            last: found.last,
            files: [None, None],
            unproven: (found.generation > 0).then_some(read),
        }
    }

    /// Makes both files anew, with their space: an earlier process may have left names or pages
    /// that only the kernel has. Where there is no space, those that are there serve.
    pub(crate) fn prepare(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let read = self.unproven.clone().unwrap_or_default();
        for place in [1 - self.last, self.last] {
            let (Some(name), Some(slot)) = (FILES.get(place), self.files.get_mut(place)) else {
                continue;
            };
            match replace(disk, name, &read) {
                // From now on it holds what was read, durably, and the other may be replaced.
                Ok(file) => (*slot, self.last, self.unproven) = (Some(file), place, None),
                Err(error) if is_full(&error) => *slot = Some(disk.open(name)?),
                Err(error) => return Err(error),
            }
        }
        self.prove(disk)
    }

    /// Whether what was read is durable for sure.
    pub(crate) fn is_proven(&self) -> bool {
        self.unproven.is_none()
    }

    /// Makes a state durable.
    pub(crate) fn write(&mut self, disk: &dyn Disk, state: &CursorState) -> io::Result<()> {
        self.prove(disk)?;
        let place = 1 - self.last;
        self.write_to(disk, place, &encode(self.generation + 1, state))?;
        (self.generation, self.last) = (self.generation + 1, place);
        Ok(())
    }

    fn prove(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if let Some(read) = self.unproven.clone() {
            // The same bytes at the same place: nothing can be torn by it.
            self.write_to(disk, self.last, &read)?;
            self.unproven = None;
        }
        Ok(())
    }

    fn write_to(&mut self, disk: &dyn Disk, place: usize, bytes: &[u8]) -> io::Result<()> {
        let (Some(name), Some(slot)) = (FILES.get(place), self.files.get_mut(place)) else {
            return Ok(());
        };
        // After a failed sync the kernel may call pages clean that never reached the disk: the
        // file is only kept where the sync succeeds.
        match slot.take() {
            Some(file) => {
                write_all(file.as_ref(), bytes, 0)?;
                file.sync()?;
                *slot = Some(file);
            }
            None => *slot = Some(replace(disk, name, bytes)?),
        }
        Ok(())
    }
}

/// Makes a file anew; until it is whole and durable, the old one stays.
fn replace(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(NEW) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(NEW)?;
    file.allocate((bytes.len() as u64).max(1).next_multiple_of(RESERVED))?;
    write_all(file.as_ref(), bytes, 0)?;
    file.sync()?;
    disk.rename(NEW, name)?;
    disk.sync_directory()?;
    Ok(file)
}

fn encode(generation: u64, state: &CursorState) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + state.cursors.len() * 32);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for number in [generation, state.next, state.floor] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&(state.cursors.len() as u32).to_le_bytes());
    for (name, next) in &state.cursors {
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&next.to_le_bytes());
    }
    let length = (out.len() as u32).to_le_bytes();
    if let Some(place) = out.get_mut(12..16) {
        place.copy_from_slice(&length);
    }
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<(u64, CursorState)> {
    let length = number_u32(bytes, 12)? as usize;
    let body = bytes.get(..length)?;
    let whole = body.starts_with(MAGIC)
        && number_u32(body, 8)? == VERSION
        && number_u32(bytes, length)? == crc32c::crc32c(body);
    if !whole {
        return None;
    }
    let mut state = CursorState {
        next: number_u64(body, 24)?,
        floor: number_u64(body, 32)?,
        cursors: BTreeMap::new(),
    };
    let mut at = HEADER;
    for _ in 0..number_u32(body, 40)? {
        let size = body.get(at..at + 2)?;
        let end = at + 2 + usize::from(u16::from_le_bytes(size.try_into().ok()?));
        let name = String::from_utf8(body.get(at + 2..end)?.to_vec()).ok()?;
        state.cursors.insert(name, number_u64(body, end)?);
        at = end + 8;
    }
    Some((number_u64(body, 16)?, state))
}
