//! Who looks after a process: it looks at what the process takes, ends it when it is to end, and clears up after it.

use super::{Ending, Occupant, Process, folder::RunFolder, output::LastWords, start::Host};
use crate::{
    metrics::{ENDED, PROCESSES},
    watch::{Excess, Most},
};
use metrics::{counter, gauge};
use std::{
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    process::Child,
    time::{Instant, sleep},
};

/// How often a process with events is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often one without is.
const GLANCE: Duration = Duration::from_secs(1);
/// How long after its end what a process wrote last may take to be read.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// What a process leaves to its keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) child: Child,
    pub(super) words: LastWords,
    pub(super) folder: RunFolder,
    pub(super) _host: Host,
    pub(super) most: Most,
    pub(super) idle: Duration,
    pub(super) drain: Duration,
}

/// Looks after a process until it has ended.
pub(super) async fn keep(process: Arc<Process>, mut keeper: Keeper) {
    keeper.watch(&process).await;
    if let Err(error) = keeper.child.start_kill() {
        tracing::debug!(%error, "process of a Worker had ended already");
    }
    if let Err(error) = keeper.child.wait().await {
        tracing::warn!(%error, "process of a Worker cannot be waited for");
    }
    let ending = process.ended().await;
    let Occupant { account, script, version } = &process.occupant;
    match &ending {
        Ending::Idle | Ending::Replaced | Ending::Stopped => {
            tracing::debug!(%account, %script, version, reason = ending.as_str(), "process of a Worker ended");
        }
        Ending::Crashed(_) | Ending::Cpu(..) | Ending::Memory(..) => {
            tracing::warn!(%account, %script, version, reason = ?ending, "process of a Worker ended");
        }
    }
    counter!(ENDED, "reason" => ending.as_str()).increment(1);
    gauge!(PROCESSES).decrement(1.0);
    drop(keeper);
    process.is_gone.send_replace(true);
}

impl Keeper {
    /// Returns once the process has ended or is to end, and everybody knows why.
    async fn watch(&mut self, process: &Process) {
        let mut quiet_since = Instant::now();
        let mut replaced_since = None;
        loop {
            let busy = process.meter.under_way() > 0;
            if busy {
                quiet_since = Instant::now();
            }
            tokio::select! {
                status = self.child.wait() => {
                    let why = self.crash(process, status.ok()).await;
                    return process.end(why);
                }
                _ = process.ended() => return,
                () = process.stir.notified(), if !busy => {}
                () = sleep(if busy { LOOK } else { GLANCE.min(self.idle) }) => {}
            }
            if let Some(excess) = process.meter.excess() {
                return process.end(self.excess(process, excess));
            }
            if process.replaced.load(Ordering::Relaxed) {
                let since = *replaced_since.get_or_insert_with(Instant::now);
                if process.gate.close_if_empty() || since.elapsed() > self.drain {
                    return process.end(Ending::Replaced);
                }
            } else if !busy && quiet_since.elapsed() >= self.idle && process.gate.close_if_empty() {
                return process.end(Ending::Idle);
            }
        }
    }

    fn excess(&self, process: &Process, excess: Excess) -> Ending {
        let events = process.meter.under_way();
        match excess {
            Excess::Cpu => Ending::Cpu(u32::try_from(self.most.cpu.as_millis()).unwrap_or(u32::MAX), events),
            Excess::Memory => Ending::Memory(self.most.memory >> 20, events),
        }
    }

    /// Why it ended by itself.
    async fn crash(&self, process: &Process, status: Option<ExitStatus>) -> Ending {
        sleep(LAST_WORDS).await;
        if self.words.is_out_of_memory() {
            return self.excess(process, Excess::Memory);
        }
        let how = match status.map(|status| (status.code(), status.signal())) {
            Some((_, Some(signal))) => format!("signal {signal}"),
            Some((Some(code), _)) => format!("exit status {code}"),
            _ => "unknown".to_owned(),
        };
        tracing::info!(folder = %self.folder.path().display(), said = self.words.told(), "process of a Worker ended by itself");
        Ending::Crashed(how)
    }
}
