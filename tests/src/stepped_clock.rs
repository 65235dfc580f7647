//! The wall clock of one program, set by the test while the program runs; the machine's own stays as it is.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::fetched::output_of;

/// The compiler, which is there wherever Rust can link.
pub(crate) const COMPILER: &str = "/usr/bin/cc";

/// What is preloaded into the program.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stepped_clock.c");

/// A clock that shows the right time until it is set.
#[derive(Debug)]
pub struct SteppedClock {
    library: PathBuf,
    offset: PathBuf,
    shown: File,
    _files: TempDir,
}

impl SteppedClock {
    /// Makes one.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with the compiler's complaint.
    pub fn new() -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let (library, offset) = (files.path().join("stepped_clock.so"), files.path().join("offset"));
        let mut compile = Command::new(COMPILER);
        compile.args(["-std=gnu11", "-O1", "-fPIC", "-shared", "-o"]).arg(&library).arg(Path::new(SOURCE));
        output_of(&mut compile)?;
        fs::write(&offset, 0_i64.to_ne_bytes()).context("write the offset")?;
        let shown = File::options().write(true).open(&offset).context("open the offset")?;
        Ok(Self { library, offset, shown, _files: files })
    }

    /// Has the program that `command` starts go by this clock.
    pub fn rule(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("STEPPED_CLOCK", &self.offset);
    }

    /// Sets the clock to so many seconds after the right time; before it, if negative.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if that cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        self.shown.write_all_at(&seconds.to_ne_bytes(), 0).context("set the clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// Seconds since the epoch, as a program under this clock sees them.
    fn seconds(clock: &SteppedClock) -> Result<i64> {
        let mut date = Command::new("date");
        clock.rule(date.arg("+%s"));
        let printed = output_of(&mut date)?;
        printed.trim().parse().map_err(|_| Error::unexpected("date", printed))
    }

    #[test]
    fn programs_under_it_see_the_time_that_was_set() -> Result<()> {
        let clock = SteppedClock::new()?;
        let right = seconds(&clock)?;
        for hours in [5, -3, 0] {
            clock.set(hours * 3_600)?;
            let off = seconds(&clock)? - right - hours * 3_600;
            assert!((0..10).contains(&off), "{hours} hours and {off} seconds off");
        }
        Ok(())
    }
}
