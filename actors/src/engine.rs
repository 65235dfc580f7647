//! Putting the delivery engine together.

use crate::{
    delivery::InFlight,
    dns::Dns,
    intake::Intake,
    settings::DeliverySettings,
    supervisor::{Backlog, Deps, DispatchCommitted, Drain, ResumeQueue, Supervisor},
    tls::{self, TlsError},
    watch::OutcomeBoard,
};
use actix::{Addr, MailboxError};
use mailwright_storage::{Fresh, Spool, SpoolStarter, SpoolThreads, StorageError, control::Control};
use std::{
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Journal or queue.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// TLS configuration.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The supervisor ended while starting.
    #[error("the delivery engine ended while starting: {0}")]
    Ended(#[from] MailboxError),
}

/// The running delivery engine.
pub struct Engine {
    supervisor: Addr<Supervisor>,
    spool: Spool,
    threads: SpoolThreads,
    intake: Intake,
    board: OutcomeBoard,
}

impl Engine {
    /// Starts delivery on the current arbiter, beginning with what the last process left.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn start(
        starter: SpoolStarter,
        settings: DeliverySettings,
        dns: Box<dyn Dns>,
        control: Arc<Control>,
    ) -> Result<Self, EngineError> {
        let backlog = Backlog::default();
        // The spool needs to know the supervisor and the supervisor the spool; nothing is committed before
        // both are there.
        let supervisor_cell: Arc<OnceLock<Addr<Supervisor>>> = Arc::default();
        let (spool, threads) = starter.start(sink(Arc::clone(&supervisor_cell), backlog.clone()))?;
        let board = OutcomeBoard::default();
        let tls = tls::opportunistic_client()?;
        let deps = Rc::new(Deps { settings, spool: spool.clone(), dns, tls, in_flight: InFlight::default() });
        let supervisor = Supervisor::launch(deps, board.clone(), backlog.clone());
        let supervisor = supervisor_cell.get_or_init(|| supervisor).clone();
        supervisor.send(ResumeQueue).await??;
        let intake = Intake::new(spool.clone(), backlog, control);
        Ok(Self { supervisor, spool, threads, intake, board })
    }

    /// The door for new mail.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Where outcomes can be watched.
    pub fn board(&self) -> &OutcomeBoard {
        &self.board
    }

    /// Journal and queue.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Finishes what is under way, for at most `patience`, and leaves everything on disk. Intake must have
    /// stopped. What is cut short is delivered again at the next start, and counted as in doubt if it was
    /// past its final dot.
    pub async fn stop(self, patience: Duration) {
        if tokio::time::timeout(patience, self.supervisor.send(Drain)).await.is_err() {
            tracing::warn!(?patience, "deliveries still under way were cut short");
        }
        let threads = self.threads;
        let closed = tokio::task::spawn_blocking(move || threads.close()).await;
        if closed.is_err() {
            tracing::error!("closing the spool panicked");
        }
    }
}

/// Hands committed entries to the supervisor, counted until it has them.
fn sink(supervisor: Arc<OnceLock<Addr<Supervisor>>>, backlog: Backlog) -> Box<dyn FnMut(Vec<Fresh>) + Send> {
    Box::new(move |fresh| {
        if let Some(supervisor) = supervisor.get() {
            backlog.add(fresh.len());
            supervisor.do_send(DispatchCommitted(fresh));
        }
    })
}
