//! Waiting for a condition, with a deadline.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{Error, Result};

/// The pause between two looks at a condition: short beside every deadline, long enough not to take
/// processor time from the program under test.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `look` returns a value.
///
/// # Errors
/// [`Error::Timeout`] after `limit`; whatever `look` fails with, at once.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            return Err(Error::Timeout { what: what.into(), waited: limit });
        }
        thread::sleep(PAUSE);
    }
}

/// Reads a file of JSON if it is there and whole.
#[must_use]
pub fn json_file(path: &Path) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    serde_json::from_slice(&text).ok()
}
