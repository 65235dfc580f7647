//! The state folder: layout, lock and version stamp.

use crate::{disk::sync_dir, error::StorageError, private_folder::replace};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The layout of the state folder this version reads and writes. Formats 1 to 3 were never released; the journal of the
/// first knows no classes of mail, that of the second no schedules, that of the third not by what mail was sent.
const FORMAT: u32 = 5;

/// A state folder, locked for this process until dropped.
///
/// ```text
/// lock      held by the running process; holds its id
/// format    the layout's number
/// spool/    journal segments
/// queue/    queue state (sled), can be rebuilt from spool/
/// limits/   what was sent of accounts' limits
/// control/  accounts, zones, keys, tokens, suspensions (sled)
/// events/   the event log, a file a day
/// requests/ requests that clients named with a key, and their answers (SQLite)
/// webhooks/ events that wait for webhook endpoints, and those they were told (SQLite)
/// suppressions/ whom not to write to (SQLite)
/// certificates/ those we got for ourselves, with their keys, and the account they were got with
/// reports/  what is reported by DMARC, to others and by them (SQLite)
/// workers/  code of Workers, their keys and values, queues and data points (SQLite; modules in files)
/// control.sock  where commands reach the running process
/// ```
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Opens `path`, making it (readable by its owner only) if missing, and locks it.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when another process has it, [`StorageError::TooNew`] or
    /// [`StorageError::TooOld`] when another version wrote it.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        make(path).map_err(|e| StorageError::io("create", path, e))?;
        // Also a folder that was there before: queued mail and signing keys are nobody else's business.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(|e| StorageError::io("protect", path, e))?;
        let state = Self { path: path.to_path_buf(), _lock: lock(path)? };
        state.stamp()?;
        Ok(state)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the journal is.
    pub fn spool_dir(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Where the queue state is.
    pub fn queue_dir(&self) -> PathBuf {
        self.path.join("queue")
    }

    /// Where the counts of limits are.
    pub fn limits_dir(&self) -> PathBuf {
        self.path.join("limits")
    }

    /// Where the control data is.
    pub fn control_dir(&self) -> PathBuf {
        self.path.join("control")
    }

    /// Where the event log is.
    pub fn events_dir(&self) -> PathBuf {
        Self::events_in(&self.path)
    }

    /// Where the event log of the state folder `path` is: it can be read while another process holds the folder.
    pub fn events_in(path: &Path) -> PathBuf {
        path.join("events")
    }

    /// Where the index of messages is.
    pub fn activity_dir(&self) -> PathBuf {
        self.path.join("activity")
    }

    /// Where the outbox of webhooks is.
    pub fn webhooks_dir(&self) -> PathBuf {
        self.path.join("webhooks")
    }

    /// Where the requests are kept that clients named with a key.
    pub fn requests_dir(&self) -> PathBuf {
        self.path.join("requests")
    }

    /// Where the suppressions are.
    pub fn suppressions_dir(&self) -> PathBuf {
        self.path.join("suppressions")
    }

    /// Where the certificates are that we got for ourselves.
    pub fn certificates_dir(&self) -> PathBuf {
        self.path.join("certificates")
    }

    /// Where the reports are.
    pub fn reports_dir(&self) -> PathBuf {
        self.path.join("reports")
    }

    /// Where mail waits that no Worker could have.
    pub fn held_dir(&self) -> PathBuf {
        self.path.join("held")
    }

    /// Where Workers are, and what they keep.
    pub fn workers_dir(&self) -> PathBuf {
        self.path.join("workers")
    }

    /// Writes `name` in the folder, readable by its owner only, so that a reader sees the old content or the
    /// new, never a part.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        replace(&self.path, name, content)
    }

    /// Checks the layout's number, or writes it in a new folder: whole, since half a stamp would keep the
    /// next start out.
    fn stamp(&self) -> Result<(), StorageError> {
        let file = self.path.join("format");
        match std::fs::read_to_string(&file) {
            Ok(text) => match text.trim().parse() {
                Ok(FORMAT) => Ok(()),
                Ok(found) if found > FORMAT => {
                    Err(StorageError::TooNew { path: self.path.clone(), found, known: FORMAT })
                }
                Ok(found) => Err(StorageError::TooOld { path: self.path.clone(), found, known: FORMAT }),
                Err(_) => Err(StorageError::format("state folder format", format!("{:?}", text.trim()))),
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.write_file("format", format!("{FORMAT}\n").as_bytes())
            }
            Err(e) => Err(StorageError::io("read", &file, e)),
        }
    }
}

/// Makes the folder with those above it, where they are missing, safe from a power cut.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(above)?;
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| sync_dir(above)),
    }
}

fn lock(path: &Path) -> Result<File, StorageError> {
    let lock_path = path.join("lock");
    let io = |e: io::Error| StorageError::io("lock", &lock_path, e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(io)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        file.read_to_string(&mut holder).map_err(io)?;
        return Err(StorageError::InUse { path: path.to_path_buf(), holder: holder.trim().to_owned() });
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}
