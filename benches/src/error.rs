//! The one error type of the benches.

use std::{io, time::Duration};

/// Why a bench could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was being attempted.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// Something did not happen in its time.
    #[error("waited {waited:?} in vain for {what}")]
    Timeout {
        /// What was waited for, as a noun phrase.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// Something answered, but not as agreed.
    #[error("{what}: {detail}")]
    Unexpected {
        /// What was being done.
        what: String,
        /// What came instead.
        detail: String,
    },
    /// The command line makes no sense.
    #[error("unknown argument {0:?}; usage: cargo bench ... -- [--quick] [--messages N]")]
    Usage(String),
}

/// The result of every fallible function of the benches.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Builds an [`Error::Unexpected`].
    pub fn unexpected(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Unexpected { what: what.into(), detail: detail.into() }
    }
}

/// Adds to a system error what was being attempted.
pub trait Context<T> {
    /// Turns the error into an [`Error::Io`] that says `what` was being attempted.
    ///
    /// # Errors
    /// The error of `self`, if it is one.
    fn context(self, what: &str) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: &str) -> Result<T> {
        self.map_err(|source| Error::Io { what: what.to_owned(), source: source.into() })
    }
}
