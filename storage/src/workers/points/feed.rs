//! Points on their way to the disk.

use super::{DataPoint, PointSettings, rows};
use crate::{control::ObjectId, error::StorageError, metrics, workers::database::Database};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mailwright_engine::time::UnixMillis;
use std::{
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Points that may be on their way: some 70 MiB if all are as large as can be.
const ON_THE_WAY: usize = 4_096;
/// Points that are written with one sync.
const TOGETHER: usize = 1_024;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// A point, and whose it is.
#[derive(Debug)]
pub(super) struct NewPoint {
    pub(super) account: ObjectId,
    pub(super) dataset: String,
    pub(super) at: UnixMillis,
    pub(super) point: DataPoint,
}

/// The way to the thread that writes.
#[derive(Debug)]
pub(super) struct Feed {
    points: Sender<NewPoint>,
    thread: JoinHandle<()>,
}

impl Feed {
    pub(super) fn start(db: Arc<Database>, settings: PointSettings) -> Result<Self, StorageError> {
        let (points, arriving) = bounded(ON_THE_WAY);
        let thread = std::thread::Builder::new().name("worker-points".to_owned());
        let thread = thread.spawn(move || write(&db, settings.account_octets, &arriving));
        let failed = |error| StorageError::io("start the thread of", Path::new("points"), error);
        Ok(Self { points, thread: thread.map_err(failed)? })
    }

    /// Whether there was room.
    pub(super) fn tell(&self, point: NewPoint) -> bool {
        self.points.try_send(point).is_ok()
    }

    /// Writes what there is and ends the thread.
    pub(super) fn close(self) {
        drop(self.points);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes data points panicked");
        }
    }
}

fn write(db: &Database, most: u64, arriving: &Receiver<NewPoint>) {
    while let Ok(first) = arriving.recv() {
        let points = gather(first, arriving);
        let count = points.len() as u64;
        if let Err(error) = rows::add(db, points, most) {
            metrics::points_lost(count);
            tracing::error!(%error, count, "data points of Workers were not written");
        }
    }
}

/// What comes within a second, or until there is enough, or all there is when it is to end.
fn gather(first: NewPoint, arriving: &Receiver<NewPoint>) -> Vec<NewPoint> {
    let (mut points, until) = (vec![first], Instant::now() + GATHER);
    while points.len() < TOGETHER {
        match arriving.recv_deadline(until) {
            Ok(point) => points.push(point),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    points
}
