//! What a process takes: its processor time, shared among the events that it handles, and its memory.

mod shares;
mod usage;

pub(crate) use usage::Usage;

use shares::Shares;
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The least processor time that is enforced: time is read this often, and a first event has code to compile.
const LEAST_CPU: Duration = Duration::from_millis(50);
/// What V8 takes beside the heap that it is allowed: the young generation, and what it has not given back yet.
const MEMORY_SLACK: u64 = 64 * 1024 * 1024;
/// How much a process grows until it is told to collect what events have left behind. Most of that is outside of V8's heap,
/// so V8 does not see that there is any.
const GROWTH: u64 = 32 * 1024 * 1024;
/// How near to its limit a process is told so again and again.
const NEAR: u64 = 16 * 1024 * 1024;
/// How often that is.
const COLLECTION: Duration = Duration::from_secs(1);

/// Most that a process may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    /// Of processor time, for one event.
    pub(crate) cpu: Duration,
    /// Of memory, beyond what it took before its first event. Octets.
    pub(crate) memory: u64,
}

/// What a process takes too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
}

/// The meter of a process.
#[derive(Debug)]
pub(crate) struct Meter {
    usage: Usage,
    most: Most,
    memory_at_start: u64,
    shares: Mutex<Shares>,
    collected: Mutex<Collected>,
}

/// When a process was last told to collect, and what it took then.
#[derive(Debug)]
struct Collected {
    at: Instant,
    memory: u64,
}

impl Meter {
    /// The meter of a process that serves and has had no event yet.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn new(usage: Usage, most: Most) -> io::Result<Self> {
        let memory_at_start = usage.memory()?;
        let shares = Mutex::new(Shares::new(usage.cpu()?));
        let collected = Mutex::new(Collected { at: Instant::now(), memory: memory_at_start });
        let most = Most { cpu: most.cpu.max(LEAST_CPU), ..most };
        Ok(Self { usage, most, memory_at_start, shares, collected })
    }

    /// An event begins. Returns its number.
    pub(crate) fn begin(&self) -> u64 {
        let used = self.cpu();
        self.shares().begin(used)
    }

    /// An event ends. Returns its share of the processor time.
    pub(crate) fn end(&self, event: u64) -> Duration {
        let used = self.cpu();
        Duration::from_nanos(self.shares().end(event, used))
    }

    /// Events under way.
    pub(crate) fn under_way(&self) -> usize {
        self.shares().under_way()
    }

    /// What there is too much of, if anything.
    pub(crate) fn excess(&self) -> Option<Excess> {
        let used = self.cpu();
        let taken = {
            let mut shares = self.shares();
            shares.advance(used);
            shares.most_of_one().max(shares.since_progress())
        };
        if u128::from(taken) > self.most.cpu.as_nanos() {
            return Some(Excess::Cpu);
        }
        (self.memory() > self.memory_limit()).then_some(Excess::Memory)
    }

    /// Whether the process is to collect what is no longer needed: it has grown, or comes near its limit.
    pub(crate) fn is_collection_due(&self) -> bool {
        let memory = self.memory();
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let is_near = memory + NEAR > self.memory_limit() && collected.at.elapsed() > COLLECTION;
        let is_due = is_near || memory > collected.memory + GROWTH;
        if is_due {
            *collected = Collected { at: Instant::now(), memory };
        }
        is_due
    }

    fn memory_limit(&self) -> u64 {
        self.memory_at_start.saturating_add(self.most.memory).saturating_add(MEMORY_SLACK)
    }

    /// Octets that the process holds; none if it is gone.
    fn memory(&self) -> u64 {
        self.usage.memory().unwrap_or(0)
    }

    /// Nanoseconds that the process has taken; none if it is gone.
    fn cpu(&self) -> u64 {
        self.usage.cpu().unwrap_or(0)
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
