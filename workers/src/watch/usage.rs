//! What the kernel says of a process.

use std::{fs::File, io, os::unix::fs::FileExt};

/// Nanoseconds of a tick of `/proc/PID/stat`: user space is told of 100 in a second, whatever the kernel counts.
const TICK: u64 = 10_000_000;
/// Fields of `/proc/PID/stat` after the name of the program and before the processor time (proc_pid_stat(5)).
const BEFORE_UTIME: usize = 11;

/// The files of a process under `/proc`, held open: they stay those of this process.
#[derive(Debug)]
pub(crate) struct Usage {
    cpu: Cpu,
    memory: File,
    page: u64,
}

#[derive(Debug)]
enum Cpu {
    /// `schedstat`, of the thread that runs JavaScript, in nanoseconds.
    Precise(File),
    /// `stat`, where the kernel has no `schedstat`.
    Ticks(File),
}

impl Usage {
    /// Opens the files of a process.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let open = |name: &str| File::open(format!("/proc/{pid}/{name}"));
        let cpu = match open("schedstat") {
            Ok(file) => Cpu::Precise(file),
            Err(_) => Cpu::Ticks(open("stat")?),
        };
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
        Ok(Self { cpu, memory: open("statm")?, page })
    }

    /// Nanoseconds of processor time that it has taken.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn cpu(&self) -> io::Result<u64> {
        match &self.cpu {
            Cpu::Precise(file) => number(&read(file)?, 0),
            Cpu::Ticks(file) => {
                let text = read(file)?;
                // The name of the program stands in parentheses and may have anything in it.
                let fields = text.rsplit(')').next().unwrap_or_default();
                Ok((number(fields, BEFORE_UTIME)? + number(fields, BEFORE_UTIME + 1)?) * TICK)
            }
        }
    }

    /// Octets of memory that it holds.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        Ok(number(&read(&self.memory)?, 1)? * self.page)
    }
}

fn read(file: &File) -> io::Result<String> {
    let mut buffer = [0; 1_024];
    let length = file.read_at(&mut buffer, 0)?;
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
}

fn number(text: &str, field: usize) -> io::Result<u64> {
    let field = text.split_ascii_whitespace().nth(field);
    field.and_then(|field| field.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_seen() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.memory().unwrap() > 1024 * 1024);
        let ticks = Usage {
            cpu: Cpu::Ticks(File::open("/proc/self/stat").unwrap()),
            ..Usage::of(std::process::id()).unwrap()
        };
        let before = ticks.cpu().unwrap();
        let mut turns = 0_u64;
        while ticks.cpu().unwrap() == before {
            turns = std::hint::black_box(turns + 1);
        }
        assert!(ticks.cpu().unwrap() >= before + TICK);
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(Usage::of(pid).is_err());
    }
}
