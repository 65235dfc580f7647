//! A terminal with a program in it, as tmux(1) shows it: what is on the screen is what a person would see there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::{server, wait};

/// The program.
pub(crate) const TMUX: &str = "/usr/bin/tmux";

/// What the shell says before the program begins.
pub const BEFORE: &str = "before it began";

/// Runs its arguments after what was there before, and says how they ended. What is typed afterwards is shown only if
/// the terminal echoes, as it did before.
const SHELL: &str = r#"echo "$1"; shift; pid=$1; shift
sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$pid" "$@"; echo "ended with $?"; exec cat"#;

/// A terminal of its own; it and what runs in it end with this value.
#[derive(Debug)]
pub struct Terminal {
    files: TempDir,
}

impl Terminal {
    /// Runs the binary under test with `args` in a terminal of `width` by `height`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if tmux does not start.
    pub fn run(args: &[&str], width: u16, height: u16) -> Result<Self> {
        let terminal = Self { files: tempfile::tempdir().context("make a temporary folder")? };
        let program = server::mailwright().get_program().to_owned();
        let (width, height) = (width.to_string(), height.to_string());
        let fixed = ["-u", "-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, "--"];
        let shell = ["sh", "-c", SHELL, "sh", BEFORE].map(OsString::from);
        let args = args.iter().map(OsString::from);
        let run = shell.into_iter().chain([terminal.pid_file().into_os_string(), program]).chain(args);
        let all: Vec<OsString> = fixed.map(OsString::from).into_iter().chain(run).collect();
        terminal.tmux(all)?;
        Ok(terminal)
    }

    /// Returns the lines on the screen.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if tmux does not tell.
    pub fn screen(&self) -> Result<String> {
        let output = self.tmux(["capture-pane", "-p"])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Presses keys, as tmux calls them: `q`, `Enter`, `Escape`, `Down`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if tmux refuses.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        self.tmux(["send-keys"].iter().chain(keys)).map(drop)
    }

    /// Makes the terminal larger or smaller.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if tmux refuses.
    pub fn resize(&self, width: u16, height: u16) -> Result<()> {
        self.tmux(["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]).map(drop)
    }

    /// Tells the program in it to end (SIGTERM).
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not run.
    pub fn tell_to_end(&self) -> Result<()> {
        let text = std::fs::read_to_string(self.pid_file()).context("read the process id")?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Error::unexpected("the process id", text))?;
        kill_process(pid, Signal::TERM).context("terminate the program in the terminal")
    }

    /// Waits until the screen is as `wanted` and returns it.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the screen if it is not so after `limit`.
    pub fn until(&self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let mut last = String::new();
        let found = wait::until(what, limit, || {
            last = self.screen()?;
            Ok(wanted(&last).then(|| last.clone()))
        });
        found.map_err(|error| Error::unexpected(what, format!("{error}\n{last}")))
    }

    /// Waits until the screen has `text` on it.
    ///
    /// # Errors
    /// Those of [`Self::until`].
    pub fn until_shows(&self, text: &str, limit: Duration) -> Result<String> {
        self.until(&format!("{text:?} on the screen"), limit, |screen| screen.contains(text))
    }

    fn pid_file(&self) -> PathBuf {
        self.files.path().join("pid")
    }

    fn tmux<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Output> {
        let output = command(self.files.path()).args(args).output().context("run tmux")?;
        if output.status.success() {
            Ok(output)
        } else {
            Err(Error::unexpected("tmux", format!("{output:?}")))
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It is this value's own server; nothing can be done about one that does not answer.
        let _ = command(self.files.path()).arg("kill-server").output();
    }
}

fn command(files: &Path) -> Command {
    let mut command = Command::new(TMUX);
    command.env("LC_ALL", "C.UTF-8").env_remove("TMUX").arg("-S").arg(files.join("tmux"));
    command
}
