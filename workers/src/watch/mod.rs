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

/// The least processor time that is enforced: time is read this often, and a first event has code to compile.
const LEAST_CPU: Duration = Duration::from_millis(50);
/// What V8 takes beside the heap that it is allowed: the young generation, and what it has not given back yet.
const MEMORY_SLACK: u64 = 64 * 1024 * 1024;

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
}

impl Meter {
    /// The meter of a process that serves and has had no event yet.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn new(usage: Usage, most: Most) -> io::Result<Self> {
        let memory_at_start = usage.memory()?;
        let shares = Mutex::new(Shares::new(usage.cpu()?));
        Ok(Self { usage, most: Most { cpu: most.cpu.max(LEAST_CPU), ..most }, memory_at_start, shares })
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
        let memory = self.usage.memory().unwrap_or(0);
        (memory > self.memory_at_start + self.most.memory + MEMORY_SLACK).then_some(Excess::Memory)
    }

    /// Nanoseconds that the process has taken; none if it is gone.
    fn cpu(&self) -> u64 {
        self.usage.cpu().unwrap_or(0)
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
