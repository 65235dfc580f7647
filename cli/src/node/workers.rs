//! Starting who runs Workers, and looking after what is kept for them.

use super::{BLOCKING_THREADS, Node, NodeError, records::Records};
use crate::config::Config;
use actix_rt::Arbiter;
use mailwright_actors::{clock, intake::Intake, probe::watch_arbiter};
use mailwright_api::WorkerMailer;
use mailwright_routing::{held::HeldKeeper, runs::RunNotes};
use mailwright_storage::{
    StateDir,
    control::Control,
    held::HeldStore,
    workers::{QueueStore, ScriptStore, WorkerStoreSettings, WorkerStores},
};
use mailwright_workers::{Door, DoorSettings, Workers, WorkersParts, feed_queues};
use std::{io, net::TcpListener, sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval},
};

/// How often what is over is removed; it does not count in the meantime either.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// What an event may take beside the time that it is given, until another has its messages.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// What is kept of Workers and for them.
#[derive(Clone)]
pub(super) struct WorkerRecords {
    pub(super) stores: WorkerStores,
    /// Mail that waits for a Worker.
    pub(super) held: HeldStore,
}

impl WorkerRecords {
    /// Opens it.
    pub(super) fn open(config: &Config, state: &StateDir) -> Result<Self, NodeError> {
        Ok(Self {
            stores: WorkerStores::open(&state.workers_dir(), WorkerStoreSettings::default())?,
            held: HeldStore::open(&state.held_dir(), config.workers.held())?,
        })
    }
}

/// Who runs Workers, and the thread that their processes hang on.
pub(super) struct RunningWorkers {
    arbiter: Arbiter,
    /// None where they are off.
    pub(super) workers: Option<Workers>,
    pub(super) runs: RunNotes,
    /// Resolves when messages of queues are brought to nobody any more.
    fed: Option<oneshot::Receiver<()>>,
}

impl RunningWorkers {
    /// Starts a thread for them: their processes end with it.
    pub(super) async fn start(
        config: &Config,
        state: &StateDir,
        control: &Arc<Control>,
        intake: &Intake,
        records: &Records,
    ) -> Result<Self, NodeError> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
        let arbiter = Arbiter::with_tokio_rt(move || runtime);
        arbiter.spawn_fn(|| watch_arbiter("workers"));
        let stores = records.workers.stores.clone();
        arbiter.spawn(keep_clean(stores.clone()));
        let runs = RunNotes::new(intake.clone(), config.routing.local_handler);
        if !config.workers.are_on() {
            return Ok(Self { arbiter, workers: None, runs, fed: None });
        }
        let suppressions = records.suppressions.clone();
        let mailer = WorkerMailer::new(Arc::clone(control), intake.clone(), suppressions, config.hostname());
        let parts = WorkersParts {
            scripts: stores.scripts,
            kv: stores.kv,
            queues: stores.queues,
            points: stores.points,
            mailer: Arc::new(mailer),
            observer: Arc::new(runs.clone()),
            settings: config.workers(state.path())?,
        };
        let (made, making) = oneshot::channel();
        // They take the thread that they are made on for their own.
        arbiter.spawn(async move { drop(made.send(Workers::new(parts))) });
        let workers = making.await.map_err(|_| io::Error::other("the thread for Workers has ended"))?;
        Ok(Self { arbiter, workers: Some(workers), runs, fed: None })
    }

    /// Brings messages of queues to the Workers that consume them, until `stopping` turns true.
    pub(super) fn feed(&mut self, queues: QueueStore, wall: Duration, stopping: watch::Receiver<bool>) {
        let Some(workers) = self.workers.clone() else { return };
        // An event may wait for as long as it may take.
        let lease = wall.saturating_mul(2).saturating_add(LEASE_MARGIN);
        let (done, fed) = oneshot::channel::<()>();
        self.fed = Some(fed);
        self.arbiter.spawn(async move {
            feed_queues(workers, queues, clock::now, lease, stopping).await;
            drop(done);
        });
    }

    /// Opens a door to `fetch()` handlers, until `stopping` turns true; nothing where Workers are off.
    fn open(
        &self,
        door: TcpListener,
        scripts: ScriptStore,
        settings: DoorSettings,
        stopping: watch::Receiver<bool>,
    ) {
        let Some(workers) = self.workers.clone() else { return };
        self.arbiter.spawn(async move {
            if let Err(error) = Door::new(workers, scripts, settings).run(door, stopping).await {
                tracing::error!(%error, "the door to Workers failed");
            }
        });
    }

    /// Has mail that waits for its Workers shown to them, until `stopping` turns true.
    pub(super) fn keep(&self, held: HeldKeeper, stopping: watch::Receiver<bool>) {
        self.arbiter.spawn(held.run(stopping));
    }

    /// Ends all processes; whoever has events for them has to be gone.
    pub(super) async fn stop(self) {
        if let Some(fed) = self.fed {
            // It ends by itself, as the server stops.
            let _ = fed.await;
        }
        if let Some(workers) = &self.workers {
            workers.stop().await;
        }
        self.arbiter.stop();
    }
}

impl Node {
    /// Opens doors to the `fetch()` handlers of Workers at these sockets.
    pub(crate) fn serve_workers(
        &mut self,
        doors: Vec<TcpListener>,
        settings: &DoorSettings,
    ) -> Result<(), NodeError> {
        for door in doors {
            self.worker_doors.push(door.local_addr()?);
            let scripts = self.records.workers.stores.scripts.clone();
            self.workers.open(door, scripts, settings.clone(), self.stopping.subscribe());
        }
        Ok(())
    }
}

/// Removes what is over now and then, until the system ends.
async fn keep_clean(stores: WorkerStores) {
    let mut due = interval(PURGE_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let stores = stores.clone();
        match tokio::task::spawn_blocking(move || stores.purge(clock::now())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what Workers keep is not rid of what is over"),
            Err(_) => return,
        }
    }
}
