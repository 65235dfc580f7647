//! The journal's files.

use crate::error::{StorageError, is_no_space};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// The end of a segment's file name.
const SUFFIX: &str = ".journal";

/// One journal file, open for reading and (the last one) for writing.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Position of its first octet.
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: File,
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
        Ok(self.file.metadata().map_err(|e| StorageError::io("stat", &self.path, e))?.len())
    }

    /// Sets `size` octets aside for the file in all.
    pub(crate) fn set_aside(&self, size: u64) -> Result<(), StorageError> {
        set_aside(&self.file, size).map_err(|e| StorageError::io("set aside room for", &self.path, e))
    }

    /// Cuts the file after `len` octets, giving preallocated room and a torn tail back, and syncs it.
    pub(crate) fn truncate(&self, len: u64) -> Result<(), StorageError> {
        self.file.set_len(len).map_err(|e| StorageError::io("truncate", &self.path, e))?;
        self.file.sync_all().map_err(|e| StorageError::io("sync", &self.path, e))
    }
}

/// The folder of segments: every file by its base position, shared by the writer and all readers.
#[derive(Debug)]
pub(crate) struct Segments {
    dir: PathBuf,
    files: RwLock<BTreeMap<u64, Arc<Segment>>>,
}

impl Segments {
    /// Opens every segment in `dir`, which is made if missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, StorageError> {
        std::fs::create_dir_all(dir).map_err(|e| StorageError::io("create", dir, e))?;
        let mut files = BTreeMap::new();
        let listing = std::fs::read_dir(dir).map_err(|e| StorageError::io("list", dir, e))?;
        for item in listing {
            let path = item.map_err(|e| StorageError::io("list", dir, e))?.path();
            let Some(base) = base_of(&path) else { continue };
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&path)
                .map_err(|e| StorageError::io("open", &path, e))?;
            files.insert(base, Arc::new(Segment { base, path, file }));
        }
        Ok(Self { dir: dir.to_path_buf(), files: RwLock::new(files) })
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

    /// Makes the segment that begins at `base`, with `size` octets set aside for it, durably.
    pub(crate) fn create(&self, base: u64, size: u64) -> Result<Arc<Segment>, StorageError> {
        let path = self.dir.join(format!("{base:016x}{SUFFIX}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| StorageError::io("create", &path, e))?;
        if let Err(error) = set_aside(&file, size) {
            // Never leave a half-made segment for the next start to wonder about.
            let _ = std::fs::remove_file(&path);
            return Err(StorageError::io("set aside room for", &path, error));
        }
        self.sync_dir()?;
        let segment = Arc::new(Segment { base, path, file });
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(base, Arc::clone(&segment));
        Ok(segment)
    }

    /// Deletes a segment; readers that hold it finish undisturbed.
    pub(crate) fn remove(&self, base: u64) -> Result<(), StorageError> {
        let removed = self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&base);
        match removed {
            Some(segment) => {
                std::fs::remove_file(&segment.path).map_err(|e| StorageError::io("remove", &segment.path, e))
            }
            None => Ok(()),
        }
    }

    /// Octets the file system would still give to us.
    pub(crate) fn free_space(&self) -> Result<u64, StorageError> {
        let stat = statvfs(&self.dir).map_err(|e| StorageError::io("ask for free space in", &self.dir, e))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn sync_dir(&self) -> Result<(), StorageError> {
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|e| StorageError::io("sync", &self.dir, e))
    }
}

/// Reserves `size` octets, so that later writes neither fail for room nor change the file's size (which
/// would make every `fdatasync` write the inode too).
fn set_aside(file: &File, size: u64) -> std::io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        Err(e) => {
            let e = std::io::Error::from(e);
            if is_no_space(&e) { Err(e) } else { file.set_len(size) }
        }
    }
}

/// The base position in a segment's file name, if it is one.
fn base_of(path: &Path) -> Option<u64> {
    let hex = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    u64::from_str_radix(hex, 16).ok()
}
