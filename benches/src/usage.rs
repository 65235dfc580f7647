//! What a process has used of the machine, from proc(5).

use crate::{Error, Result, error::Context};
use rustix::time::{ClockId, clock_gettime};
use std::{fs, time::Duration};

/// A process to ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

/// What the memory figures of a process mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Resident now.
    Resident,
    /// The most that ever was resident.
    Peak,
}

impl Process {
    /// The process with this id.
    #[must_use]
    pub fn new(id: u32) -> Self {
        Self(id)
    }

    /// The process of the bench itself: generator and sink.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Returns the processes that it has started and that still run.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not tell.
    pub fn children(self) -> Result<Vec<Self>> {
        let entries = fs::read_dir("/proc").context("list the processes")?;
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_child = |id: &u32| {
            // One that has just ended is nobody's child.
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            parent(&stat) == Some(self.0)
        };
        Ok(ids.filter(is_child).map(Self).collect())
    }

    /// Returns the processor time of all its threads so far, user and system, to a hundredth of a second.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Unexpected`] if the system does not tell.
    pub fn processor_time(self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.0);
        let stat = fs::read_to_string(&path).context(&path)?;
        let ticks = ticks(&stat).ok_or_else(|| Error::unexpected(path, stat))?;
        Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1)))
    }

    /// Returns a figure of its memory in bytes.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Unexpected`] if the system does not tell.
    pub fn memory(self, which: Memory) -> Result<u64> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).context(&path)?;
        let field = match which {
            Memory::Resident => "VmRSS:",
            Memory::Peak => "VmHWM:",
        };
        bytes(&status, field).ok_or_else(|| Error::unexpected(path, format!("no {field}")))
    }
}

/// Returns the processor time of this thread so far.
#[must_use]
pub fn thread_time() -> Duration {
    // It is never negative.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Fields 14 and 15 of `stat`, utime and stime. The second field, the name, may contain blanks and parentheses.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Field 4 of `stat`, ppid.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn bytes(status: &str, field: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_and_system_whatever_the_name() {
        let stat = "12 (a ) (b) S 1 12 12 0 -1 4194304 500 0 0 0 123 45 9 9 20 0 4 0 1000";
        assert_eq!((ticks(stat), parent(stat)), (Some(168), Some(1)));
        assert_eq!(ticks("12 (a) S 1"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t   20 kB\nVmRSS:\t   16 kB\n";
        assert_eq!((bytes(status, "VmRSS:"), bytes(status, "VmHWM:")), (Some(16 * 1024), Some(20 * 1024)));
        assert_eq!(bytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn the_system_tells_of_this_process() {
        let own = Process::own();
        assert!(own.processor_time().is_ok());
        assert!(own.memory(Memory::Peak).unwrap() >= own.memory(Memory::Resident).unwrap());
        assert!(own.memory(Memory::Resident).unwrap() > 0);
    }
}
