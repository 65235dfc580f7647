//! The one error type of the harness.

use std::fmt;
use std::io;
use std::time::Duration;

/// What can go wrong while a scenario is set up or observed.
///
/// `Debug` prints the same sentence as `Display`, because the test runner shows a returned error with `Debug`.
#[derive(thiserror::Error)]
pub enum Error {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was being attempted.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// A condition did not come true in its time.
    #[error("waited {waited:?} in vain for {what}")]
    Timeout {
        /// The condition, as a noun phrase.
        what: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// An HTTP exchange failed below the level of status codes.
    #[error("{what}: {source}")]
    Http {
        /// The request, method and path.
        what: String,
        /// The client's error.
        source: Box<ureq::Error>,
    },
    /// Something answered, but not in the agreed form.
    #[error("{what}: {detail}")]
    Unexpected {
        /// What was being done.
        what: String,
        /// What came instead.
        detail: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The result of every fallible function of the harness.
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
    fn context(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io { what: what.into(), source: source.into() })
    }
}
