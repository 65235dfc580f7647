//! What can go wrong between the mail system and the disk.

use crate::queue::entry::EntryKey;
use rustix::io::Errno;
use std::{io, path::PathBuf, sync::Arc};

/// A failure of storage. Cheap to clone: one failed write answers every message that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// No room for another message; the same request may succeed once there is.
    #[error("the spool has no room for more mail (less than {min_free} bytes would stay free in {})", dir.display())]
    DiskFull {
        /// The spool folder.
        dir: PathBuf,
        /// The configured reserve, in bytes.
        min_free: u64,
    },
    /// A write or sync of the journal failed: what is on disk is unknown, so nothing is accepted until a
    /// restart has read it back. A failed sync is never tried again as if it had worked.
    #[error("the journal failed and takes no more mail until a restart: {reason}")]
    JournalFailed {
        /// What the system said.
        reason: Arc<str>,
    },
    /// A stored message does not match its checksum.
    #[error("message {key} is damaged on disk at journal position {lsn}")]
    Damaged {
        /// Whose content it is.
        key: EntryKey,
        /// Where in the journal.
        lsn: u64,
    },
    /// The journal position is not there (any more).
    #[error("journal position {lsn} is not on disk")]
    Missing {
        /// Where in the journal.
        lsn: u64,
    },
    /// The file system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a phrase.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: Arc<io::Error>,
    },
    /// The state folder belongs to a running process.
    #[error("the state folder {} is in use by process {holder}; stop it or give another folder with --state", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Its process id as the lock file names it.
        holder: String,
    },
    /// The state folder was written by a newer version.
    #[error("the state folder {} has format {found}, this version reads up to {known}; upgrade mailwright", path.display())]
    TooNew {
        /// The folder.
        path: PathBuf,
        /// Its format number.
        found: u32,
        /// The newest we know.
        known: u32,
    },
    /// The state folder was written by a version before the first release.
    #[error(
        "the state folder {} has format {found}, this version reads {known} only; let the version that wrote it \
         deliver its mail, or give another folder with --state",
        path.display()
    )]
    TooOld {
        /// The folder.
        path: PathBuf,
        /// Its format number.
        found: u32,
        /// The oldest we read.
        known: u32,
    },
    /// The embedded database failed.
    #[error("the {store} database failed: {reason}")]
    Database {
        /// Which of them: `queue` or `control`.
        store: &'static str,
        /// What it said.
        reason: Arc<str>,
    },
    /// A stored record cannot be read back.
    #[error("a stored {what} cannot be read: {reason}")]
    Format {
        /// What kind of record.
        what: &'static str,
        /// Why.
        reason: Arc<str>,
    },
    /// The storage threads have ended.
    #[error("storage is shutting down")]
    Closed,
}

impl StorageError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.into(), source: Arc::new(source.into()) }
    }

    pub(crate) fn format(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Format { what, reason: reason.to_string().into() }
    }

    pub(crate) fn database(store: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Database { store, reason: reason.to_string().into() }
    }

    /// Whether the same request may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Closed)
    }

    /// Whether the disk has no room.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Io { source, .. } => is_no_space(source),
            _ => false,
        }
    }
}

/// Whether the system refused for want of something that comes back: disk, quota, file descriptors.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    let descriptors = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        || descriptors.contains(&error.raw_os_error())
}
