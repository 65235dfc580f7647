//! Reports about mail by DMARC, and about TLS: what is counted for those that we send, and what those that we get say.
//!
//! **Out.** Each judged message is counted under its period (a day), the domain of the policy and its kind
//! ([`JudgedFeed`]). When the period is over, [`Reports::due`] names the domains that are to be told; a domain is told
//! once, for what is [`reported`](Reports::reported) is remembered.
//!
//! **In.** A report of others ([`Reports::take_dmarc`], [`Reports::take_tls`]) is summed up by day and source, or result;
//! who sends the same twice (by organisation and id) is counted once.
//!
//! **On disk.** One SQLite database in WAL mode with `synchronous = FULL`: a report that was taken survives a power cut;
//! of judged messages, those of the last second are lost with the process.
//!
//! **Bounds.** Out: [`MAX_DOMAINS`] domains a period, [`MAX_KINDS`] kinds of messages a domain, [`MAX_ALL_KINDS`] in all;
//! what is beyond is counted as lost. In: [`MAX_SOURCES`] sources of a zone a day, beyond which they are summed up as
//! one without an address; [`MAX_REPORTS`] reports of a zone a day. What is older than the settings allow goes.

mod database;
mod feed;
mod judged;
mod purge;
mod received;
mod shown;

#[cfg(test)]
mod tests;

pub use feed::{JudgedFeed, JudgedThread};
pub use judged::{DueReport, MAX_ALL_KINDS, MAX_DOMAINS, MAX_KINDS};
pub use received::{MAX_REPORTS, MAX_SOURCES, Taken};
pub use shown::{Days, ReportShown, SourceShown, TlsShown};

use crate::{disk::sync_dir, error::StorageError};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The database in its folder.
const FILE: &str = "reports.sqlite";

/// What is kept, and for how long a report of ours speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportSettings {
    /// How long the period of a report that we send is; periods begin with the epoch, so that days are those of UTC. At
    /// least a second.
    pub period: Duration,
    /// How long reports that came in are shown.
    pub keep: Duration,
}

impl ReportSettings {
    /// The period of the RFC: a day.
    pub const DAY: Duration = Duration::from_secs(86_400);
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { period: Self::DAY, keep: 400 * Self::DAY }
    }
}

/// The reports. Clones share the database; every call may block for the disk, and may be made from any thread.
#[derive(Debug, Clone)]
pub struct Reports {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    settings: ReportSettings,
}

impl Reports {
    /// Opens the database in the folder `dir`, making both if missing
    /// ([`StateDir::reports_dir`](crate::StateDir::reports_dir)).
    ///
    /// # Errors
    /// When the file system or SQLite refuses, or a newer version wrote the database.
    pub fn open(dir: &Path, settings: ReportSettings) -> Result<Self, StorageError> {
        if !dir.is_dir() {
            let made = std::fs::DirBuilder::new().mode(0o700).create(dir);
            let safe = made.and_then(|()| dir.parent().map_or(Ok(()), sync_dir));
            safe.map_err(|error| StorageError::io("create", dir, error))?;
        }
        let file = dir.join(FILE);
        let writer = Mutex::new(database::open(&file, database::Role::Writer)?);
        let reader = Mutex::new(database::open(&file, database::Role::Reader)?);
        Ok(Self { shared: Arc::new(Shared { writer, reader, settings }) })
    }

    /// What it goes by.
    pub fn settings(&self) -> &ReportSettings {
        &self.shared.settings
    }

    /// Makes changes that all happen, and are safe from a power cut, or (on an error) none of them.
    fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let mut writer = lock(&self.shared.writer);
        let changed =
            writer.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
                let changed = change(&transaction)?;
                transaction.commit()?;
                Ok(changed)
            });
        changed.map_err(|error| database::failed(&error))
    }

    /// Reads one view of everything.
    fn read<T>(&self, read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StorageError> {
        let mut reader = lock(&self.shared.reader);
        let found = reader.transaction().and_then(|transaction| read(&transaction));
        found.map_err(|error| database::failed(&error))
    }
}

/// A panic leaves a connection as it was: an open transaction is rolled back when it is dropped.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
