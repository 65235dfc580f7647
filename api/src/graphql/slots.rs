//! How much may be asked at a time.

use async_graphql::{Error, ErrorExtensions};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// The code of a query that costs too much, in the words of the service.
pub(super) const BUDGET: &str = "budget";
/// Datasets that are read at a time for all clients together: mail is to have the other processors.
pub(crate) const AT_A_TIME: usize = 2;
/// Most datasets of a query.
const MAX_DATASETS: usize = 20;
/// How long all of a query may take.
const OF_A_QUERY: Duration = Duration::from_secs(15);
/// How long a query waits for others.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a query has had. Its datasets are read one after the other.
pub(super) struct Turn {
    datasets: Mutex<usize>,
    ends: Instant,
}

/// The right to read a dataset: what keeps the others of the query waiting, and the permit, which goes with the work.
pub(super) struct Held<'a> {
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) turn: MutexGuard<'a, usize>,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { datasets: Mutex::new(0), ends: Instant::now() + OF_A_QUERY }
    }

    /// Waits until the next dataset may be read.
    ///
    /// # Errors
    /// When there were too many, they took too long, or others do.
    pub(super) async fn take(&self, analysts: &Arc<Semaphore>) -> Result<Held<'_>, Error> {
        let mut turn = self.datasets.lock().await;
        *turn += 1;
        if *turn > MAX_DATASETS {
            return Err(costly(format!("a query has {MAX_DATASETS} datasets at most: split it")));
        }
        if Instant::now() > self.ends {
            let most = OF_A_QUERY.as_secs();
            return Err(costly(format!(
                "the query takes longer than {most} s: narrow the time, or split it"
            )));
        }
        let busy = || costly("the server is busy with other queries: ask again in a moment".to_owned());
        let permit = timeout(PATIENCE, Arc::clone(analysts).acquire_owned()).await;
        let permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        Ok(Held { permit, turn })
    }
}

fn costly(why: String) -> Error {
    Error::new(why).extend_with(|_, extensions| extensions.set("code", BUDGET))
}
