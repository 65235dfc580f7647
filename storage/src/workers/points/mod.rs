//! Data points that Workers write for later (Analytics Engine).
//!
//! A point is told to a thread of its own by a bounded way and never waited for; what does not fit is lost and counted.
//! What is written survives the process, and a power cut but for the last second.
//!
//! **Bounds.** Points of 31 days, and of an account [`PointSettings::account_octets`], the newest.

mod feed;
mod model;
mod rows;

#[cfg(test)]
mod tests;

pub use model::{
    DataPoint, MAX_BLOB_OCTETS, MAX_FIELDS, MAX_INDEX_OCTETS, PointError, PointSettings, StoredPoint,
};

use super::{commits::lock, database::Database};
use crate::{control::ObjectId, error::StorageError, metrics};
use feed::{Feed, NewPoint};
use mailwright_engine::time::UnixMillis;
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

/// How long points are kept.
const KEPT: Duration = Duration::from_secs(31 * 86_400);
/// Most octets of a dataset's name.
const MAX_DATASET: usize = 100;

/// The data points of all accounts; clones share everything.
#[derive(Debug, Clone)]
pub struct PointStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    db: Arc<Database>,
    /// `None` once it was closed.
    feed: Mutex<Option<Feed>>,
}

impl PointStore {
    /// Opens the database in the folder `dir`, making both if missing, and starts the thread that writes.
    ///
    /// # Errors
    /// When the file system or SQLite refuses, a newer version wrote the database, or there is no thread to be had.
    pub fn open(dir: &Path, settings: PointSettings) -> Result<Self, StorageError> {
        let db = Arc::new(Database::open(dir, rows::SCHEMA)?);
        let feed = Mutex::new(Some(Feed::start(Arc::clone(&db), settings)?));
        Ok(Self(Arc::new(Shared { db, feed })))
    }

    /// Tells of points of a dataset; never waits. What there is no room for is lost and counted.
    ///
    /// # Errors
    /// [`PointError`] for what can be no point: then none of them is written.
    pub fn write(
        &self,
        account: &ObjectId,
        dataset: &str,
        points: Vec<DataPoint>,
        now: UnixMillis,
    ) -> Result<(), PointError> {
        if dataset.is_empty() || dataset.len() > MAX_DATASET || dataset.chars().any(char::is_control) {
            return Err(PointError::Dataset);
        }
        points.iter().try_for_each(DataPoint::check)?;
        let feed = lock(&self.0.feed);
        for point in points {
            let point = NewPoint { account: account.clone(), dataset: dataset.to_owned(), at: now, point };
            if !feed.as_ref().is_some_and(|feed| feed.tell(point)) {
                metrics::points_lost(1);
            }
        }
        Ok(())
    }

    /// The newest points of a dataset since a time, the newest first: at most `most`. Reads from disk.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn points(
        &self,
        account: &ObjectId,
        dataset: &str,
        since: UnixMillis,
        most: usize,
    ) -> Result<Vec<StoredPoint>, StorageError> {
        rows::points(&self.0.db, account, dataset, since, most)
    }

    /// The datasets of an account that have points, with how many, in the order of names. Reads from disk.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn datasets(&self, account: &ObjectId) -> Result<Vec<(String, u64)>, StorageError> {
        rows::datasets(&self.0.db, account)
    }

    /// Removes points that are too old; others get in between its steps.
    ///
    /// # Errors
    /// When the database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<(), StorageError> {
        rows::purge(&self.0.db, now.saturating_sub(KEPT))
    }

    /// Removes all points of an account.
    pub(in crate::workers) fn remove_account(&self, account: &ObjectId) -> Result<(), StorageError> {
        rows::remove_account(&self.0.db, account)
    }

    /// Writes what there is and ends the thread; points that are told of later are lost.
    pub fn close(&self) {
        let feed = lock(&self.0.feed).take();
        if let Some(feed) = feed {
            feed.close();
        }
    }
}
