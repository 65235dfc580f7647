//! The journal's files.

use crate::{
    disk::{Disk, DiskFile},
    error::StorageError,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Octets that [`Segments::mark`] is made of: more than the records of outcomes have.
const MARK_LEN: u64 = 256;

/// The end of a segment's file name.
const SUFFIX: &str = ".journal";

/// One journal file, open for reading and (the last one) for writing.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Position of its first octet.
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn DiskFile>,
}

impl Segment {
    /// Fills `buffer` from position `lsn`; false when the file ends before.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], lsn: u64) -> Result<bool, StorageError> {
        match self.file.read_exact_at(buffer, lsn.saturating_sub(self.base)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(StorageError::io("read", &self.path, e)),
        }
    }

    /// Octets in the file.
    pub(crate) fn file_len(&self) -> Result<u64, StorageError> {
        self.file.size().map_err(|e| StorageError::io("stat", &self.path, e))
    }

    /// Sets `size` octets aside for the file in all.
    pub(crate) fn set_aside(&self, size: u64) -> Result<(), StorageError> {
        self.file.set_aside(size).map_err(|e| StorageError::io("set aside room for", &self.path, e))
    }

    /// Cuts the file after `len` octets, giving preallocated room and a torn tail back, and syncs it.
    pub(crate) fn truncate(&self, len: u64) -> Result<(), StorageError> {
        self.file.cut(len).map_err(|e| StorageError::io("truncate", &self.path, e))?;
        self.file.sync().map_err(|e| StorageError::io("sync", &self.path, e))
    }
}

/// The folder of segments: every file by its base position, shared by the writer and all readers.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    files: RwLock<BTreeMap<u64, Arc<Segment>>>,
    /// Octets that the segment being written still has set aside.
    room: AtomicU64,
}

impl Segments {
    /// Opens every segment in `dir`, which is made if missing.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, StorageError> {
        disk.make_dir(dir).map_err(|e| StorageError::io("create", dir, e))?;
        let mut files = BTreeMap::new();
        for path in disk.list(dir).map_err(|e| StorageError::io("list", dir, e))? {
            let Some(base) = base_of(&path) else { continue };
            let file = disk.open(&path).map_err(|e| StorageError::io("open", &path, e))?;
            files.insert(base, Arc::new(Segment { base, path, file }));
        }
        Ok(Self { disk, dir: dir.to_path_buf(), files: RwLock::new(files), room: AtomicU64::new(0) })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All segments, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The segment that holds position `lsn`.
    pub(crate) fn containing(&self, lsn: u64) -> Option<Arc<Segment>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.range(..=lsn).next_back().map(|(_, segment)| Arc::clone(segment))
    }

    /// A checksum of the octets right before position `lsn`; `None` if they are not there (any more).
    pub(crate) fn mark(&self, lsn: u64) -> Result<Option<u32>, StorageError> {
        let Some(segment) = lsn.checked_sub(1).and_then(|last| self.containing(last)) else {
            return Ok(None);
        };
        let from = lsn.saturating_sub(MARK_LEN).max(segment.base);
        let mut octets = vec![0; usize::try_from(lsn - from).unwrap_or(0)];
        Ok(segment.read_exact_at(&mut octets, from)?.then(|| crc32fast::hash(&octets)))
    }

    /// Makes the segment that begins at `base`, with `size` octets set aside for it, durably.
    pub(crate) fn create(&self, base: u64, size: u64) -> Result<Arc<Segment>, StorageError> {
        let path = self.dir.join(format!("{base:016x}{SUFFIX}"));
        let file = self.disk.create(&path).map_err(|e| StorageError::io("create", &path, e))?;
        if let Err(error) = file.set_aside(size) {
            // Never leave a half-made segment for the next start to wonder about.
            let _ = self.disk.remove(&path);
            return Err(StorageError::io("set aside room for", &path, error));
        }
        self.disk.sync_dir(&self.dir).map_err(|e| StorageError::io("sync", &self.dir, e))?;
        let segment = Arc::new(Segment { base, path, file });
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(base, Arc::clone(&segment));
        Ok(segment)
    }

    /// Makes everything written so far safe from a power cut: segments are synced as the next one begins, so this is
    /// about the last.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let Some(last) = self.all().pop() else { return Ok(()) };
        last.file.sync().map_err(|e| StorageError::io("sync", &last.path, e))
    }

    /// Deletes a segment, safely; readers that hold it finish undisturbed. Synced each time: if a power cut could undo
    /// the removal of one and not that of a later one, a rebuild would find acceptances without their outcomes.
    pub(crate) fn remove(&self, base: u64) -> Result<(), StorageError> {
        let removed = self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&base);
        match removed {
            Some(segment) => {
                self.disk.remove(&segment.path).map_err(|e| StorageError::io("remove", &segment.path, e))?;
                self.disk.sync_dir(&self.dir).map_err(|e| StorageError::io("sync", &self.dir, e))
            }
            None => Ok(()),
        }
    }

    /// Notes how many octets the segment being written still has set aside.
    pub(crate) fn note_room(&self, octets: u64) {
        self.room.store(octets, Ordering::Relaxed);
    }

    /// Octets that the segment being written still has set aside, as of the last batch.
    pub(crate) fn room(&self) -> u64 {
        self.room.load(Ordering::Relaxed)
    }

    /// Octets the file system would still give to us.
    pub(crate) fn free_space(&self) -> Result<u64, StorageError> {
        self.disk.free_space(&self.dir).map_err(|e| StorageError::io("ask for free space in", &self.dir, e))
    }
}

/// The base position in a segment's file name, if it is one.
fn base_of(path: &Path) -> Option<u64> {
    let hex = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    u64::from_str_radix(hex, 16).ok()
}
