//! What is left of a message that does not read back.

use super::Spool;
use crate::{
    content::{Content, StoredMessage},
    error::StorageError,
    journal::{
        record::Record,
        scan::{self, LoadedBody},
    },
    queue::entry::QueueEntry,
};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The folder for them, beside the journal.
const FOLDER: &str = "damaged";

impl Spool {
    /// Reads a message back whose content need not be what was accepted: enough to tell its sender. Blocks.
    ///
    /// # Errors
    /// [`StorageError::Missing`] when its envelope does not read either.
    pub fn load_unchecked(&self, entry: &QueueEntry) -> Result<StoredMessage, StorageError> {
        match scan::load(&self.segments, entry.location)? {
            (
                Record::Accepted { envelope, .. } | Record::Relocated { envelope, .. },
                LoadedBody::Whole(content) | LoadedBody::Damaged(content),
            ) if envelope.id == entry.key().id => {
                Ok(StoredMessage { envelope, content: Content::whole(content), _memory: None })
            }
            _ => Err(StorageError::Missing { lsn: entry.location.lsn }),
        }
    }

    /// Writes what the journal has of a damaged message to a file of its own, readable by its owner only, before its
    /// place in the journal is given back: people may make more of it than a checksum does. Returns the file's path.
    /// Blocks.
    ///
    /// # Errors
    /// [`StorageError::Missing`] when its place is not there at all, others when the file cannot be written.
    pub fn set_aside(&self, entry: &QueueEntry) -> Result<PathBuf, StorageError> {
        let octets = scan::raw(&self.segments, entry.location)?;
        let dir = self.segments.dir().join(FOLDER);
        let path = dir.join(format!("{}.record", entry.key().id));
        write(&dir, &path, &octets).map_err(|e| StorageError::io("write", &path, e))?;
        Ok(path)
    }
}

fn write(dir: &Path, path: &Path, octets: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}
