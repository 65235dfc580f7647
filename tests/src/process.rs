//! A child process that never outlives the test that started it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::error::{Context, Error, Result};
use crate::wait;

/// A running child process, its output in a log file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with no input and with both outputs appended to the file `log`.
    ///
    /// # Errors
    /// [`Error::Io`] if the log cannot be opened or the program not be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let open =
            || File::options().create(true).append(true).open(log).context(format!("open {}", log.display()));
        command.stdin(Stdio::null()).stdout(open()?).stderr(open()?).process_group(0);
        let child = command.spawn().context(format!("start {name}"))?;
        Ok(Self { name: name.into(), child, log: log.into() })
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the exit status if the process has ended.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context(format!("ask after {}", self.name))
    }

    /// Waits until `look` returns a value, giving up at once when the process ends.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the log if the process ends, [`Error::Timeout`] after `limit`.
    pub fn until<T>(&mut self, what: &str, limit: Duration, look: impl Fn() -> Option<T>) -> Result<T> {
        let what = format!("{what} of {}", self.name);
        wait::until(&what, limit, || {
            if let Some(value) = look() {
                return Ok(Some(value));
            }
            match self.ended()? {
                None => Ok(None),
                Some(status) => {
                    Err(Error::unexpected(&what, format!("ended with {status}\n{}", self.log_text())))
                }
            }
        })
    }

    /// Ends the process with SIGKILL and collects it.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context(format!("kill {}", self.name))?;
        self.child.wait().context(format!("collect {}", self.name)).map(|_| ())
    }

    /// Asks the process to end (SIGTERM) and returns how it did.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it has not ended after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.tell_to_end()?;
        let what = format!("the end of {}", self.name);
        wait::until(&what, limit, || self.ended())
    }

    /// Asks the process to end (SIGTERM) and does not wait for it.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn tell_to_end(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM).context(format!("terminate {}", self.name))
    }

    /// Asks the process to end and, if it has not after `limit`, ends it with all processes it has made.
    pub fn end_with_children(&mut self, limit: Duration) {
        if self.terminate(limit).is_err() {
            // It leads a group of its own. Nothing can be done about one that will not end even then.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
    }

    /// Returns what the process has written so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Returns how many files the process has open.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not tell.
    pub fn open_files(&self) -> Result<usize> {
        let path = format!("/proc/{}/fd", self.id());
        fs::read_dir(&path).map(Iterator::count).context(path)
    }

    /// Returns the processor time that the process has used, in user and in system mode (proc(5)).
    ///
    /// # Errors
    /// [`Error::Unexpected`] if the system does not tell.
    pub fn processor_time(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.id());
        let stat = fs::read_to_string(&path).context(path.as_str())?;
        // The program's name, in parentheses, may hold anything.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let ticks = |index: usize| fields.split_whitespace().nth(index)?.parse::<u64>().ok();
        let total = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
        // Linux counts in hundredths of a second wherever this runs.
        total
            .map(|ticks| Duration::from_millis(ticks * 10))
            .ok_or_else(|| Error::unexpected(path, "no times"))
    }

    /// Returns the resident memory of the process in bytes (`VmRSS` of proc(5)).
    ///
    /// # Errors
    /// [`Error::Unexpected`] if the system does not tell.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// Returns the most that [`Self::resident_bytes`] ever was (`VmHWM`).
    ///
    /// # Errors
    /// Those of [`Self::resident_bytes`].
    pub fn peak_resident_bytes(&self) -> Result<u64> {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, key: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.id());
        let status = fs::read_to_string(&path).context(path.as_str())?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.trim().strip_suffix("kB"))
            .and_then(|kib| kib.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or_else(|| Error::unexpected(path, format!("no {key}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing can be done about a process that will not end; the next run has ports and folders of its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
