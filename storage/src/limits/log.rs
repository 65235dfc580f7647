//! The file that counts are kept in: what they were at some position of the journal, and what was added since.
//!
//! ```text
//! 0       4     8
//! | length | crc | frame (postcard) …
//! ```
//! Little-endian. The first frame holds all counters, each later one what the messages of a few seconds added. A frame
//! says how far in the journal the messages go that are counted up to it, so that each of them counts once.

use crate::{disk::sync_dir, error::StorageError};
use mailwright_engine::{
    limits::{CountKey, Counted, Counter, Counts},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The file's name.
const FILE: &str = "counts";
/// Octets before a frame.
const HEAD: usize = 8;
/// What is added is counted by slots of so many milliseconds, the shortest that any window has.
const SLOT: u64 = 50;
/// The file is written anew when it is larger than this, and this many times what it was when it was written.
const LARGE: u64 = 1 << 20;
const TIMES: u64 = 4;

#[derive(Debug, Serialize, Deserialize)]
enum Frame {
    All { position: u64, counters: Vec<(CountKey, Counter)> },
    Added { position: u64, added: Vec<(CountKey, u64, u64)> },
}

/// The file, open for adding, and what is to be added.
#[derive(Debug)]
pub(super) struct CountLog {
    dir: PathBuf,
    /// How many addresses are counted at most.
    most_recipients: usize,
    file: Option<File>,
    octets: u64,
    /// What it had when it was written anew.
    least: u64,
    /// Messages before this position of the journal are counted.
    pub(super) position: u64,
    /// What was added and is not in the file: by slot.
    pending: HashMap<(CountKey, u64), u64>,
}

impl CountLog {
    /// The file in `dir` (made if missing) and what it says.
    pub(super) fn open(dir: &Path, most_recipients: usize) -> Result<(Self, Counts), StorageError> {
        let failed = |e| StorageError::io("open", dir, e);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let (counts, position) = read(&dir.join(FILE), most_recipients).map_err(failed)?;
        let log = Self {
            dir: dir.to_path_buf(),
            most_recipients,
            file: None,
            octets: 0,
            least: 0,
            position,
            pending: HashMap::new(),
        };
        Ok((log, counts))
    }

    /// Notes a message that the journal has.
    pub(super) fn note(&mut self, counted: Counted) {
        let slot = counted.at.as_millis() / SLOT;
        for (key, count) in counted.parts {
            *self.pending.entry((key, slot)).or_default() += count;
        }
    }

    /// Writes what was noted, all of it from before `position`; safe from a power cut on return.
    pub(super) fn store(&mut self, position: u64) -> Result<(), StorageError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let added = self.pending.iter().map(|((key, slot), count)| (key.clone(), *slot, *count)).collect();
        self.append(&Frame::Added { position, added })?;
        self.pending.clear();
        self.position = position;
        if self.octets > LARGE.max(self.least.saturating_mul(TIMES)) {
            let path = self.dir.join(FILE);
            let (counts, position) =
                read(&path, self.most_recipients).map_err(|e| StorageError::io("read", &path, e))?;
            self.write_all(&counts, position)?;
        }
        Ok(())
    }

    fn append(&mut self, frame: &Frame) -> Result<(), StorageError> {
        let octets = encode(frame)?;
        let path = self.dir.join(FILE);
        let write = || -> io::Result<()> {
            let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
            // What an earlier attempt left of a frame would hide this one.
            file.set_len(self.octets)?;
            file.write_all(&octets)?;
            file.sync_data()
        };
        let mut write = write;
        write().map_err(|e| StorageError::io("write", &path, e))?;
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Writes the file anew with these counts, of all messages before `position`; safe from a power cut on return.
    pub(super) fn write_all(&mut self, counts: &Counts, position: u64) -> Result<(), StorageError> {
        let counters = counts.counters().map(|(key, counter)| (key.clone(), counter.clone())).collect();
        let octets = encode(&Frame::All { position, counters })?;
        let (path, temporary) = (self.dir.join(FILE), self.dir.join("counts.new"));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(&octets)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            sync_dir(&self.dir)?;
            OpenOptions::new().append(true).open(&path)
        };
        self.file = Some(write().map_err(|e| StorageError::io("write", &path, e))?);
        self.octets = octets.len() as u64;
        self.least = self.octets;
        self.position = position;
        self.pending.clear();
        Ok(())
    }
}

fn encode(frame: &Frame) -> Result<Vec<u8>, StorageError> {
    let frame = postcard::to_stdvec(frame).map_err(|e| StorageError::format("counts", e))?;
    let length = u32::try_from(frame.len()).map_err(|e| StorageError::format("counts", e))?;
    let mut octets = Vec::with_capacity(HEAD + frame.len());
    octets.extend(length.to_le_bytes());
    octets.extend(crc32fast::hash(&frame).to_le_bytes());
    octets.extend(frame);
    Ok(octets)
}

/// What a file says; nothing if there is none. What a crash left of a frame at its end was never relied on.
fn read(path: &Path, most_recipients: usize) -> io::Result<(Counts, u64)> {
    let octets = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let (mut counts, mut position, mut rest) = (Counts::new(most_recipients), 0, &octets[..]);
    while let Some((frame, behind)) = next(rest) {
        rest = behind;
        match frame {
            Frame::All { position: at, counters } => {
                position = at;
                counters.into_iter().for_each(|(key, counter)| counts.restore(&key, counter));
            }
            Frame::Added { position: at, added } => {
                position = at;
                for (key, slot, count) in added {
                    let at = UnixMillis::new(slot.saturating_mul(SLOT));
                    counts.add(&Counted { at, parts: vec![(key, count)] });
                }
            }
        }
    }
    if !rest.is_empty() {
        tracing::warn!(octets = rest.len(), "the counts of limits end in what does not read");
    }
    Ok((counts, position))
}

fn next(octets: &[u8]) -> Option<(Frame, &[u8])> {
    let (head, rest) = octets.split_first_chunk::<HEAD>()?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (frame, behind) = rest.split_at_checked(usize::try_from(word(0)).ok()?)?;
    if crc32fast::hash(frame) != word(4) {
        return None;
    }
    Some((postcard::from_bytes(frame).ok()?, behind))
}
