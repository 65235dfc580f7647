//! One process of workerd, which runs one version of one Worker.
//!
//! It is started by [`start`](start::start), looked after by a task of its own ([`keep`]), and ends when it has been idle,
//! when a newer version has taken over and its last event is over, when it takes too much, or by itself. Whatever the
//! cause: its events learn of it at once, and nothing that they asked for has happened.

mod folder;
mod gate;
mod keep;
mod output;
mod start;

pub(crate) use folder::Socket;
pub(crate) use gate::NoPlace;
pub(crate) use start::{Starting, start};

use crate::{
    EventError, Events,
    dispatch::{Broken, Pool},
    watch::Meter,
};
use gate::{Gate, Place};
use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout, timeout_at},
};

/// How long an event whose connection broke waits to be told why.
const EXPLANATION: Duration = Duration::from_secs(2);

/// What a process runs.
#[derive(Debug, Clone)]
pub(crate) struct Occupant {
    /// Whose Worker it is.
    pub(crate) account: ObjectId,
    /// The Worker.
    pub(crate) script: ScriptName,
    /// The id of its version.
    pub(crate) version: String,
}

/// Why a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nobody needed it.
    Idle,
    /// A newer version took over.
    Replaced,
    /// The server stops.
    Stopped,
    /// By itself.
    Crashed(String),
    /// It took more than so many milliseconds of processor time; so many events were under way.
    Cpu(u32, usize),
    /// It took more than so many MiB of memory; so many events were under way.
    Memory(u64, usize),
}

/// A process that serves, or did.
#[derive(Debug)]
pub(crate) struct Process {
    /// What it runs.
    pub(crate) occupant: Occupant,
    /// The messages that it handles.
    pub(crate) events: Events,
    /// For messages.
    pub(crate) event_pool: Pool,
    /// For HTTP requests.
    pub(crate) fetch_pool: Pool,
    /// For batches of queues.
    pub(crate) queue_pool: Pool,
    gate: Gate,
    meter: Meter,
    /// Whether a newer version has taken over.
    replaced: AtomicBool,
    /// Whether an event has ended as events should.
    has_worked: AtomicBool,
    /// Told whenever the keeper has something to look at.
    stir: Notify,
    ending: watch::Sender<Option<Ending>>,
    is_gone: watch::Sender<bool>,
}

/// An event in a process. Once this is dropped, its place is free.
#[derive(Debug)]
pub(crate) struct Visit {
    process: Arc<Process>,
    event: Option<u64>,
    _place: Place,
}

impl Process {
    /// Waits for a place for an event with so many octets of content.
    pub(crate) async fn enter(self: &Arc<Self>, octets: usize) -> Result<Visit, NoPlace> {
        let place = self.gate.enter(octets).await?;
        let event = self.meter.begin();
        self.stir.notify_one();
        Ok(Visit { process: self.clone(), event: Some(event), _place: place })
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&self) -> bool {
        self.ending.borrow().is_none()
    }

    /// Lets the events that it has end, and then ends it.
    pub(crate) fn replace(&self) {
        self.replaced.store(true, Ordering::Relaxed);
        self.stir.notify_one();
    }

    /// Ends it now. What was said first remains the reason.
    pub(crate) fn end(&self, why: Ending) {
        self.gate.close();
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            if first {
                *ending = Some(why);
            }
            first
        });
    }

    /// Waits until it has ended, for whatever reason.
    pub(crate) async fn ended(&self) -> Ending {
        let mut ending = self.ending.subscribe();
        match ending.wait_for(Option::is_some).await {
            Ok(ending) => ending.clone().unwrap_or(Ending::Stopped),
            Err(_) => Ending::Stopped,
        }
    }

    /// Waits until nothing is left of it.
    pub(crate) async fn gone(&self) {
        let mut is_gone = self.is_gone.subscribe();
        // Without a sender it is gone, too.
        let _ = is_gone.wait_for(|is_gone| *is_gone).await;
    }

    /// Whether an event has ended in it as events should.
    pub(crate) fn has_worked(&self) -> bool {
        self.has_worked.load(Ordering::Relaxed)
    }

    /// Does something with it until `deadline`, which is `wall` after the event began, or until it has ended.
    pub(crate) async fn attend<T>(
        &self,
        work: impl Future<Output = Result<T, Broken>>,
        (deadline, wall): (Instant, Duration),
    ) -> Result<T, EventError> {
        let mut work = pin!(work);
        let broken = tokio::select! {
            biased;
            done = timeout_at(deadline, &mut work) => match done {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(broken)) => broken,
                Err(_) => return Err(EventError::TimedOut(wall)),
            },
            ending = self.ended() => return Err(ending.into()),
        };
        // A broken connection most often is what is first seen of a process that has ended.
        match timeout(EXPLANATION, self.ended()).await {
            Ok(ending) => Err(ending.into()),
            Err(_) => Err(EventError::Crashed(broken.to_string())),
        }
    }
}

impl Visit {
    /// The process.
    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Notes that the event ended as events should.
    pub(crate) fn worked(&self) {
        self.process.has_worked.store(true, Ordering::Relaxed);
    }

    /// The event is over. Returns the processor time that it took.
    pub(crate) fn leave(mut self) -> Duration {
        self.event.take().map_or(Duration::ZERO, |event| self.process.meter.end(event))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.process.meter.end(event);
        }
        if self.process.replaced.load(Ordering::Relaxed) {
            self.process.stir.notify_one();
        }
    }
}

impl Ending {
    /// The label `reason`.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Replaced => "replaced",
            Self::Stopped => "stopped",
            Self::Crashed(_) => "crashed",
            Self::Cpu(..) => "cpu",
            Self::Memory(..) => "memory",
        }
    }
}

impl From<Ending> for EventError {
    /// What an event is told that was under way. Of several, nobody knows which one took too much.
    fn from(ending: Ending) -> Self {
        let among = |events: usize, what: String| {
            let which = "which one is not known, so none of them was done";
            Self::Crashed(format!(
                "one of the {events} events that it was handling took more than {what}; {which}"
            ))
        };
        match ending {
            Ending::Cpu(ms, 0 | 1) => Self::CpuExceeded(ms),
            Ending::Cpu(ms, events) => among(events, format!("its {ms} ms of processor time")),
            Ending::Memory(mib, 0 | 1) => Self::MemoryExceeded(mib),
            Ending::Memory(mib, events) => among(events, format!("{mib} MiB of memory")),
            Ending::Crashed(why) => Self::Crashed(why),
            Ending::Replaced => Self::Crashed("a newer version took its place long ago".to_owned()),
            Ending::Idle | Ending::Stopped => Self::Crashed("the server stops".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_alone_is_to_blame_and_one_of_several_is_not_known() {
        assert_eq!(EventError::from(Ending::Cpu(50, 1)), EventError::CpuExceeded(50));
        assert_eq!(EventError::from(Ending::Memory(128, 1)), EventError::MemoryExceeded(128));
        let several = EventError::from(Ending::Cpu(50, 3)).to_string();
        assert!(several.contains("one of the 3 events") && several.contains("50 ms"), "{several}");
    }
}
