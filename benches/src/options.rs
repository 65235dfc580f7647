//! The command line of a bench, and its `main`.

use crate::{Error, Result, error::Context};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

/// How much work a bench does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Enough for figures that mean something: minutes.
    #[default]
    Full,
    /// Enough to see that the bench works: seconds.
    Quick,
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    scale: Scale,
    messages: Option<u64>,
}

impl Options {
    /// Reads the arguments after the program's name. `--bench`, which cargo adds, says nothing new.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is an argument it does not know, or a number that is none or zero.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--quick" => options.scale = Scale::Quick,
                "--messages" => {
                    let number = args.next().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
                    options.messages = Some(number.ok_or(Error::Usage(arg))?);
                }
                _ => return Err(Error::Usage(arg)),
            }
        }
        Ok(options)
    }

    /// Returns the number of messages of one round: as asked for with `--messages`, or the bench's own
    /// choice for the scale.
    #[must_use]
    pub fn messages(&self, full: u64, quick: u64) -> u64 {
        self.messages.unwrap_or(match self.scale {
            Scale::Full => full,
            Scale::Quick => quick,
        })
    }

    /// Returns how often a measurement is made; the table shows the round with the median rate.
    #[must_use]
    pub fn rounds(&self) -> usize {
        match self.scale {
            Scale::Full => 3,
            Scale::Quick => 1,
        }
    }

    /// Returns the longest that one step, such as taking in all messages, may last.
    #[must_use]
    pub fn limit(&self) -> Duration {
        match self.scale {
            // A million messages take minutes.
            Scale::Full => Duration::from_secs(1_800),
            Scale::Quick => Duration::from_secs(60),
        }
    }
}

/// Runs a bench with the options of the command line, on a runtime of one thread: the `main` of every bench.
pub fn run(bench: impl AsyncFnOnce(Options) -> Result<()>) -> ExitCode {
    let options = Options::parse(env::args().skip(1));
    let done = options.and_then(|options| allow_open_files().and_then(|()| on_runtime(bench(options))));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Allows the bench, and the server that it starts, as many open files as the system lets them have.
fn allow_open_files() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("raise the limit of open files")
}

fn on_runtime(bench: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start a runtime")?.block_on(bench)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn quick_and_messages_choose_the_size() {
        let choices = [
            ("--bench", 1000, 3),
            ("--quick --bench", 10, 1),
            ("--messages 7", 7, 3),
            ("--messages 7 --quick", 7, 1),
        ];
        for (line, messages, rounds) in choices {
            let options = parse(line).unwrap();
            assert_eq!((options.messages(1000, 10), options.rounds()), (messages, rounds), "{line}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--fast", "relay", "--messages", "--messages many", "--messages 0"] {
            assert!(matches!(parse(line), Err(Error::Usage(_))), "{line}");
        }
    }
}
